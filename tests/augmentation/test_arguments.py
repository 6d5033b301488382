import inspect
import math

import numpy as np
import pytest

from leukcnn.augmentation import ImageAugmenter, arguments
from leukcnn.augmentation.arguments import Effects, Shift
from leukcnn.errors import ArgumentError


@pytest.mark.parametrize(("value", "limits"), [(40, (-40, 40)), (0, (0, 0)), ((20, 339), (20, 339))])
def test_angles_become_intervals(value, limits):
    assert arguments.angle_interval("rotation_range", value) == limits


@pytest.mark.parametrize(("value", "limits"), [(0.25, (0.75, 1.25)), (0, (1, 1)), ([0.5, 2], (0.5, 2))])
def test_zooms_become_intervals(value, limits):
    assert arguments.zoom_interval("zoom_range", value) == limits


@pytest.mark.parametrize(
    ("value", "uniform", "pixels"),
    [
        (0.0, 0.7, 0),
        (0.2, 0.0, -20),
        (0.2, 0.75, 10),
        (8.0, 0.75, 4),
        (3, 0.4, 2),
        (3, 0.9, -2),
        (1, 0.9, 0),
        ([5, 10], 0.3, 10),
        ([5, 10], 0.5, -5),
        (np.array([0.1, 0.5]), 0.3, 50),
    ],
)
def test_shifts_are_as_in_keras(value, uniform, pixels):
    assert arguments.shift_range("width_shift_range", value).sample(uniform, 100) == pytest.approx(pixels)


@pytest.mark.parametrize("value", [-0.2, -3, [], "far", math.inf, True, [True], None])
def test_other_shifts_are_refused(value):
    with pytest.raises(ArgumentError, match="width_shift_range"):
        arguments.shift_range("width_shift_range", value)


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (arguments.angle_interval, -5),
        (arguments.angle_interval, (30, 20)),
        (arguments.angle_interval, (1, 2, 3)),
        (arguments.angle_interval, "40"),
        (arguments.zoom_interval, 1.0),
        (arguments.zoom_interval, (0, 1)),
        (arguments.zoom_interval, math.nan),
        (arguments.zoom_interval, -0.1),
        (arguments.interval, 0.3),
        (arguments.number, 1j),
        (arguments.check_fraction, 1.01),
        (arguments.check_blur, 6),
    ],
)
def test_messages_name_the_value_what_is_expected_and_a_remedy(parse, value):
    with pytest.raises(ArgumentError) as error:
        parse("this_range", value)
    assert "this_range" in error.value.found
    assert error.value.expected
    assert error.value.remedy


def test_choices_replace_what_they_name():
    base = Effects(gaussian_blur=3, salt_and_pepper=0.1)
    assert base.alternatives(()) == (base,)
    assert base.alternatives(({}, {"gaussian_blur": 0})) == (base, Effects(salt_and_pepper=0.1))


@pytest.mark.parametrize(
    "choice", [{"rotation_range": 3}, {"gaussian_blur": 4}, {"shear_factor": 0.1}, "nothing"]
)
def test_other_choices_are_refused(choice):
    with pytest.raises(ArgumentError):
        Effects().alternatives((choice,))


def test_half_of_the_interval_is_no_shift():
    assert Shift(limit=2.0, fraction=False).sample(0.5, 100) == 0


ODD = [
    None,
    "x",
    "False",
    b"x",
    "\0",
    math.nan,
    math.inf,
    -1,
    10**30,
    [],
    (),
    {},
    object(),
    np.zeros(3),
    (1, 2, 3),
]


@pytest.mark.parametrize("name", inspect.signature(ImageAugmenter).parameters)
def test_odd_values_are_accepted_or_refused_by_name(name):
    for odd in ODD:
        try:
            ImageAugmenter(**{name: odd})
        except ArgumentError as error:
            assert name in error.found


def test_words_and_arrays_are_no_truth_values():
    for name in ("horizontal_flip", "vertical_flip", "quarter_turns"):
        for odd in ("False", 2, np.zeros(3)):
            with pytest.raises(ArgumentError, match="True or False"):
                ImageAugmenter(**{name: odd})
