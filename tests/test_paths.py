import pytest

from leukcnn.errors import DataError, WeightsError
from leukcnn.paths import find_images, network_file


def test_images_are_found_in_folders_and_by_name(tmp_path):
    for name in ("b/2.png", "b/1.BMP", "b/c/3.tif", "b/notes.txt", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/folder.png").mkdir()
    inside = [tmp_path / "b/1.BMP", tmp_path / "b/2.png", tmp_path / "b/c/3.tif"]
    assert find_images([tmp_path / "b"]) == inside
    assert find_images(tmp_path / "b") == find_images(str(tmp_path / "b")) == inside
    assert find_images([str(tmp_path / "a.jpg"), tmp_path / "b"]) == [tmp_path / "a.jpg", *inside]


def test_place_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="holds no image") as caught:
        find_images([tmp_path])
    assert ".bmp" in caught.value.expected
    with pytest.raises(DataError, match=r"gone\.png doesn't exist"):
        find_images([tmp_path / "gone.png"])


def test_nearest_name_is_suggested_for_a_missing_file(tmp_path):
    for name in ("cell_12.png", "model.keras"):
        (tmp_path / name).touch()
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
