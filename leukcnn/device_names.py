"""What `--devices` may say, checked without loading a backend."""

import re

from leukcnn.errors import DeviceError
from leukcnn.fields import did_you_mean

ALL, CPU, GPU = "all", "cpu", "gpu"
MOST = 1024
"""Largest number of devices."""


def read_devices(wanted: str | int) -> tuple[str, int | None]:
    """Returns the kind and the number of the devices that `--devices` asks for.

    Args:
        wanted: "all" for every GPU, a number of GPUs, or "cpu:N" for N logical processors.

    Returns:
        The kind, "gpu" or "cpu", and the number; None for all.

    Raises:
        DeviceError: The text has another form.
    """
    text = str(wanted).strip().lower()
    # Not \d, which is any digit of Unicode.
    match = re.fullmatch(r"all|(?P<kind>cpu:)?(?P<count>[1-9][0-9]{0,3})", text)
    count = None if match is None or match["count"] is None else int(match["count"])
    if not match or (count or 0) > MOST:
        raise DeviceError(
            f"devices (--devices) got {wanted!r}.",
            expected=f"all, a number, or cpu:N, with a number from 1 to {MOST:,}",
            remedy=_nearest(text),
        )
    return CPU if match["kind"] else GPU, count


def check_batch_size(batch_size: int, devices: int) -> None:
    """Checks that a batch of images can be divided evenly among some devices.

    Raises:
        DeviceError: The batch size isn't a multiple of the number of devices.
    """
    if batch_size % devices:
        raise DeviceError(
            f"A batch of {batch_size} images for {devices} devices.",
            expected="a batch size that is a multiple of the number of devices",
            remedy=f"use --devices with a divisor of {batch_size}, or --assume batch_size=...",
        )


def _nearest(text: str) -> str:
    """Returns "did you mean ...?" with devices of the kind that a text seems to name; "" if none is near."""
    if match := re.fullmatch(r"(?P<kind>[cg]pus?)\D*(?P<count>[1-9][0-9]{0,2})", text):
        count = match["count"]
        return f"did you mean {f'{CPU}:{count}' if match['kind'].startswith(CPU) else count!r}?"
    return did_you_mean(text, (ALL, f"{CPU}:2") if text.startswith("c") else (ALL,))
