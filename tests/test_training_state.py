"""Files of a training that were damaged or belong to something else are named, with the remedy."""

import shutil

import keras
import numpy as np
import pytest

from leukcnn.arrays import write_arrays, write_quickly
from leukcnn.callbacks import BestCheckpoint, ResumableState, resume_epoch
from leukcnn.errors import StoreError
from leukcnn.training_state import Record, load_weights, write_variables


def network(units=3, dtype="float32"):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, dtype=dtype)])
    model.compile(optimizer="adam", loss="mse")
    return model


def values(model):
    return [keras.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Returns the folder of a trial after its first epoch, with a state and weights."""
    folder, model = tmp_path_factory.mktemp("trials") / "a", network()
    model.fit(np.ones((8, 4), np.float32), np.ones((8, 3), np.float32), epochs=1, verbose=0)
    checkpoint = BestCheckpoint(folder, monitor="loss", mode="min")
    state = ResumableState(folder / "state.npz", checkpoints=[checkpoint], history={})
    for callback in (checkpoint, state):
        callback.set_model(model)
        callback.on_epoch_end(0, {"loss": 0.25})
    return folder


@pytest.fixture
def trial(written, tmp_path):
    """Returns a copy of the trial, which keeps its name."""
    return shutil.copytree(written, tmp_path / "a")


def restore(trial, model=None):
    model = model or network()
    checkpoint = BestCheckpoint(trial, monitor="loss", mode="min")
    history = {"loss": [9.0]}
    state = ResumableState(trial / "state.npz", checkpoints=[checkpoint], history=history)
    before = values(model)
    try:
        return state.restore(model)
    except StoreError:
        # Nothing was restored.
        assert history == {"loss": [9.0]}
        for one, other in zip(before, values(model), strict=False):
            np.testing.assert_array_equal(one, other)
        raise


FILES = ("state.npz", "best_loss-0001.weights.npz")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["flipped", "cut"])
def test_damage_anywhere_is_named_with_the_remedy(trial, file, kind):
    path, model = trial / file, network()
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 21).astype(int).tolist():
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        path.write_bytes({"flipped": flipped, "cut": content[:place]}[kind])
        with pytest.raises(StoreError, match=f"{file} can't be read") as caught:
            restore(trial, model)
        assert str(trial) in caught.value.remedy
        assert "finished trials stay" in caught.value.remedy
        if file == "state.npz":
            with pytest.raises(StoreError, match="can't be read"):
                resume_epoch(path)
        else:
            with pytest.raises(StoreError, match="can't be read"):
                load_weights(model, path)
        # The user can still look at it.
        assert path.exists()
    path.write_bytes(content)
    assert restore(trial) == 1


@pytest.mark.parametrize("kind", ["empty", "pickle", "plain arrays", "another trial's", "gone"])
@pytest.mark.parametrize("file", FILES)
def test_foreign_file_is_named_with_the_remedy(trial, written, file, kind):
    path = trial / file
    path.unlink()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickle":
        with path.open("wb") as opened:
            np.save(opened, np.array([{"a": 1}], dtype=object))
    elif kind == "plain arrays":
        # As NumPy writes them, without a checksum.
        np.savez(path, record=np.array("{}"), v0=np.zeros(3))
    elif kind == "another trial's":
        other = shutil.copytree(written, trial.parent / "b")
        network_of_b = network()
        write_variables(other / file, network_of_b.variables, Record(1, {}, [(0.5, 0)]))
        shutil.copy(other / file, path)
    if (file, kind) == ("state.npz", "gone"):
        assert restore(trial) == 0 == resume_epoch(path)
        return
    with pytest.raises(StoreError, match=f"{file} can't be read") as caught:
        restore(trial)
    assert "finished trials stay" in caught.value.remedy


RECORDS = {
    "list": "[]",
    "deep": "[" * 100_000,
    "no epochs": '{"next_epoch": 1, "history": {}}',
    "text": '{"next_epoch": "1", "history": {}, "best": [[0.5, 0]]}',
    "epoch 0": '{"next_epoch": 0, "history": {}, "best": [[0.5, 0]]}',
    "short history": '{"next_epoch": 2, "history": {"loss": [1.0]}, "best": [[0.5, 0]]}',
    "history is a number": '{"next_epoch": 1, "history": {"loss": 1}, "best": [[0.5, 0]]}',
    "best in the future": '{"next_epoch": 1, "history": {}, "best": [[0.5, 1]]}',
    "best of two": '{"next_epoch": 1, "history": {}, "best": [[0.5, 0], [0.5, 0]]}',
    "more": '{"next_epoch": 1, "history": {}, "best": [[0.5, 0]], "x": 1}',
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_record_that_is_no_state_is_refused(trial, record):
    model = network()
    model.optimizer.build(model.trainable_variables)
    arrays = {f"v{i}": value for i, value in enumerate(values(model))}
    write_quickly(trial / "state.npz", record=np.array(record), **arrays)
    with pytest.raises(StoreError, match="can't be read"):
        restore(trial)


def test_state_without_a_record_is_refused(trial):
    write_arrays(trial / "state.npz", v0=np.zeros(3))
    with pytest.raises(StoreError, match="has no 'record'"):
        restore(trial)


@pytest.mark.backend
@pytest.mark.parametrize("change", [{"units": 5}, {"dtype": "int32"}])
def test_state_and_weights_of_another_network_are_refused(trial, change):
    if "units" in change:
        other = network(**change)
        with pytest.raises(StoreError, match="another network"):
            restore(trial, other)
    else:
        # Of the same shapes, but whole numbers.
        other = network()
        write_quickly(trial / FILES[1], **{f"v{i}": v.astype(np.int32) for i, v in enumerate(values(other))})
    with pytest.raises(StoreError, match="another network") as caught:
        load_weights(other, trial / FILES[1])
    assert str(trial) in caught.value.remedy


def test_full_disk_is_reported_and_the_last_state_stays(run_on_disk):
    """HDF5 crashes the process here, after the right message."""
    printed = run_on_disk(
        "size=300k",
        """
import keras
from leukcnn.callbacks import BestCheckpoint, ResumableState, resume_epoch
from leukcnn.errors import StoreError
model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(200)])  # 80 kB
model.compile(optimizer="sgd", loss="mse")
checkpoint = BestCheckpoint(disk, monitor="loss", mode="min")
state = ResumableState(disk / "state.npz", checkpoints=[checkpoint], history={})
for epoch in range(2):
    for callback in (checkpoint, state):
        callback.set_model(model)
        state.next_save = 0.0
        try:
            callback.on_epoch_end(epoch, {"loss": 1.0 - epoch})
        except StoreError as error:
            print(error.found)
print(resume_epoch(disk / "state.npz"), sorted(path.name for path in disk.iterdir()))
again = ResumableState(disk / "state.npz", checkpoints=[checkpoint], history={})
print(again.restore(model), checkpoint.best)
""",
    )
    full, files, restored = printed.splitlines()
    assert full.startswith("The disk is full: ")
    assert files == "1 ['best_loss-0001.weights.npz', 'best_loss-0002.weights.npz', 'state.npz']"
    assert restored == "1 1.0"
