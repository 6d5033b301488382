import cv2
import numpy as np
import pytest

from leukcnn.datasets import (
    copy_pairs,
    duplicate_pairs,
    joined_groups,
    load_many,
    pairs_between,
    read_image,
)
from leukcnn.datasets.index import ImageIndex
from leukcnn.errors import ArgumentError, DataError
from leukcnn.splits import declared_relatives, leave_one_dataset_out, related_datasets

NO_PAIRS = np.empty((0, 2), np.int64)
CLASSES = ("healthy", "pathological")


def make_index(*rows):
    """Returns an index of rows (dataset, label, group, content); the last two are optional."""
    rows = [(*row, "", f"content {i}")[:4] if len(row) == 2 else row for i, row in enumerate(rows)]
    rows = [(*row, f"content {i}")[:4] for i, row in enumerate(rows)]
    dataset, label, group, content = zip(*rows, strict=True)
    n = len(rows)
    return ImageIndex(
        paths=[None] * n,
        ids=np.array([f"{dataset[i]}/{i}" for i in range(n)]),
        labels=np.array(label, dtype=np.int64),
        class_names=CLASSES,
        dataset=np.array(dataset),
        group=np.array(group),
        subset=np.full(n, "training"),
        fold=np.full(n, -1),
        sha256=np.array(content),
    )


# b and e have both classes, a and d one; image 4 has no label.
SMALL = (("b", 0), ("a", 1), ("b", 1), ("e", 0), ("e", -1), ("d", 0), ("e", 1))


def as_lists(splits):
    return {split.dataset: (split.train.tolist(), split.test.tolist()) for split in splits}


def test_each_dataset_of_both_classes_is_tested_after_training_on_the_others():
    splits = leave_one_dataset_out(make_index(*SMALL))
    assert as_lists(splits) == {"b": ([1, 3, 5, 6], [0, 2]), "e": ([0, 1, 2, 5], [3, 6])}
    assert [split.dataset for split in splits] == ["b", "e"]
    assert {split.train.dtype for split in splits} == {np.dtype(np.int64)}


def test_datasets_of_a_single_class_are_tested_on_request():
    splits = leave_one_dataset_out(make_index(*SMALL), single_class=True)
    assert as_lists(splits) == {"a": ([0, 2, 3, 5, 6], [1]), "d": ([0, 1, 2, 3, 6], [5])}


def test_strict_equals_the_published_protocol_without_relatives():
    index = make_index(*SMALL)
    assert as_lists(leave_one_dataset_out(index, strict=True)) == as_lists(leave_one_dataset_out(index))


def test_strict_leaves_out_a_dataset_with_an_identical_image():
    rows = [(*row, "", f"content {i}") for i, row in enumerate(SMALL)]
    rows[1] = ("a", 1, "", "content 0")
    index = make_index(*rows)
    assert as_lists(leave_one_dataset_out(index))["b"] == ([1, 3, 5, 6], [0, 2])
    strict = as_lists(leave_one_dataset_out(index, strict=True))
    assert strict == {"b": ([3, 5, 6], [0, 2]), "e": ([0, 1, 2, 5], [3, 6])}


def test_strict_leaves_out_a_dataset_of_a_given_pair():
    index = make_index(*SMALL)
    splits = leave_one_dataset_out(index, strict=True, pairs=np.array([[1, 6], [0, 2]]))
    assert as_lists(splits) == {"b": ([1, 3, 5, 6], [0, 2]), "e": ([0, 2, 5], [3, 6])}


def test_pairs_within_a_dataset_relate_no_datasets():
    index = make_index(*SMALL)
    assert set(related_datasets(index, np.array([[0, 2], [3, 6]])).values()) == {()}


def test_the_declared_relatives_are_the_three_with_cells_of_allidb1():
    names = ("ufg", "allidb2", "allidb1", "jtsc", "allidb1_crop", "own images")
    index = make_index(*((name, label) for name in names for label in (0, 1)))
    declared = {
        "ufg": (),
        "allidb2": ("allidb1", "allidb1_crop"),
        "allidb1": ("allidb2", "allidb1_crop"),
        "jtsc": (),
        "allidb1_crop": ("allidb2", "allidb1"),
        "own images": (),
    }
    assert declared_relatives(index) == related_datasets(index, NO_PAIRS) == declared
    splits = {split.dataset: split for split in leave_one_dataset_out(index, strict=True)}
    assert set(index.dataset[splits["allidb1"].train]) == {"ufg", "jtsc", "own images"}
    assert set(index.dataset[splits["ufg"].train]) == set(names) - {"ufg"}
    published = {split.dataset: split for split in leave_one_dataset_out(index)}
    assert set(index.dataset[published["allidb1"].train]) == set(names) - {"allidb1"}


def test_a_group_in_two_datasets_relates_them():
    index = make_index(("b", 0, "f/1"), ("b", 1, "7"), ("c", 0, "7"), ("c", 1, "f/1"), ("d", 0), ("d", 1))
    assert related_datasets(index) == {"b": ("c",), "c": ("b",), "d": ()}
    assert as_lists(leave_one_dataset_out(index, strict=True))["b"] == ([4, 5], [0, 1])


def test_a_relative_of_one_declared_relative_is_related_to_all_of_them():
    names = ("midb", "allidb1", "allidb1_crop", "allidb2", "ufg")
    rows = [(name, label) for name in names for label in (0, 1)]
    index = make_index(*rows)
    crop, copy = (int(np.flatnonzero(index.dataset == name)[0]) for name in ("allidb1_crop", "midb"))
    pairs = np.array([sorted((crop, copy))])
    related = related_datasets(index, pairs)
    assert related["midb"] == ("allidb1", "allidb1_crop", "allidb2")
    assert set(related["allidb2"]) == {"midb", "allidb1", "allidb1_crop"}
    assert related["ufg"] == ()
    for split in leave_one_dataset_out(index, strict=True, pairs=pairs):
        if split.dataset.startswith("allidb"):
            assert set(index.dataset[split.train]) == {"ufg"}


def test_the_subject_of_a_near_copy_relates_datasets_too():
    # Image 0 is nearly image 2. The other image of that subject is byte-identical with image 4.
    rows = [
        ("b", 0),
        ("b", 1),
        ("c", 0, "7"),
        ("c", 1, "7", "same"),
        ("d", 1, "", "same"),
        ("e", 0),
        ("e", 1),
    ]
    index = make_index(*rows)
    pairs = np.concatenate([duplicate_pairs(index), [[0, 2]]])
    assert related_datasets(index, pairs)["b"] == ("c", "d")
    assert related_datasets(index) == {"b": (), "c": ("d",), "d": ("c",), "e": ()}


def random_index(seed):
    """Returns images of ten datasets, some with an image or a group in two of them, and near pairs.

    "spare" shares nothing with the others, so that there are always images to train on.
    """
    rng = np.random.default_rng(seed)
    names = ["allidb1", "allidb2", "jtsc", "ufg", "b", "c", "d", "e", "f"]
    rows = [
        (
            names[rng.integers(len(names))],
            int(rng.integers(-1, 2)),
            f"x/{rng.integers(300)}" if rng.random() < 0.1 else "",
            f"content {rng.integers(300) if rng.random() < 0.1 else 1000 + i}",
        )
        for i in range(300)
    ]
    near = np.sort(rng.choice(300, (3, 2), replace=False), axis=1)
    return make_index(*rows, ("spare", 0, "", "0"), ("spare", 1, "", "1")), near


@pytest.mark.parametrize("seed", range(20))
def test_strict_trains_on_no_related_dataset(seed):
    index, near = random_index(seed)
    pairs = np.concatenate([duplicate_pairs(index), near])
    related, groups = related_datasets(index, pairs), joined_groups(index)
    labelled = np.flatnonzero(index.labels >= 0)
    published = leave_one_dataset_out(index, pairs=pairs)
    strict = leave_one_dataset_out(index, strict=True, pairs=pairs)
    assert len(published) == 10
    assert any(len(one.train) < len(other.train) for one, other in zip(strict, published, strict=True))
    for split in published:
        assert set(index.dataset[split.test]) == {split.dataset}
        assert np.sort(np.concatenate([split.train, split.test])).tolist() == labelled.tolist()
    for split, whole in zip(strict, published, strict=True):
        trained_on = set(index.dataset[split.train])
        assert split.test.tolist() == whole.test.tolist()
        assert np.all(np.diff(split.train) > 0)
        assert pairs_between(pairs, split.train, split.test) == 0
        assert not set(groups[split.train]) & set(groups[split.test])
        assert {"allidb1": "allidb2", "allidb2": "allidb1"}.get(split.dataset) not in trained_on
        left_out = whole.train[~np.isin(whole.train, split.train)]
        assert set(index.dataset[left_out]) == set(related[split.dataset])
        assert not trained_on & set(related[split.dataset])
        assert all(split.dataset in related[other] for other in related[split.dataset])


@pytest.fixture(scope="module")
def synthetic_index(copy_smears, tmp_path_factory):
    """Returns an index of synthetic datasets; one has a copy of another's image, and one a near copy."""
    names = ["jtsc", "ufg", "atlas", "omid2014", "leukemia_images"]
    root = copy_smears(tmp_path_factory.mktemp("synthetic"), *names)
    one, two, *_ = sorted((root / "ufg" / "healthy").glob("*.bmp"))
    (root / "jtsc" / "healthy" / "copy.bmp").write_bytes(one.read_bytes())
    image = read_image(two)[0][..., ::-1].astype(int) + 3
    size = [round(0.98 * length) for length in image.shape[1::-1]]
    near = cv2.resize(np.clip(image, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    assert cv2.imwrite(str(root / "atlas" / "AML" / "near.jpg"), near, [cv2.IMWRITE_JPEG_QUALITY, 90])
    class_of = {"healthy": CLASSES[0], "ALL": CLASSES[1], "AML": CLASSES[1], "other": CLASSES[1]}
    return load_many(names, root, class_names=CLASSES, class_of=class_of)


def test_copies_among_synthetic_images_relate_their_datasets(synthetic_index):
    index = synthetic_index
    images = [cv2.resize(read_image(path)[0], (96, 96), interpolation=cv2.INTER_AREA) for path in index.paths]
    near = copy_pairs(np.stack(images))
    pairs = np.unique(np.concatenate([duplicate_pairs(index), near]), axis=0)
    alone = {"omid2014": (), "leukemia_images": ()}
    assert related_datasets(index) == {"jtsc": ("ufg",), "ufg": ("jtsc",), "atlas": (), **alone}
    related = {"jtsc": ("ufg",), "ufg": ("jtsc", "atlas"), "atlas": ("ufg",), **alone}
    assert related_datasets(index, pairs) == related
    (published,) = leave_one_dataset_out(index, pairs=pairs)
    (strict,) = leave_one_dataset_out(index, strict=True, pairs=pairs)
    assert published.dataset == strict.dataset == "ufg"
    assert pairs_between(pairs, published.train, published.test) == 2
    assert pairs_between(pairs, strict.train, strict.test) == 0
    assert set(index.dataset[strict.train]) == set(alone)


def test_a_single_dataset_is_refused():
    with pytest.raises(DataError, match=r"are of b: nothing is left to train on(.|\n)*at least 2 datasets"):
        leave_one_dataset_out(make_index(("b", 0), ("b", 1), ("c", -1)))
    with pytest.raises(DataError, match="No image has a label: nothing"):
        leave_one_dataset_out(make_index(("b", -1), ("c", -1)))


def test_data_without_a_dataset_to_test_are_refused():
    with pytest.raises(DataError, match="None of the 2 datasets has both classes: b, c"):
        leave_one_dataset_out(make_index(("b", 0), ("c", 1)))
    with pytest.raises(DataError, match="None of the 2 datasets has a single class: b, c"):
        leave_one_dataset_out(make_index(("b", 0), ("b", 1), ("c", 1), ("c", 0)), single_class=True)


def test_a_training_split_without_a_class_is_refused():
    index = make_index(("b", 0), ("b", 1), ("c", 1))
    with pytest.raises(DataError, match=r"To test b, no healthy image is left to train on\."):
        leave_one_dataset_out(index)
    related = make_index(("allidb1", 0), ("allidb1", 1), ("allidb2", 0), ("allidb2", 1))
    assert len(leave_one_dataset_out(related)) == 2
    message = r"no healthy and no pathological image .* without its relatives allidb2\.(.|\n)*isn't strict"
    with pytest.raises(DataError, match=message):
        leave_one_dataset_out(related, strict=True)


@pytest.mark.parametrize("pairs", [[[0, 7]], [[-1, 2]], [[0, 1, 2]], [0, 1]])
def test_pairs_that_are_not_positions_are_refused(pairs):
    with pytest.raises(ArgumentError, match=r"\(P, 2\), positions in the index from 0 to 6"):
        related_datasets(make_index(*SMALL), np.array(pairs))
