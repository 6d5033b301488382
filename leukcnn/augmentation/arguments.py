"""Checks the arguments of `ImageAugmenter` and converts them to forms that are cheap to sample from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TypedDict

import numpy as np

from leukcnn.errors import ArgumentError

Interval = tuple[float, float]

# No image is larger.
_MOST_PIXELS = 10**5


@dataclass(frozen=True)
class Shift:
    """One of Keras' shift ranges.

    Attributes:
        limit: Without choices, a shift is uniform between -limit and limit.
        choices: The shifts to choose from, with both signs.
        fraction: Whether shifts are fractions of the image's height or width; otherwise they are pixels.
    """

    limit: float = 0.0
    choices: tuple[float, ...] = ()
    fraction: bool = True

    def sample(self, uniform: float, length: int) -> float:
        """Converts a random value to a shift in pixels.

        Args:
            uniform: A random value in [0, 1).
            length: The image's height or width, in pixels.
        """
        if self.choices:
            shift = self.choices[int(uniform * len(self.choices))]
        else:
            shift = self.limit * (2.0 * uniform - 1.0)
        return shift * length if self.fraction else shift


class EffectChoice(TypedDict, total=False):
    """One mapping of the argument `one_of`: the effects that it replaces."""

    shear_factor: Interval | None
    gaussian_blur: int
    salt_and_pepper: float


@dataclass(frozen=True)
class Effects:
    """The effects that `one_of` can choose between.

    Attributes:
        shear_factor: Interval of the factors; None for no shear.
        gaussian_blur: Size of the kernel in pixels; 0 for no blur.
        salt_and_pepper: Fraction of the pixels that change.
    """

    shear_factor: Interval | None = None
    gaussian_blur: int = 0
    salt_and_pepper: float = 0.0

    def __post_init__(self) -> None:
        if self.shear_factor is not None:
            object.__setattr__(self, "shear_factor", interval("shear_factor", self.shear_factor))
        if not isinstance(self.gaussian_blur, int) or self.gaussian_blur:
            check_blur("gaussian_blur", self.gaussian_blur)
        check_fraction("salt_and_pepper", self.salt_and_pepper)

    def alternatives(self, one_of: Sequence[EffectChoice]) -> tuple["Effects", ...]:
        """Returns these effects with each choice applied to them, or these effects alone without a choice.

        Raises:
            ArgumentError: It isn't a sequence, or a choice isn't a mapping or has a key that isn't an effect.
        """
        names = tuple(self.__dataclass_fields__)
        if not isinstance(one_of, tuple | list):
            raise ArgumentError(f"one_of is {one_of!r:.80}.", expected="a list or tuple of mappings")
        for choice in one_of:
            if not isinstance(choice, Mapping) or not set(choice) <= set(names):
                raise ArgumentError(
                    f"one_of holds {choice!r}.",
                    expected=f"mappings with keys among {', '.join(names)}, or an empty one for no effect",
                    remedy='pass e.g. `one_of=({}, {"gaussian_blur": 5})`',
                )
        return tuple(replace(self, **choice) for choice in one_of) or (self,)


def truth(name: str, value: object) -> bool:
    """Returns True or False. Other values are refused, since "False" would count as True.

    Raises:
        ArgumentError: The value is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"{name} is {value!r:.80}.", expected="True or False")
    return bool(value)


def number(name: str, value: object) -> float:
    """Returns a finite real number as a float.

    Raises:
        ArgumentError: The value isn't a finite real number.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not math.isfinite(value):
        raise ArgumentError(
            f"{name} is {value!r}.", expected="a finite number", remedy=f"pass e.g. `{name}=0.2`"
        )
    return float(value)


def interval(name: str, value: object) -> Interval:
    """Returns (lower, upper) of a pair.

    Raises:
        ArgumentError: The value isn't a pair of finite numbers in ascending order.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="a pair (lower, upper)",
            remedy=f"pass e.g. `{name}=(0.1, 0.35)`",
        )
    lower, upper = (number(name, limit) for limit in value)
    if lower > upper:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="a lower limit that isn't above the upper limit",
            remedy=f"pass `{name}={(upper, lower)}`",
        )
    return lower, upper


def angle_interval(name: str, value: object) -> Interval:
    """Returns (-value, value) for a number of degrees, and a pair unchanged.

    Raises:
        ArgumentError: The value is neither a number nor a pair, or the number is negative.
    """
    if isinstance(value, tuple | list):
        return interval(name, value)
    limit = number(name, value)
    if limit < 0:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="a number v of at least 0 degrees, for -v to v, or a pair",
            remedy=f"pass `{name}={-limit:g}`",
        )
    return -limit, limit


def zoom_interval(name: str, value: object) -> Interval:
    """Returns (1 - value, 1 + value) for a number, and a pair unchanged.

    Raises:
        ArgumentError: The value is neither a number nor a pair, or a zoom could be 0 or less.
    """
    if isinstance(value, tuple | list):
        lower, upper = interval(name, value)
    else:
        half = number(name, value)
        lower, upper = 1.0 - half, 1.0 + half
    if not 0 < lower <= upper:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="a number v from 0 to below 1, for 1 - v to 1 + v, or a pair above 0",
            remedy=f"pass e.g. `{name}=0.2` or `{name}=(0.8, 1.2)`",
        )
    return lower, upper


def shift_range(name: str, value: object) -> Shift:
    """Reads a shift range as Keras does.

    A float is the limit of a uniform shift. An integer n means the choices 0 to n - 1 pixels and a sequence
    means its items, each with a random sign. A float below 1, and items that are all below 1, are fractions
    of the image's height or width; others are pixels.

    Raises:
        ArgumentError: The value is none of these, is negative or is empty.
    """
    if isinstance(value, tuple | list | np.ndarray):
        sizes = [number(name, item) for item in value]
    elif isinstance(value, Integral) and number(name, value) > 0:
        if int(value) > _MOST_PIXELS:
            raise ArgumentError(f"{name} is {value!r:.80}.", expected=f"at most {_MOST_PIXELS:,} pixels")
        sizes = [float(pixels) for pixels in range(value)]
    else:
        limit = number(name, value)
        if limit < 0:
            raise ArgumentError(
                f"{name} is {value!r}.", expected="at least 0", remedy=f"pass `{name}={-limit:g}`"
            )
        return Shift(limit=limit, fraction=limit < 1)
    if not sizes:
        raise ArgumentError(
            f"{name} is {value!r}.", expected="at least one shift", remedy=f"pass `{name}=0.0` for no shift"
        )
    in_pixels = isinstance(value, Integral)
    return Shift(choices=(*sizes, *(-size for size in sizes)), fraction=not in_pixels and max(sizes) < 1)


def check_fraction(name: str, value: object) -> None:
    """Checks that a value is a fraction.

    Raises:
        ArgumentError: The value isn't a number from 0 to 1.
    """
    if not 0 <= number(name, value) <= 1:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="a fraction from 0 to 1",
            remedy=f"pass e.g. `{name}=0.02` for 2 %",
        )


def check_blur(name: str, value: object) -> None:
    """Checks that a value can be the size of a blurring kernel.

    Raises:
        ArgumentError: The value isn't an odd whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1 or value % 2 == 0:
        raise ArgumentError(
            f"{name} is {value!r}.",
            expected="an odd number of pixels, at least 1",
            remedy=f"pass e.g. `{name}=5`",
        )
