"""A run that is killed, or finds its disk full, loses nothing: started again, it ends with the same bytes."""

import random
from pathlib import Path

import pytest

from tests.faults.forks import Forks

ROW = "vgg16"
COMPARED = (
    "trials/*/predictions.csv",
    "trials/*/history.csv",
    "experiments/*/tables/*",
    "experiments/*/challenge/*",
)


@pytest.fixture(scope="module")
def forks():
    with Forks() as started:
        yield started


@pytest.fixture(scope="module")
def whole(forks, synthetic_cells, tmp_path_factory):
    """A run without a fault: the kinds of its writes, the seconds that it took, and its files."""
    out = tmp_path_factory.mktemp("whole")
    run = forks.run(out, data=str(synthetic_cells), only=ROW)
    assert run["status"] == 0, run["output"]
    return {**run, "files": contents(out)}


def contents(out: Path) -> dict[str, bytes]:
    paper = out / "runs" / "cnmc2019"
    found = {str(p.relative_to(paper)): p.read_bytes() for pattern in COMPARED for p in paper.glob(pattern)}
    assert found
    return found


def drafts(out: Path) -> list[Path]:
    return [path for path in out.rglob(".draft-*")]


def test_run_killed_before_each_kind_of_write_goes_on_to_the_same_bytes(
    forks, whole, synthetic_cells, tmp_path
):
    kinds = [kind for kind in dict.fromkeys(whole["writes"]) if kind.startswith("os.rename")]
    rooms = {kind.split()[1] for kind in kinds}
    assert {"images", "trials", "captured", "tables", "challenge", "experiments"} <= rooms
    killed = 0
    for kind in kinds:
        run = forks.run(tmp_path, data=str(synthetic_cells), only=ROW, kill_at=kind)
        killed += run["status"] == -9
        assert run["status"] in (0, -9), run["output"]
    assert killed == len(kinds)
    assert forks.run(tmp_path, data=str(synthetic_cells), only=ROW)["status"] == 0
    assert contents(tmp_path) == whole["files"]
    assert not drafts(tmp_path)


def test_full_disk_at_each_kind_of_write_is_reported_and_nothing_is_lost(
    forks, whole, synthetic_cells, tmp_path
):
    kinds = [kind for kind in dict.fromkeys(whole["writes"]) if kind.split()[0] in ("open", "os.mkdir")]
    for kind in kinds:
        run = forks.run(tmp_path, data=str(synthetic_cells), only=ROW, full_at=kind)
        assert run["status"] == 1, (kind, run["output"])
        assert "Traceback" not in run["output"], (kind, run["output"])
        assert "The disk is full" in run["output"], (kind, run["output"])
    assert forks.run(tmp_path, data=str(synthetic_cells), only=ROW)["status"] == 0
    assert contents(tmp_path) == whole["files"]
    assert not drafts(tmp_path)


@pytest.mark.parametrize("largest", [3_000, 10_000, 30_000])
def test_write_that_fails_halfway_is_reported(forks, whole, synthetic_cells, tmp_path, largest):
    run = forks.run(tmp_path, data=str(synthetic_cells), only=ROW, largest_file=largest)
    assert run["status"] == 1
    assert "Traceback" not in run["output"], run["output"]
    assert "What to do" in run["output"]
    assert forks.run(tmp_path, data=str(synthetic_cells), only=ROW)["status"] == 0
    assert contents(tmp_path) == whole["files"]


@pytest.mark.release
@pytest.mark.parametrize("number", range(30))
def test_run_killed_at_a_random_moment_goes_on_to_the_same_bytes(
    forks, whole, synthetic_cells, tmp_path, number
):
    """Half of the runs are killed before a random write, half after a random time."""
    rng = random.Random(number)
    moment = (
        {"kill_at": rng.randrange(len(whole["writes"]))}
        if number % 2
        else {"kill_after": rng.uniform(0, whole["seconds"])}
    )
    run = forks.run(tmp_path, data=str(synthetic_cells), only=ROW, **moment)
    # A run that ends earlier than the one without a fault can't be killed any more.
    assert run["status"] == -9 or "kill_after" in moment
    assert forks.run(tmp_path, data=str(synthetic_cells), only=ROW)["status"] == 0
    assert contents(tmp_path) == whole["files"]
    assert not drafts(tmp_path)
