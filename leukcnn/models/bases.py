"""Convolutional bases, most from Keras Applications, and where the frozen part of a network ends."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models import regnet
from leukcnn.models.backbones import BACKBONES, RGB_MEAN
from leukcnn.models.heads import source_inputs
from leukcnn.models.regnet_designs import DESIGNS, IMAGENET_MEAN, IMAGENET_STD


def base_network(
    backbone: str,
    *,
    weights: str | None,
    input_shape: tuple[int, int, int],
    kernel_initializer: str = "glorot_uniform",
    input_tensor: Any = None,
    preprocess_input: bool = False,
) -> keras.Model:
    """Builds a base without its top.

    Args:
        backbone: One of `BACKBONES`: a name in `keras.applications`, or a RegNet's in its zoo.
        weights: None or "imagenet".
        input_shape: Height, width and channels.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        input_tensor: Keras tensor to use as the input instead of a new one.
        preprocess_input: Whether images of 0..1 are first turned into what the published weights take.

    Raises:
        ArgumentError: The input is too small, has no 3 channels, or isn't the one size for which there are
            weights.
        WeightsError: The published weights can't be downloaded.
    """
    if input_tensor is not None:
        input_shape = tuple(input_tensor.shape[1:])
    min_size = BACKBONES[backbone].min_size
    if len(input_shape) != 3 or input_shape[2] != 3 or min(input_shape[:2]) < min_size:
        raise ArgumentError(
            f"input_shape = {tuple(input_shape)} for {backbone}.",
            expected=f"(height, width, 3) with at least {min_size} pixels each way",
            remedy="take larger images, or channels last",
        )
    published = BACKBONES[backbone].published_size
    if weights == "imagenet" and published and tuple(input_shape[:2]) != (published, published):
        raise ArgumentError(
            f"input_shape = {tuple(input_shape)} for the ImageNet weights of {backbone}.",
            expected=f"({published}, {published}, 3), the one size for which Keras loads them",
            remedy=f"resize to {published} pixels, or pass the weights' file",
        )
    if preprocess_input:
        input_tensor = _preprocessed(
            keras.Input(input_shape) if input_tensor is None else input_tensor, backbone
        )
    base = application(
        backbone, include_top=False, weights=weights, input_shape=input_shape, input_tensor=input_tensor
    )
    if weights is None and kernel_initializer != "glorot_uniform":
        _initialise(base, kernel_initializer)
    if input_tensor is not None:
        # Keras Applications makes a list of it, of which a call with one array would warn.
        base = keras.Model(source_inputs(input_tensor), base.output, name=base.name)
    return base


def _preprocessed(images: Any, backbone: str) -> Any:
    # Keras' own layers and operations only: a saved network loads where leukcnn isn't imported.
    takes = BACKBONES[backbone].takes
    if takes == "standardised":
        scale = [1 / std for std in IMAGENET_STD]
        offset = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    elif takes == "centred":
        scale, offset = 2, -1
    else:
        scale, offset = 255, [-mean for mean in RGB_MEAN] if takes == "caffe" else 0
    scaled = layers.Rescaling(scale, offset=offset, name="preprocess_input")(images)
    return ops.flip(scaled, axis=-1) if takes == "caffe" else scaled


def application(backbone: str, *, weights: str | None, **arguments: Any) -> keras.Model:
    """Builds a network of Keras Applications, or a RegNet, which Keras lacks.

    Args:
        backbone: Name in `keras.applications`, or one of `leukcnn.models.regnet_designs.DESIGNS`.
        weights: None or "imagenet".
        **arguments: The builder's other arguments.

    Raises:
        WeightsError: The published weights can't be downloaded; a RegNet's never are.
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
            "(--weights FILE, --weights none); --base scratch trains another network where the paper has one",
        ) from error


def _initialise(base: keras.Model, kernel_initializer: str) -> None:
    for layer in base.layers:
        for name in ("kernel", "depthwise_kernel", "pointwise_kernel"):
            if hasattr(layer, name):
                kernel = getattr(layer, name)
                # An initializer of its own for each: one gives equal values to kernels of equal shapes.
                kernel.assign(keras.initializers.get(kernel_initializer)(kernel.shape))


def last_frozen_layer(model: keras.Model) -> str | None:
    """Finds where the part of a network ends that training leaves as it is.

    That part gives the same answer to the same image in every step: its layers with weights are frozen,
    batch statistics included, and none of them draws at random. A network within the network is one layer.

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
        layer_name: Layer whose output alone all that follows depends on, such as `last_frozen_layer` returns.

    Returns:
        Two models that share the network's layers: `base`, from its inputs to that layer's output, and
        `head`, from there to its outputs, so that `head(base(x))` is `model(x)`.

    Raises:
        ArgumentError: There is no such layer, nothing stands behind it, or something goes past it.
    """
    cuts = {operation.name: _made(operation) for operation, is_cut in _operations(model) if is_cut}
    cuts.popitem()
    if layer_name not in cuts:
        raise ArgumentError(
            f"{model.name} can't be cut behind {layer_name!r}.",
            expected=f"a layer that all paths lead through: {', '.join(cuts)}",
        )
    base = keras.Model(model.input, cuts[layer_name], name=f"{model.name}_base")
    return base, keras.Model(cuts[layer_name], model.output, name=f"{model.name}_head")


def penultimate(model: keras.Model) -> keras.Model:
    """Cuts a network before its classifier: what it gives there are the deep features of an image.

    Args:
        model: A network with its top, as any builder makes it: the last of its layers with weights is the
            classifier, a dense layer.

    Returns:
        A model that shares the network's layers, from its input to what the classifier takes in, the dropout
        right before it left out; "alert_net" gives "alert_net_penultimate".

    Raises:
        ArgumentError: The network doesn't end in such a layer.
    """
    made_by = {id(_made(operation)): operation for operation, _ in _operations(model)}
    classifier = made_by.get(id(model.outputs[0]))
    # Behind it may stand an activation.
    while classifier is not None and not getattr(classifier, "weights", ()):
        read = keras.tree.flatten(_read(classifier))
        classifier = made_by.get(id(read[0])) if len(read) == 1 else None
    if not isinstance(classifier, layers.Dense):
        raise ArgumentError(
            f"{model.name} doesn't end in a dense layer, its classifier.",
            expected="a network with its top: one whose last layer with weights is dense",
            remedy="build it with include_top=True, or end your own with keras.layers.Dense",
        )
    features = classifier.input
    while isinstance(made_by[id(features)], layers.Dropout):
        features = made_by[id(features)].input
    return keras.Model(source_inputs(features), features, name=f"{model.name}_penultimate")


def functional(model: keras.Model) -> keras.Model:
    """Returns a network that shows its graph, which a sequential one doesn't."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def _operations(model: keras.Model) -> Iterator[tuple[Any, bool]]:
    """Yields the operations, inputs first, each with whether all paths to the outputs lead through it."""
    model = functional(model)
    inputs_of = {operation: keras.tree.flatten(_read(operation)) for operation in model.operations}
    readers = Counter(id(tensor) for tensors in [*inputs_of.values(), model.outputs] for tensor in tensors)
    unread = {id(tensor) for tensor in model.inputs}
    for operation, tensors in inputs_of.items():
        for tensor in map(id, tensors):
            readers[tensor] -= 1
            if not readers[tensor]:
                unread.discard(tensor)
        outputs = {id(tensor) for tensor in keras.tree.flatten(_made(operation))}
        unread |= outputs
        yield operation, len(unread) == 1 and unread == outputs


# A network within a network has attributes `input` and `output` of its own, which lie in its inner graph.
def _read(operation: Any) -> Any:
    return keras.Operation.input.fget(operation)


def _made(operation: Any) -> Any:
    return keras.Operation.output.fget(operation)


def _stands_still(operation: Any) -> bool:
    weights = getattr(operation, "weights", ())
    # What a layer has beside its weights is the state of the random numbers that it draws.
    draws_at_random = len(getattr(operation, "variables", ())) > len(weights)
    return not draws_at_random and not (weights and operation.trainable)
