"""What several devices or hosts need to compute what one device would."""

import contextlib
import functools
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from leukcnn.errors import HostError
from leukcnn.hosts import Hosts


class _WholeBatchDropout(keras.layers.Dropout):
    """Dropout whose mask is that of the whole batch: each replica of TensorFlow takes its part of it.

    A layer of Keras draws one mask for the part, and the same one in each replica.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the inputs, some of them 0 in training."""
        if not training or not self.rate:
            return inputs
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        part, *others = keras.ops.shape(inputs)
        whole = keras.ops.ones((part * replica.num_replicas_in_sync, *others), dtype=inputs.dtype)
        kept = keras.random.dropout(whole, self.rate, self.noise_shape, seed=self.seed_generator)
        first = replica.replica_id_in_sync_group * part
        return inputs * kept[first : first + part]


@contextlib.contextmanager
def whole_batches(network: keras.Model) -> Iterator[None]:
    """Context in which replicas of TensorFlow train a network as one device would.

    Batch normalization takes its statistics over the whole batch, and dropout its mask. Afterwards the layers
    are Keras' own again: a saved network doesn't know of replicas.
    """
    layers = list(flat_layers(network))
    dropouts = [layer for layer in layers if type(layer) is keras.layers.Dropout]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    own = [layer.synchronized for layer in norms]
    try:
        for layer in dropouts:
            layer.__class__ = _WholeBatchDropout
        for layer in norms:
            layer.synchronized = True
        yield
    finally:
        for layer in dropouts:
            layer.__class__ = keras.layers.Dropout
        for layer, synchronized in zip(norms, own, strict=True):
            layer.synchronized = synchronized


def flat_layers(network: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers of a network, and those of networks in it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def start_hosts(hosts: Hosts, *, processors: int | None) -> list[str]:
    """Starts JAX on several hosts, which are connected already.

    Args:
        hosts: The hosts.
        processors: Number of logical processors of each host; None for accelerators if it has any.

    Returns:
        The names of this host's devices.

    Raises:
        HostError: JAX can't connect the hosts, or is running already.
    """
    import jax
    from jax.experimental import multihost_utils

    assert hosts.place, "a single host needs no start"
    port, _ = hosts.shared(lambda: (_free_port(), {}))
    name = hosts.place.coordinator[0]
    try:
        if processors and not jax.distributed.is_initialized():
            jax.config.update("jax_num_cpu_devices", processors)
        # A study that starts again with fewer folds is connected already.
        if not jax.distributed.is_initialized():
            # It would catch SIGTERM, with which clusters end a job, and only note it.
            jax.config.update("jax_enable_preemption_service", False)
            jax.distributed.initialize(
                f"[{name}]:{port}" if ":" in name else f"{name}:{port}",
                num_processes=hosts.count,
                process_id=hosts.index,
                cluster_detection_method="deactivate",
                # `Hosts` notices a lost host before.
                heartbeat_timeout_seconds=100,
                shutdown_timeout_seconds=30,
            )
        found = jax.local_devices(backend="cpu" if processors else None)
        hosts.all()
        with _stdout_as_stderr():
            # The first thing that processors compute together prints a line: that they are connected.
            multihost_utils.sync_global_devices("hosts")
    except RuntimeError as error:
        raise HostError(
            f"JAX can't start on host {hosts.index} of {hosts.count}: {error}",
            expected="hosts that reach each other on any port, and a process that hasn't used JAX before",
            remedy="check the network between the hosts, and start a new process",
        ) from error
    return [f"{device.platform}:{device.id}" for device in found]


@contextlib.contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    """Context in which what libraries print to standard output goes to standard error."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)
        try:
            yield
        finally:
            os.dup2(stdout.fileno(), 1)


def stop_hosts() -> None:
    """Ends JAX's connection between hosts, when all of them have finished."""
    import jax

    jax.distributed.shutdown()


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


def own_outputs(network: keras.Model, batches: keras.utils.PyDataset, names: Sequence[str]) -> np.ndarray:
    """Returns a network's outputs for this host's batches, computed on its own devices by JAX.

    Keras' `predict` would compute them on all hosts together, and can't return those of others.

    Args:
        network: The network, whose variables are on the devices of all hosts.
        batches: Batches of this host.
        names: Names of its devices.

    Returns:
        (N, ...).
    """
    import jax

    devices = [device for device in jax.local_devices(backend=names[0].split(":")[0])]
    devices = [device for device in devices if f"{device.platform}:{device.id}" in names]
    mesh = jax.sharding.Mesh(np.array(devices), ("batch",))
    divided = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    copied = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def own(variable: keras.Variable) -> Any:
        copies = [shard.data for shard in variable.value.addressable_shards]
        return jax.make_array_from_single_device_arrays(tuple(variable.shape), copied, copies)

    trainable = [own(variable) for variable in network.trainable_variables]
    others = [own(variable) for variable in network.non_trainable_variables]
    outputs = []
    for number in range(len(batches)):
        # With augmentation on the device they are several arrays.
        inputs = batches[number][0]
        size = len(keras.tree.flatten(inputs)[0])
        padded = keras.tree.map_structure(
            functools.partial(_repeated, to=size + -size % len(devices)), inputs
        )
        computed = _compiled(network)(trainable, others, jax.device_put(padded, divided))
        outputs.append(np.asarray(computed)[:size])
    return np.concatenate(outputs)


def _repeated(inputs: np.ndarray, *, to: int) -> np.ndarray:
    """Returns so many inputs, repeated from the first one on."""
    return np.resize(inputs, (to, *inputs.shape[1:]))


@functools.lru_cache(maxsize=1)
def _compiled(network: keras.Model) -> Any:
    import jax

    return jax.jit(lambda *arguments: network.stateless_call(*arguments, training=False)[0])
