"""A network with its preprocessing inside, built of Keras' own layers and operations alone.

Such a network loads without leukcnn, and runs in other programs after an export. Its input is RGB, uint8
(N, H, W, 3), 0..255, and its output one probability per class.

Resizing is a product with two matrices, made from the size of the images. Their values are those of OpenCV's
kernels. OpenCV adds in another order, so a value halfway between two grey levels may become the other one:
in about one of 1,000 values or fewer with "area" and "cubic", in one of 10 with "linear", whose weights
OpenCV rounds. An image that has the network's size already isn't changed.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from leukcnn.image_cache import prepare
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.preprocessing import blank, wbc_mask
from leukcnn.spec import Preprocessing

__all__ = ["as_given", "keeps_its_size", "steps_outside", "with_preprocessing"]

_CUBIC = -0.75  # OpenCV's a in Keys' kernel


def __dir__() -> list[str]:
    return sorted(__all__)


def steps_outside(preprocessing: Preprocessing) -> list[str]:
    """Returns what must be done to a decoded image before it is given to the exported network.

    Returns:
        Names of functions of `leukcnn.preprocessing`, in order; empty if all steps are inside.
    """
    if preprocessing.region == "crops":
        outside = ["wbc_mask", "component_montage"]
    else:
        outside = ["wbc_mask"] if preprocessing.threshold != "none" else []
    if preprocessing.mask in ("cells", "background"):
        # The cells are found in the resized image.
        crop = "center_crop" if preprocessing.crop else "square_crop"
        outside += [crop] * (not preprocessing.squeeze) + ["resize"] * bool(preprocessing.resize) + ["blank"]
    return outside


def as_given(image: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Returns a decoded image after `steps_outside`, as the exported network takes it.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        preprocessing: The network's preprocessing.
    """
    outside = steps_outside(preprocessing)
    if not outside:
        return image
    if outside == ["wbc_mask"]:
        return image * wbc_mask(image, rule=preprocessing.threshold)[..., None]
    return prepare(image, preprocessing)


def keeps_its_size(preprocessing: Preprocessing) -> bool:
    """Returns whether the exported network leaves an image of the network's size as it is."""
    return preprocessing.crop in (None, preprocessing.image_size) or "blank" in steps_outside(preprocessing)


def with_preprocessing(
    network: keras.Model, preprocessing: Preprocessing, *, ungrouped: bool = False
) -> keras.Model:
    """Returns a network that takes decoded images, with the weights of another.

    Args:
        network: Prepared images (N, S, S, 3) in; (N, classes) probabilities out, or (N, 1), the probability
            of the second of two classes.
        preprocessing: The steps before it.
        ungrouped: As in `of_keras_alone`.

    Returns:
        A model: uint8 (N, H, W, 3), H and W of any size, in; float32 (N, classes) out, at least two columns.
        The steps in `steps_outside` aren't in it.
    """
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    pixels = ops.cast(image, "float32")
    outside = steps_outside(preprocessing)
    if not {"blank", "component_montage"} & {*outside}:
        pixels = _square(pixels, preprocessing)
    size = preprocessing.image_size
    pixels = ops.reshape(pixels, (-1, size, size, 3))
    if preprocessing.mask == "border":
        kept = blank(np.ones((size, size, 3), np.uint8), "border")
        pixels = pixels * kept.astype(np.float32)
    inputs = pixels * np.float32(preprocessing.scale)
    if preprocessing.subtract_channel_mean:
        inputs = inputs - ops.mean(inputs, axis=(1, 2), keepdims=True)
    outputs = ops.cast(of_keras_alone(network, ungrouped=ungrouped)(inputs), "float32")
    if outputs.shape[-1] == 1:
        outputs = ops.concatenate([1 - outputs, outputs], axis=-1)
    outputs = layers.Identity(name="probabilities")(outputs)
    return keras.Model(image, outputs, name=network.name)


def of_keras_alone(network: keras.Model, *, ungrouped: bool) -> keras.Model:
    """Returns a network with the same weights that computes in float32 without leukcnn's layers.

    Args:
        network: The network.
        ungrouped: Whether grouped convolutions become ordinary ones, which each format has.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.Layer):
            # Networks that were trained in 16 bits have their weights in 32.
            config["dtype"] = "float32"
        if isinstance(layer, layers.Conv2D) and layer.groups > 1:
            return (GroupedConv2D if ungrouped else layers.Conv2D).from_config(config)
        return layer.__class__.from_config(config)

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, MeanSubtraction):
            return inputs[0] - layer.mean
        if isinstance(layer, LocalResponseNormalization):
            return _normalized(layer, inputs[0])
        return layer(*inputs, **options)

    # A Sequential model has no calls to replace, and none of leukcnn's is one.
    options = {} if isinstance(network, keras.Sequential) else {"call_function": call}
    copy = keras.models.clone_model(network, clone_function=clone, recursive=True, **options)
    copy.set_weights(network.get_weights())
    return copy


def _normalized(layer: LocalResponseNormalization, maps: Any) -> Any:
    reach = layer.size // 2
    squares = ops.pad(ops.square(maps), [(0, 0)] * 3 + [(reach, reach)])
    total = sum(squares[..., start : start + maps.shape[-1]] for start in range(layer.size))
    return maps * ops.power(layer.bias + layer.alpha * total, -layer.beta)


def _square(pixels: Any, preprocessing: Preprocessing) -> Any:
    """Crops and resizes images (N, H, W, 3) to the size of the network, as `leukcnn.image_cache.prepare`."""
    size = preprocessing.image_size
    # Ones along an axis are the one way to its length that holds for each format and any size.
    rows, columns = _length(pixels[0, :, 0, 0]), _length(pixels[0, 0, :, 0])
    if preprocessing.squeeze:
        windows = (rows, columns)
    elif preprocessing.crop:
        windows = (0 * rows + preprocessing.crop, 0 * columns + preprocessing.crop)
    else:
        windows = (ops.minimum(rows, columns),) * 2
    down = _matrix(pixels[0, :, 0, 0], rows, windows[0], size, preprocessing)
    across = _matrix(pixels[0, 0, :, 0], columns, windows[1], size, preprocessing)
    resized = ops.einsum("qw,nhwc->nhqc", across, pixels)
    resized = ops.einsum("ph,nhqc->npqc", down, resized)
    # OpenCV halves images with integers, and rounds .5 up.
    halved = ops.logical_and(*(ops.equal(window, 2 * size) for window in windows))
    rounded = ops.where(halved, ops.floor(resized + 0.5), ops.round(resized))
    return ops.clip(rounded, 0, 255)


def _length(line: Any) -> Any:
    """Returns the number of elements of a line, as float32 ()."""
    return ops.sum(ops.ones_like(line))


def _matrix(line: Any, length: Any, window: Any, size: int, preprocessing: Preprocessing) -> Any:
    """Returns the weights (size, length) of the pixels along an axis in those of the resized image.

    Args:
        line: A line of pixels along the axis.
        length: Its length.
        window: Length of the central part that is resized.
        size: Number of pixels after resizing.
        preprocessing: The names of the kernels.
    """
    start = ops.floor((length - window) / 2)
    pixel = ops.expand_dims(ops.cumsum(ops.ones_like(line)) - 1 - start, 0)
    target = np.arange(size, dtype=np.float32)[:, None]
    kernels = {"area": _area, "linear": _linear, "cubic": _cubic}
    shrunk, enlarged = (
        kernels[name](pixel, target, window, size)
        for name in (preprocessing.shrinking, preprocessing.enlarging)
    )
    same = ops.cast(ops.equal(pixel, target), "float32")
    return ops.where(window > size, shrunk, ops.where(window < size, enlarged, same))


def _area(pixel: Any, target: Any, window: Any, size: int) -> Any:
    """Returns the weight of each pixel in the mean over each target's part of the window."""
    # In units of which a pixel has `size`: whole numbers, which float32 holds.
    end = ops.minimum(size * (pixel + 1), window * (target + 1))
    return ops.maximum(end - ops.maximum(size * pixel, window * target), 0) / window


def _linear(pixel: Any, target: Any, window: Any, size: int) -> Any:
    def kernel(distance: Any) -> Any:
        return ops.maximum(1 - distance, 0)

    return _interpolated(kernel, 1, pixel, target, window, size)


def _cubic(pixel: Any, target: Any, window: Any, size: int) -> Any:
    def kernel(d: Any) -> Any:
        near = ((_CUBIC + 2) * d - (_CUBIC + 3)) * d * d + 1
        far = ((_CUBIC * d - 5 * _CUBIC) * d + 8 * _CUBIC) * d - 4 * _CUBIC
        return ops.where(d <= 1, near, ops.where(d < 2, far, 0.0))

    return _interpolated(kernel, 2, pixel, target, window, size)


def _interpolated(kernel: Any, reach: int, pixel: Any, target: Any, window: Any, size: int) -> Any:
    """Returns the weights of a kernel. Pixels at the window's edges also have those of the pixels beyond."""
    centre = (window / size) * (target + 0.5) - 0.5

    def weights(position: Any) -> Any:
        return kernel(ops.absolute(centre - position))

    inside = ops.cast(ops.logical_and(pixel >= 0, pixel < window), "float32")
    total = weights(pixel) * inside
    for beyond in range(1, reach + 1):
        total += weights(pixel - beyond) * ops.cast(ops.equal(pixel, 0), "float32")
        total += weights(pixel + beyond) * ops.cast(ops.equal(pixel, window - 1), "float32")
    return total
