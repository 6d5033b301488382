"""What `--hosts`, `--host-index` and `--coordinator` may say, checked without loading a backend."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from leukcnn.device_names import MOST
from leukcnn.errors import DeviceError
from leukcnn.fields import did_you_mean

SLURM = "slurm"
"""Value of `--hosts` that reads everything from the variables that Slurm's `srun` sets."""

CONNECT_SECONDS = 300.0
"""Seconds within which all hosts must have started."""

_BY_HAND = "--hosts 2 --host-index 0 --coordinator node1:9000"


@dataclass(frozen=True)
class Place:
    """The place of this host in a run on several.

    Attributes:
        count: Number of hosts, at least 2.
        index: This one's index, from 0.
        coordinator: Name or address of host 0, and a port there.
    """

    count: int
    index: int
    coordinator: tuple[str, int]

    @property
    def address(self) -> str:
        """The coordinator as HOST:PORT."""
        name, port = self.coordinator
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def read_hosts(
    hosts: str | int | None,
    index: int | None,
    coordinator: str | None,
    *,
    variables: Mapping[str, str] = os.environ,
) -> Place | None:
    """Returns this host's place, or None for a single host.

    Args:
        hosts: Number of hosts, "slurm" for what `srun` says, or None.
        index: This host's index.
        coordinator: HOST:PORT of host 0.
        variables: The environment.

    Raises:
        DeviceError: An option has another form, doesn't fit another one, or is missing.
    """
    text = "1" if hosts is None else str(hosts).strip().lower()
    if text == SLURM:
        return _of_slurm(index, coordinator, variables)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > MOST:
        raise DeviceError(
            f"hosts (--hosts) got {hosts!r:.80}.",
            expected=f"a number from 1 to {MOST:,}, or {SLURM}",
            remedy=did_you_mean(text, (SLURM,)),
        )
    count = int(text)
    for option, value in (("host_index (--host-index)", index), ("coordinator (--coordinator)", coordinator)):
        if count > 1 and value is None:
            raise DeviceError(
                f"hosts (--hosts) got {count}, without {option}.",
                expected=f"all three options on each host, such as {_BY_HAND}, or --hosts {SLURM} under srun",
                remedy="give each host its own --host-index, and all of them the same --coordinator",
            )
        if hosts is None and value is not None:
            raise DeviceError(
                f"{option} got {value!r:.80}, without hosts (--hosts).",
                expected=f"--hosts with the number of hosts, such as {_BY_HAND}",
                remedy="add --hosts, or leave the option out for a run on one host",
            )
    if index is not None and not (isinstance(index, int) and 0 <= index < count):
        raise DeviceError(
            f"host_index (--host-index) got {index!r:.80} with {count} hosts.",
            expected=f"a number from 0 to {count - 1}",
            remedy="count hosts from 0",
        )
    address = None if coordinator is None else _address(coordinator)
    return None if count == 1 or index is None or address is None else Place(count, index, address)


def _address(text: str) -> tuple[str, int]:
    match = re.fullmatch(
        r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})", text
    )
    if not match or not 1 <= int(match["port"]) <= 65_535:
        raise DeviceError(
            f"coordinator (--coordinator) got {text!r:.80}.",
            expected="HOST:PORT, the name of host 0 and a port that is free there, such as node1:9000",
            remedy="use the same on every host; an address of IPv6 has brackets: [::1]:9000",
        )
    return match["six"] or match["name"], int(match["port"])


def _of_slurm(index: int | None, coordinator: str | None, variables: Mapping[str, str]) -> Place | None:
    if index is not None:
        raise DeviceError(
            f"host_index (--host-index) got {index} with --hosts {SLURM}.",
            expected=f"no --host-index: with --hosts {SLURM} it is SLURM_PROCID",
            remedy="leave one of the two out",
        )
    # Those of the job itself are in a batch script too, which runs once.
    count, nodes = variables.get("SLURM_STEP_NUM_TASKS", ""), variables.get("SLURM_STEP_NODELIST", "")
    own, job = variables.get("SLURM_PROCID", ""), variables.get("SLURM_JOB_ID", "")
    numbers = [text.isascii() and text.isdecimal() for text in (count, own, job)]
    if not all(numbers) or not nodes or not int(own) < int(count) <= MOST:
        raise DeviceError(
            f"hosts (--hosts) got {SLURM}, but Slurm's variables are "
            f"SLURM_STEP_NUM_TASKS={count!r:.20}, SLURM_PROCID={own!r:.20}, "
            f"SLURM_STEP_NODELIST={nodes!r:.40}, SLURM_JOB_ID={job!r:.20}.",
            expected=f"what srun sets for each task that it starts, at most {MOST:,}",
            remedy=f"start the command with srun, one task on each node, or give {_BY_HAND}",
        )
    # A port that jobs on the same node don't share, above those that services have.
    address = (_first_node(nodes), 20_000 + int(job) % 40_000)
    if coordinator is not None:
        address = _address(coordinator)
    return None if int(count) == 1 else Place(int(count), int(own), address)


def note_on_tasks(variables: Mapping[str, str] = os.environ) -> str:
    """Returns a note if `srun` started this command several times without `--hosts`; "" if it didn't."""
    tasks = variables.get("SLURM_STEP_NUM_TASKS", "")
    if not (tasks.isascii() and tasks.isdecimal()) or int(tasks) < 2 or variables.get("SLURM_PROCID") != "0":
        return ""
    return (
        f"Note: srun runs this command {int(tasks):,} times. With the same --out, each waits for trials that "
        f"another one trains. --hosts {SLURM} trains one network on all of them (JAX)."
    )


def _first_node(nodes: str) -> str:
    """Returns the first of Slurm's list, such as node07 of "node[07-09,12],gpu1"."""
    match = re.match(r"(?P<name>[^,\[]+)(?:\[(?P<number>[0-9]*)[^\]]*\](?P<rest>[^,\[]*))?", nodes)
    return "".join(part or "" for part in match.group("name", "number", "rest")) if match else nodes
