"""Callbacks: schedules by hand, early stopping, ties among checkpoints, a complete state."""

import csv
import math

import keras
import numpy as np
import pytest

from leukcnn import callbacks
from leukcnn.callbacks import (
    BestCheckpoint,
    HistoryFile,
    ResumableState,
    StopEarly,
    cosine_schedule,
    exponential_schedule,
    exponential_to_last_schedule,
    patience_is_over,
    resume_epoch,
)
from leukcnn.errors import ArgumentError, StoreError
from leukcnn.training_state import load_weights


def network(units=3):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse")
    return model


def attached(callback, model):
    callback.set_model(model)
    return callback


def values(model):
    return [keras.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]


def test_the_papers_schedule_by_hand():
    rate = exponential_schedule(initial=1e-5, final=1e-6, epochs=400)
    assert rate(0, 99.0) == 1e-5
    assert rate(200, 99.0) == pytest.approx(10**-5.5)
    assert rate(399, 99.0) == pytest.approx(1e-6 * 10 ** (1 / 400))


def test_the_final_rate_can_be_that_of_the_last_epoch():
    rate = exponential_to_last_schedule(initial=1e-5, final=1e-6, epochs=401)
    assert [rate(0, 99.0), rate(200, 99.0)] == pytest.approx([1e-5, 10**-5.5])
    assert rate(400, 99.0) == pytest.approx(1e-6)
    assert exponential_to_last_schedule(initial=1e-5, final=1e-6, epochs=1)(0) == 1e-5
    with pytest.raises(ArgumentError, match="above 0"):
        exponential_to_last_schedule(initial=1e-5, final=1e-6, epochs=0)


@pytest.mark.parametrize("bad", [{"initial": 0}, {"final": -1e-6}, {"epochs": 0}])
def test_a_schedule_needs_numbers_above_zero(bad):
    with pytest.raises(ArgumentError, match="above 0"):
        exponential_schedule(**{"initial": 1e-3, "final": 1e-4, "epochs": 5, **bad})


def test_a_cosine_by_hand():
    rate = cosine_schedule(initial=1e-2, final=0, epochs=4)
    # The cosines of 0, 45, 90 and 135 degrees: 1, .7071, 0 and -.7071.
    expected = [1e-2, 8.535534e-3, 5e-3, 1.464466e-3]
    assert [rate(epoch, 99.0) for epoch in range(4)] == pytest.approx(expected)
    above = cosine_schedule(initial=1e-2, final=2e-3, epochs=4)
    assert above(0) == pytest.approx(1e-2)
    assert above(2) == pytest.approx(6e-3)
    assert above(3) > 2e-3 == pytest.approx(above(4))
    assert cosine_schedule(initial=1e-2, final=None, epochs=4)(3) == 1e-2


@pytest.mark.backend
def test_keras_uses_the_cosine_for_each_epoch():
    model = network()
    rates = keras.callbacks.LearningRateScheduler(cosine_schedule(initial=1, final=0, epochs=2))
    x, y = np.ones((4, 4), np.float32), np.ones((4, 1), np.float32)
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=[rates]).history
    np.testing.assert_allclose(history["learning_rate"], [1, 0.5])


@pytest.mark.parametrize("bad", [{"initial": 0}, {"final": -1e-6}, {"epochs": 0}])
def test_a_cosine_needs_a_rate_and_epochs(bad):
    with pytest.raises(ArgumentError, match="above 0"):
        cosine_schedule(**{"initial": 1e-3, "final": 0, "epochs": 5, **bad})


NAN = float("nan")
LOSSES = {
    "sinks": [5, 4, 3, 2, 1],
    "rises at once": [1, 2, 3, 4, 5],
    "equal is no better": [1, 1, 1, 1],
    "comes back": [3, 4, 2, 5, 6, 1, 2, 2, 2],
    "no number": [3, NAN, 2, NAN, NAN, NAN],
    "never a number": [NAN, 2, 1, 1],
}


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
def test_patience_is_counted_as_keras_counts(losses, patience):
    theirs = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience)
    theirs.set_model(network())
    theirs.model.stop_training = False
    theirs.on_train_begin()
    for epoch, loss in enumerate(losses):
        theirs.on_epoch_end(epoch, {"val_loss": loss})
        assert patience_is_over(losses[: epoch + 1], patience=patience) == theirs.model.stop_training
        if theirs.model.stop_training:
            break


def test_patience_by_hand():
    assert not patience_is_over([3, 2, 4], patience=2)
    assert patience_is_over([3, 2, 4, 2], patience=2)


def test_stopping_depends_on_the_history_alone():
    model, history = network(), {}
    stop = attached(StopEarly(history=history, patience=1), model)
    model.stop_training = False
    assert not stop.is_due
    history["val_loss"] = [1.0, 2.0]
    stop.on_epoch_end(1, {})
    assert model.stop_training
    # A new callback, as after a kill, gives the same result.
    assert StopEarly(history=history, patience=1).is_due
    assert not StopEarly(history=history, patience=None).is_due


@pytest.mark.backend
@pytest.mark.parametrize(("mode", "best"), [("max", 1), ("min", 0)])
def test_the_first_of_equally_good_epochs_is_kept(tmp_path, mode, best):
    model = network()
    checkpoint = attached(BestCheckpoint(tmp_path, monitor="v", mode=mode), model)
    for epoch, value in enumerate([0.5, 0.7, 0.7, 0.6, float("nan")]):
        model.layers[0].kernel.assign(np.full((4, 3), epoch))
        checkpoint.on_epoch_end(epoch, {"v": value})
    assert checkpoint.best_epoch == best
    load_weights(model, checkpoint.path)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.layers[0].kernel), np.full((4, 3), best))


def test_earlier_weights_stay_until_the_state_is_saved(tmp_path):
    model = network()
    checkpoint = attached(BestCheckpoint(tmp_path, monitor="v", mode="max"), model)
    checkpoint.on_epoch_end(0, {"v": 0.1})
    checkpoint.on_epoch_end(1, {"v": 0.2})
    assert len(list(tmp_path.iterdir())) == 2
    attached(ResumableState(tmp_path / "s.npz", checkpoints=[checkpoint], history={}), model).on_epoch_end(1)
    assert [p.name for p in tmp_path.glob("best*")] == ["best_v-0002.weights.npz"]


def test_a_checkpoint_has_a_direction():
    with pytest.raises(ArgumentError, match="'max' or 'min'"):
        BestCheckpoint(".", monitor="v", mode="auto")


@pytest.mark.backend
def test_a_state_holds_weights_optimizer_dropout_history_and_best_values(tmp_path):
    model = network()
    x, y = np.ones((8, 4), np.float32), np.ones((8, 1), np.float32)
    model.fit(x, y, epochs=1, verbose=0)
    checkpoint = attached(BestCheckpoint(tmp_path, monitor="loss", mode="min"), model)
    checkpoint.on_epoch_end(0, {"loss": 0.25})
    history = {}
    state = attached(ResumableState(tmp_path / "s.npz", checkpoints=[checkpoint], history=history), model)
    state.on_epoch_end(0, {"loss": 0.25, "accuracy": 0.5})
    expected = values(model)

    other = network()
    again = BestCheckpoint(tmp_path, monitor="loss", mode="min")
    new_history = {"old": [1.0]}
    restored = ResumableState(tmp_path / "s.npz", checkpoints=[again], history=new_history)
    assert restored.restore(other) == 1 == resume_epoch(str(tmp_path / "s.npz"))
    assert (again.best, again.best_epoch) == (0.25, 0)
    assert new_history == {"loss": [0.25], "accuracy": [0.5]}
    for a, b in zip(values(other), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_state_training_begins_at_epoch_zero(tmp_path):
    assert ResumableState(tmp_path / "s.npz", checkpoints=[], history={}).restore(network()) == 0


def test_saving_takes_a_fiftieth_of_the_time_at_most(tmp_path, monkeypatch):
    """A save takes 1 second here, so nothing is saved for 50 seconds; then the end of an epoch is."""
    clock = [0.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: clock[0])
    saved = []

    def save(epoch):
        saved.append(epoch)
        state.unsaved = None
        clock[0] += 1

    checkpoint = BestCheckpoint(tmp_path, monitor="val_loss", mode="min")
    state = ResumableState(tmp_path / "s.npz", checkpoints=[checkpoint], history={})
    monkeypatch.setattr(state, "_save", save)
    for epoch in range(10):
        clock[0] += 7  # seconds per epoch
        state.on_epoch_end(epoch, {"loss": float(epoch)})
    # Saved from 7 to 8 s, so not before 58: epochs end at 15, 22 ... 57, 64.
    assert saved == [0, 8]
    assert state.history == {"loss": [*map(float, range(10))]}
    # Long epochs are all saved.
    for epoch in range(10, 13):
        clock[0] += 61
        state.on_epoch_end(epoch, {"loss": 0.0})
    assert saved == [0, 8, 10, 11, 12]


def test_the_last_epoch_is_saved_when_the_training_ends(tmp_path):
    model, history = network(), {}
    checkpoint = attached(BestCheckpoint(tmp_path, monitor="val_loss", mode="min"), model)
    state = attached(ResumableState(tmp_path / "s.npz", checkpoints=[checkpoint], history=history), model)
    for epoch, loss in enumerate([3.0, 2.0, 1.0, 1.5]):
        checkpoint.on_epoch_end(epoch, {"val_loss": loss})
        state.on_epoch_end(epoch, {"val_loss": loss})
        state.next_save = math.inf
    assert resume_epoch(tmp_path / "s.npz") == 1
    # The best epoch of the saved state and the current best are kept; the one in between is removed.
    assert {path.name[9:18] for path in tmp_path.glob("best_*")} == {"loss-0001", "loss-0003"}
    state.on_train_end()
    assert resume_epoch(tmp_path / "s.npz") == 4
    assert [*tmp_path.glob("best_*")] == [checkpoint.path]
    # No epoch has ended since, so nothing is written again.
    (tmp_path / "s.npz").unlink()
    state.on_train_end()
    assert not (tmp_path / "s.npz").exists()


@pytest.mark.backend
def test_another_networks_state_is_refused(tmp_path):
    state = ResumableState(tmp_path / "s.npz", checkpoints=[], history={})
    model = network()
    attached(state, model).on_epoch_end(0, {})
    other = network(units=5)
    with pytest.raises(StoreError, match="another network"):
        state.restore(other)


def test_the_history_file_counts_epochs_from_one(tmp_path):
    history = {"loss": [1.0, 0.5], "accuracy": [0.25, 1 / 3]}
    HistoryFile(tmp_path / "h.csv", history=history).on_epoch_end(1)
    with (tmp_path / "h.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [["epoch", "loss", "accuracy"], ["1", "1", "0.25"], ["2", "0.5", "0.333333333"]]
