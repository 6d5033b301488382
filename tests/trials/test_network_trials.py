"""A trial of a network: it learns, and stays at chance level if the labels are shuffled."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from leukcnn import papers, synthetic
from leukcnn.datasets import load
from leukcnn.distribution import find_devices, make_deterministic
from leukcnn.errors import WeightsError
from leukcnn.experiment.plan import plan, trial_identity
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.fields import replace_at
from leukcnn.models import build
from leukcnn.models.unfilled import unfilled
from leukcnn.prediction import SavedNetwork
from leukcnn.prediction.training_set import digest_of
from leukcnn.runs import Store
from leukcnn.spec import Model
from leukcnn.training import Built, predict, train
from leukcnn.trials import TrialContext, network_trials, run_trial
from tests import tiny


@pytest.fixture(scope="module")
def cells(shared_cache):
    return load("cnmc2019", synthetic.write("cnmc2019", shared_cache / "synthetic", seed=0))


def external_accuracy(index, truth, folder):
    """Trains a small network in VGG16's smoke profile; returns its accuracy on unseen subjects."""
    study = study_of(Request(paper=papers.get("cnmc2019"), data="synthetic", profile="smoke", only="vgg16"))
    make_deterministic()
    planned = plan(study, index)
    first = planned.trials[0]
    setup = replace(study.row(first.row).setup, model=Model("LightweightCNN"))
    identity = trial_identity(study, first.row, setup, seed=0, fold=-1, images="test")
    trial = Store(folder, "cnmc2019").trial(identity)
    context = TrialContext(index, find_devices(), tiny.Progress())
    run_trial(trial, setup, planned.split_rows[first.name], context, seed=0)
    predictions = trial.predictions()
    chosen = predictions.select(
        (predictions.subset == "external") & (predictions.checkpoint == "val_accuracy")
    )
    labels = np.array([truth[image] for image in chosen.image])
    assert np.bincount(labels).tolist() == [100, 100]
    return float(np.mean(chosen.predicted == labels))


@pytest.mark.slow
def test_synthetic_cells_can_be_learned_and_transfer_to_unseen_subjects(cells, tmp_path):
    truth = dict(zip(cells.ids, cells.labels, strict=True))
    assert external_accuracy(cells, truth, tmp_path) > 0.9


@pytest.mark.slow
def test_with_shuffled_training_labels_nothing_is_learned(cells, tmp_path):
    truth = dict(zip(cells.ids, cells.labels, strict=True))
    labels = cells.labels.copy()
    training = np.flatnonzero(cells.subset == "training")
    labels[training] = np.random.default_rng(0).permutation(labels[training])
    shuffled = replace(cells, labels=labels)
    # If labels leaked to the network in another way, it would learn from them too.
    assert external_accuracy(shuffled, truth, tmp_path) == pytest.approx(0.5, abs=0.2)


def last_epoch_trial(synthetic_cells, folder, *, epochs=3, **options):
    """Returns a function that runs a trial whose checkpoint is the last epoch, the trial, and its images."""
    paper = tiny.tiny_paper(epochs=epochs)
    rows = [replace(row, setup=replace_at(row.setup, "training.checkpoint", "last")) for row in paper.rows]
    study = study_of(Request(paper=replace(paper, rows=tuple(rows)), data="d", profile="smoke", **options))
    index = load("cnmc2019", synthetic_cells)
    planned = plan(study, index)
    first = planned.trials[0]
    trial = Store(folder / "runs", "cnmc2019").trial(planned.identities[first.name])
    context = TrialContext(index, find_devices(), tiny.Progress())

    def run():
        run_trial(trial, study.row(first.row).setup, planned.split_rows[first.name], context, seed=0)

    return run, trial, index


@pytest.mark.backend
def test_checkpoint_last_uses_the_last_epoch(synthetic_cells, tmp_path):
    run, trial, index = last_epoch_trial(synthetic_cells, tmp_path)
    run()
    predictions = trial.predictions()
    assert set(predictions.checkpoint) == {"last", "val_accuracy", "val_loss"}
    assert trial.result["checkpoint"] == "last"
    # The saved network gives the predictions of the last epoch.
    saved = SavedNetwork.load(trial.path / "model.keras")
    last = predictions.select((predictions.checkpoint == "last") & (predictions.subset == "test"))
    paths = dict(zip(index.ids, index.paths, strict=True))
    probabilities = saved.predict([paths[image] for image in last.image])
    np.testing.assert_allclose(probabilities, last.probabilities, atol=1e-5)
    origin = saved.origin
    assert (origin["split"], origin["fold"], origin["run"], origin["row"]) == ("cell", -1, 0, "vgg16")
    learned = origin["training"]
    assert sum(learned["classes"].values()) == learned["datasets"]["cnmc2019"] == saved.training_set.n_images
    assert origin["test"]["images"] == len(last)
    assert origin["test"]["accuracy"] == pytest.approx((last.predicted == last.label).mean(), abs=1e-5)
    assert (
        f"fold 0 of the split 'cell'; accuracy {100 * origin['test']['accuracy']:.1f} %" in saved.trained_on
    )
    # It knows the images that it was trained on, and the tested ones are none of them.
    training = saved.training_set
    assert 0 < training.n_images < len(training.digests) and training.colour is not None
    tested = np.isin(index.ids, last.image)
    assert not training.knows(map(digest_of, index.sha256[tested])).any()
    assert training.knows(map(digest_of, index.sha256)).sum() == len(training.digests)


def test_predictions_that_are_not_finite_leave_the_trial_unfinished(synthetic_cells, tmp_path, monkeypatch):
    # Here the device augments.
    run, trial, _ = last_epoch_trial(synthetic_cells, tmp_path, epochs=1, augment="device")

    def broken(learner, data, *, devices):
        probabilities = predict(learner, data, devices=devices)
        probabilities[1] = np.nan
        return probabilities

    with monkeypatch.context() as patch:
        patch.setattr(network_trials, "predict", broken)
        with pytest.raises(
            WeightsError, match=r"Row 'vgg16', checkpoint 'last', subset '\w+', gives no .* NaN"
        ):
            run()
    assert not trial.finished
    assert not (trial.path / "predictions.csv").exists()
    run()
    assert trial.finished


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_leave_the_trial_unfinished(
    synthetic_cells, tmp_path, monkeypatch, value
):
    run, trial, _ = last_epoch_trial(synthetic_cells, tmp_path, epochs=1)

    def diverged(learner, *arguments, **options):
        outcome = train(learner, *arguments, **options)
        learner.set_weights([np.full_like(weight, value) for weight in learner.get_weights()])
        return outcome

    monkeypatch.setattr(network_trials, "train", diverged)
    with pytest.raises(WeightsError, match=r"Row 'vgg16', checkpoint 'last': .* NaN or infinite"):
        run()
    assert not trial.finished
    assert not (trial.path / "model.keras").exists()


@pytest.mark.parametrize(("frozen", "kept"), [("base", True), ("first_half", False), ("weights", False)])
def test_features_of_a_frozen_base_are_kept_only_if_they_are_smaller_than_the_images(frozen, kept):
    with unfilled():
        network = build(
            "FineTuned", backbone="ResNet50", weights=None, frozen=frozen, input_shape=(64, 64, 3)
        )
    trial = SimpleNamespace(
        network=network,
        built=Built(network, learner=None),
        image_batches="images",
        _features_can_be_kept=lambda: True,
        _features=lambda base: None,
        batch_options={},
        setup=papers.get("alertnet").setup("resnet50_sft"),
        context=SimpleNamespace(devices=find_devices()),
    )
    learner, batches = network_trials._NetworkTrial.learner(trial, keep_features=True)
    assert (learner is not None, batches != "images") == (kept, kept)
