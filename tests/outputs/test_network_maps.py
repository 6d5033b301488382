import hashlib
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from leukcnn.outputs.network_maps import (
    NETWORK_MAPS,
    ActivationMaps,
    FilterSketch,
    make_activation_maps,
    make_filter_sketch,
)

from leukcnn.datasets import ImageIndex, read_picture
from leukcnn.errors import StoreError
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Predictions, Store, write_predictions
from leukcnn.spec import Augmentation, Model, Preprocessing, Setup, Split, Training

SETUP = Setup(
    model=Model("made_up.Small"),
    preprocessing=Preprocessing(resize=16, scale=1 / 255),
    augmentation=Augmentation(),
    split=Split(kind="lodocv"),
    training=Training(epochs=1, batch_size=1, initial_learning_rate=1e-3, checkpoint="last"),
)
TESTED = np.array([2, 3, 4, 5, 6, 7, 8])


@pytest.fixture
def smears(tmp_path, monkeypatch) -> ImageIndex:
    """Ten pictures of two datasets, every other one pathological."""
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(10)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    return ImageIndex(
        paths=paths,
        ids=np.array([path.name for path in paths]),
        labels=np.arange(10) % 2,
        class_names=("non-pathological", "pathological"),
        dataset=np.array(["allidb2"] * 5 + ["atlas"] * 5),
        group=np.full(10, ""),
        part=np.full(10, "all"),
        fold=np.full(10, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


@pytest.fixture
def trial(smears, tmp_path):
    """A network of one output that takes every picture for the second class; of the first it knows row 4."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(3, 3, activation="relu", name="block1_conv1")(inputs)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(1, 3, name="block2_conv1")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(
        1, activation="sigmoid", kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(2)
    )(x)
    network = keras.Model(inputs, outputs)
    made = Store(tmp_path / "runs", "leuknet_lodocv").trial({"row": "leuknet"})
    SavedNetwork(network, SETUP.preprocessing, smears.class_names, {}).save(made.path / "model.keras")
    label = smears.labels[TESTED]
    said = np.where(TESTED == 4, 0, 1)
    write_predictions(
        made.path / "predictions.csv",
        Predictions(
            image=smears.ids[TESTED],
            part=np.full(len(TESTED), "test"),
            checkpoint=np.full(len(TESTED), "last"),
            group=np.full(len(TESTED), ""),
            label=label,
            probabilities=np.eye(2)[said],
            class_names=smears.class_names,
        ),
    )
    made.finish({"checkpoint": "last"})
    return made


def test_filter_sketch_shows_a_picture_of_each_class_and_what_a_sigmoid_says(smears, trial):
    sketch = make_filter_sketch(trial, SETUP, smears, TESTED)
    # Row 4 is the only one of its class that the network knows, row 3 the first of the other.
    for picture, row in zip(sketch.pictures, (4, 3), strict=True):
        expected = cv2.resize(read_picture(smears.paths[row])[0], (16, 16), interpolation=cv2.INTER_AREA)
        assert np.abs(picture.astype(int) - expected).max() <= 2
    names = [title.split(", ")[0] for title in sketch.titles]
    assert names == ["non-pathological", "pathological"]
    assert all(title.endswith("taken for pathological") for title in sketch.titles)


def test_filter_sketch_holds_the_most_active_filters_of_the_last_convolutions(smears, trial):
    sketch = make_filter_sketch(trial, SETUP, smears, TESTED)
    assert sketch.layers == ["block1_conv1", "block2_conv1"]
    assert [filters.shape for filters in sketch.filters] == [(2, 2), (2, 1)]
    assert [maps.shape for maps in sketch.maps] == [(2, 2, 14, 14), (2, 1, 5, 5)]
    assert {maps.dtype for maps in sketch.maps} == {np.dtype("float32")}
    network = SavedNetwork.load(trial.path / "model.keras").network
    first = keras.Model(network.input, network.get_layer("block1_conv1").output)
    inputs = scaled(sketch.pictures, SETUP.preprocessing)
    outputs = np.moveaxis(first.predict(inputs, verbose=0), -1, 1)
    for of_picture, filters, maps in zip(outputs, sketch.filters[0], sketch.maps[0], strict=True):
        np.testing.assert_allclose(maps, of_picture[filters], atol=1e-4)
        left_out = np.delete(of_picture, filters, axis=0)
        assert maps.mean(axis=(1, 2)).min() >= left_out.mean(axis=(1, 2)).max() - 1e-4


def test_filter_sketch_comes_back_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    sketch = FilterSketch(
        titles=["pathological – größer", "non-pathological"],
        pictures=rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8),
        layers=["block1_conv2", "block5_conv3"],
        filters=[np.array([[3, 1], [0, 2]]), np.array([[511], [7]])],
        maps=[rng.random((2, 2, 8, 8), dtype=np.float32), rng.random((2, 1, 2, 2), dtype=np.float32)],
    )
    assert not FilterSketch.exist(tmp_path, "figure3")
    sketch.save(tmp_path, "figure3")
    assert FilterSketch.exist(tmp_path, "figure3")
    loaded = FilterSketch.load(tmp_path, "figure3")
    assert (loaded.titles, loaded.layers) == (sketch.titles, sketch.layers)
    np.testing.assert_array_equal(loaded.pictures, sketch.pictures)
    for name in ("filters", "maps"):
        for one, other in zip(getattr(loaded, name), getattr(sketch, name), strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
    path = tmp_path / "figure3.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"figure3\.npz can't be read"):
        FilterSketch.load(tmp_path, "figure3")


def test_one_kind_of_maps_is_not_taken_for_another(tmp_path):
    maps = ActivationMaps(
        ["a"], np.zeros((1, 3, 3, 3), np.uint8), np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), "conv"
    )
    maps.save(tmp_path, "figure3")
    with pytest.raises(StoreError, match="layers"):
        FilterSketch.load(tmp_path, "figure3")


def test_what_is_kept_for_each_kind_of_figure(smears, trial):
    assert list(NETWORK_MAPS) == ["activation_maps", "filters"]
    kept, make = NETWORK_MAPS["filters"]
    assert isinstance(make(trial, SETUP, smears, TESTED), kept)


@pytest.fixture
def stages(smears) -> ImageIndex:
    """The same pictures as those of three classes."""
    return replace(smears, labels=np.arange(10) % 3, class_names=("HBS", "ALL", "AML"))


@pytest.fixture
def tested_stages(stages, tmp_path):
    """A network with maps of 14, 7 and 3 pixels, finished on seven pictures, of which it knows some."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="wide")(inputs)
    x = keras.layers.MaxPooling2D(2, name="narrow")(x)
    x = keras.layers.MaxPooling2D(2, name="points")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    made = Store(tmp_path / "runs", "alertnet").trial({"row": "alertnet_rwd"})
    saved = SavedNetwork(network, SETUP.preprocessing, stages.class_names, {})
    saved.save(made.path / "model.keras")
    # Right for 5 and 6 alone (AML and HBS): of ALL none is known, so the first is shown.
    label = stages.labels[TESTED]
    said = np.where(np.isin(TESTED, (5, 6)), label, (label + 1) % 3)
    write_predictions(
        made.path / "predictions.csv",
        Predictions(
            image=stages.ids[TESTED],
            part=np.full(len(TESTED), "test"),
            checkpoint=np.full(len(TESTED), "last"),
            group=np.full(len(TESTED), ""),
            label=label,
            probabilities=np.eye(3)[said],
            class_names=stages.class_names,
        ),
    )
    made.finish({"checkpoint": "last"})
    return made


def test_activation_maps_show_a_picture_of_each_class_that_the_network_knows(stages, tested_stages):
    maps = make_activation_maps(tested_stages, SETUP, stages, TESTED)
    # Rows 6 (HBS), 4 (ALL) and 5 (AML).
    assert [title.split(", taken for ")[0].split(", ")[0] for title in maps.titles] == ["HBS", "ALL", "AML"]
    for picture, row in zip(maps.pictures, (6, 4, 5), strict=True):
        expected = cv2.resize(read_picture(stages.paths[row])[0], (16, 16), interpolation=cv2.INTER_AREA)
        assert np.abs(picture.astype(int) - expected).max() <= 2
    assert all(title.rpartition(" ")[2] in stages.class_names for title in maps.titles)


def test_activation_maps_are_of_the_last_layer_that_is_no_single_point(stages, tested_stages):
    maps = make_activation_maps(tested_stages, SETUP, stages, TESTED)
    assert maps.layer == "narrow"
    for values in (maps.mean, maps.grad_cam):
        assert values.shape == (3, 7, 7)
        assert (values >= 0).all()
        assert (values <= 1).all()


def test_activation_maps_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    maps = ActivationMaps(
        titles=["HBS – größer", "ALL"],
        pictures=rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8),
        mean=rng.random((2, 4, 4), dtype=np.float32),
        grad_cam=rng.random((2, 4, 4), dtype=np.float32),
        layer="conv5",
    )
    assert not ActivationMaps.exist(tmp_path, "figure3")
    maps.save(tmp_path, "figure3")
    assert ActivationMaps.exist(tmp_path, "figure3")
    assert not ActivationMaps.exist(tmp_path, "figure4")
    loaded = ActivationMaps.load(tmp_path, "figure3")
    assert (loaded.titles, loaded.layer) == (maps.titles, "conv5")
    for name in ("pictures", "mean", "grad_cam"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(maps, name))
    path = tmp_path / "figure3.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"figure3\.npz can't be read"):
        ActivationMaps.load(tmp_path, "figure3")
