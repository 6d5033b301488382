import hashlib
import re

import cv2
import numpy as np
import pytest

from leukcnn.datasets import ImageIndex, duplicate_pairs, joined_groups
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError

NAMES = ("class 10/p1_1.png", "class 2/deep/p2_1.BMP", "class 2/p1_10.jpg", "class 2/p1_2.tiff")
IDS = ["class 2/deep/p2_1.BMP", "class 2/p1_2.tiff", "class 2/p1_10.jpg", "class 10/p1_1.png"]


@pytest.fixture
def folder(tmp_path, write_cell):
    """Returns a folder of two classes with four images, and files that are to be ignored."""
    root = tmp_path / "my smears"
    for seed, name in enumerate(NAMES):
        write_cell(root / name, seed=seed, image_size=20)
    for name in ("Thumbs.db", "notes.csv", "class 2/notes.csv", "class 2/.hidden.png", ".cache/1.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


def test_images_are_indexed_by_class_and_path(folder):
    index = ImageIndex.from_folder(folder)
    assert index.ids.tolist() == IDS
    assert index.paths == [folder / name for name in IDS]
    assert index.class_names == ("class 2", "class 10")
    assert index.labels.tolist() == [0, 0, 0, 1]
    assert (set(index.dataset), set(index.subset)) == ({"my smears"}, {"all"})
    assert (set(index.group), set(index.fold)) == ({""}, {-1})
    assert index.sha256.tolist() == [hashlib.sha256(path.read_bytes()).hexdigest() for path in index.paths]
    assert (index.notes, index.synthetic) == ((), False)
    assert (index.labels.dtype, index.fold.dtype) == (np.int64, np.int64)
    assert joined_groups(index).tolist() == IDS


def test_copies_by_name_have_the_group_of_their_original(folder):
    original = cv2.imread(str(folder / IDS[0]))
    for name, turned in (("rot90.png", np.rot90(original)), ("hflip.jpg", original[:, ::-1])):
        assert cv2.imwrite(str(folder / f"{IDS[0].partition('.')[0]}_{name}"), turned)
    index = ImageIndex.from_folder(folder, lambda name: "" if "rot" in name or "flip" in name else name)
    copies = [name for name in index.ids.tolist() if name not in IDS]
    assert len(copies) == 2
    group = dict(zip(index.ids.tolist(), index.group.tolist(), strict=True))
    assert {group[name] for name in copies} == {IDS[0]}
    assert "2 augmented copies of other images here, of 6 images: kept with their subject" in index.notes
    joined = joined_groups(ImageIndex.from_folder(folder)).tolist()
    assert len(set(joined)) == 4


def test_relative_path_gives_the_folder_s_name(folder, monkeypatch):
    monkeypatch.chdir(folder / "class 2")
    index = ImageIndex.from_folder("..")
    assert set(index.dataset) == {"my smears"}
    assert index.paths[0] == folder / IDS[0]


def test_progress_counts_all_files(folder):
    seen = []
    ImageIndex.from_folder(folder, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 4) for i in range(1, 5)]


def test_conversions_are_noted(folder):
    assert cv2.imwrite(str(folder / "class 2/grey.png"), np.zeros((20, 20), np.uint8))
    assert ImageIndex.from_folder(folder).notes == ("1 image: grey repeated in three channels",)


def test_synthetic_folder_is_marked(folder):
    (folder.parent / SYNTHETIC_MARKER).write_text("{}")
    assert ImageIndex.from_folder(folder).synthetic


@pytest.mark.parametrize(
    "groups",
    [
        {"unused": "p9", **dict(zip(IDS, ("p2", "p1", "p1", "p1"), strict=True))},
        lambda name: name.split("/")[-1].split("_")[0],
        r"(p\d+)_",
        re.compile(r"(?:deep/)?(?P<patient>P\d)_\d", re.IGNORECASE),
    ],
    ids=["mapping", "function", "text", "compiled"],
)
def test_groups_are_found_by_id(folder, groups):
    assert ImageIndex.from_folder(folder, groups).group.tolist() == ["p2", "p1", "p1", "p1"]


def test_groups_may_be_whole_numbers_or_unknown(folder):
    groups = dict(zip(IDS, (7, np.int64(7), "", "8"), strict=True))
    assert ImageIndex.from_folder(folder, groups=groups).group.tolist() == ["7", "7", "", "8"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("x(y)", r"4 of 4 images have no group: 'x\(y\)' finds no group in these ids:\n  class 2/deep/p2_1"),
        (r"p1_(\d+)", r"1 of 4 images have no group(.|\n)*\n  class 2/deep/p2_1\.BMP\n"),
        (r"p2(x)?", "4 of 4 images have no group"),
        (r"p()", "4 of 4 images have no group"),
        ({IDS[0]: "p2", IDS[1]: None, IDS[2]: float("nan")}, r"3 of 4 images(.|\n)*class 10/p1_1\.png"),
        (lambda name: None, "4 of 4 images have no group: the function returns no valid group"),
    ],
)
def test_groups_that_miss_images_are_refused_by_name(folder, groups, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        ImageIndex.from_folder(folder, groups)
    assert caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (r"p\d", "has 0 groups"),
        (r"(p)(\d)", "has 2 groups"),
        ("(p", "isn't a regular expression"),
        (["p1"], "of the type list"),
    ],
)
def test_groups_of_a_wrong_form_are_refused_before_any_file_is_read(tmp_path, groups, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        ImageIndex.from_folder(tmp_path / "nowhere", groups)
    assert caught.value.expected


def test_every_fault_is_in_one_error(folder, write_cell):
    whole = (folder / IDS[3]).read_bytes()
    write_cell(folder / "outside.png", seed=9)
    (folder / "empty 2").mkdir()
    (folder / "empty 10").mkdir()
    (folder / "empty 10" / "notes.csv").touch()
    (folder / "class 2" / "cut.png").write_bytes(whole[:-5])
    (folder / "class 2" / "none.png").touch()
    (folder / "class 2" / "text.jpg").write_text("no image\n")
    (folder / "class 2" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DataError, match="can't be used as a dataset") as caught:
        ImageIndex.from_folder(folder)
    text = str(caught.value)
    for line in (
        "class folders without images, 2 of them:\n  empty 2\n  empty 10\n",
        "images outside the class folders, 1 of them:\n  outside.png\n",
        "files that aren't complete images, 4 of them:\n",
        "\n  class 2/cut.png is truncated",
        "\n  class 2/none.png is empty",
        "\n  class 2/text.jpg is no BMP",
        "\n  class 2/gone.png can't be read: No such file",
        "Expected: a folder with two or more folders",
        "What to do: pass the folder right above the class folders",
    ):
        assert line in text


def test_many_faults_are_counted(folder):
    for i in range(13):
        (folder / f"class 2/{i}.png").touch()
    with pytest.raises(DataError, match=r"13 of them(.|\n)*class 2/9.png(.|\n)*and 3 more"):
        ImageIndex.from_folder(folder)


def test_one_class_and_none_are_refused(folder):
    with pytest.raises(DataError, match="one class only: my smears"):
        ImageIndex.from_folder(folder.parent)
    with pytest.raises(DataError, match=r"no folder that could be a class(.|\n)*outside(.|\n)*p1_1\.png"):
        ImageIndex.from_folder(folder / "class 10")


def test_missing_folder_and_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere doesn't exist(.|\n)*What to do"):
        ImageIndex.from_folder(tmp_path / "nowhere")
    (tmp_path / "data.zip").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        ImageIndex.from_folder(tmp_path / "data.zip")


def test_unreadable_folder_is_refused(folder, monkeypatch):
    import os

    listed = os.scandir

    def refuse(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"folders that can't be read, 1 of them:\n.*deep: Permission denied"):
        ImageIndex.from_folder(folder)


def test_circles_of_links_end_and_change_no_class(folder):
    (folder / "class 2" / "circle").symlink_to(folder / "class 2")
    (folder / "class 2" / "up").symlink_to(folder)
    (folder / "class 10" / "other").symlink_to(folder / "class 2")
    assert ImageIndex.from_folder(folder).ids.tolist() == IDS


def test_links_to_images_and_folders_elsewhere_are_followed(folder, tmp_path):
    links = tmp_path / "links"
    (links / "b").mkdir(parents=True)
    (links / "a").symlink_to(folder / "class 2")
    (links / "b" / "1.png").symlink_to(folder / IDS[3])
    index = ImageIndex.from_folder(links)
    assert index.ids.tolist() == ["a/deep/p2_1.BMP", "a/p1_2.tiff", "a/p1_10.jpg", "b/1.png"]
    assert index.dataset[0] == "links"


def test_image_that_is_in_two_classes_through_links_is_refused(folder):
    (folder / "class 10" / "deep").symlink_to(folder / "class 2" / "deep")
    (folder / "class 10" / "copy.jpg").symlink_to(folder / "class 2" / "p1_10.jpg")
    with pytest.raises(DataError, match="in two classes through links, 2 of them") as caught:
        ImageIndex.from_folder(folder)
    assert "class 10/deep/p2_1.BMP is class 2/deep/p2_1.BMP" in str(caught.value)


def test_folders_are_searched_at_any_depth(folder, write_cell):
    name = "class 10/" + "/".join("abcdefghij") + "/1.png"
    write_cell(folder / name, seed=20, image_size=20)
    assert name in ImageIndex.from_folder(folder).ids


def test_real_smears(real_data):
    index = ImageIndex.from_folder(real_data / "taleghani" / "Original", r"/(.*)\.jpg$")
    assert index.counts() == {
        ("Original", "all", "Benign"): 504,
        ("Original", "all", "Early"): 985,
        ("Original", "all", "Pre"): 963,
        ("Original", "all", "Pro"): 804,
    }
    assert len(set(index.group)) == 3256
    assert index.class_names == ("Benign", "Early", "Pre", "Pro")
    assert len(duplicate_pairs(index)) == len(index) - len(set(index.sha256))
