"""Random augmentation: sample what happens to an image, then apply it."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Self, cast

import numpy as np

from leukcnn.augmentation import arguments
from leukcnn.augmentation.arguments import EffectChoice, Effects
from leukcnn.augmentation.checks import check_image, describe, output_like
from leukcnn.augmentation.config import as_json, check_keys, frozen
from leukcnn.augmentation.geometry import (
    affine_matrix,
    check_fill,
    check_square,
    quarter_turned,
    warp_into,
)
from leukcnn.augmentation.noise import gaussian_blur, salt_and_pepper
from leukcnn.augmentation.seeds import image_seeds
from leukcnn.augmentation.transforms import NEUTRAL, NEUTRAL_GEOMETRY, Transform, geometry_of
from leukcnn.errors import ArgumentError

_ONE_OF_FLIPS = ((True, False), (False, True), (True, True))
_SHEARED_AXES = ((1, 0), (0, 1), (1, 1))
# A new random value goes to the end, so that the earlier ones stay the same.
_RANDOM_VALUES = 14
_ALMOST_ONE = 1.0 - 2.0**-53


class ImageAugmenter:
    """Random rotation, shift, shear, zoom, flips, blur and noise, with ImageDataGenerator's arguments.

    The geometry is composed into one matrix and the image is resampled once; blur and noise follow. Quarter
    turns come first; they and the flips only move pixels.

    For each image, the same number of random values is sampled in the same order, independently of the
    arguments. Adding or removing an argument therefore doesn't change the other parameters that a seed gives.

    As in Keras 3, `tx` is sampled from `height_shift_range` (fractions are of the height) but moves the
    columns, and `ty` is sampled from `width_shift_range` (fractions are of the width) but moves the rows.

    Two augmenters are equal if their arguments are. `repr` shows the arguments that differ from the defaults,
    as a call that makes the same augmenter.

    Example:
        The augmentation of the C-NMC 2019 paper (flips, rotation on black, and one of four choices):

        >>> augmenter = ImageAugmenter(
        ...     rotation_range=(20, 339), flips="one_of", fill_mode="constant",
        ...     one_of=({}, {"shear_factor": (0.1, 0.35)}, {"salt_and_pepper": 0.02}, {"gaussian_blur": 5}),
        ... )
        >>> augmented = augmenter(images, seed=0)

        In `tf.data`, for a dataset `ds` of pairs (image, label) that aren't in batches yet:

        >>> def augment(i, image):
        ...     return augmenter(image, seed=0, start=i)
        >>> def augment_element(i, element):
        ...     image, label = element
        ...     augmented = tf.numpy_function(augment, [i, image], image.dtype)
        ...     return tf.ensure_shape(augmented, image.shape), label
        >>> ds = ds.enumerate().map(augment_element, num_parallel_calls=tf.data.AUTOTUNE)

        The number of an element determines its transform, so parallel calls don't change the result.
        `enumerate` starts again with each pass over `ds`: every epoch sees the same transforms. For new ones
        in each epoch, use `ds.repeat().enumerate()` and give `steps_per_epoch` to `fit`. A shuffle before
        `enumerate` needs a seed to be the same in the next run. `tf.numpy_function` runs in this Python
        process: the dataset can't be saved, sent to another process or compiled by XLA.

    Args:
        rotation_range: Degrees: a number v for -v to v, or an interval (lower, upper).
        width_shift_range: A float v for -v to v: a fraction of the width if below 1, otherwise pixels. An
            integer n for a whole number of pixels from 0 to n - 1, or a sequence for one of its items, with a
            random sign.
        height_shift_range: The same for the height.
        shear_range: Shear angle, degrees: a number v for -v to v, or an interval.
        zoom_range: A number v for 1 - v to 1 + v, or an interval; sampled separately for each axis. Values
            above 1 shrink the image.
        horizontal_flip: Whether left and right are swapped, with probability 1/2.
        vertical_flip: Whether top and bottom are swapped, with probability 1/2.
        fill_mode: "nearest", "reflect", "wrap" or "constant"; see `warp`.
        cval: Grey level outside the image for "constant".
        flips: "one_of" for exactly one of a horizontal flip, a vertical flip and both, with probability 1/3
            each, or "any_of" for each of the two with probability 1/2, in place of the two flip arguments;
            None to use those.
        shear_factor: Interval of a plain shear factor, columns per row ([[1, f], [0, 1]]). The shear is along
            x, along y or along both with a factor each, with probability 1/3 each. None for no such shear.
        gaussian_blur: Size of a Gaussian kernel, pixels, odd, for every image; 0 for no blur.
        salt_and_pepper: Fraction of the pixels that change, one half to white and one half to black; 0 for
            none.
        one_of: Mappings of the last three arguments to values. For each image, one of them, all equally
            likely, replaces those arguments; an empty one replaces nothing.
        salt_value: Grey level of the white pixels; pass 1.0 for images on 0..1.
        quarter_turns: Whether the image is first turned by 0, 90, 180 or 270 degrees, with probability 1/4
            each. Square images only.

    Raises:
        ArgumentError: An argument is outside the described range.
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
        one_of: Sequence[EffectChoice] = (),
        salt_value: float = 255.0,
        quarter_turns: bool = False,
    ):
        # This must come first: `locals()` then holds nothing but the arguments.
        given = {name: value for name, value in locals().items() if name != "self"}
        chances = [0.5 * arguments.truth(name, given[name]) for name in ("horizontal_flip", "vertical_flip")]
        known = flips is None or (isinstance(flips, str) and flips in ("one_of", "any_of"))
        if not known or (flips and any(chances)):
            raise ArgumentError(
                f"flips is {flips!r}, horizontal_flip {horizontal_flip!r}, vertical_flip {vertical_flip!r}.",
                expected='flips="one_of" or "any_of" alone, or the other two arguments',
                remedy="leave out `flips`, or keep `flips` and leave out the other two",
            )
        check_fill(fill_mode, cval)
        self._rotation = arguments.angle_interval("rotation_range", rotation_range)
        self._width_shift = arguments.shift_range("width_shift_range", width_shift_range)
        self._height_shift = arguments.shift_range("height_shift_range", height_shift_range)
        self._shear = arguments.angle_interval("shear_range", shear_range)
        self._zoom = arguments.zoom_interval("zoom_range", zoom_range)
        self._flip_chances = (0.5, 0.5) if flips == "any_of" else (chances[0], chances[1])
        self._one_of_flips = flips == "one_of"
        self._fill_mode = fill_mode
        self._cval = arguments.number("cval", cval)
        self._salt = arguments.number("salt_value", salt_value)
        shears = None if shear_factor is None else arguments.interval("shear_factor", shear_factor)
        self._effects = Effects(shears, gaussian_blur, salt_and_pepper).alternatives(one_of)
        self._has_choice = bool(one_of)
        self._turns = 4 if arguments.truth("quarter_turns", quarter_turns) else 1
        smallest, largest = ([value] * _RANDOM_VALUES for value in (0.0, _ALMOST_ONE))
        self._is_random = self._params((2, 2), smallest) != self._params((2, 2), largest)
        self._arguments = {name: frozen(value) for name, value in given.items()}

    def get_config(self) -> dict[str, Any]:
        """Returns all arguments by name, as JSON types; `from_config` makes an equal augmenter from them."""
        return {name: as_json(value) for name, value in self._arguments.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes an augmenter from arguments by name.

        Args:
            config: What `get_config` returns, or some of it; arguments that are missing have their defaults.

        Raises:
            ArgumentError: A key is unknown, or a value is outside the described range.
        """
        check_keys(config, inspect.signature(cls).parameters)
        return cls(**config)

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters
        changed = [name for name, value in self._arguments.items() if value != parameters[name].default]
        return f"{type(self).__name__}({', '.join(f'{name}={self._arguments[name]!r}' for name in changed)})"

    def __eq__(self, other: object) -> bool:
        # Compared by `repr`, because 1 == 1.0, but an integer shift range differs from a float one.
        return repr(self) == repr(other) if isinstance(other, ImageAugmenter) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self))

    def __call__(
        self,
        images: np.ndarray,
        *,
        seed: int | Sequence[int] | None = None,
        start: int = 0,
        threads: int = 1,
    ) -> np.ndarray:
        """Augments a batch or a single image.

        With a root seed, the image at position i gets the seed
        `leukcnn.seeding.child_seed(seed, "augmentation", start + i)`. Its transform depends on this seed
        alone. The result is therefore the same for batches of any size, if `start` is the number of images
        in earlier batches, and for any number of threads.

        Args:
            images: (N, H, W, C) or (H, W, C), uint8 or float32 on 0..255, 1 to 4 channels; not modified.
            seed: A root seed, or a sequence of N seeds, one for each image (a single image has N = 1), as in
                `apply_batch`.
            start: Number of the first image, for a root seed; a sequence of seeds ignores it.
            threads: Number of images that are processed at the same time, see `apply_batch`.

        Returns:
            A new array of the input's shape and dtype.

        Raises:
            ArgumentError: `seed` is None, has another form or another length than the batch, or another
                argument isn't as described.
        """
        is_batch = np.ndim(images) != 3
        check_image(images, batch=is_batch)
        batch = images if is_batch else images[None]
        augmented = self.apply_batch(batch, image_seeds(seed, len(batch), start=start), threads=threads)
        return augmented if is_batch else augmented[0]

    def get_random_transform(self, image_shape: Sequence[int], rng: int | np.random.Generator) -> Transform:
        """Samples the parameters of one image's transform.

        Args:
            image_shape: Height and width in pixels; further entries are ignored.
            rng: A generator, or a seed for `numpy.random.default_rng`.

        Returns:
            ImageDataGenerator's keys `theta` (degrees), `tx`, `ty` (pixels), `shear` (degrees), `zx`, `zy`,
            `flip_horizontal`, `flip_vertical`, and `shear_factor_x`, `shear_factor_y`, `gaussian_blur`
            (pixels), `salt_and_pepper` (fraction), `noise_seed`, `choice` (position in `one_of`, None
            without it), `quarter_turns` (0 to 3, counter-clockwise).

        Raises:
            ArgumentError: The image isn't square and the augmenter makes quarter turns.
        """
        if self._turns > 1:
            check_square(image_shape)
        if not self._is_random:
            # No generator is made, because that takes a tenth of the time of a blur.
            return self._params(image_shape, [0.0] * _RANDOM_VALUES)
        return self._params(image_shape, np.random.default_rng(rng).random(_RANDOM_VALUES).tolist())

    def _params(self, image_shape: Sequence[int], u: list[float]) -> Transform:
        """Converts the random values `u` in [0, 1) to parameters."""
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
            "tx": self._height_shift.sample(u[1], image_shape[0]),
            "ty": self._width_shift.sample(u[2], image_shape[1]),
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
        """Applies a transform to an image.

        Args:
            image: (H, W, C), uint8 or float32 on 0..255, 1 to 4 channels; not modified.
            params: What `get_random_transform` returns, or some of it; missing parameters have no effect.
            out: Array to write to: C-contiguous, of the image's shape and dtype, and not sharing its memory.

        Returns:
            (H, W, C) of the input's dtype: `out` if given, otherwise a new array.

        Raises:
            ArgumentError: The image or `out` isn't as described, a parameter is unknown, or an image that
                isn't square gets a quarter turn.
        """
        check_image(image)
        check_fill(self._fill_mode, self._cval, dtype=image.dtype)
        unknown = [key for key, value in params.items() if key not in NEUTRAL and value is not None]
        if unknown:
            raise ArgumentError(
                f"params has the unknown keys {', '.join(map(repr, unknown))}.",
                expected=", ".join(NEUTRAL),
                remedy="leave out the others",
            )
        out = output_like(image, out)
        self._apply(out, image, cast("Transform", {**NEUTRAL, **params}))
        return out

    def _apply(self, out: np.ndarray, image: np.ndarray, params: Transform) -> None:
        """Applies a complete set of parameters to an array that has been checked."""
        flip_horizontal, flip_vertical = params["flip_horizontal"], params["flip_vertical"]
        geometry = geometry_of(params)
        is_moved = flip_horizontal or flip_vertical or geometry != NEUTRAL_GEOMETRY
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
        """Samples a transform with a seed or generator and applies it to an image, see `apply_transform`."""
        return self.apply_transform(image, self.get_random_transform(image.shape, seed), out=out)

    def apply_batch(
        self,
        images: np.ndarray,
        seeds: Iterable[int | np.random.Generator],
        *,
        out: np.ndarray | None = None,
        threads: int = 1,
    ) -> np.ndarray:
        """Samples and applies a transform for each image of a batch, with one seed per image.

        The result for an image depends on the image and its seed, not on its position or on `threads`. If you
        use several threads, turn off OpenCV's own threads first (`cv2.setNumThreads(1)`), which would slow
        them down.

        Args:
            images: (N, H, W, C), uint8 or float32 on 0..255, 1 to 4 channels; not modified.
            seeds: N seeds, anything that `numpy.random.default_rng` takes.
            out: Array to write to: C-contiguous, of the batch's shape and dtype, and not sharing its memory.
            threads: Number of images that are processed at the same time.

        Returns:
            (N, H, W, C) of the input's dtype: `out` if given, otherwise a new array.

        Raises:
            ArgumentError: The batch or `out` isn't as described, there isn't one seed for each image,
                `threads` is below 1, or the augmenter makes quarter turns and the images aren't square.
        """
        check_image(images, batch=True)
        check_fill(self._fill_mode, self._cval, dtype=images.dtype)
        seeds = list(seeds)
        if len(seeds) != len(images):
            raise ArgumentError(
                f"There are {len(seeds)} seeds for a batch that is {describe(images)}.",
                expected="one seed for each image",
                remedy=f"pass {len(images)} seeds",
            )
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ArgumentError(
                f"threads is {threads!r}.", expected="a whole number of at least 1", remedy="pass `threads=1`"
            )
        out = output_like(images, out)

        bounds = [len(images) * number // threads for number in range(threads + 1)]
        chunks = [slice(*pair) for pair in pairwise(bounds)]

        # All transforms of a chunk are sampled before its warps. Between two warps the interpreter is slower,
        # because warps evict its data from the processor's caches. Transforms are sampled in this thread, in
        # order, because images may share a generator. Meanwhile, earlier chunks are warped.
        def sample(chunk: slice) -> list[Transform]:
            return [self.get_random_transform(images.shape[1:], seed) for seed in seeds[chunk]]

        if threads == 1:
            self.apply_each(out, images, sample(chunks[0]))
        else:
            with ThreadPoolExecutor(threads) as pool:
                for job in [pool.submit(self.apply_each, out[c], images[c], sample(c)) for c in chunks]:
                    job.result()
        return out

    def apply_each(
        self, out: Iterable[np.ndarray], images: Iterable[np.ndarray], transforms: Iterable[Transform]
    ) -> None:
        """Applies a complete transform to each of some images, which needn't be one array; checks nothing."""
        for target, image, params in zip(out, images, transforms, strict=True):
            self._apply(target, image, params)


def _between(limits: tuple[float, float], uniform: float) -> float:
    lower, upper = limits
    return lower + (upper - lower) * uniform
