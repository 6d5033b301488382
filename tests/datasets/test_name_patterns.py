"""Published names within file names, and copies that their names show."""

from pathlib import PurePosixPath

import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.image_paths import place
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.name_patterns import originals, published_name, with_originals_groups

CNMC = card("cnmc2019")
CELL = CNMC.layouts[0].stem


@pytest.mark.parametrize(
    ("path", "subject", "fold"),
    [
        ("all/UID_57_29_1_all (1).bmp", "57", -1),
        ("hem/AugmentedImg_1146_UID_H4_1_1_hem.bmp", "H4", -1),
        ("hem/aug_0_UID_H12_3_2_hem.png", "H12", -1),
        ("all/UID_1_1_1_all_rot90.jpg", "1", -1),
        ("all/copy of UID_2_1_1_all.bmp", "2", -1),
        ("all/fold0-uid_3_1_1_ALL-flip.tif", "3", -1),
        ("fold_1/all/UID_1_1_1_all_rot90.jpg", "1", 1),
    ],
)
def test_subject_and_class_are_read_anywhere_in_the_name_and_it_is_not_the_published_image(
    path, subject, fold
):
    found = place(CNMC, PurePosixPath(path), depth=path.count("/"))
    assert (found.group, found.fold, found.contradictory) == (subject, fold, "")
    assert found.id not in manifest("cnmc2019")
    assert PurePosixPath(path).stem in found.id
    other = {"all": "hem", "hem": "all"}[PurePosixPath(path).parent.name]
    moved = place(CNMC, PurePosixPath(other) / PurePosixPath(path).name, depth=1)
    assert moved.contradictory == "its file name names one class and its folder another"


@pytest.mark.parametrize(
    "stem",
    ["FLUID_1_1_1_all", "UID_1_1_1_allergy", "UID_1_1_1_all2", "SQUID_1_1_1_hem", "UID_1_1_all", "1_1_1_all"],
)
def test_ids_are_not_read_within_words_and_numbers(stem):
    assert published_name(CELL, stem) is None
    assert place(CNMC, PurePosixPath(f"hem/{stem}.bmp"), depth=1).group == ""


def test_a_name_with_two_ids_has_no_subject():
    assert published_name(CELL, "mix_UID_1_1_1_all_UID_2_1_1_all") is None
    assert published_name(CELL, "UID_1_1_1_all_uid_1_1_1_ALL").groupdict()["subject"] == "1"


def test_numbers_alone_are_only_read_as_a_whole():
    assert published_name(r"\d{3}", "001")
    assert published_name(r"\d{3}", "aug_001") is None


def named(*names, label=0, dataset="own"):
    paths = [PurePosixPath(name) for name in names]
    n = len(paths)
    return originals(paths, list(names), [label] * n, [dataset] * n).tolist()


@pytest.mark.parametrize(
    "name",
    [
        "aug_x",
        "augmented x",
        "AugmentedImg_12_x",
        "x_rot90",
        "x_flip",
        "x_hflip",
        "x_flip_lr",
        "x_horizontal_flip",
        "x-flipped",
        "x_rotated",
        "x_rotated_180deg",
        "x_rot-15",
        "mirror_x",
        "x_mirror",
        "x (1)",
        "x - Copy (2)",
        "copy of x",
        "x copy 2",
        "x_0_1234",
        "x_aug_0_1234",
        "aug_0_x",
        "x_rot90_hflip",
        "x_brightness_1.5",
        "x_png.rf.0123456789abcdef0123456789abcdef",
        "all_original_x.png_0a0b0c0d-0a0b-0a0b-0a0b-0a0b0c0d0e0f",
    ],
)
def test_copies_are_known_by_their_names(name):
    assert named("a/x.png", "a/y.png", f"a/{name}.png") == [-1, -1, 0]
    assert named("a/y.png", f"aug/{name}.png", "a/x.png") == [-1, 2, -1]


@pytest.mark.parametrize(
    "names",
    [
        ("a/augustus.png", "a/augustus_1.png", "a/rotterdam_3.png", "a/3.png"),
        ("a/cell (1).png", "a/cell (2).png", "a/cell (3).png"),
        ("a/1234.png", "a/aug_0_1234.png", "a/aug_0_77.png", "a/77.png"),
        ("a/_0_1234.png", "a/_1_77.png", "a/1234.png"),
        ("a/slide_1_2.png", "a/slide_1_3.png"),
        ("a/1.png", "b/1.png", "c/1_rot90.png"),
    ],
)
def test_other_names_are_of_no_copy(names):
    assert named(*names) == [-1] * len(names)


def test_copies_whose_original_is_absent_belong_to_the_first_of_them():
    assert named("a/x_rot90.png", "a/x_flip.png", "b/x_flip.png", "a/y_flip.png") == [-1, 0, -1, -1]
    names = ("a/AugmentedImg_7_UID_1_1_1_all.bmp", "a/k UID_1_1_1_all z.bmp")
    assert named(*names, dataset="cnmc2019") == [-1, 0]


def test_an_original_is_of_the_same_class_and_dataset():
    paths = [PurePosixPath("a/x.png"), PurePosixPath("b/x_rot90.png")]
    for labels, datasets in (([0, 1], ["own"] * 2), ([0, 0], ["one", "other"])):
        assert originals(paths, ["0", "1"], labels, datasets).tolist() == [-1, -1]


def test_a_copy_of_a_copy_and_names_that_point_to_each_other():
    assert named("a/x.png", "a/x_rot90.png", "a/x_rot90 (1).png") == [-1, 0, 0]
    paths = [PurePosixPath("a/x_flip.png"), PurePosixPath("a/y_flip.png")]
    assert originals(paths, ["y.png", "x.png"], [0, 0], ["own"] * 2).tolist() == [-1, -1]


def test_a_copy_has_the_group_of_its_original_unless_it_has_its_own():
    original = originals(
        [PurePosixPath(f"a/{name}.png") for name in ("x", "x_flip", "x_rot90", "y")],
        ["0", "1", "2", "3"],
        [0] * 4,
        ["own"] * 4,
    )
    assert with_originals_groups(["p", "", "q", ""], original) == ["p", "p", "q", ""]
