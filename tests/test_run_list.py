"""`leukcnn list`: the runs of all papers in a folder, from stores that no training made."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from leukcnn.cli import main
from leukcnn.errors import StoreError
from leukcnn.experiment.record import store_paper
from leukcnn.records import note_divergence
from leukcnn.run_list import list_runs, run_table
from tests.stores import FakeExperiment, LeftOut, lodocv_paper, predictions_of, stages, stages_paper


@pytest.fixture
def folder(tmp_path):
    """Returns a folder with a run of cnmc2019: two finished trials, and one of each other state."""
    fake = FakeExperiment(tmp_path)
    fake.add("vgg16", predictions_of("test", tp=30, fn=10, fp=5, tn=35))
    fake.add("vgg19", predictions_of("test", tp=39, fn=1, fp=1, tn=39))
    fake.add("xception", predictions_of("test", tp=40, fn=0, fp=0, tn=40))
    fake.add("vgg16_4096", predictions_of("test", tp=1, fn=0, fp=0, tn=1), finished=False)
    fake.add("vgg16_max_pooling", predictions_of("test", tp=1, fn=0, fp=0, tn=1), finished=False)
    fake.add_control("majority", predictions_of("test", tp=40, fn=0, fp=40, tn=0))
    trials = {planned.row: fake.store.root / "trials" / planned.name for planned in fake.planned}
    with (trials["xception"] / "predictions.csv").open("a") as file:
        file.write("changed")
    (trials["vgg16_4096"] / "state.npz").touch()
    note_divergence(trials["vgg16_max_pooling"], "after epoch 1")
    fake.results().record.save(fake.store.experiment("one"))
    return tmp_path


def run(*words):
    return CliRunner().invoke(main, ["list", *map(str, words)])


def test_a_run_names_its_trials_by_state_and_its_best_network(folder):
    (one,) = list_runs(folder)
    assert (one.paper, one.name, one.profile, one.split, one.seed) == ("cnmc2019", "one", "paper", "cell", 0)
    not_started = len(one.of_trials) - 1 - 5
    assert one.trials == {
        "finished": 2,
        "interrupted": 1,
        "diverged": 1,
        "damaged": 1,
        "not started": not_started,
    }
    # By hand: 39 + 39 of 80. The damaged trial, with all right, doesn't count.
    assert (one.best_row, one.metric, one.value) == ("vgg19", "accuracy", 78 / 80)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert one.bytes == sum(sizes)


def test_runs_of_all_papers_are_listed_also_unreadable_ones(folder):
    own = LeftOut(folder, lodocv_paper())
    own.results().record.save(own.store.experiment("own"))
    store_paper(own.paper, own.store.experiment("own"))
    lost = LeftOut(folder / "x", stages_paper())
    lost.add("scratch", stages())
    lost.results(split="random", datasets={}).record.save(folder / "stages/experiments/without")
    (folder / "cnmc2019/experiments/two").mkdir()
    (folder / "cnmc2019/experiments/two/experiment.json").write_text("{}")
    found = {one.name: one for one in list_runs(folder)}
    assert {*found} == {"one", "two", "own", "without"}
    assert found["own"].value is None and not found["own"].faults
    assert "another version" in found["two"].faults[0] and found["two"].profile == ""
    assert "'stages', which isn't one of leukcnn's own papers" in found["without"].faults[0]
    notes = "\n".join(run_table([*found.values()]).notes)
    assert "two: " in notes and "without: " in notes


def test_the_command_prints_tables_or_json(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("--out", folder)
    assert shown.exit_code == 0, shown.output
    assert "2 of " in shown.output and "1 interrupted, 1 diverged, 1 damaged" in shown.output
    assert "97.50" in shown.output and "Trials and controls" not in shown.output
    assert "vgg16_max_pooling" in run("--out", folder, "--trials").output
    plain = json.loads(run("--out", folder, "--json").output)
    assert plain["format"] == "leukcnn runs 1" and "of_trials" not in plain["runs"][0]
    detailed = json.loads(run("--out", folder, "--json", "--trials").output)
    assert {"row", "state", "name"} < {*detailed["runs"][0]["of_trials"][0]}


def test_a_folder_without_runs_is_named(folder):
    (folder / "empty").mkdir()
    with pytest.raises(StoreError, match="There are no runs in"):
        list_runs(folder / "empty")
    done = run("--out", folder / "emty")
    assert done.exit_code == 1 and "did you mean" in done.output


def test_listing_loads_no_keras(folder):
    code = (
        "import sys; from pathlib import Path; from leukcnn.run_list import list_runs; "
        f"list_runs(Path({str(folder)!r})); "
        "print([name for name in ('keras', 'tensorflow', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
