"""One trial: learnable, and at chance where the labels are shuffled."""

import hashlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import ImageIndex, load, synthetic
from leukcnn.distribution import find_devices, make_deterministic
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.fields import replace_at
from leukcnn.planning import plan, trial_identity
from leukcnn.prediction import SavedNetwork
from leukcnn.request import Request
from leukcnn.runs import Store
from leukcnn.spec import Preprocessing
from leukcnn.trials import Parts, environment, run_control, run_trial
from tests import tiny


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return load("cnmc2019", synthetic.write("cnmc2019", tmp_path_factory.mktemp("drawn"), seed=0))


def external_accuracy(index, truth, folder):
    """Trains VGG16 in the smoke profile; returns its accuracy on cells of unseen subjects."""
    request = Request(paper=papers.get("cnmc2019"), data="synthetic", profile="smoke", only="vgg16")
    make_deterministic()
    planned = plan(request, index)
    first = planned.trials[0]
    setup = request.setup(first.row)
    identity = trial_identity(request, first.row, setup, seed=0, fold=-1, pictures="test")
    trial = Store(folder, "cnmc2019").trial(identity)
    run_trial(
        trial,
        setup,
        index,
        planned.parts[first.name],
        seed=0,
        devices=find_devices(),
        observer=tiny.Progress(),
        cache=folder / "cache",
    )
    predictions = trial.predictions()
    chosen = predictions.select((predictions.part == "external") & (predictions.checkpoint == "val_accuracy"))
    labels = np.array([truth[image] for image in chosen.image])
    assert np.bincount(labels).tolist() == [100, 100]
    return float(np.mean(chosen.predicted == labels))


@pytest.mark.slow
def test_drawn_cells_can_be_learnt_and_transfer_to_unseen_subjects(drawn, tmp_path):
    truth = dict(zip(drawn.ids, drawn.labels, strict=True))
    assert external_accuracy(drawn, truth, tmp_path) > 0.8


@pytest.mark.slow
def test_with_shuffled_training_labels_nothing_is_learnt(drawn, tmp_path):
    truth = dict(zip(drawn.ids, drawn.labels, strict=True))
    labels = drawn.labels.copy()
    training = np.flatnonzero(drawn.part == "training")
    labels[training] = np.random.default_rng(0).permutation(labels[training])
    assert external_accuracy(replace(drawn, labels=labels), truth, tmp_path) == pytest.approx(0.5, abs=0.1)


@pytest.mark.backend
def test_the_last_epoch_counts_where_that_is_asked_for(tmp_path):
    paper = tiny.tiny_paper(epochs=3)
    rows = [replace(row, setup=replace_at(row.setup, "training.checkpoint", "last")) for row in paper.rows]
    request = Request(paper=replace(paper, rows=tuple(rows)), data="d", profile="smoke")
    folder = synthetic.write("cnmc2019", tmp_path / "drawn", seed=0, counts=tiny.COUNTS)
    index = load("cnmc2019", folder)
    planned = plan(request, index)
    first = planned.trials[0]
    trial = Store(tmp_path / "runs", "cnmc2019").trial(planned.identities[first.name])
    run_trial(
        trial,
        request.setup(first.row),
        index,
        planned.parts[first.name],
        seed=0,
        devices=find_devices(),
        observer=tiny.Progress(),
        cache=tmp_path / "cache",
    )
    predictions = trial.predictions()
    assert set(predictions.checkpoint) == {"last", "val_accuracy", "val_loss"}
    assert trial.result["checkpoint"] == "last"
    # The saved network says what the last epoch's did.
    saved = SavedNetwork.load(trial.path / "model.keras")
    last = predictions.select((predictions.checkpoint == "last") & (predictions.part == "test"))
    paths = dict(zip(index.ids, index.paths, strict=True))
    said = saved.predict([paths[image] for image in last.image])
    np.testing.assert_allclose(said, last.probabilities, atol=1e-5)


@pytest.mark.backend
def test_the_environment_names_backend_versions_and_devices():
    found = environment(find_devices())
    assert found["versions"]["leukcnn"]
    assert found["versions"]["keras"].startswith("3.")
    assert found["devices"]
    assert found["backend"] in ("tensorflow", "jax")


@pytest.fixture
def stained(tmp_path) -> ImageIndex:
    """Thirty pictures of three classes, each of a colour of its own; the last two have no label."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(30)]
    for i, path in enumerate(paths):
        picture = rng.integers(0, 60, (40, 40, 3), dtype=np.uint8)
        picture[..., i % 3] += 150
        cv2.imwrite(str(path), picture)
    labels = np.arange(30) % 3
    labels[28:] = -1
    return ImageIndex(
        paths=paths,
        ids=np.array([path.name for path in paths]),
        labels=labels,
        class_names=("HBS", "ALL", "AML"),
        dataset=np.full(30, "jtsc"),
        group=np.full(30, "g"),
        part=np.full(30, "jtsc"),
        fold=np.full(30, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


def control(index, name, folder, *, seed=0):
    # Seven of class 0, six of class 1, two of class 2 train.
    train = np.array([0, 3, 6, 9, 12, 15, 18, 1, 4, 7, 10, 13, 16, 2, 5])
    predicted = {"test": np.array([20, 21, 22, 23, 24, 25]), "final": np.array([29, 28])}
    trial = Store(folder, "alertnet").trial({"control": name, "seed": seed})
    parts = Parts(train=train, validation=np.empty(0, dtype=np.int64), predicted=predicted)
    run_control(trial, name, Preprocessing(resize=36), index, parts, seed=seed, cache=folder / "cache")
    return trial


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_predicts_every_part_and_leaves_no_network(stained, tmp_path, name):
    trial = control(stained, name, tmp_path / "out")
    assert trial.finished
    assert trial.faults() == []
    assert set(trial.result["files"]) == {"trial.json", "predictions.csv"}
    predictions = trial.predictions()
    assert set(predictions.checkpoint) == {trial.result["checkpoint"]} == {"control"}
    assert predictions.part.tolist() == ["test"] * 6 + ["final"] * 2
    rows = [20, 21, 22, 23, 24, 25, 29, 28]
    assert predictions.image.tolist() == stained.ids[rows].tolist()
    assert predictions.label.tolist() == [2, 0, 1, 2, 0, 1, -1, -1]
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1)


def test_controls_say_what_they_should_of_pictures_told_apart_by_colour(stained, tmp_path):
    majority, border, colour = (control(stained, n, tmp_path / "out").predictions() for n in CONTROLS)
    np.testing.assert_allclose(majority.probabilities, [[7 / 15, 6 / 15, 2 / 15]] * 8)
    # The colour is that of the whole picture, border included; rows 29 and 28 are of classes 2 and 1.
    for forest in (border, colour):
        assert forest.predicted.tolist() == [2, 0, 1, 2, 0, 1, 2, 1]


def test_a_finished_control_stays_as_it_is(stained, tmp_path):
    trial = control(stained, "majority", tmp_path / "out")
    before = (trial.path / "done.json").read_bytes()
    control(replace(stained, labels=stained.labels[::-1].copy()), "majority", tmp_path / "out")
    assert (trial.path / "done.json").read_bytes() == before
