"""Training: the compiled network, precision, early stopping, divergence, reuse of networks."""

import tracemalloc

import keras
import numpy as np
import pytest

from leukcnn import callbacks
from leukcnn.callbacks import ReportProgress
from leukcnn.distribution import find_devices
from leukcnn.errors import DivergenceError, LeukCNNError
from leukcnn.fields import replace_at
from leukcnn.pipeline import ImageSequence, originals
from leukcnn.training import Networks, build_network, predict, train
from tests import tiny


@pytest.fixture
def setup():
    return tiny.tiny_paper(epochs=2).setup("vgg16", profile="smoke", changes={"preprocessing.crop": 24})


def options_of(setup):
    return {
        "preprocessing": setup.preprocessing,
        "classes": 2,
        "training": setup.training,
        "devices": find_devices(),
    }


def build(setup, **changes):
    """Returns the changed setup and a compiled learner, whose last layer is the network."""
    for path, value in changes.items():
        setup = replace_at(setup, path.replace("__", "."), value)
    built = build_network(setup.model, **options_of(setup), seed=5)
    return setup, built.learner


def sequence(setup, *, labels=True, n=20):
    images = np.random.default_rng(0).integers(0, 256, (n, 24, 24, 3), dtype=np.uint8)
    return ImageSequence(
        images,
        originals(np.arange(n)),
        labels=np.arange(n) % 2 if labels else None,
        classes=2,
        batch_size=10,
        ids=[str(i) for i in range(n)],
        seed=0,
    )


def fit(setup, network, folder, *, observer=None, callbacks=()):
    data = sequence(setup)
    return train(
        network,
        setup.training,
        train_data=data,
        validation_data=sequence(setup),
        folder=folder,
        devices=find_devices(),
        callbacks=[ReportProgress(observer or tiny.Progress()), *callbacks],
    )


@pytest.mark.backend
def test_the_optimizer_is_the_papers_adam(setup):
    _, network = build(setup)
    assert type(network.optimizer) is keras.optimizers.Adam
    assert network.optimizer.epsilon == 1e-8
    assert float(network.optimizer.learning_rate) == pytest.approx(1e-2)


@pytest.mark.backend
def test_the_same_seed_gives_the_same_network(setup):
    first, second = (build(setup)[1].get_weights() for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.backend
def test_all_epochs_run_and_the_learning_rate_decays(setup, tmp_path):
    setup, network = build(setup)
    outcome = fit(setup, network, tmp_path)
    assert outcome.epochs_run == 2
    assert set(outcome.best_epochs) == {"val_accuracy", "val_loss"}
    assert all(path.exists() for path in outcome.checkpoints.values())
    rates = [row.split(",")[-1] for row in (tmp_path / "history.csv").read_text().split()]
    assert rates[0] == "learning_rate"
    np.testing.assert_allclose([float(r) for r in rates[1:]], [1e-2, 1e-2 * 0.1**0.5], rtol=1e-6)


def test_the_rate_follows_a_cosine(setup, tmp_path):
    setup, network = build(setup, training__schedule="cosine", training__final_learning_rate=0)
    fit(setup, network, tmp_path)
    rates = [row.split(",")[-1] for row in (tmp_path / "history.csv").read_text().split()]
    np.testing.assert_allclose([float(r) for r in rates[1:]], [1e-2, 5e-3], rtol=1e-6)


IMPATIENT = {"training__epochs": 10, "training__patience": 2}


def rising(monkeypatch, losses):
    """Replaces the validation losses that every training logs by these."""
    original = keras.Model.evaluate

    def evaluate(model, *args, **options):
        logs = original(model, *args, **options)
        model.epochs_seen = getattr(model, "epochs_seen", 0) + 1
        return {**logs, "loss": losses[model.epochs_seen - 1]}

    monkeypatch.setattr(keras.Model, "evaluate", evaluate)


def test_patience_ends_a_training_early(setup, tmp_path, monkeypatch):
    setup, network = build(setup, **IMPATIENT)
    rising(monkeypatch, [3.0, 2.0, 4.0, 2.5, 1.0])
    outcome = fit(setup, network, tmp_path)
    assert outcome.epochs_run == 4
    assert outcome.best_epochs["val_loss"] == 2
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5


def test_a_run_killed_after_it_stopped_early_trains_no_more(setup, tmp_path, monkeypatch):
    setup, network = build(setup, **IMPATIENT)
    rising(monkeypatch, [3.0, 2.0, 4.0, 2.5, 1.0])
    first = fit(setup, network, tmp_path)
    (tmp_path / "history.csv").unlink()
    _, again = build(setup)
    second = fit(setup, again, tmp_path)
    assert second.epochs_run == 0
    assert second.best_epochs == first.best_epochs
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5
    for one, other in zip(weights_of(network), weights_of(again), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.backend
def test_a_resumed_run_stops_at_the_same_epoch(setup, tmp_path, monkeypatch):
    class Stops(tiny.Progress):
        def end_epoch(self, *, epoch, logs):
            if epoch == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(callbacks, "_MIN_TRAIN_TO_SAVE_RATIO", 0)
    losses = [3.0, 2.0, 4.0, 2.5, 1.0]
    setup, network = build(setup, **IMPATIENT)
    rising(monkeypatch, losses)
    with pytest.raises(KeyboardInterrupt):
        fit(setup, network, tmp_path, observer=Stops())
    _, again = build(setup)
    again.epochs_seen = 3
    outcome = fit(setup, again, tmp_path)
    assert outcome.epochs_run == 1
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5


@pytest.mark.backend
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_a_float32_head(setup, tmp_path, precision):
    setup, network = build(setup, training__precision=precision)
    assert keras.config.dtype_policy().name == "float32"
    assert network.layers[0].compute_dtype == precision.removeprefix("mixed_")
    fit(setup, network, tmp_path)
    outputs = predict(network, sequence(setup, labels=False), devices=find_devices())
    assert outputs.shape == (20, 2)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)


@pytest.mark.backend
def test_diverged_training_is_reported(setup, tmp_path):
    setup, network = build(setup)
    # In the last layer: on JAX a ReLU turns NaN into zero.
    kernel = network.layers[-1].layers[-1].kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(LeukCNNError, match="lower learning rate"):
        fit(setup, network, tmp_path)


def test_weights_that_are_not_finite_after_the_last_step_are_reported(setup, tmp_path):
    # The loss is that of the weights before the step.
    setup, network = build(setup, **{"training.epochs": 1})
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: network.weights[0].assign(network.weights[0] * np.nan)
    )
    with pytest.raises(DivergenceError, match="kernel isn't finite after the last epoch"):
        fit(setup, network, tmp_path, callbacks=[spoil])


@pytest.mark.backend
def test_predictions_are_in_the_order_of_the_entries(setup):
    setup, network = build(setup)
    data = sequence(setup, labels=False, n=13)
    together = predict(network, data, devices=find_devices())
    alone = np.concatenate([np.asarray(network(data.inputs(np.array([i])))) for i in range(13)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


class Traced(keras.layers.Layer):
    """A layer that counts how often the backend compiles it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.times = 0

    def call(self, inputs):
        """Returns its inputs."""
        self.times += 1
        return inputs


@pytest.mark.backend
def test_predictions_compile_a_network_once_whatever_the_number_of_images(setup):
    traced = Traced()
    images = keras.Input((24, 24, 3))
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(traced(images)))
    traced.times = 0
    for n in (13, 9, 20):
        assert len(predict(network, sequence(setup, labels=False, n=n), devices=find_devices())) == n
    assert traced.times == 1


def test_training_and_predictions_hold_few_images_at_a_time(setup, tmp_path):
    n = 4000
    np.save(tmp_path / "images.npy", np.zeros((n, 24, 24, 3), dtype=np.uint8))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")

    def batches(count, labels):
        ids = [str(i) for i in range(count)]
        options = {"labels": labels, "classes": 2, "batch_size": 20, "ids": ids, "seed": 0}
        return ImageSequence(images, originals(np.arange(count)), **options)

    def train_and_predict(count, folder):
        folder.mkdir()
        data = [batches(count, np.arange(n) % 2) for _ in range(2)]
        options = {"folder": folder, "devices": find_devices()}
        train(network, setup.training, train_data=data[0], validation_data=data[1], **options)
        predict(network, batches(count, None), devices=find_devices())

    setup, network = build(setup, **{"training.epochs": 1})
    train_and_predict(120, tmp_path / "compiled")
    tracemalloc.start()
    train_and_predict(n, tmp_path / "measured")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # JAX is up to 32 small steps ahead of their results, which is a sixth of the images.
    assert peak < images.nbytes / 2


def weights_of(network):
    return [keras.ops.convert_to_numpy(v) for v in (*network.variables, *network.optimizer.variables)]


def test_a_reused_network_has_its_initial_weights(setup, tmp_path):
    networks = Networks()
    options = {**options_of(setup), "seed": 5}
    built = networks.get(setup.model, **options)
    first = built.learner
    before = weights_of(first)
    fit(setup, first, tmp_path / "a")
    assert any((a != b).any() for a, b in zip(before, weights_of(first), strict=True))
    again = networks.get(setup.model, **options)
    assert again is built
    for one, other in zip(before, weights_of(again.learner), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.backend
def test_a_reused_network_trains_like_a_new_one(setup, tmp_path):
    networks = Networks()
    options = {**options_of(setup), "seed": 5}
    fit(setup, networks.get(setup.model, **options).learner, tmp_path / "a")
    fit(setup, networks.get(setup.model, **options).learner, tmp_path / "b")
    fit(setup, Networks().get(setup.model, **options).learner, tmp_path / "c")
    # `fit` itself builds this one's optimizer.
    fit(setup, build(setup)[1], tmp_path / "d")
    histories = [(tmp_path / name / "history.csv").read_text() for name in "abcd"]
    assert len(set(histories)) == 1


def test_another_seed_or_model_is_another_network(setup):
    networks = Networks()
    options = options_of(setup)
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
    )
    assert outcome.checkpoints == outcome.best_epochs == {}
    header, *lines = (tmp_path / "history.csv").read_text().splitlines()
    assert "val_accuracy" not in header
    assert len(lines) == 2
    assert not list(tmp_path.glob("best_*"))


def test_divergence_without_validation_is_reported(setup, tmp_path):
    _, network = build(setup)
    network.layers[-1].set_weights([np.full_like(w, np.nan) for w in network.layers[-1].get_weights()])
    with pytest.raises(LeukCNNError, match="loss is nan after epoch 1"):
        train(
            network,
            setup.training,
            train_data=sequence(setup),
            validation_data=None,
            folder=tmp_path,
            devices=find_devices(),
        )


class LateValue:
    """The value of a step that may still be computed; counts how often someone waits for it."""

    conversions = 0

    def __float__(self):
        self.conversions += 1
        return 0.5


@pytest.mark.backend
def test_callbacks_wait_for_a_step_at_intervals_only(setup, tmp_path, monkeypatch):
    setup, network = build(setup)
    steps = []

    class Steps(tiny.Progress):
        def batch(self, *, epoch, step, loss, accuracy):
            steps.append((epoch, step, loss))

    def fit_of(model, data, *, callbacks, **options):
        value = LateValue()
        logs = {"loss": value, "accuracy": value}
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        for step in range(50):
            callbacks.on_train_batch_begin(step)
            callbacks.on_train_batch_end(step, logs)
            callbacks.on_test_batch_end(step, logs)
        callbacks.on_epoch_end(0, dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 0.5))
        callbacks.on_train_end()
        assert value.conversions == 2

    monkeypatch.setattr(keras.Model, "fit", fit_of)
    fit(setup, network, tmp_path, observer=Steps())
    # The others came too soon after it.
    assert steps == [(1, 1, 0.5)]
