"""One trial: learnable, and at chance where the labels are shuffled."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import load, synthetic
from leukcnn.distribution import find_devices, make_deterministic
from leukcnn.planning import plan, trial_identity
from leukcnn.request import Request
from leukcnn.runs import Store
from leukcnn.trials import environment, run_trial
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
def test_the_environment_names_backend_versions_and_devices():
    found = environment(find_devices())
    assert found["versions"]["leukcnn"]
    assert found["versions"]["keras"].startswith("3.")
    assert found["devices"]
    assert found["backend"] in ("tensorflow", "jax")
