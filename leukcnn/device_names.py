"""What `--devices` may say, checked without loading a backend."""

import re

from leukcnn.errors import DeviceError
from leukcnn.fields import did_you_mean

ALL, CPU, GPU = "all", "cpu", "gpu"


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
    match = re.fullmatch(r"all|(?P<kind>cpu:)?(?P<count>[1-9]\d*)", text)
    if not match:
        raise DeviceError(
            f"--devices got {wanted!r}.",
            expected="all, a number, or cpu:N",
            remedy=_nearest(text),
        )
    count = match["count"]
    return CPU if match["kind"] else GPU, None if count is None else int(count)


def _nearest(text: str) -> str:
    """Returns "did you mean ...?" with devices of the kind that a text seems to name; "" if none is near."""
    if match := re.fullmatch(r"(?P<kind>[cg]pus?)\D*(?P<count>[1-9]\d*)", text):
        count = match["count"]
        return f"did you mean {f'{CPU}:{count}' if match['kind'].startswith(CPU) else count!r}?"
    return did_you_mean(text, (ALL, f"{CPU}:2") if text.startswith("c") else (ALL,))
