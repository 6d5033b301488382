"""An augmenter's repr, config and equality."""

import inspect
import json
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from leukcnn.augmentation import ImageAugmenter
from leukcnn.errors import ArgumentError

CASES = {
    "defaults": {},
    "keras": {
        "rotation_range": 40,
        "width_shift_range": 0.2,
        "height_shift_range": 3,
        "shear_range": (-5, 10),
        "zoom_range": [0.8, 1.3],
        "horizontal_flip": True,
        "fill_mode": "reflect",
    },
    "own": {
        "flips": "one_of",
        "fill_mode": "constant",
        "cval": 7.0,
        "shear_factor": [0.1, 0.2],
        "gaussian_blur": 3,
        "salt_and_pepper": 0.01,
        "one_of": [{}, {"shear_factor": (0.1, 0.35)}, {"shear_factor": None, "gaussian_blur": 5}],
        "salt_value": 200,
        "quarter_turns": True,
    },
    "numpy": {
        "rotation_range": np.float32(30),
        "width_shift_range": np.array([0.1, 0.2]),
        "height_shift_range": np.int64(4),
        "vertical_flip": np.True_,
        "zoom_range": Fraction(1, 4),
        "fill_mode": np.str_("wrap"),
        "one_of": (MappingProxyType({"gaussian_blur": np.int64(5)}),),
    },
}
each_case = pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)


def augmented(augmenter):
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    return augmenter(images, seed=1)


@each_case
def test_a_config_of_json_types_makes_an_equal_augmenter(arguments):
    augmenter = ImageAugmenter(**arguments)
    config = augmenter.get_config()
    assert list(config) == list(inspect.signature(ImageAugmenter).parameters)
    assert json.loads(json.dumps(config)) == config
    for again in (config, json.loads(json.dumps(config))):
        made = ImageAugmenter.from_config(again)
        assert made == augmenter
        assert hash(made) == hash(augmenter)
        assert made.get_config() == config
        assert np.array_equal(augmented(made), augmented(augmenter))


@each_case
def test_the_repr_makes_an_equal_augmenter(arguments):
    augmenter = ImageAugmenter(**arguments)
    made = eval(repr(augmenter), {"ImageAugmenter": ImageAugmenter})
    assert made == augmenter
    assert np.array_equal(augmented(made), augmented(augmenter))


def test_the_repr_shows_what_differs_from_the_defaults():
    assert repr(ImageAugmenter()) == "ImageAugmenter()"
    augmenter = ImageAugmenter(
        zoom_range=[0.8, 1.2], rotation_range=30, cval=0, one_of=[{}, {"gaussian_blur": 5}]
    )
    assert repr(augmenter) == (
        "ImageAugmenter(rotation_range=30, zoom_range=(0.8, 1.2), one_of=({}, {'gaussian_blur': 5}))"
    )


def test_a_config_may_name_some_arguments_alone():
    assert ImageAugmenter.from_config({"rotation_range": 30}) == ImageAugmenter(rotation_range=30)


def test_augmenters_with_other_arguments_differ():
    augmenter = ImageAugmenter(rotation_range=30)
    assert augmenter != ImageAugmenter(rotation_range=31)
    assert augmenter != "ImageAugmenter(rotation_range=30)"
    # In Keras, an integer is a number of choices and a float a limit.
    assert ImageAugmenter(width_shift_range=1) != ImageAugmenter(width_shift_range=1.0)
    assert len({augmenter, ImageAugmenter(rotation_range=30), ImageAugmenter()}) == 2


def test_a_changed_config_or_argument_leaves_the_augmenter():
    choices = [{"gaussian_blur": 5}]
    augmenter = ImageAugmenter(one_of=choices)
    choices[0]["gaussian_blur"] = 7
    augmenter.get_config()["one_of"].append({})
    assert augmenter == ImageAugmenter(one_of=({"gaussian_blur": 5},))


def test_unknown_keys_are_refused_with_the_nearest_name():
    with pytest.raises(ArgumentError, match=r"(?s)'rotation'.*zoom_range.*did you mean 'rotation_range'\?"):
        ImageAugmenter.from_config({"rotation": 30})
    with pytest.raises(ArgumentError, match=r"(?s)unknown key 'xyz'.*leave it out"):
        ImageAugmenter.from_config({"xyz": 30})


@pytest.mark.parametrize("config", [None, "rotation_range", [("rotation_range", 30)]])
def test_a_config_must_be_a_mapping(config):
    with pytest.raises(ArgumentError, match=r"(?s)configuration is.*get_config"):
        ImageAugmenter.from_config(config)


def test_values_of_a_config_are_checked():
    with pytest.raises(ArgumentError, match="gaussian_blur is 4"):
        ImageAugmenter.from_config({"gaussian_blur": 4})
