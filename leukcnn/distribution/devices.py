"""The devices that train networks.

A single device needs no setup. Several devices share each batch: with `tf.distribute.MirroredStrategy` on the
TensorFlow backend and `keras.distribution.DataParallel` on JAX, there on several hosts too. The batch size is
the global one: the same settings give the same training on any number of devices.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from leukcnn.device_names import CPU, GPU, check_batch_size, read_devices
from leukcnn.distribution.replicas import own_outputs, start_hosts, whole_batches
from leukcnn.errors import DeviceError, HostError
from leukcnn.hosts import Hosts


@dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
        names: The backend's names of the devices, those of all hosts.
        strategy: The backend's object that distributes the work; None for one device.
        hosts: The hosts.
    """

    names: tuple[str, ...]
    strategy: Any = None
    hosts: Hosts = field(default_factory=Hosts)

    @property
    def replicas(self) -> int:
        """Number of devices, among which each batch is divided."""
        return len(self.names)

    @property
    def alone(self) -> "Devices":
        """The devices of this host, for work that it does without the others."""
        if self.hosts.count == 1:
            return self
        share = len(self.names) // self.hosts.count
        own = self.names[self.hosts.index * share :][:share]
        return Devices(own, _strategy(own) if share > 1 else None)

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

    @contextlib.contextmanager
    def training(self, network: keras.Model) -> Iterator[None]:
        """Context in which a network is trained: `scope`, and layers that see the whole batch."""
        mirrored = self.strategy is not None and keras.backend.backend() == "tensorflow"
        with self.scope(), whole_batches(network) if mirrored else contextlib.nullcontext():
            yield

    def outputs(self, network: keras.Model, batches: keras.utils.PyDataset) -> np.ndarray:
        """Returns a network's outputs for batches of inputs; on several hosts each computes its own."""
        with self.scope():
            if self.hosts.count > 1:
                return own_outputs(network, batches, self.alone.names)
            return np.asarray(network.predict(as_fed(batches), verbose=0))


def look_for_devices() -> None:
    """Makes TensorFlow list its devices, which prints many messages, without initializing them.

    On JAX it does nothing: JAX prints no messages, and listing its devices would initialize it. After that,
    its settings can't be changed.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.list_physical_devices()


def find_devices(wanted: str | None = None, hosts: Hosts | None = None) -> Devices:
    """Finds the devices that `--devices` names.

    Args:
        hosts: The hosts, connected, each with these devices; None for this one alone.
        wanted: None for the first GPU; "all" for all GPUs; a number of GPUs, e.g. "2"; or "cpu:N" for N
            logical processors, to try out several devices on one machine. Without a GPU, None, "all" and "1"
            give the CPU.

    Raises:
        DeviceError: `wanted` has another form, there are too few devices, or the backend can't use several.
        HostError: The hosts' devices differ, or the backend can't connect them.
    """
    if hosts and hosts.count > 1:
        return _devices_of_hosts(wanted, hosts)
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
        names = _first(count, found)
    return Devices(names=names, strategy=_strategy(names) if len(names) > 1 else None)


def _first(count: int, accelerators: Sequence[str]) -> tuple[str, ...]:
    if len(accelerators) < count:
        raise DeviceError(
            f"--devices asks for {count} accelerators, but Keras' {keras.backend.backend()} backend has "
            f"{len(accelerators)}.",
            expected=f"at most {len(accelerators)}" if accelerators else "an accelerator",
            remedy="leave --devices out, or use cpu:N to try out several devices on the processor",
        )
    return tuple(accelerators[:count])


def _devices_of_hosts(wanted: str | None, hosts: Hosts) -> Devices:
    kind, count = (GPU, 1) if wanted is None else read_devices(wanted)
    own = start_hosts(hosts, processors=(count or 1) if kind == CPU else None)
    if kind == GPU:
        accelerators = [name for name in own if "cpu" not in name]
        count = len(accelerators) if count is None else count
        own = own[:1] if not accelerators and count <= 1 else [*_first(count, accelerators)]
    every = [message["value"] for message in hosts.all(own)]
    kinds = [[name.split(":")[0] for name in names] for names in every]
    if kinds != [kinds[0]] * hosts.count:
        listed = "; ".join(f"host {host}: {', '.join(of)}" for host, of in enumerate(every))
        raise HostError(
            f"The hosts have different devices. {listed}.",
            expected="the same number and kind of devices on each host",
            remedy="give --devices a number that every host has",
        )
    names = tuple(name for of in every for name in of)
    return Devices(names=names, strategy=_strategy(names), hosts=hosts)


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
        # Each host makes its own part of a batch, and Keras must not divide it again.
        return keras.distribution.DataParallel(devices=list(names), auto_shard_dataset=False)
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
