"""Networks in the formats of other libraries, which TensorFlow writes."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.errors import DeviceError

_OPSET = 17  # of ONNX; onnxruntime has read it since 2022


def converted_to_litert(network: keras.Model, *, precision: str, calibration: np.ndarray | None) -> bytes:
    """Converts a network to a LiteRT file; `leukcnn.models.litert.to_litert` checks the arguments.

    Raises:
        DeviceError: The backend isn't TensorFlow.
    """
    require_tensorflow("convert networks to LiteRT")
    import tensorflow as tf

    signature = [tf.TensorSpec((1, *network.input_shape[1:]), network.input.dtype)]
    answer = tf.function(lambda images: network(images, training=False), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], network)
    # The same file without writing a SavedModel and loading it again, which takes most of the time.
    converter.experimental_lower_to_saved_model = False
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        assert calibration is not None, "the caller checks it"
        converter.representative_dataset = lambda: ([image[None]] for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with warnings.catch_warnings():
        # It warns that a range of the inputs isn't given: the calibration finds it.
        warnings.simplefilter("ignore", UserWarning)
        return converter.convert()


def converted_to_onnx(network: keras.Model, *, output: str) -> Any:
    """Converts a network with one input to an ONNX model; the packages onnx and tf2onnx are installed.

    Args:
        network: The network. Sizes of its input that it leaves open stay open.
        output: Name of the output.

    Returns:
        An `onnx.ModelProto`, with the weights as Keras has them: layers transpose them when the model runs.

    Raises:
        DeviceError: The backend isn't TensorFlow.
    """
    require_tensorflow("convert networks to ONNX")
    import onnx
    import tensorflow as tf
    import tf2onnx

    trainable = network.trainable_variables
    weights: dict[str, Any] = {
        f"weight_{number}": weight
        for number, weight in enumerate([*trainable, *network.non_trainable_variables])
    }

    def answer(images: Any, *values: Any) -> dict[str, Any]:
        cut = len(trainable)
        return {output: network.stateless_call(values[:cut], values[cut:], images, training=False)[0]}

    # tf2onnx copies constants some forty times: it gets the weights as inputs, and they are filled in after.
    (taken,) = network.inputs
    signature = [
        tf.TensorSpec(value.shape, value.dtype, name=name)
        for name, value in {taken.name: taken, **weights}.items()
    ]
    # It warns of each pass that changes nothing.
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    function = tf.function(answer, input_signature=signature)
    # Constants of layers, such as the mean of Normalization, become inputs too.
    captured = function.get_concrete_function(*signature).graph.captures
    weights |= {inside.name: outside for outside, inside in captured}
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=_OPSET)
    used = {name for node in model.graph.node for name in node.input}
    for name in [value.name for value in model.graph.input if value.name in weights]:
        if name in used:
            value = keras.ops.convert_to_numpy(weights[name])
            model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    kept = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model


def write_saved_model(network: keras.Model, folder: Path) -> None:
    """Writes a network as a SavedModel with the endpoint `serve`.

    Raises:
        DeviceError: The backend isn't TensorFlow.
    """
    require_tensorflow("write a SavedModel")
    network.export(folder, format="tf_saved_model", verbose=False)


def read_saved_model(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the endpoint `serve` of a SavedModel: images (N, H, W, 3) to outputs (N, classes)."""
    import tensorflow as tf

    # The endpoint alone wouldn't keep the variables.
    model = tf.saved_model.load(str(folder))
    return lambda images: model.serve(tf.constant(images)).numpy()


def require_tensorflow(what: str) -> None:
    """Checks that the backend is TensorFlow.

    Args:
        what: What other backends can't do, for the message.

    Raises:
        DeviceError: It is another one.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise DeviceError(
            f"Keras' {backend} backend can't {what}.",
            expected="the TensorFlow backend",
            remedy="set KERAS_BACKEND=tensorflow; a saved network can be loaded with it",
        )
