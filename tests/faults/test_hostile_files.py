"""Files from strangers are read right or refused by name, within 2 seconds and 512 MiB, and never crash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def read_hostile_files(seed: int, number: int) -> dict:
    command = [sys.executable, "-m", "tests.faults.hostile", str(seed), str(number)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    # A negative status is that of a signal, such as that of a segmentation fault.
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(("seed", "number"), [(0, 2000), pytest.param(1, 50_000, marks=pytest.mark.release)])
def test_hostile_files_are_read_right_or_refused(seed, number):
    found = read_hostile_files(seed, number)
    assert found["faults"] == []
    ended = found["ended"]
    assert sum(ended.get(kind, 0) for kind in ("read", "truncated", "undecodable", "empty")) == number
    # Neither answer is given to all, and a good part of what is read has a reference.
    assert min(ended["read"], ended["truncated"], ended["undecodable"]) > number / 20
    assert ended["compared with Pillow"] > number / 20
