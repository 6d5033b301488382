"""The devices and hosts on which networks are trained. No other package imports TensorFlow or JAX."""

from leukcnn.distribution.conversions import (
    converted_to_litert,
    converted_to_onnx,
    read_saved_model,
    require_tensorflow,
    write_saved_model,
)
from leukcnn.distribution.devices import (
    Devices,
    accelerators,
    as_fed,
    device_models,
    find_devices,
    gradient,
    look_for_devices,
    make_deterministic,
)
from leukcnn.distribution.replicas import stop_hosts

__all__ = [
    "Devices",
    "accelerators",
    "as_fed",
    "converted_to_litert",
    "converted_to_onnx",
    "device_models",
    "find_devices",
    "gradient",
    "look_for_devices",
    "make_deterministic",
    "read_saved_model",
    "require_tensorflow",
    "stop_hosts",
    "write_saved_model",
]


def __dir__() -> list[str]:
    return sorted(__all__)
