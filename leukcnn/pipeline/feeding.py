"""A network that takes images as they are, uint8: the scaling of grey levels is part of its compiled step."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from leukcnn.augmentation.on_device import OnDevice
from leukcnn.spec import Preprocessing


def fed(network: keras.Model, preprocessing: Preprocessing, augmenter: OnDevice | None = None) -> keras.Model:
    """Returns a model that scales uint8 images on the device and then applies a network.

    The model and the network share their layers and variables, in the same order: training the model trains
    the network, which is what is saved. A byte for each grey level is copied to the device instead of four.

    Args:
        network: A built network with one input, which takes images as `scaled` returns them.
        preprocessing: Scaling of the grey levels; its crop and size are not applied again.
        augmenter: Augments the images before they are scaled. The model then takes a dictionary: "images",
            and the arrays that `OnDevice.transforms` makes.

    Returns:
        A model, not compiled: uint8 (N, height, width, 3) in, the network's outputs out. They equal those for
        `scaled` images; if each image's channel mean is subtracted, up to rounding.
    """
    (scaled_images,) = network.inputs
    images = keras.Input(scaled_images.shape[1:], dtype="uint8", name="images")
    taken, grey_levels = images, images
    if augmenter:
        taken = {"images": images} | {
            name: keras.Input(shape, dtype="int32", name=name) for name, shape in augmenter.shapes().items()
        }
        grey_levels = _Augmentation(augmenter, name="augmentation")(taken)
    inputs = _Scaling(preprocessing.scale, preprocessing.subtract_channel_mean, name="scaling")(grey_levels)
    # Networks of Keras Applications hold their only input in a list.
    in_list = not isinstance(network, keras.Sequential) and isinstance(network.input, list)
    outputs = network([inputs] if in_list else inputs)
    return keras.Model(taken, outputs, name=f"fed_{network.name}")


class _Augmentation(keras.layers.Layer):
    """Augments images on the device."""

    def __init__(self, augmenter: OnDevice, **options: Any) -> None:
        super().__init__(dtype="float32", **options)
        self.augmenter = augmenter

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Returns float32 (N, height, width, channels), whole grey levels, see `OnDevice.apply`."""
        return self.augmenter.apply(inputs)

    def compute_output_spec(self, inputs: Mapping[str, Any]) -> keras.KerasTensor:
        """Returns the shape and type of the result."""
        return keras.KerasTensor(inputs["images"].shape, dtype="float32")


class _Scaling(keras.layers.Layer):
    """Does what `scaled` does, on the device."""

    def __init__(self, scale: float, subtract_channel_mean: bool, **options: Any) -> None:
        # With mixed precision, too, the grey levels are scaled in float32.
        super().__init__(dtype="float32", **options)
        self.scale, self.subtract_channel_mean = scale, subtract_channel_mean

    def call(self, images: Any) -> Any:
        """Returns float32 (N, height, width, channels) for uint8 images."""
        inputs = ops.multiply(ops.cast(images, "float32"), self.scale)
        if not self.subtract_channel_mean:
            return inputs
        # The sum of whole numbers is exact. One of float32 values would be off by more than their last digit.
        total = ops.sum(ops.cast(images, "int32"), axis=(1, 2), keepdims=True)
        mean = ops.cast(total, "float32") / (images.shape[1] * images.shape[2])
        return ops.subtract(inputs, ops.multiply(mean, self.scale))

    def compute_output_spec(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the shape and type of the result."""
        return keras.KerasTensor(images.shape, dtype="float32")
