"""Training: what the compiled network is, precision, divergence, timing."""

import keras
import numpy as np
import pytest

from leukcnn.distribution import find_devices
from leukcnn.errors import LeukCNNError
from leukcnn.fields import replace_at
from leukcnn.pipeline import PictureSequence, originals
from leukcnn.training import Networks, build_network, predict, time_step, train
from tests import tiny

pytestmark = pytest.mark.backend


@pytest.fixture
def setup():
    return tiny.tiny_paper(epochs=2).setup("vgg16", profile="smoke", changes={"preprocessing.crop": 24})


def build(setup, **changes):
    for path, value in changes.items():
        setup = replace_at(setup, path.replace("__", "."), value)
    network = build_network(
        setup.model, side=24, classes=2, training=setup.training, seed=5, devices=find_devices()
    )
    return setup, network


def sequence(setup, *, labels=True, n=20):
    pictures = np.random.default_rng(0).integers(0, 256, (n, 24, 24, 3), dtype=np.uint8)
    return PictureSequence(
        pictures,
        originals(np.arange(n)),
        labels=np.arange(n) % 2 if labels else None,
        classes=2,
        batch_size=10,
        preprocessing=setup.preprocessing,
        ids=[str(i) for i in range(n)],
        seed=0,
    )


def fit(setup, network, folder):
    data = sequence(setup)
    return train(
        network,
        setup.training,
        train_data=data,
        validation_data=sequence(setup),
        folder=folder,
        devices=find_devices(),
        observer=tiny.Progress(),
    )


def test_the_optimizer_is_the_papers_adam(setup):
    _, network = build(setup)
    assert type(network.optimizer) is keras.optimizers.Adam
    assert network.optimizer.epsilon == 1e-8
    assert float(network.optimizer.learning_rate) == pytest.approx(1e-2)


def test_the_same_seed_gives_the_same_network(setup):
    first, second = (build(setup)[1].get_weights() for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_epochs_are_run_and_the_rate_decays(setup, tmp_path):
    setup, network = build(setup)
    outcome = fit(setup, network, tmp_path)
    assert outcome.epochs_run == 2
    assert set(outcome.best_epochs) == {"val_accuracy", "val_loss"}
    assert all(path.exists() for path in outcome.checkpoints.values())
    rates = [row.split(",")[-1] for row in (tmp_path / "history.csv").read_text().split()]
    assert rates[0] == "learning_rate"
    np.testing.assert_allclose([float(r) for r in rates[1:]], [1e-2, 1e-2 * 0.1**0.5], rtol=1e-6)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_a_float32_head(setup, tmp_path, precision):
    setup, network = build(setup, training__precision=precision)
    assert keras.config.dtype_policy().name == "float32"
    assert network.layers[0].compute_dtype == precision.removeprefix("mixed_")
    fit(setup, network, tmp_path)
    outputs = predict(network, sequence(setup, labels=False), devices=find_devices())
    assert outputs.shape == (20, 2)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)


def test_a_training_that_diverges_says_so(setup, tmp_path):
    setup, network = build(setup)
    # In the last layer: on JAX a ReLU turns what is no number into zero.
    network.layers[-1].kernel.assign(np.full(network.layers[-1].kernel.shape, np.nan))
    with pytest.raises(LeukCNNError, match="lower learning rate"):
        fit(setup, network, tmp_path)


def test_predictions_stand_in_the_order_of_the_entries(setup):
    setup, network = build(setup)
    data = sequence(setup, labels=False, n=13)
    together = predict(network, data, devices=find_devices())
    alone = np.concatenate([np.asarray(network(data.inputs(np.array([i])))) for i in range(13)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_step_is_timed(setup):
    seconds, frozen = time_step(setup, classes=2, devices=find_devices())
    assert 0 < seconds < 60
    assert not frozen


def weights_of(network):
    return [keras.ops.convert_to_numpy(v) for v in (*network.variables, *network.optimizer.variables)]


def test_a_network_given_again_is_as_it_was_at_first(setup, tmp_path):
    networks = Networks()
    options = {"side": 24, "classes": 2, "training": setup.training, "seed": 5, "devices": find_devices()}
    first = networks.get(setup.model, **options)
    before = weights_of(first)
    fit(setup, first, tmp_path / "a")
    assert any((a != b).any() for a, b in zip(before, weights_of(first), strict=True))
    again = networks.get(setup.model, **options)
    assert again is first
    for one, other in zip(before, weights_of(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_given_again_trains_as_a_new_one_does(setup, tmp_path):
    networks = Networks()
    options = {"side": 24, "classes": 2, "training": setup.training, "seed": 5, "devices": find_devices()}
    fit(setup, networks.get(setup.model, **options), tmp_path / "a")
    fit(setup, networks.get(setup.model, **options), tmp_path / "b")
    fit(setup, Networks().get(setup.model, **options), tmp_path / "c")
    histories = [(tmp_path / name / "history.csv").read_text() for name in "abc"]
    assert histories[0] == histories[1] == histories[2]


def test_another_seed_or_model_is_another_network(setup):
    networks = Networks()
    options = {"side": 24, "classes": 2, "training": setup.training, "devices": find_devices()}
    first = networks.get(setup.model, seed=5, **options)
    assert networks.get(setup.model, seed=6, **options) is not first


def test_without_validation_the_last_epoch_counts(setup, tmp_path):
    _, network = build(setup)
    outcome = train(
        network,
        setup.training,
        train_data=sequence(setup),
        validation_data=None,
        folder=tmp_path,
        devices=find_devices(),
        observer=tiny.Progress(),
    )
    assert outcome.checkpoints == outcome.best_epochs == {}
    header, *lines = (tmp_path / "history.csv").read_text().splitlines()
    assert "val_accuracy" not in header
    assert len(lines) == 2
    assert not list(tmp_path.glob("best_*"))


def test_divergence_without_validation_is_told(setup, tmp_path):
    _, network = build(setup)
    network.layers[-1].set_weights([np.full_like(w, np.nan) for w in network.layers[-1].get_weights()])
    with pytest.raises(LeukCNNError, match="loss was no number"):
        train(
            network,
            setup.training,
            train_data=sequence(setup),
            validation_data=None,
            folder=tmp_path,
            devices=find_devices(),
            observer=tiny.Progress(),
        )
