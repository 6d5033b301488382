"""One device against two and two hosts: losses of each epoch, seconds of the clock and of the processor.

The network is tiny, so the times are those of what devices and hosts do together. It takes two minutes on two
idle cores:

    python tests/benchmarks/devices.py
"""

import csv
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EPOCHS = 4
# Backend, devices of each host, hosts.
CASES = (
    ("tensorflow", "cpu:1", 1),
    ("tensorflow", "cpu:2", 1),
    ("jax", "cpu:1", 1),
    ("jax", "cpu:2", 1),
    ("jax", "cpu:1", 2),
)


def measured(folder, backend, devices, hosts):
    """Trains once; returns the trial's folder, and seconds of the clock and of the processor."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    environment = {**os.environ, "KERAS_BACKEND": backend, "LEUKCNN_CACHE": str(folder / "cache")}
    out, before, started = folder / f"{backend}-{devices}-{hosts}", _processor(), time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "tests.one_host",
        "synthetic",
        str(out),
        str(EPOCHS),
        devices,
        str(hosts),
    ]
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen(
            [*command, str(index), address], env=environment, cwd=root, stderr=subprocess.DEVNULL
        )
        for index in range(hosts)
    ]
    if any([process.wait() for process in running]):
        sys.exit(f"{backend}, {devices}, {hosts} hosts: a process failed")
    (trial,) = (out / "cnmc2019" / "trials").iterdir()
    return trial, time.perf_counter() - started, _processor() - before


def _processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    """Prints a line for each case."""
    with tempfile.TemporaryDirectory() as place:
        measured(Path(place), *CASES[0])
        for case in CASES:
            folder = Path(tempfile.mkdtemp(dir=place))
            (folder / "cache").symlink_to(Path(place) / "cache")
            trial, clock, processor = measured(folder, *case)
            losses = [row["loss"] for row in csv.DictReader((trial / "history.csv").open())]
            training = json.loads((trial / "done.json").read_text())["seconds"]["training"]
            where = f"{case[0]:10} {case[1]}, {case[2]} hosts"
            times = f"training {training:.1f} s, whole {clock:.1f} s, processor {processor:.1f} s"
            print(f"{where}: losses {' '.join(losses)}; {times}", flush=True)


if __name__ == "__main__":
    main()
