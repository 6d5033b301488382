"""The devices on which networks are trained. No other module imports TensorFlow or JAX.

A single device needs no setup. Several devices share each batch: with `tf.distribute.MirroredStrategy` on the
TensorFlow backend and `keras.distribution.DataParallel` on JAX. The batch size is the global one: the same
settings give the same training on any number of devices.
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.device_names import CPU, check_batch_size, read_devices
from leukcnn.errors import DeviceError

_OPSET = 17  # of ONNX; onnxruntime has read it since 2022


@dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
        names: The backend's names of the devices.
        strategy: The backend's object that distributes the work; None for one device.
    """

    names: tuple[str, ...]
    strategy: Any = None

    @property
    def replicas(self) -> int:
        """Number of devices, among which each batch is divided."""
        return len(self.names)

    @property
    def accelerated(self) -> bool:
        """Whether the devices are accelerators, not processors."""
        return not any("cpu" in name.lower() for name in self.names)

    def check_batch_size(self, batch_size: int) -> None:
        """Checks that a global batch can be divided evenly among the devices.

        Raises:
            DeviceError: The batch size isn't a multiple of the number of devices.
        """
        check_batch_size(batch_size, self.replicas)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Context in which networks are built, compiled and trained on these devices."""
        if self.strategy is None:
            yield
        elif keras.backend.backend() == "tensorflow":
            with self.strategy.scope():
                yield
        else:
            before = keras.distribution.distribution()
            keras.distribution.set_distribution(self.strategy)
            try:
                yield
            finally:
                keras.distribution.set_distribution(before)


def look_for_devices() -> None:
    """Makes TensorFlow list its devices, which prints many messages, without initializing them.

    On JAX it does nothing: JAX prints no messages, and listing its devices would initialize it. After that,
    its settings can't be changed.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.list_physical_devices()


def find_devices(wanted: str | None = None) -> Devices:
    """Finds the devices that `--devices` names.

    Args:
        wanted: None for the first GPU; "all" for all GPUs; a number of GPUs, e.g. "2"; or "cpu:N" for N
            logical processors, to try out several devices on one machine. Without a GPU, None, "all" and "1"
            give the CPU.

    Raises:
        DeviceError: `wanted` has another form, there are too few devices, or the backend can't use several.
    """
    if wanted is None:
        return Devices(names=_backend_devices()[:1])
    kind, count = read_devices(wanted)
    if kind == CPU:
        names = _logical_processors(count or 1)
    else:
        found = [name for name in _backend_devices() if "cpu" not in name.lower()]
        count = len(found) if count is None else count
        if not found and count <= 1:
            return Devices(names=_backend_devices()[:1])
        if len(found) < count:
            raise DeviceError(
                f"--devices asks for {count} accelerators, but Keras' {keras.backend.backend()} backend has "
                f"{len(found)}.",
                expected=f"at most {len(found)}" if found else "an accelerator",
                remedy="leave --devices out, or use cpu:N to try out several devices on the processor",
            )
        names = tuple(found[:count])
    return Devices(names=names, strategy=_strategy(names) if len(names) > 1 else None)


def _backend_devices() -> tuple[str, ...]:
    devices = keras.distribution.list_devices()
    accelerators = [name for name in devices if "cpu" not in name.lower()]
    return tuple(accelerators or devices)


def accelerators() -> tuple[str, ...]:
    """Returns the backend's names of all GPUs and other accelerators; none if there is only a processor."""
    return tuple(name for name in keras.distribution.list_devices() if "cpu" not in name.lower())


def device_models() -> list[str]:
    """Returns the model of each accelerator, as the backend names it, such as "NVIDIA H100 80GB HBM3"."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(device) for device in found]
        return [str(of.get("device_name", device.name)) for of, device in zip(details, found, strict=True)]
    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return []


def _logical_processors(count: int) -> tuple[str, ...]:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        if len(tf.config.get_logical_device_configuration(processor) or [0]) != count:
            configuration = [tf.config.LogicalDeviceConfiguration()] * count
            with _started_too_early(count):
                tf.config.set_logical_device_configuration(processor, configuration)
    elif backend == "jax":
        import jax

        with _started_too_early(count):
            jax.config.update("jax_num_cpu_devices", count)
    names = tuple(name for name in keras.distribution.list_devices("cpu"))
    if len(names) < count:
        raise DeviceError(
            f"Keras' {backend} backend has {len(names)} logical processors, not {count}.",
            expected="the TensorFlow or the JAX backend",
            remedy="set KERAS_BACKEND=tensorflow or jax",
        )
    return names[:count]


@contextlib.contextmanager
def _started_too_early(count: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DeviceError(
            f"The backend is already running and can't be split into {count} logical processors: {error}",
            expected="a call of find_devices before the first computation",
            remedy="start a new process",
        ) from error


def _strategy(names: tuple[str, ...]) -> Any:
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=list(names))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy([f"/{name.upper()}" for name in names])
    raise DeviceError(
        f"Keras' {keras.backend.backend()} backend can't divide a batch among {len(names)} devices.",
        expected="the TensorFlow or the JAX backend",
        remedy="set KERAS_BACKEND=tensorflow or jax, or leave --devices out",
    )


def make_deterministic() -> None:
    """Makes the backend's operations deterministic, to the last bit, for the rest of the process."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        # XLA reads its flags when the first computation starts.
        flag = "--xla_gpu_deterministic_ops=true"
        if flag not in os.environ.get("XLA_FLAGS", ""):
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


def as_fed(batches: keras.utils.PyDataset) -> Any:
    """Returns batches in the form in which the backend's `fit` and `predict` take them fastest.

    TensorFlow gets a `tf.data.Dataset` that asks for each batch by its number, one batch ahead of the step:
    Keras' own way runs a Python generator, and lets TensorFlow keep as many batches as it likes. Other
    backends get the batches themselves.

    Args:
        batches: Batches that all have the same structure and types; their first axis may differ.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def spec(array: np.ndarray) -> Any:
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    structure = keras.tree.map_structure(spec, batches[0])
    specs = keras.tree.flatten(structure)

    def made(number: np.ndarray) -> list[np.ndarray]:
        return keras.tree.flatten(batches[int(number)])

    def batch(number: Any) -> Any:
        tensors = tf.numpy_function(made, [number], [one.dtype for one in specs])
        shaped = [tf.ensure_shape(tensor, one.shape) for tensor, one in zip(tensors, specs, strict=True)]
        return keras.tree.pack_sequence_as(structure, shaped)

    return tf.data.Dataset.range(len(batches)).map(batch).prefetch(1)


def gradient(function: Callable[[Any], Any], value: np.ndarray) -> np.ndarray:
    """Computes the gradient of a function of one array.

    Args:
        function: Takes a tensor of the backend and returns a scalar tensor. It uses `keras.ops` and layers
            called with training=False, and changes no variable.
        value: The point at which to differentiate, floats of any shape.

    Returns:
        The derivative with respect to each element of `value`, in its shape and dtype; 0 for elements that
        the function doesn't depend on.

    Raises:
        DeviceError: The backend is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(value)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensor)
            result = function(tensor)
        return tape.gradient(result, tensor, unconnected_gradients="zero").numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(value)))
    raise DeviceError(
        f"Gradients aren't available with Keras' {backend} backend.",
        expected="the TensorFlow or the JAX backend",
        remedy="set KERAS_BACKEND=tensorflow or jax",
    )


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
