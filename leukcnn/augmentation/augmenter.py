"""Draw what happens to an image, then do it."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from leukcnn.augmentation import arguments
from leukcnn.augmentation.arguments import Effects
from leukcnn.augmentation.checks import check_image, describe, output_like
from leukcnn.augmentation.geometry import (
    affine_matrix,
    check_fill,
    check_square,
    quarter_turned,
    warp_into,
)
from leukcnn.augmentation.noise import gaussian_blur, salt_and_pepper
from leukcnn.errors import ArgumentError

_NEUTRAL_GEOMETRY = {
    "theta": 0.0,
    "tx": 0.0,
    "ty": 0.0,
    "shear": 0.0,
    "zx": 1.0,
    "zy": 1.0,
    "shear_factor_x": 0.0,
    "shear_factor_y": 0.0,
}
_NEUTRAL = _NEUTRAL_GEOMETRY | {
    "flip_horizontal": False,
    "flip_vertical": False,
    "gaussian_blur": 0,
    "salt_and_pepper": 0.0,
    "noise_seed": 0,
    "choice": None,
    "quarter_turns": 0,
}
_ONE_OF_FLIPS = ((True, False), (False, True), (True, True))
_SHEARED_AXES = ((1, 0), (0, 1), (1, 1))
# A quantity that comes to be drawn goes to the end, so that those before it keep their draws.
_DRAWS = 14
_ALMOST_ONE = 1.0 - 2.0**-53


class ImageAugmenter:
    """Random rotation, shift, shear, zoom, flips, blur and noise, with ImageDataGenerator's arguments.

    The geometry is composed into one matrix and the image resampled once; blur and noise follow. Quarter
    turns, which come first, and flips move pixels and change no value.

    Every draw takes the same quantities from the generator in the same order whatever the arguments are, so
    one argument more or less leaves the other quantities of a seed as they were.

    As in Keras 3, `tx` comes from `height_shift_range` and the image's height and moves its columns, `ty`
    from `width_shift_range` and moves its rows.

    Example:
        What the C-NMC 2019 paper does (flips, rotation on black, and one of four):

        >>> augmenter = ImageAugmenter(
        ...     rotation_range=(20, 339), flips="one_of", fill_mode="constant",
        ...     one_of=({}, {"shear_factor": (0.1, 0.35)}, {"salt_and_pepper": 0.02}, {"gaussian_blur": 5}),
        ... )

    Args:
        rotation_range: Degrees: a number for plus or minus as much, or an interval (lower, upper).
        width_shift_range: Float below 1: fraction of the width, else pixels, plus or minus; an integer n: a
            whole number of pixels from 0 to n - 1, or a sequence: one of its items, with a random sign.
        height_shift_range: The same for the height.
        shear_range: Shear angle, degrees: a number for plus or minus as much, or an interval.
        zoom_range: A number for 1 plus or minus as much, or an interval; drawn for each axis. Above 1 the
            image shrinks.
        horizontal_flip: Whether left and right change places half the time.
        vertical_flip: Whether top and bottom change places half the time.
        fill_mode: "nearest", "reflect", "wrap" or "constant"; see `warp`.
        cval: Grey level outside the image under "constant".
        flips: "one_of" for exactly one of horizontal, vertical and both, a third of the time each, in place
            of the two flip arguments; None for these.
        shear_factor: Interval of a plain shear factor, columns per row ([[1, f], [0, 1]]), along x, along y
            or along both with a factor each, a third of the time each. None for no such shear.
        gaussian_blur: Side of a Gaussian kernel, pixels, odd, for every image; 0 for none.
        salt_and_pepper: Fraction of the pixels that become white or black, half and half; 0 for none.
        one_of: Mappings of the last three arguments to values. For each image one of them, all equally
            likely, replaces those arguments; an empty one replaces nothing.
        salt_value: Grey level of the white pixels; 1.0 for images on 0..1.
        quarter_turns: Whether the image is first turned by 0, 90, 180 or 270 degrees, a quarter of the time
            each. Square images only.

    Raises:
        ArgumentError: An argument lies outside what is described.
    """

    def __init__(
        self,
        *,
        rotation_range: float | Sequence[float] = 0.0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        shear_range: float | Sequence[float] = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        flips: str | None = None,
        shear_factor: Sequence[float] | None = None,
        gaussian_blur: int = 0,
        salt_and_pepper: float = 0.0,
        one_of: Sequence[Mapping[str, object]] = (),
        salt_value: float = 255.0,
        quarter_turns: bool = False,
    ):
        if flips not in (None, "one_of") or (flips and (horizontal_flip or vertical_flip)):
            raise ArgumentError(
                f"flips is {flips!r}, horizontal_flip {horizontal_flip!r}, vertical_flip {vertical_flip!r}.",
                expected='flips="one_of" alone, or the other two',
                remedy='leave out `flips`, or the other two beside `flips="one_of"`',
            )
        check_fill(fill_mode, cval)
        self._rotation = arguments.angle_interval("rotation_range", rotation_range)
        self._width_shift = arguments.shift_range("width_shift_range", width_shift_range)
        self._height_shift = arguments.shift_range("height_shift_range", height_shift_range)
        self._shear = arguments.angle_interval("shear_range", shear_range)
        self._zoom = arguments.zoom_interval("zoom_range", zoom_range)
        self._flip_chances = (0.5 * bool(horizontal_flip), 0.5 * bool(vertical_flip))
        self._one_of_flips = flips == "one_of"
        self._fill_mode = fill_mode
        self._cval = arguments.number("cval", cval)
        self._salt = arguments.number("salt_value", salt_value)
        self._effects = Effects(shear_factor, gaussian_blur, salt_and_pepper).alternatives(one_of)
        self._has_choice = bool(one_of)
        self._turns = 4 if quarter_turns else 1
        self._is_random = self._params((2, 2), [0.0] * _DRAWS) != self._params((2, 2), [_ALMOST_ONE] * _DRAWS)

    def get_random_transform(
        self, image_shape: Sequence[int], rng: np.random.Generator
    ) -> dict[str, float | int | bool | None]:
        """Draws what `apply_transform` does to one image.

        Args:
            image_shape: Height and width in pixels; further entries aren't read.
            rng: Where the numbers come from; a seed that `numpy.random.default_rng` takes will do.

        Returns:
            ImageDataGenerator's keys `theta` (degrees), `tx`, `ty` (pixels), `shear` (degrees), `zx`, `zy`,
            `flip_horizontal`, `flip_vertical`, and `shear_factor_x`, `shear_factor_y`, `gaussian_blur`
            (pixels), `salt_and_pepper` (fraction), `noise_seed`, `choice` (position in `one_of`, None
            without), `quarter_turns` (0 to 3, counter-clockwise).

        Raises:
            ArgumentError: The image isn't square and the augmenter makes quarter turns.
        """
        if self._turns > 1:
            check_square(image_shape)
        # A generator costs as much as a tenth of a blur: none is made where nothing is left to chance.
        draws = np.random.default_rng(rng).random(_DRAWS).tolist() if self._is_random else [0.0] * _DRAWS
        return self._params(image_shape, draws)

    def _params(self, image_shape: Sequence[int], u: list[float]) -> dict[str, float | int | bool | None]:
        """Returns the parameters that numbers `u` in [0, 1) stand for."""
        if self._one_of_flips:
            flip_horizontal, flip_vertical = _ONE_OF_FLIPS[int(3 * u[6])]
        else:
            flip_horizontal, flip_vertical = u[6] < self._flip_chances[0], u[7] < self._flip_chances[1]
        choice = int(u[8] * len(self._effects))
        effects = self._effects[choice]
        along_x, along_y = _SHEARED_AXES[int(3 * u[9])] if effects.shear_factor else (0, 0)
        factors = effects.shear_factor or (0.0, 0.0)
        return {
            "theta": _between(self._rotation, u[0]),
            "tx": self._height_shift.draw(u[1], image_shape[0]),
            "ty": self._width_shift.draw(u[2], image_shape[1]),
            "shear": _between(self._shear, u[3]),
            "zx": _between(self._zoom, u[4]),
            "zy": _between(self._zoom, u[5]),
            "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical,
            "shear_factor_x": along_x * _between(factors, u[10]),
            "shear_factor_y": along_y * _between(factors, u[11]),
            "gaussian_blur": effects.gaussian_blur,
            "salt_and_pepper": effects.salt_and_pepper,
            "noise_seed": int(u[12] * 2**53) if effects.salt_and_pepper else 0,
            "choice": choice if self._has_choice else None,
            "quarter_turns": int(u[13] * self._turns),
        }

    def apply_transform(
        self, image: np.ndarray, params: Mapping[str, object], *, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Does to an image what has been drawn.

        Args:
            image: (H, W, C), uint8 or float32 on 0..255, 1 to 4 channels; it isn't modified.
            params: What `get_random_transform` returns, or a part of it; what is missing isn't done.
            out: Where to write: C-contiguous, of the image's shape and dtype, apart from it in memory.

        Returns:
            (H, W, C) of the input's dtype: `out`, or a new array.

        Raises:
            ArgumentError: The image or `out` isn't as described, or `params` asks for something unknown or
                for a quarter turn of an image that isn't square.
        """
        check_image(image)
        check_fill(self._fill_mode, self._cval, dtype=image.dtype)
        unknown = [key for key, value in params.items() if key not in _NEUTRAL and value is not None]
        if unknown:
            raise ArgumentError(
                f"params asks for {', '.join(map(repr, unknown))}.",
                expected=", ".join(_NEUTRAL),
                remedy="leave out the others",
            )
        out = output_like(image, out)
        self._apply(out, image, _NEUTRAL | dict(params))
        return out

    def _apply(self, out: np.ndarray, image: np.ndarray, params: Mapping[str, object]) -> None:
        """Does what `apply_transform` does, with all parameters present and arrays that have been checked."""
        flip_horizontal, flip_vertical = params["flip_horizontal"], params["flip_vertical"]
        geometry = {key: params[key] for key in _NEUTRAL_GEOMETRY}
        is_moved = flip_horizontal or flip_vertical or geometry != _NEUTRAL_GEOMETRY
        result = image
        if params["quarter_turns"]:
            result = quarter_turned(image, params["quarter_turns"], out=None if is_moved else out)
        if is_moved:
            matrix = affine_matrix(image.shape, **geometry)
            warp_into(out, result, matrix, flip_horizontal, flip_vertical, self._fill_mode, self._cval)
            result = out
        if params["gaussian_blur"]:
            result = gaussian_blur(result, params["gaussian_blur"], out=out)
        if params["salt_and_pepper"]:
            amount, seed = params["salt_and_pepper"], params["noise_seed"]
            result = salt_and_pepper(result, amount, seed, salt=self._salt, out=out)
        if result is image:
            np.copyto(out, image)

    def random_transform(
        self, image: np.ndarray, seed: int | np.random.Generator, *, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Draws from a seed and applies; arguments and result as in `apply_transform`."""
        return self.apply_transform(image, self.get_random_transform(image.shape, seed), out=out)

    def apply_batch(
        self,
        images: np.ndarray,
        seeds: Iterable[int | np.random.Generator],
        *,
        out: np.ndarray | None = None,
        threads: int = 1,
    ) -> np.ndarray:
        """Draws and applies for every image of a batch, each from its own seed.

        What becomes of an image depends on the image and its seed, not on its place or on `threads`. With
        several threads, switch OpenCV's own off first (`cv2.setNumThreads(1)`), lest they get in each other's
        way.

        Args:
            images: (N, H, W, C), uint8 or float32 on 0..255, 1 to 4 channels; they aren't modified.
            seeds: N seeds, anything that `numpy.random.default_rng` takes.
            out: Where to write: C-contiguous, of the batch's shape and dtype, apart from it in memory.
            threads: How many images are worked on at a time.

        Returns:
            (N, H, W, C) of the input's dtype: `out`, or a new array.

        Raises:
            ArgumentError: The batch or `out` isn't as described, there isn't a seed for each image,
                `threads` is below 1, or the augmenter makes quarter turns of images that aren't square.
        """
        check_image(images, batch=True)
        check_fill(self._fill_mode, self._cval, dtype=images.dtype)
        seeds = list(seeds)
        if len(seeds) != len(images):
            raise ArgumentError(
                f"There are {len(seeds)} seeds for a batch that is {describe(images)}.",
                expected="one seed an image",
                remedy="pass as many seeds as images",
            )
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ArgumentError(
                f"threads is {threads!r}.", expected="a whole number of at least 1", remedy="pass `threads=1`"
            )
        out = output_like(images, out)

        bounds = [len(images) * share // threads for share in range(threads + 1)]
        shares = [slice(*pair) for pair in pairwise(bounds)]

        # A share's draws come before its warps: the interpreter runs faster in a row than between two warps
        # that empty the caches. They are drawn here, in order, while earlier shares are already being warped.
        def draw(share: slice) -> list[dict]:
            return [self.get_random_transform(images.shape[1:], seed) for seed in seeds[share]]

        def work(share: slice, drawn: list[dict]) -> None:
            for target, image, params in zip(out[share], images[share], drawn, strict=True):
                self._apply(target, image, params)

        if threads == 1:
            work(shares[0], draw(shares[0]))
        else:
            with ThreadPoolExecutor(threads) as pool:
                for job in [pool.submit(work, share, draw(share)) for share in shares]:
                    job.result()
        return out


def _between(limits: tuple[float, float], uniform: float) -> float:
    lower, upper = limits
    return lower + (upper - lower) * uniform
