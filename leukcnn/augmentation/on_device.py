"""Augmentation in a network's compiled step: transforms are sampled on the host and applied on the device.

The transforms are those of `ImageAugmenter`, from the same seeds, and the result differs from the host's by
at most one grey level. At a hard border ("constant", "wrap") the last bit of a coordinate in float64 decides
whether a pixel is inside. JAX has float32 alone, so coordinates are added as whole numbers, exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from keras import ops

from leukcnn.augmentation.augmenter import ImageAugmenter
from leukcnn.augmentation.geometry import affine_matrix
from leukcnn.augmentation.noise import noisy_positions
from leukcnn.augmentation.transforms import NEUTRAL, Transform, geometry_of
from leukcnn.errors import ArgumentError

# A coordinate is a whole number and a fraction of 60 bits in two words of 30: int32 holds their sums.
_WORD_BITS = 30
_WORD = 1 << _WORD_BITS
_LOW_BITS = _WORD - 1
_FARTHEST = 2.0**28  # pixels; two of them can be added in int32
# float64 has 52 bits after the first: at 1 pixel, half of its last bit is 2^7 units of 2^-60 pixels.
_HALF_LAST_BIT = 7
_LARGEST_EXPONENT = 17  # images have at most 10^5 pixels in a row

_EFFECTS = {"gaussian_blur", "salt_and_pepper", "one_of", "salt_value", "quarter_turns", "cval", "fill_mode"}
# OpenCV's kernels for uint8 are fractions of 256.
_KERNEL_SUM = 256


class OnDevice:
    """An augmenter for images of one shape, in two parts: `transforms` on the host, `apply` on the device.

    Example:
        >>> on_device = OnDevice(ImageAugmenter(rotation_range=40, fill_mode="reflect"), (224, 224, 3))
        >>> augmented = on_device.apply({"images": images, **on_device.transforms(range(len(images)))})

    Args:
        augmenter: Says what is sampled.
        image_shape: (height, width, channels), pixels.

    Raises:
        ArgumentError: The augmenter makes quarter turns and the images aren't square, or they have more than
            4 channels.
    """

    def __init__(self, augmenter: ImageAugmenter, image_shape: Sequence[int]) -> None:
        self.augmenter, self.image_shape = augmenter, tuple(image_shape)
        self.height, self.width, channels = self.image_shape
        self._shifts = [8 * i for i in range(channels)]
        if not 1 <= channels <= 4:
            raise ArgumentError(f"The images have {channels} channels.", expected="1 to 4")
        augmenter.get_random_transform(
            self.image_shape, 0
        )  # refuses quarter turns of images that aren't square
        config, neutral = augmenter.get_config(), ImageAugmenter().get_config()
        choices = [{**config, **choice} for choice in config["one_of"] or [{}]]
        self.fill_mode = config["fill_mode"]
        self.outside = _as_grey_level(round(config["cval"]))
        self.salt = _as_grey_level(config["salt_value"])
        self.has_turns = config["quarter_turns"]
        self.is_moving = any(choice["shear_factor"] for choice in choices) or any(
            config[name] != neutral[name] for name in config.keys() - _EFFECTS
        )
        self.kernel_size = max(choice["gaussian_blur"] for choice in choices)
        pixels = self.height * self.width
        self.noisy_pixels = max(round(choice["salt_and_pepper"] * pixels) for choice in choices)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each array that `transforms` makes for an image; all of them are int32.

        "changed" is 1 for images with a transform and 0 for others. The other arrays give transforms.
        """
        shapes: dict[str, tuple[int, ...]] = {"changed": ()}
        if self.has_turns:
            shapes["turns"] = ()
        if self.is_moving:
            shapes["row_starts"], shapes["column_steps"] = (2, 3, self.height), (2, 3, self.width)
        if self.kernel_size > 1:
            shapes["kernels"] = (self.kernel_size,)
        if self.noisy_pixels:
            shapes["noise"] = (2, self.noisy_pixels - self.noisy_pixels // 2)
        return shapes

    def transforms(self, seeds: Sequence[int | None]) -> dict[str, np.ndarray]:
        """Samples the transforms of a batch, as arrays.

        Args:
            seeds: B seeds, as `ImageAugmenter.apply_batch` takes them; None leaves an image as it is.

        Returns:
            Name -> int32 (B, ...), see `shapes`.
        """
        sampled = [
            NEUTRAL if seed is None else self.augmenter.get_random_transform(self.image_shape, seed)
            for seed in seeds
        ]
        arrays = {name: np.zeros((len(sampled), *shape), np.int32) for name, shape in self.shapes().items()}
        arrays["changed"][:] = [seed is not None for seed in seeds]
        if self.has_turns:
            arrays["turns"][:] = [params["quarter_turns"] for params in sampled]
        if self.is_moving:
            starts, steps = _coordinate_parts(sampled, self.height, self.width)
            arrays["row_starts"], arrays["column_steps"] = _as_words(starts), _as_words(steps)
        for i, params in enumerate(sampled):
            if self.kernel_size > 1:
                arrays["kernels"][i] = _kernel(params["gaussian_blur"], self.kernel_size)
            if self.noisy_pixels:
                # Positions past the last pixel change nothing.
                arrays["noise"][i] = self.height * self.width
                amount, seed = params["salt_and_pepper"], params["noise_seed"]
                for kind, positions in enumerate(noisy_positions(self.height, self.width, amount, seed)):
                    arrays["noise"][i, kind, : len(positions)] = positions
        return arrays

    def apply(self, inputs: Mapping[str, Any]) -> Any:
        """Applies the transforms to a batch, with `keras.ops`.

        Args:
            inputs: "images", uint8 (B, height, width, channels), and what `transforms` returns.

        Returns:
            float32 (B, height, width, channels), whole grey levels 0..255.
        """
        images = inputs["images"]
        if self.has_turns:
            # On some processors, oneDNN prints an error before TensorFlow transposes integers without it.
            images = _turned(ops.cast(images, "float32"), inputs["turns"])
        images = ops.cast(images, "int32")
        if self.is_moving:
            parts = inputs["row_starts"], inputs["column_steps"]
            images = _if_any(inputs["changed"] > 0, self._warped, images, *parts)
        if self.kernel_size > 1:
            kernels = inputs["kernels"]
            is_blurred = kernels[:, self.kernel_size // 2] < _KERNEL_SUM
            images = _if_any(is_blurred, self._blurred, images, kernels)
        if self.noisy_pixels:
            positions = inputs["noise"]
            images = _if_any(positions < self.height * self.width, self._noisy, images, positions)
        return ops.cast(images, "float32")

    def _warped(self, images: Any, row_starts: Any, column_steps: Any) -> Any:
        across = _Axis(row_starts[:, 0], column_steps[:, 0], self.width, self.fill_mode)
        down = _Axis(row_starts[:, 1], column_steps[:, 1], self.height, self.fill_mode)
        # The channels of a pixel are read at once, from one int32.
        packed = sum(ops.left_shift(images[..., i], shift) for i, shift in enumerate(self._shifts))
        packed = ops.reshape(packed, (-1, self.height * self.width))

        def taken(row: Any, column: Any) -> Any:
            index = ops.reshape(row * self.width + column, (-1, self.height * self.width))
            return ops.reshape(ops.take_along_axis(packed, index, axis=1), (-1, self.height, self.width))

        corners = [taken(r, c) for r in (down.first, down.second) for c in (across.first, across.second)]
        warped: Any = 0
        for shift in self._shifts:
            values = [ops.cast(ops.right_shift(corner, shift) & 255, "float32") for corner in corners]
            top = values[0] + (values[1] - values[0]) * across.fraction
            bottom = values[2] + (values[3] - values[2]) * across.fraction
            channel = ops.cast(ops.round(top + (bottom - top) * down.fraction), "int32")
            if self.fill_mode == "constant":
                channel = ops.where(across.outside | down.outside, self.outside, channel)
            warped = warped + ops.left_shift(channel, shift)
        # Stacking the channels would make XLA compute the coordinates once for each.
        return ops.right_shift(warped[..., None], np.array(self._shifts, np.int32)) & 255

    def _blurred(self, images: Any, kernels: Any) -> Any:
        radius = self.kernel_size // 2
        for axis, length in ((1, self.height), (2, self.width)):
            mirrored = ops.take(images, np.pad(np.arange(length), radius, mode="reflect"), axis=axis)
            images = sum(
                kernels[:, i, None, None, None]
                * (mirrored[:, i : i + length] if axis == 1 else mirrored[:, :, i : i + length])
                for i in range(self.kernel_size)
            )
        # OpenCV's sums are whole too, and rounded once.
        return ops.right_shift(images + _KERNEL_SUM**2 // 2, 16)

    def _noisy(self, images: Any, positions: Any) -> Any:
        pixels = self.height * self.width
        count = ops.shape(positions)[0]
        first = ops.arange(count, dtype="int32")[:, None] * (pixels + 1)
        kinds = ops.zeros((count * (pixels + 1),), dtype="int32")
        for kind in (0, 1):
            index = ops.reshape(positions[:, kind] + first, (-1, 1))
            kinds = ops.scatter_update(kinds, index, ops.full_like(index[:, 0], kind + 1))
        kinds = ops.reshape(kinds, (-1, pixels + 1))[:, :pixels]
        kinds = ops.reshape(kinds, (-1, self.height, self.width, 1))
        return ops.where(kinds == 1, self.salt, ops.where(kinds == 2, 0, images))


class _Axis:
    """The pixels of the input between which an output's pixels are, along one axis.

    Attributes:
        first: int32 (B, H, W), 0 to length - 1, the pixel at or before the coordinate.
        second: The same for the pixel after it.
        fraction: float32 (B, H, W), the weight of the second pixel.
        outside: bool (B, H, W), whether the coordinate is outside the image; None unless "constant".
    """

    def __init__(self, starts: Any, steps: Any, length: int, fill_mode: str) -> None:
        # Each coordinate is the sum of a part for its row and one for its column, as on the host.
        whole, high, low = (starts[:, i, :, None] + steps[:, i, None, :] for i in range(3))
        high = high + ops.right_shift(low, _WORD_BITS)
        whole, high, low = whole + ops.right_shift(high, _WORD_BITS), high & _LOW_BITS, low & _LOW_BITS
        last = length - 1
        self.outside: Any = None
        if fill_mode in ("wrap", "constant"):
            whole, high, low = _as_float64(whole, high, low)
        if fill_mode == "wrap":
            whole = _wrapped(whole, (high | low) > 0, length)
            high = high if last else ops.zeros_like(high)
        elif fill_mode == "constant":
            self.outside = (whole < 0) | (whole > last) | ((whole == last) & ((high | low) > 0))
        index = _mirrored if fill_mode == "reflect" else _clipped
        self.first, self.second = index(whole, length), index(whole + 1, length)
        self.fraction = ops.cast(high, "float32") * (1.0 / _WORD)


def _if_any(flags: Any, function: Callable[..., Any], images: Any, *arguments: Any) -> Any:
    """Applies a function to images if any flag is set.

    This also ends XLA's loops: it would compute a step again for each pixel that the next step reads.
    """
    return ops.cond(ops.any(flags), lambda: function(images, *arguments), lambda: images)


def _clipped(index: Any, length: int) -> Any:
    return ops.clip(index, 0, length - 1)


def _mirrored(index: Any, length: int) -> Any:
    index = ops.mod(index, 2 * length)
    return ops.minimum(index, 2 * length - 1 - index)


def _wrapped(whole: Any, has_fraction: Any, length: int) -> Any:
    """Returns the whole part of coordinates in 0 to length - 1, with SciPy's period of length - 1."""
    period = length - 1
    if period == 0:
        return ops.zeros_like(whole)
    wrapped = ops.mod(whole, period)
    # The last pixel and the first coincide; from below or at the end, the last one is meant.
    at_end = (wrapped == 0) & ops.logical_not(has_fraction) & (whole != 0)
    at_end = at_end & ((whole < 0) | (whole == period))
    return ops.where(at_end, period, wrapped)


def _as_float64(whole: Any, high: Any, low: Any) -> tuple[Any, Any, Any]:
    """Returns sums as whole numbers where float64, which has fewer bits near them, rounds them to such."""
    is_below = high == _LOW_BITS
    nearest = whole + ops.cast(is_below, "int32")
    size = ops.abs(nearest)
    exponent = sum(ops.cast(size >= 1 << k, "int32") for k in range(1, _LARGEST_EXPONENT + 1))
    is_nearer_to_zero = (nearest > 0) == is_below
    is_power_of_two = (size & (size - 1)) == 0
    # Below a power of two, float64 has one bit more.
    exponent = exponent - ops.cast(is_nearer_to_zero & is_power_of_two, "int32")
    distance = ops.where(is_below, _WORD - low, low)
    is_rounded = (
        (size > 0) & (is_below | (high == 0)) & (distance <= ops.left_shift(1, exponent + _HALF_LAST_BIT))
    )
    return (
        ops.where(is_rounded, nearest, whole),
        ops.where(is_rounded, 0, high),
        ops.where(is_rounded, 0, low),
    )


def _turned(images: Any, turns: Any) -> Any:
    turns = ops.reshape(turns, (-1, 1, 1, 1))
    half = ops.flip(images, axis=(1, 2))
    transposed = ops.transpose(images, (0, 2, 1, 3))
    images = ops.where(turns == 2, half, images)
    images = ops.where(turns == 1, ops.flip(transposed, axis=1), images)
    return ops.where(turns == 3, ops.flip(transposed, axis=2), images)


def _coordinate_parts(sampled: Sequence[Transform], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a row and a column add to the input's (column, row): float64 (B, 2, H) and (B, 2, W)."""
    matrices = np.stack([affine_matrix((height, width), **geometry_of(params)) for params in sampled])
    x = np.arange(width, dtype=np.float64)
    y = np.arange(height, dtype=np.float64)
    is_flipped = np.array([(params["flip_horizontal"], params["flip_vertical"]) for params in sampled])
    columns = np.where(is_flipped[:, :1], x[::-1], x)[:, None]
    rows = np.where(is_flipped[:, 1:], y[::-1], y)[:, None]
    starts = matrices[:, :, 2:] + rows * matrices[:, :, 1:2]
    return starts, columns * matrices[:, :, :1]


def _as_words(values: np.ndarray) -> np.ndarray:
    """Splits float64 (B, 2, N) into whole numbers and two words of 30 bits, int32 (B, 2, 3, N)."""
    values = np.clip(values, -_FARTHEST, _FARTHEST)
    whole = np.trunc(values)
    scaled = (values - whole) * _WORD
    high = np.floor(scaled)
    low = np.minimum(np.floor((scaled - high) * _WORD), _LOW_BITS)
    return np.stack([whole, high, low], axis=2).astype(np.int32)


def _kernel(size: int, length: int) -> np.ndarray:
    """Returns OpenCV's Gaussian kernel for uint8, int32 (length,), padded with zeros; its sum is 256."""
    kernel = np.zeros(length, np.int32)
    radius, middle = size // 2, length // 2
    rest, left = 0.0, 0
    for i, weight in enumerate(cv2.getGaussianKernel(max(size, 1), 0)[:radius, 0]):
        rest += float(weight) * _KERNEL_SUM
        rounded = round(rest)
        rest -= rounded
        kernel[middle - radius + i] = kernel[middle + radius - i] = rounded
        left += rounded
    kernel[middle] = _KERNEL_SUM - 2 * left
    return kernel


def _as_grey_level(value: float) -> int:
    return int(np.array([value]).astype(np.uint8)[0])
