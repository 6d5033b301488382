import zipfile

import pytest

from leukcnn.errors import DataError, WeightsError
from leukcnn.paths import check_weights_file, did_you_mean_weights, find_images, network_file
from tests.image_files_bmp_png import bmp


def test_images_are_found_in_folders_and_by_name(tmp_path):
    for name in ("b/2.png", "b/1.BMP", "b/c/3.tif", "b/notes.txt", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bmp([[0]], depth=24))
    (tmp_path / "b/.hidden.png").touch()
    (tmp_path / "b/folder.png").mkdir()
    inside = [tmp_path / "b/1.BMP", tmp_path / "b/2.png", tmp_path / "b/c/3.tif"]
    assert find_images([tmp_path / "b"]) == inside
    assert find_images(tmp_path / "b") == find_images(str(tmp_path / "b")) == inside
    assert find_images([str(tmp_path / "a.jpg"), tmp_path / "b"]) == [tmp_path / "a.jpg", *inside]


def test_files_that_are_no_complete_images_are_in_one_message(tmp_path):
    for name in ("b/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "3.png").symlink_to("gone.png")
    with pytest.raises(DataError, match="3 files or folders can't be used") as caught:
        find_images([tmp_path / "b", tmp_path / "3.png"])
    for words in ("1.png is empty", "2.png is empty", "3.png can't be read: No such file"):
        assert words in caught.value.found


def test_place_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="holds no image") as caught:
        find_images([tmp_path])
    assert ".bmp" in caught.value.expected
    with pytest.raises(DataError, match=r"gone\.png doesn't exist"):
        find_images([tmp_path / "gone.png"])


def test_nearest_name_is_suggested_for_a_missing_file(tmp_path):
    for name in ("cell_12.png", "cell12.txt", "model.kers.txt", "model.keras"):
        (tmp_path / name).touch()
    (tmp_path / "model.kera").mkdir()
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5", "leukcnn.json"):
            archive.writestr(name, "")
    with pytest.raises(DataError) as caught:
        find_images([tmp_path / "cell12.png"])
    assert caught.value.remedy == f"did you mean {str(tmp_path / 'cell_12.png')!r}?"
    with pytest.raises(WeightsError) as caught:
        network_file(tmp_path / "model.kers")
    assert caught.value.remedy == f"did you mean {str(tmp_path / 'model.keras')!r}?"
    assert network_file(str(tmp_path / "model.keras")) == tmp_path / "model.keras"


@pytest.mark.parametrize("name", [".", "gone/model.keras"])
def test_folder_and_file_in_a_missing_folder_are_refused_as_networks(tmp_path, name):
    with pytest.raises(WeightsError) as caught:
        network_file(tmp_path / name)
    assert caught.value.remedy == "check the path"


def test_file_that_is_no_zip_archive_is_refused_as_a_network(tmp_path):
    (tmp_path / "model.keras").write_text("text")
    with pytest.raises(WeightsError, match=r"isn't a \.keras file"):
        network_file(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n..."),
        ("a.weights.h5", b"\x89HDF\r\n\x1a\n..."),
        ("a.keras", b"PK\x03\x04..."),
        ("a.mat", b"MATLAB 5.0 MAT-file"),
        ("a.pyth", b"\x80\x02\x8a"),
        ("a.PTH", b"PK\x03\x04"),
        ("a.safetensors", b"\x10\0\0\0\0\0\0\0{}"),
    ],
)
def test_weights_file_is_known_by_its_suffix_and_first_bytes(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    check_weights_file(file)
    for other in (b"", b"<html>", b"version https://git-lfs.github.com/spec/v1"):
        file.write_bytes(other)
        with pytest.raises(WeightsError, match="content isn't that of"):
            check_weights_file(file)
    file.rename(tmp_path / "a.csv")
    with pytest.raises(WeightsError, match="no weights file") as caught:
        check_weights_file(tmp_path / "a.csv")
    assert ".h5" in caught.value.expected


def test_only_weights_and_folders_are_suggested_for_weights(tmp_path):
    (tmp_path / "resnet.txt").touch()
    assert did_you_mean_weights(tmp_path / "resnet.h") == ""
    (tmp_path / "resnets").mkdir()
    assert "resnets'" in did_you_mean_weights(tmp_path / "resnet.h")
    (tmp_path / "resnet.h5").touch()
    assert "resnet.h5'" in did_you_mean_weights(tmp_path / "resnet.h")
