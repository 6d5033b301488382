"""Build convolutional bases, and cut a network after its frozen layers or before its classifier."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models import regnet
from leukcnn.models.backbones import BACKBONES, RGB_MEAN
from leukcnn.models.heads import initial, shape_of, source_inputs
from leukcnn.models.regnet_designs import DESIGNS, IMAGENET_MEAN, IMAGENET_STD


def base_network(
    backbone: str,
    *,
    weights: str | None,
    input_shape: tuple[int, int, int],
    kernel_initializer: str = "glorot_uniform",
    input_tensor: keras.KerasTensor | None = None,
    include_preprocessing: bool = False,
) -> keras.Model:
    """Builds a network without its top.

    Args:
        backbone: One of `BACKBONES`: a name in `keras.applications`, or a RegNet's name in its authors' zoo.
        weights: None (random initialization) or "imagenet".
        input_shape: (height, width, 3).
        kernel_initializer: Initializer of every kernel that isn't loaded, as in
            `leukcnn.models.heads.initial`.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        include_preprocessing: Whether the network itself converts images of 0..1 to the input that the
            published weights were trained on.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3) and returns the last feature maps, float32
        (N, rows, columns, channels).

    Raises:
        ArgumentError: The input is too small, doesn't have 3 channels, or its size has no published weights.
        WeightsError: The published weights can't be downloaded.
    """
    shape = shape_of(input_tensor, input_shape, min_size=BACKBONES[backbone].min_size, channels=3)
    published = BACKBONES[backbone].published_size
    if weights == "imagenet" and published and shape[:2] != (published, published):
        raise ArgumentError(
            f"input_shape = {shape} for the ImageNet weights of {backbone}.",
            expected=f"({published}, {published}, 3), the only size for which Keras loads them",
            remedy=f"resize to {published} pixels, or pass the path of the weights' file",
        )
    if include_preprocessing:
        input_tensor = _preprocessed(
            keras.Input(input_shape) if input_tensor is None else input_tensor, backbone
        )
    base = application(
        backbone, include_top=False, weights=weights, input_shape=input_shape, input_tensor=input_tensor
    )
    if weights is None and kernel_initializer != "glorot_uniform":
        _initialise(base, kernel_initializer)
    if input_tensor is not None:
        # Keras Applications puts the input into a list, and a call with a single array would then warn.
        base = keras.Model(source_inputs(input_tensor), base.output, name=base.name)
    return base


def _preprocessed(images: keras.KerasTensor, backbone: str) -> keras.KerasTensor:
    # Keras' own layers and operations only: a saved network then loads without importing leukcnn.
    input_format = BACKBONES[backbone].input_format
    scale: float | list[float]
    offset: float | list[float]
    if input_format == "standardised":
        scale = [1 / std for std in IMAGENET_STD]
        offset = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    elif input_format == "centred":
        scale, offset = 2, -1
    else:
        scale, offset = 255, [-mean for mean in RGB_MEAN] if input_format == "caffe" else 0
    scaled = layers.Rescaling(scale, offset=offset, name="preprocess_input")(images)
    return ops.flip(scaled, axis=-1) if input_format == "caffe" else scaled


def application(backbone: str, *, weights: str | None, **arguments: Any) -> keras.Model:
    """Builds a network of Keras Applications, or a RegNet, which Keras lacks.

    Args:
        backbone: Name in `keras.applications`, or one of `leukcnn.models.regnet_designs.DESIGNS`.
        weights: None (random initialization) or "imagenet".
        **arguments: The builder's other arguments.

    Raises:
        WeightsError: The published weights can't be downloaded. A RegNet's are never downloaded.
    """
    if backbone in DESIGNS:
        return regnet.build_regnet(backbone, weights=weights, **arguments)
    try:
        return getattr(keras.applications, backbone)(weights=weights, **arguments)
    except Exception as error:
        if weights is None or "URL fetch failure" not in str(error):
            raise
        raise WeightsError(
            f"The ImageNet weights of {backbone} could not be downloaded: {error}",
            expected="a network connection to Keras' weight server, once",
            remedy="copy the file into ~/.keras/models from another machine, or pass a path or weights=None "
            "(--weights FILE, --weights none); if the paper allows it, --base scratch trains another network",
        ) from error


def _initialise(base: keras.Model, kernel_initializer: str) -> None:
    for layer in base.layers:
        for name in ("kernel", "depthwise_kernel", "pointwise_kernel"):
            if hasattr(layer, name):
                kernel = getattr(layer, name)
                # A new initializer for each kernel: the same one returns equal values for equal shapes.
                fan_in = math.prod(kernel.shape[: 2 if name == "depthwise_kernel" else -1])
                # Biases of a base are followed by batch normalisation, which removes them, or are 0.
                own = initial(kernel_initializer, fan_in)["kernel_initializer"]
                kernel.assign(keras.initializers.get(own)(kernel.shape))


def last_frozen_layer(model: keras.Model) -> str | None:
    """Finds the last layer of a network's frozen base.

    Up to this layer the network returns the same output for the same image in every training step: all layers
    with weights are frozen, including their batch statistics, and no layer uses random numbers. All layers
    after it depend on its output alone, so the network can be cut there. A network within the network counts
    as one layer.

    Args:
        model: A functional network that calls each layer once, or a `Sequential` that wasn't loaded from a
            file.

    Returns:
        Name of the layer; None if the network can't be cut like this, or if no frozen layer has weights.
    """
    last, any_weights = None, False
    for operation, is_cut in _operations(model):
        if not _is_frozen(operation):
            break
        any_weights = any_weights or bool(getattr(operation, "weights", ()))
        if any_weights and is_cut:
            last = operation.name
    return last


def split_at(model: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Cuts a network in two after a layer.

    Args:
        model: A functional network that calls each layer once, or a `Sequential` that wasn't loaded from a
            file.
        layer_name: A layer that all paths from the inputs to the outputs lead through, e.g. that of
            `last_frozen_layer`.

    Returns:
        Two models that share the network's layers: `base` from the inputs to the layer's output, and `head`
        from there to the outputs. `head(base(x))` equals `model(x)`.

    Raises:
        ArgumentError: There is no such layer, it is the last one, or a path bypasses it.
    """
    cuts = {operation.name: _output(operation) for operation, is_cut in _operations(model) if is_cut}
    cuts.popitem()
    if layer_name not in cuts:
        raise ArgumentError(
            f"{model.name} can't be cut after {layer_name!r}.",
            expected=f"a layer that all paths lead through: {', '.join(cuts)}",
        )
    base = keras.Model(model.input, cuts[layer_name], name=f"{model.name}_base")
    return base, keras.Model(cuts[layer_name], model.output, name=f"{model.name}_head")


def penultimate(model: keras.Model) -> keras.Model:
    """Cuts a network before its classifier, so that it returns the deep features of an image.

    Args:
        model: A network with its top. Its last layer with weights, the classifier, is a dense layer.

    Returns:
        A model that shares the network's layers, from its input to the input of the classifier. Dropout right
        before the classifier is left out. Its name is that of the network with the suffix "_penultimate".

    Raises:
        ArgumentError: The last layer with weights isn't a dense layer.
    """
    operation_of = {id(_output(operation)): operation for operation, _ in _operations(model)}
    classifier = operation_of.get(id(model.outputs[0]))
    # An activation may follow the classifier.
    while classifier is not None and not getattr(classifier, "weights", ()):
        inputs = keras.tree.flatten(_input(classifier))
        classifier = operation_of.get(id(inputs[0])) if len(inputs) == 1 else None
    if not isinstance(classifier, layers.Dense):
        raise ArgumentError(
            f"{model.name} doesn't end in a dense layer, its classifier.",
            expected="a network with its top: one whose last layer with weights is dense",
            remedy="build it with include_top=True, or end your own network with keras.layers.Dense",
        )
    features = classifier.input
    while isinstance(operation_of[id(features)], layers.Dropout):
        features = operation_of[id(features)].input
    return keras.Model(source_inputs(features), features, name=f"{model.name}_penultimate")


def functional(model: keras.Model) -> keras.Model:
    """Returns a functional network, whose graph is accessible; a `Sequential` is converted."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def _operations(model: keras.Model) -> Iterator[tuple[Any, bool]]:
    """Yields (operation, is_cut), inputs first; `is_cut`: all paths to the outputs lead through it."""
    model = functional(model)
    inputs_of = {operation: keras.tree.flatten(_input(operation)) for operation in model.operations}
    readers = Counter(id(tensor) for tensors in [*inputs_of.values(), model.outputs] for tensor in tensors)
    unread = {id(tensor) for tensor in model.inputs}
    for operation, tensors in inputs_of.items():
        for tensor in map(id, tensors):
            readers[tensor] -= 1
            if not readers[tensor]:
                unread.discard(tensor)
        outputs = {id(tensor) for tensor in keras.tree.flatten(_output(operation))}
        unread |= outputs
        yield operation, len(unread) == 1 and unread == outputs


# A network within a network overrides `input` and `output` with the tensors of its inner graph.
def _input(operation: keras.Operation) -> Any:
    return keras.Operation.input.fget(operation)


def _output(operation: keras.Operation) -> Any:
    return keras.Operation.output.fget(operation)


def _is_frozen(operation: Any) -> bool:
    weights = getattr(operation, "weights", ())
    # A layer's variables that aren't weights are the states of its random generators.
    is_random = len(getattr(operation, "variables", ())) > len(weights)
    return not is_random and not (weights and operation.trainable)
