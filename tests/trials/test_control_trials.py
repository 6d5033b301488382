"""Trials without a network: controls, and the probe that distinguishes datasets."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.distribution import find_devices
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.runs import Store
from leukcnn.spec import Preprocessing
from leukcnn.splits import SplitRows
from leukcnn.trials import TrialContext, run_control, run_probe
from tests import tiny
from tests.indices import index_of, sha256_of


@pytest.fixture
def stained(tmp_path) -> ImageIndex:
    """Thirty images of three classes, each with its own colour; the last two have no label."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(30)]
    for i, path in enumerate(paths):
        image = rng.integers(0, 60, (40, 40, 3), dtype=np.uint8)
        image[..., i % 3] += 150
        cv2.imwrite(str(path), image)
    labels = np.arange(30) % 3
    labels[28:] = -1
    return index_of(
        labels,
        class_names=("HBS", "ALL", "AML"),
        dataset="jtsc",
        paths=paths,
        ids=np.array([path.name for path in paths]),
        group=np.full(30, "g"),
        sha256=sha256_of(paths),
    )


def context_of(index, folder):
    return TrialContext(index, find_devices(), tiny.Progress(), cache=folder / "cache")


def control(index, name, folder, *, seed=0):
    # Seven of class 0, six of class 1, two of class 2 train.
    train = np.array([0, 3, 6, 9, 12, 15, 18, 1, 4, 7, 10, 13, 16, 2, 5])
    predicted = {"test": np.array([20, 21, 22, 23, 24, 25]), "final": np.array([29, 28])}
    trial = Store(folder, "alertnet").trial({"control": name, "seed": seed})
    split_rows = SplitRows(train=train, validation=np.empty(0, dtype=np.int64), predicted=predicted)
    run_control(trial, name, Preprocessing(resize=36), split_rows, context_of(index, folder), seed=seed)
    return trial


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_predicts_every_subset_and_stores_no_network(stained, tmp_path, name):
    trial = control(stained, name, tmp_path / "out")
    assert trial.finished
    assert trial.faults() == []
    assert set(trial.result["files"]) == {"trial.json", "predictions.csv"}
    predictions = trial.predictions()
    assert set(predictions.checkpoint) == {trial.result["checkpoint"]} == {"control"}
    assert predictions.subset.tolist() == ["test"] * 6 + ["final"] * 2
    rows = [20, 21, 22, 23, 24, 25, 29, 28]
    assert predictions.image.tolist() == stained.ids[rows].tolist()
    assert predictions.label.tolist() == [2, 0, 1, 2, 0, 1, -1, -1]
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1)


def test_controls_predict_classes_that_differ_in_colour(stained, tmp_path, monkeypatch):
    # Only two of fifteen images are of class 2: a forest of few trees would see them too rarely.
    monkeypatch.setattr("leukcnn.evaluation.controls._TREES", 300)
    names = ("majority", "border", "colour")
    majority, border, colour = (control(stained, n, tmp_path / "out").predictions() for n in names)
    np.testing.assert_allclose(majority.probabilities, [[7 / 15, 6 / 15, 2 / 15]] * 8)
    # The whole image has the colour, including the border; rows 29 and 28 are of classes 2 and 1.
    for forest in (border, colour):
        assert forest.predicted.tolist() == [2, 0, 1, 2, 0, 1, 2, 1]


def test_a_finished_control_is_not_run_again(stained, tmp_path):
    trial = control(stained, "majority", tmp_path / "out")
    before = (trial.path / "done.json").read_bytes()
    control(replace(stained, labels=stained.labels[::-1].copy()), "majority", tmp_path / "out")
    assert (trial.path / "done.json").read_bytes() == before


def test_the_probe_distinguishes_datasets_by_the_colour_of_image_borders(stained, tmp_path):
    datasets = np.array(["atlas", "jtsc", "ufg"])[np.arange(30) % 3]
    trial = Store(tmp_path / "out", "alertnet").trial({"probe": "p"})
    index = replace(stained, dataset=datasets)
    run_probe(trial, Preprocessing(resize=36), context_of(index, tmp_path), seed=0)
    predictions = trial.predictions()
    assert predictions.class_names == ("atlas", "jtsc", "ufg")
    assert sorted(predictions.image) == sorted(stained.ids)
    true = dict(zip(stained.ids, datasets, strict=True))
    names = np.array(predictions.class_names)
    assert names[predictions.label].tolist() == [true[image] for image in predictions.image]
    assert names[predictions.predicted].tolist() == [true[image] for image in predictions.image]
    assert set(trial.result["files"]) == {"trial.json", "predictions.csv"}
