"""Tests of what figures capture of trained networks: activation maps and feature maps of filters."""

from dataclasses import replace

import cv2
import keras
import numpy as np

from leukcnn import spec
from leukcnn.datasets import read_image
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork
from tests.outputs.png import captured, keys
from tests.outputs.trained import PREPROCESSING

MAPS = spec.Figure("figure3", "Maps", "activation_maps", "Figure 3", rows=("deep",))
FILTERS = spec.Figure("figure3", "Filters", "filters", "Figure 3", rows=("deep",))


def shows(kept, material, rows):
    for image, row in zip(kept["images"], rows, strict=True):
        whole = read_image(material.index.paths[row])[0]
        expected = cv2.resize(whole, (16, 16), interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(int) - expected).max() <= 2


def test_filters_show_an_image_of_each_class_and_its_predicted_class(two_classes):
    kept = captured(FILTERS, two_classes)["figure3"]
    # Row 4 is the only correct one of its class, row 3 the first of the other.
    shows(kept, two_classes, (4, 3))
    assert [title.split(", ")[0] for title in kept["titles"]] == ["non-pathological", "pathological"]
    assert all(title.endswith("predicted pathological") for title in kept["titles"])


def test_filters_are_the_most_active_of_the_last_convolutions(two_classes):
    kept = captured(FILTERS, two_classes)["figure3"]
    assert kept["layers"] == ["block1_conv1", "block2_conv1"]
    assert [filters.shape for filters in kept["filters"]] == [(2, 2), (2, 1)]
    assert [maps.shape for maps in kept["maps"]] == [(2, 2, 14, 14), (2, 1, 5, 5)]
    assert {maps.dtype for maps in kept["maps"]} == {np.dtype("float32")}
    ((_, _, trial),) = two_classes.results.trials["deep"]
    network = SavedNetwork.load(trial.path / "model.keras").network
    first = keras.Model(network.input, network.get_layer("block1_conv1").output)
    inputs = scaled(kept["images"], PREPROCESSING)
    outputs = np.moveaxis(first.predict(inputs, verbose=0), -1, 1)
    for of_image, filters, maps in zip(outputs, kept["filters"][0], kept["maps"][0], strict=True):
        np.testing.assert_allclose(maps, of_image[filters], atol=1e-4)
        left_out = np.delete(of_image, filters, axis=0)
        assert maps.mean(axis=(1, 2)).min() >= left_out.mean(axis=(1, 2)).max() - 1e-4


def test_activation_maps_show_a_correctly_classified_image_of_each_class(three_classes):
    kept = captured(MAPS, three_classes)["figure3"]
    # Rows 6 (HBS), 4 (ALL) and 5 (AML).
    assert [title.split(", ")[0] for title in kept["titles"]] == ["HBS", "ALL", "AML"]
    shows(kept, three_classes, (6, 4, 5))
    names = three_classes.index.class_names
    assert all(title.rpartition(" ")[2] in names for title in kept["titles"])


def test_activation_maps_are_those_of_the_last_layer_larger_than_a_point(three_classes):
    kept = captured(MAPS, three_classes)["figure3"]
    assert kept["layer"] == "narrow"
    for values in (kept["mean"], kept["grad_cam"]):
        assert values.shape == (3, 7, 7)
        assert (values >= 0).all()
        assert (values <= 1).all()


def test_nothing_is_captured_for_an_untrained_row_and_the_trial_is_the_key(three_classes):
    assert captured(replace(MAPS, rows=("shallow",)), three_classes) == {}
    ((_, _, trial),) = three_classes.results.trials["deep"]
    assert keys(MAPS, three_classes) == {"figure3": trial.path.name}
