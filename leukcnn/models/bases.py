"""Convolutional bases from Keras Applications, and weights from files."""

import warnings
from pathlib import Path
from typing import Any

import keras

from leukcnn.errors import ArgumentError, WeightsError

# Backbone -> smallest height and width that Keras Applications allows without the top, in pixels.
SMALLEST_SIDE = {"VGG16": 32, "VGG19": 32, "Xception": 71}


def base_network(
    backbone: str,
    *,
    weights: str | None,
    input_shape: tuple[int, int, int],
    kernel_initializer: str = "glorot_uniform",
    input_tensor: Any = None,
) -> keras.Model:
    """Builds a base without its top.

    Args:
        backbone: Name in `keras.applications`, one of `SMALLEST_SIDE`.
        weights: None or "imagenet".
        input_shape: Height, width and channels.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        input_tensor: Keras tensor to use as the input instead of a new one.

    Raises:
        ArgumentError: The input is too small or has no 3 channels.
        WeightsError: The published weights can't be downloaded.
    """
    if input_tensor is not None:
        input_shape = tuple(input_tensor.shape[1:])
    side = SMALLEST_SIDE[backbone]
    if len(input_shape) != 3 or input_shape[2] != 3 or min(input_shape[:2]) < side:
        raise ArgumentError(
            f"input_shape = {tuple(input_shape)} for {backbone}.",
            expected=f"(height, width, 3) with at least {side} pixels each way",
            remedy="take larger pictures, or channels last",
        )
    builder = getattr(keras.applications, backbone)
    if weights is None and kernel_initializer != "glorot_uniform":
        draft = builder(include_top=False, weights=None, input_shape=input_shape)
        return _with_initializer(draft, kernel_initializer, input_tensor)
    try:
        return builder(include_top=False, weights=weights, input_shape=input_shape, input_tensor=input_tensor)
    except Exception as error:
        if weights is None or "URL fetch failure" not in str(error):
            raise
        raise WeightsError(
            f"The ImageNet weights of {backbone} could not be downloaded: {error}",
            expected="a network connection to Keras' weight server, once",
            remedy="copy the file into ~/.keras/models from another machine, or pass weights=None or a path",
        ) from error


def _with_initializer(model: keras.Model, kernel_initializer: str, input_tensor: Any) -> keras.Model:
    def clone(layer):
        config = layer.get_config()
        for name in ("kernel_initializer", "depthwise_initializer", "pointwise_initializer"):
            if name in config:
                config[name] = keras.initializers.serialize(keras.initializers.get(kernel_initializer))
        return layer.__class__.from_config(config)

    return keras.models.clone_model(model, input_tensors=input_tensor, clone_function=clone)


def load_whole(model: keras.Model, path: str | Path) -> None:
    """Loads weights of a whole network from a file.

    Args:
        model: The network, changed in place.
        path: A `.weights.h5` or `.h5` file, or a saved `.keras` model of the same network.

    Raises:
        WeightsError: The file isn't there or holds another network's weights.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}.",
            expected="a .weights.h5, .h5 or .keras file",
            remedy='pass its path, or weights=None for random weights, or "imagenet"',
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns where a file lacks a layer, and leaves the layer random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise WeightsError(
            f"The file {path} doesn't hold weights of {model.name}: {error}",
            expected=f"{model.count_params():,} parameters in the layers of {model.name}",
            remedy="pass a file that this network saved",
        ) from error
