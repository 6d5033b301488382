"""The shortcut probe: datasets recognised by borders alone, and the classes that this implies."""

import numpy as np
import pytest

from leukcnn.datasets import load_many
from leukcnn.errors import ArgumentError
from leukcnn.evaluation.shortcuts import (
    dataset_probabilities,
    implied_accuracy,
)
from leukcnn.image_cache import prepared_images
from leukcnn.spec import Preprocessing

IMAGE_SIZE = 40


def smears(datasets, *, tint=30, seed=0):
    """Noisy images; only their border is redder in "b" and greener in "c"."""
    images = np.random.default_rng(seed).normal(120, 25, (len(datasets), IMAGE_SIZE, IMAGE_SIZE, 3))
    tints = np.array([[tint * (name == "b"), tint * (name == "c"), 0] for name in datasets])
    border = np.ones((IMAGE_SIZE, IMAGE_SIZE), dtype=bool)
    border[16:-16, 16:-16] = False
    images[:, border] += tints[:, None]
    return images.clip(0, 255).astype(np.uint8)


DATASETS = np.array(["b"] * 12 + ["a"] * 20 + ["c"] * 8)
IDS = np.array([f"{name}/{i:02}" for i, name in enumerate(DATASETS)])
IMAGES = smears(DATASETS)


def probed(images=IMAGES, datasets=DATASETS, *, ids=IDS, seed=0, n_splits=2):
    return dataset_probabilities(images, datasets, ids=ids, seed=seed, n_splits=n_splits)


@pytest.fixture(scope="module")
def probe():
    return probed()


def test_datasets_are_recognised_by_their_borders(probe):
    assert (probe.names, probe.left_out, probe.n_splits) == (("a", "b", "c"), (), 2)
    np.testing.assert_array_equal(probe.rows, np.arange(40))
    assert np.array(probe.names)[probe.truth].tolist() == DATASETS.tolist()
    assert probe.probabilities.shape == (40, 3)
    np.testing.assert_allclose(probe.probabilities.sum(axis=1), 1)
    assert (probe.probabilities.argmax(axis=1) == probe.truth).all()


def test_the_middle_of_images_is_not_seen(probe):
    other = IMAGES.copy()
    other[:, 16:-16, 16:-16] = np.arange(40)[:, None, None, None]
    np.testing.assert_array_equal(probed(other).probabilities, probe.probabilities)


def test_images_are_predicted_by_forests_that_did_not_see_them():
    # Without tints there is nothing to learn. A forest that was fitted on them would be right on most.
    probe = probed(smears(DATASETS, tint=0))
    correct = probe.probabilities.argmax(axis=1) == probe.truth
    assert correct.mean() < 0.75
    assert np.mean([correct[probe.truth == position].mean() for position in range(3)]) < 0.6


def test_order_of_the_list_does_not_matter(probe):
    order = np.random.default_rng(3).permutation(40)
    back = probed(IMAGES[order], DATASETS[order], ids=IDS[order])
    np.testing.assert_array_equal(back.truth, probe.truth[order])
    np.testing.assert_array_equal(back.probabilities, probe.probabilities[order])


def test_folds_and_forests_depend_on_the_seed():
    faint = smears(DATASETS, tint=2)
    first = probed(faint).probabilities
    np.testing.assert_array_equal(probed(faint).probabilities, first)
    assert (probed(faint, seed=1).probabilities != first).any()


def test_datasets_smaller_than_the_folds_are_left_out_and_named():
    datasets = np.where(np.isin(np.arange(40), [3, 25]), "tiny", DATASETS)
    probe = probed(datasets=datasets, n_splits=3)
    assert (probe.names, probe.left_out, probe.n_splits) == (("a", "b", "c"), ("tiny",), 3)
    assert probe.rows.tolist() == [i for i in range(40) if i not in (3, 25)]
    assert np.array(probe.names)[probe.truth].tolist() == datasets[probe.rows].tolist()


def test_number_of_folds_is_reduced_until_two_datasets_remain():
    few = np.r_[0:12, 12:15, 32:34]
    probe = probed(IMAGES[few], DATASETS[few], ids=IDS[few], n_splits=5)
    assert (probe.n_splits, probe.names, probe.left_out) == (3, ("a", "b"), ("c",))
    pair = np.r_[0:2, 12:14]
    probe = probed(IMAGES[pair], DATASETS[pair], ids=IDS[pair], n_splits=5)
    assert (probe.n_splits, probe.names) == (2, ("a", "b"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [(np.r_[0:12], r"b: 12"), (np.r_[0:12, 12], "a: 1, b: 12"), (np.r_[0:0], "none at all")],
)
def test_too_few_datasets_are_refused(rows, message):
    with pytest.raises(ArgumentError, match=message):
        probed(IMAGES[rows], DATASETS[rows], ids=IDS[rows])


def test_arguments_that_do_not_match_are_refused():
    with pytest.raises(ArgumentError, match="40 images, 39 datasets and 40 ids"):
        probed(datasets=DATASETS[:-1])
    with pytest.raises(ArgumentError, match="n_splits is 1"):
        probed(n_splits=1)


# Six images of "u", all healthy; three of "v", two of them leukaemia; one of "w", leukaemia.
TRUTH = ["u"] * 6 + ["v"] * 3 + ["w"]
NAMED = ["u", "u", "u", "u", "v", "w", "v", "v", "u", "u"]
CLASSES = [0, 0, 0, 0, 0, 0, 1, 0, 1, 1]


def test_implied_accuracy_by_hand():
    # "u" implies healthy, "v" and "w" leukaemia: the first four "u" and the first "v" are right.
    assert implied_accuracy(TRUTH, NAMED, CLASSES) == pytest.approx(5 / 10)


def test_names_and_numbers_give_the_same_accuracy():
    numbers = [["u", "v", "w"].index(name) for name in TRUTH], [["u", "v", "w"].index(n) for n in NAMED]
    assert implied_accuracy(*numbers, CLASSES) == implied_accuracy(TRUTH, NAMED, CLASSES)


def test_datasets_of_one_class_give_the_class_away():
    truth, classes = np.repeat(["u", "v"], [30, 10]), np.repeat([0, 1], [30, 10])
    assert implied_accuracy(truth, truth, classes) == 1


def test_of_equally_frequent_classes_the_first_is_taken():
    assert implied_accuracy(["u"] * 4, ["u"] * 4, [1, 1, 0, 0]) == 0.5
    assert implied_accuracy(["u"] * 2 + ["v"], ["u", "u", "u"], [1, 0, 0]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("truth", "named", "classes", "message"),
    [
        (["u", "v"], ["u"], [0, 1], "a true and a predicted dataset"),
        ([], [], [], "at least one image"),
        (["u", "v"], ["u", "x"], [0, 1], r"predicted to be of \['x'\]"),
        (["u", "v"], ["u", "v"], [0], "for 2 datasets"),
        (["u", "v"], ["u", "v"], [0, -1], "from -1 to 0"),
    ],
)
def test_predictions_that_do_not_match_are_refused(truth, named, classes, message):
    with pytest.raises(ArgumentError, match=message):
        implied_accuracy(truth, named, classes)


@pytest.mark.slow
def test_real_datasets_are_recognised_by_their_borders(real_data, tmp_path):
    index = load_many(
        ["jtsc", "cellavision2", "cnmc2019"],
        real_data,
        class_names=("healthy", "malignant"),
        class_of={"healthy": "healthy", "malignant": "malignant"},
    )
    images = prepared_images(index, Preprocessing(resize=96), folder=tmp_path)
    probe = dataset_probabilities(images, index.dataset, ids=index.ids, seed=0)
    correct = probe.probabilities.argmax(axis=1) == probe.truth
    assert correct.mean() > np.bincount(probe.truth).max() / len(correct) + 0.1
