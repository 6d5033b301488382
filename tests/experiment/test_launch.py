"""Trials in worker processes, and one by one: the same bytes as in one process, whatever is lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from leukcnn.cli import main
from leukcnn.experiment import workers
from leukcnn.experiment.worker_process import EVENT, TRIAL, Start, Task
from tests.own_papers import NETWORK, own_paper

# Its process ends without a word in the middle of the first trial that gets so far, after an epoch was saved.
KILLED = """
import os
import signal
import sys
from pathlib import Path

from leukcnn import callbacks

MARK = os.environ.get("LEUKCNN_TEST_MARK")
if MARK and "pytest" not in sys.modules:
    callbacks._MIN_TRAIN_TO_SAVE_RATIO = 0
    saved = callbacks.ResumableState.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        saved(self, epoch, logs)
        if epoch == 1 and not Path(MARK).exists():
            Path(MARK).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    callbacks.ResumableState.on_epoch_end = on_epoch_end
"""
ROWS = """rows=(
        Row("densenet121", "A network", DENSENET),
        Row("svm", "SVM", replace(DENSENET, features=Features(row="densenet121"))),
    ),"""
RESULTS = ("trials/*/predictions.csv", "trials/*/history.csv", "experiments/*/tables/*", "*/*/summary.json")


def call(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def write_paper(folder: Path, *, epochs=3) -> Path:
    """Writes a paper with a network in two folds and a support vector machine on each one's features."""
    file = own_paper(folder, "own_launch")
    text = file.read_text().replace(NETWORK, KILLED + NETWORK)
    changes = {
        'rows=(Row("densenet121", "DenseNet121", DENSENET),),': ROWS,
        "from leukcnn.spec import (": "from dataclasses import replace\nfrom leukcnn.spec import (Features,",
        "    figures=(),\n": '    figures=(),\n    controls=("majority", "border"),\n',
        '"training.epochs": 1': f'"training.epochs": {epochs}',
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


def results(out: Path) -> dict[str, bytes]:
    """Returns what must be the same: predictions, histories, tables and the summary."""
    root = out / "densenet_cnmc"
    paths = [path for pattern in RESULTS for path in root.glob(pattern)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@dataclass
class Runs:
    """A run in one process; and one of which two trials are run alone, and the others by two workers."""

    plain: Path
    shared: Path
    mark: Path

    def make(self, options):
        """Runs all commands."""
        in_shared = (*options, self.shared)
        call("reproduce", *options, self.plain)
        self.plan = self.planned(in_shared)
        first = {one["row"]: one["name"] for one in reversed(self.plan)}
        self.refused = call("reproduce", *in_shared, "--trial", first["svm"], code=1).output
        assert not self.shared.exists()
        self.alone = [
            json.loads(call("reproduce", *in_shared, "--trial", first[row], "--json").stdout)
            for row in ("majority", "densenet121")
        ]
        self.begun = self.planned(in_shared)
        self.launched = call("reproduce", *in_shared, "--launcher", "dask:2", "--json")
        self.ended = self.planned(in_shared)

    def planned(self, options):
        return json.loads(call("plan", *options, "--json").stdout)["trials"]


@pytest.fixture(scope="module")
def runs(synthetic_cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("launch")
    made = Runs(folder / "plain", folder / "shared", folder / "mark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setenv("LEUKCNN_TEST_MARK", str(made.mark))
        # As in other processes.
        patch.setattr("leukcnn.evaluation.controls._TREES", 300)
        made.make((write_paper(folder), "--data", synthetic_cells, "--profile", "smoke", "--out"))
    sys.modules.pop("own_launch")
    return made


def test_worker_processes_write_the_same_bytes(runs):
    plain, shared = results(runs.plain), results(runs.shared)
    assert plain.keys() == shared.keys()
    assert [name for name in plain if plain[name] != shared[name]] == []
    assert len([name for name in plain if name.endswith("predictions.csv")]) == len(runs.plan)


def test_a_trial_whose_process_is_killed_goes_on_in_another_one(runs):
    assert runs.mark.exists()
    shown = runs.launched.stderr
    assert len(re.findall(r"A network, fold \d: its process has ended", shown)) == 1
    assert "continues after epoch 2" in shown


def test_one_display_shows_what_all_workers_do(runs):
    shown = runs.launched.stderr
    assert "Without any network. Best control: " in shown
    assert re.search(r"trial \d/3 \| epoch 3/3 \| A network, fold \d \| loss .* elapsed, .* left", shown)
    assert shown.count("a support vector machine on features") == 2
    assert json.loads(runs.launched.stdout)["faults"] == []


def test_a_plan_lists_each_trial_with_what_it_needs(runs):
    names = {one["name"]: one for one in runs.plan}
    assert len(names) == len(runs.plan)
    assert {one["state"] for one in runs.plan} == {"waiting"}
    for one in runs.plan:
        needed = [(names[name]["row"], names[name]["fold"]) for name in one["needs"]]
        assert needed == [("densenet121", one["fold"])] * (one["row"] == "svm")
    finished = [one["name"] for one in runs.begun if one["finished"]]
    assert finished == [one["trial"]["name"] for one in runs.alone]
    assert all(one["finished"] for one in runs.ended)


def test_one_trial_runs_alone_when_the_network_that_it_needs_is_trained(runs):
    (needed, *_) = (name for one in runs.plan for name in one["needs"])
    assert f"needs the network of the trial {needed}, which isn't trained yet" in runs.refused
    ended = [(one["trial"]["state"], one["finished"], one["planned"]) for one in runs.alone]
    assert ended == [("finished", 1, len(runs.plan)), ("finished", 2, len(runs.plan))]


# A process that says something in the middle of a task, and goes on.
ENDLESS = f"""
import pickle, sys, time
pickle.dump(({EVENT!r}, pickle.dumps({{}})), sys.stdout.buffer)
sys.stdout.buffer.flush()
time.sleep(60)
"""


@pytest.fixture
def worker(monkeypatch):
    """Returns a worker of dask that runs the task "one", a plugin of it and the plugin's process."""
    worker = SimpleNamespace(name=0, log_event=lambda *_: None, get_current_task=lambda: "one")
    worker.state = SimpleNamespace(tasks={"one": SimpleNamespace(state="executing")})
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    plugin = workers.Preparation(Start(b"", "", "", [], [], []), topic="", environment={}, cores={}, gpus={})
    monkeypatch.setattr(plugin, "_started", lambda: process)
    plugin.setup(worker)
    yield worker, plugin, process
    plugin.teardown(worker)
    assert process.wait(5) == -signal.SIGKILL


def test_a_worker_leaves_a_task_that_nobody_waits_for(worker):
    worker, plugin, process = worker
    worker.state.tasks["one"].state = "cancelled"
    assert plugin.run(Task(TRIAL, (), {}, {})) == b""
    assert process.poll() == -signal.SIGKILL


def test_a_process_without_a_task_ends(worker, monkeypatch):
    worker, plugin, process = worker
    monkeypatch.setattr(workers, "_IDLE", 0.01)
    plugin._process = process
    with plugin._ending_when_idle():
        pass
    assert process.wait(5) == -signal.SIGKILL


@pytest.mark.release
@pytest.mark.slow
def test_an_interruption_keeps_what_is_stored_and_leaves_no_process(synthetic_cells, tmp_path):
    file, mark = write_paper(tmp_path, epochs=500), tmp_path / "mark"
    mark.touch()
    options = (
        f"--data {synthetic_cells} --profile smoke --only densenet121 --launcher dask:2 --out {tmp_path}/runs"
    )
    command = [sys.executable, "-m", "leukcnn", "reproduce", str(file), *options.split()]
    environment = os.environ | {"LEUKCNN_TEST_MARK": str(mark), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "epoch 2/" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130, "".join(lines) + rest
    assert re.search("A network, fold .: the state after epoch .* is kept", rest), rest
    assert "Traceback" not in rest
    for _ in range(50):
        if not (left := _with_mark(mark)):
            break
        time.sleep(0.1)
    assert left == []


def _with_mark(mark: Path) -> list[str]:
    """Returns the ids of the processes that have a file's path in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"LEUKCNN_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found
