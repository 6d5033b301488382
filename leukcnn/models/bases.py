"""Convolutional bases from Keras Applications, and where the frozen part of a network ends."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras

from leukcnn.errors import ArgumentError, WeightsError

# Backbone -> smallest height and width that Keras Applications allows without the top, in pixels.
SMALLEST_SIDE = {"VGG16": 32, "VGG19": 32, "ResNet50": 32, "InceptionV3": 75, "Xception": 71}


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
    if weights is None and kernel_initializer != "glorot_uniform":
        draft = application(backbone, include_top=False, weights=None, input_shape=input_shape)
        return _with_initializer(draft, kernel_initializer, input_tensor)
    return application(
        backbone, include_top=False, weights=weights, input_shape=input_shape, input_tensor=input_tensor
    )


def application(backbone: str, *, weights: str | None, **arguments: Any) -> keras.Model:
    """Builds a network of Keras Applications.

    Args:
        backbone: Name in `keras.applications`.
        weights: None or "imagenet".
        **arguments: The builder's other arguments.

    Raises:
        WeightsError: The published weights can't be downloaded.
    """
    try:
        return getattr(keras.applications, backbone)(weights=weights, **arguments)
    except Exception as error:
        if weights is None or "URL fetch failure" not in str(error):
            raise
        raise WeightsError(
            f"The ImageNet weights of {backbone} could not be downloaded: {error}",
            expected="a network connection to Keras' weight server, once",
            remedy="copy the file into ~/.keras/models from another machine, or pass weights=None or a path "
            "(--weights none, --weights FILE)",
        ) from error


def _with_initializer(model: keras.Model, kernel_initializer: str, input_tensor: Any) -> keras.Model:
    def clone(layer):
        config = layer.get_config()
        for name in ("kernel_initializer", "depthwise_initializer", "pointwise_initializer"):
            if name in config:
                config[name] = keras.initializers.serialize(keras.initializers.get(kernel_initializer))
        return layer.__class__.from_config(config)

    return keras.models.clone_model(model, input_tensors=input_tensor, clone_function=clone)


def frozen_border(model: keras.Model) -> str | None:
    """Finds where the part of a network ends that training leaves as it is.

    That part gives the same answer to the same picture in every step: its layers with weights are frozen,
    batch statistics included, and none of them draws at random.

    Args:
        model: A functional network, each of whose layers is called once (a `Sequential` as it was built, not
            one that was loaded from a file).

    Returns:
        Name of the last layer whose output alone, with nothing but such layers before it, all that follows
        depends on; None where no layer with weights is frozen up to there.
    """
    border, frozen = None, False
    for operation, is_cut in _operations(model):
        if not _stands_still(operation):
            break
        frozen = frozen or bool(getattr(operation, "weights", ()))
        if frozen and is_cut:
            border = operation.name
    return border


def split_at(model: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Cuts a network in two behind a layer.

    Args:
        model: A functional network, each of whose layers is called once (a `Sequential` as it was built, not
            one that was loaded from a file).
        layer_name: Layer whose output alone all that follows depends on, such as `frozen_border` returns.

    Returns:
        Two models that share the network's layers: `base`, from its inputs to that layer's output, and
        `head`, from there to its outputs, so that `head(base(x))` is `model(x)`.

    Raises:
        ArgumentError: There is no such layer, nothing stands behind it, or something goes past it.
    """
    cuts = [operation.name for operation, is_cut in _operations(model) if is_cut][:-1]
    if layer_name not in cuts:
        raise ArgumentError(
            f"{model.name} can't be cut behind {layer_name!r}.",
            expected=f"a layer that all paths lead through: {', '.join(cuts)}",
        )
    features = model.get_layer(layer_name).output
    base = keras.Model(model.input, features, name=f"{model.name}_base")
    return base, keras.Model(features, model.output, name=f"{model.name}_head")


def functional(model: keras.Model) -> keras.Model:
    """Returns a network that shows its graph, which a sequential one doesn't."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def _operations(model: keras.Model) -> Iterator[tuple[Any, bool]]:
    """Yields the operations, inputs first, each with whether all paths to the outputs lead through it."""
    model = functional(model)
    inputs_of = {operation: keras.tree.flatten(operation.input) for operation in model.operations}
    readers = Counter(id(tensor) for tensors in [*inputs_of.values(), model.outputs] for tensor in tensors)
    unread = {id(tensor) for tensor in model.inputs}
    for operation, tensors in inputs_of.items():
        for tensor in map(id, tensors):
            readers[tensor] -= 1
            if not readers[tensor]:
                unread.discard(tensor)
        outputs = {id(tensor) for tensor in keras.tree.flatten(operation.output)}
        unread |= outputs
        yield operation, len(unread) == 1 and unread == outputs


def _stands_still(operation: Any) -> bool:
    weights = getattr(operation, "weights", ())
    # What a layer has beside its weights is the state of the random numbers that it draws.
    draws_at_random = len(getattr(operation, "variables", ())) > len(weights)
    return not draws_at_random and not (weights and operation.trainable)
