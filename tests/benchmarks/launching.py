"""Measures the time that two worker processes save, on controls, folds and features of LeukNet.

    python tests/benchmarks/launching.py [--rounds N] [--only ROW|all] [--runs N]

The run (synthetic smears, deterministic) is done in one process, by one worker process, and by two, in turn, each
in an empty folder and with a warm cache of decoded images. The script prints seconds of the clock and of all
processors, as medians with minimum and maximum over the rounds, and the ratios within a round; and whether all runs
gave the same predictions, tables and summary. By default they are those of a row of support vector machines on the
features of trained networks, in each fold; --only all takes five times as long. The machine must be idle. On 2
cores, one process has both of them for each operation of its network.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = {"no launcher": [], "dask:1": ["--launcher", "dask:1"], "dask:2": ["--launcher", "dask:2"]}
RESULTS = ("trials/*/predictions.csv", "experiments/*/tables/*", "experiments/*/summary.json")


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Runs a command; returns its seconds by the clock and of all its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def contents(out: Path) -> dict[str, bytes]:
    """Returns what must be the same bytes."""
    (root,) = (path for path in out.iterdir() if path.is_dir())
    paths = (path for pattern in RESULTS for path in root.glob(pattern))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def shown(values: list[float], unit: str) -> str:
    """Returns the median with minimum and maximum."""
    return f"{statistics.median(values):7.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--only", default="leuknet", help="a row, or 'all'; features_dft needs its network too"
    )
    parser.add_argument("--runs", default="1")
    options = parser.parse_args()
    only = [] if options.only == "all" else ["--only", options.only]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"LEUKCNN_CACHE": str(Path(folder) / "cache")}
        command = [sys.executable, "-m", "leukcnn", "reproduce", "leuknet_lodocv", "--data", "synthetic"]
        command += ["--profile", "smoke", "--runs", options.runs, "--weights", "none", *only]
        # Fills the cache with synthetic smears and decoded images.
        measured([*command, "--controls-only", "--out", str(Path(folder) / "warm")], environment)
        seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        found = []
        for number in range(options.rounds):
            for way, words in WAYS.items():
                out = Path(folder) / f"{way}-{number}".replace(" ", "-")
                seconds[way].append(measured([*command, *words, "--out", str(out)], environment))
                found.append(contents(out))
                print(f"round {number + 1}, {way}: {seconds[way][-1][0]:.1f} s", flush=True)
    for way, rounds in seconds.items():
        clock, processors = ([one[i] for one in rounds] for i in range(2))
        print(f"{way:12} {shown(clock, 's')}; {shown(processors, 's of processors')}")
    for way in ("no launcher", "dask:1"):
        pairs = list(zip(seconds["dask:2"], seconds[way], strict=True))
        print(f"dask:2 / {way}: {shown([two[0] / one[0] for two, one in pairs], 'of the time')}")
    print("the same bytes:", all(one == found[0] for one in found))


if __name__ == "__main__":
    main()
