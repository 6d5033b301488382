"""Counting and loading stored weights, in each format of current and earlier versions of Keras."""

import shutil

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from leukcnn.errors import WeightsError
from leukcnn.models.weights import load_whole, misfit, stored_parameters


def small_network(units=2):
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(units)(x), name="small")


# 3 * 3 * 3 * 4 + 4, four numbers for each of 4 channels, 6 * 6 * 4 * 2 + 2.
PARAMETERS = 112 + 16 + 290


def published(model, path):
    """Writes weights like Keras 1 and 2: the group of weights in a legacy file becomes the root."""
    model.save(path.with_name("whole.h5"))
    with h5py.File(path.with_name("whole.h5")) as whole, h5py.File(path, "w") as file:
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", file)
        for name, value in whole["model_weights"].attrs.items():
            file.attrs[name] = value


WRITERS = {
    "x.weights.h5": lambda model, path: model.save_weights(path),
    "x_notop.h5": published,
    "x.h5": lambda model, path: model.save(path),
    "x.keras": lambda model, path: model.save(path),
}


@pytest.fixture(params=WRITERS)
def trained(request, tmp_path):
    """Returns a network after a step of an optimizer, and its file."""
    keras.utils.set_random_seed(0)
    model = small_network()
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    model.train_on_batch(np.ones((2, 8, 8, 3), dtype=np.float32), np.ones((2, 2), dtype=np.float32))
    WRITERS[request.param](model, tmp_path / request.param)
    return model, tmp_path / request.param


def test_an_optimizers_state_is_not_counted(trained):
    model, path = trained
    assert stored_parameters(path) == PARAMETERS == model.count_params()


@pytest.mark.backend
def test_every_format_loads(trained):
    model, path = trained
    fresh = small_network()
    load_whole(fresh, str(path))
    for loaded, stored in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, stored)


def test_another_count_is_refused_and_changes_nothing(trained):
    _, path = trained
    other = small_network(units=3)
    before = other.get_weights()
    with pytest.raises(WeightsError, match=r"(?s)holds 418 parameters.*563 parameters of small"):
        load_whole(other, path)
    for now, then in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_other_layers_with_the_same_count_are_refused(trained):
    _, path = trained
    inputs = keras.Input((PARAMETERS - 1,))
    other = keras.Model(inputs, layers.Dense(1)(inputs), name="other")
    assert other.count_params() == PARAMETERS
    with pytest.raises(WeightsError, match="doesn't hold weights of other"):
        load_whole(other, path)


@pytest.mark.parametrize("name", WRITERS)
def test_a_wrong_file_is_refused(name, tmp_path):
    with pytest.raises(WeightsError, match="no weights file"):
        stored_parameters(tmp_path / name)
    (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(WeightsError, match="can't be read"):
        stored_parameters(tmp_path / name)


def test_a_zip_without_weights_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "empty")
    (tmp_path / "x.zip").rename(tmp_path / "x.keras")
    with pytest.raises(WeightsError, match="can't be read"):
        stored_parameters(tmp_path / "x.keras")


def test_a_misfit_names_all_counts():
    error = misfit("x.h5", 1_000, {"the base": 2_000, "the whole": 3_000})
    assert "holds 1,000 parameters" in str(error)
    assert "2,000 parameters of the base or 3,000 parameters of the whole" in str(error)
