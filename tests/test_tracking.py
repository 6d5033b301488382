"""Trackers: what they get, that a resumed trial is one run, and that none can end a training."""

import dataclasses
import importlib.util
import threading
import time
from types import SimpleNamespace

import pytest

from leukcnn import tracking
from leukcnn.errors import DependencyError, SpecError
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.tracking import TRACKERS, TrackedTrial, Tracking, read_track
from tests import tiny


@pytest.fixture
def no_server(monkeypatch):
    """No variable of the user's leads to a server, and Weights & Biases writes files alone."""
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", "/dev/null")
    for name in ("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, {"MLFLOW_ALLOW_FILE_STORE": "true"}.get(name, "1"))


def trial_in(folder):
    known = {"row": "vgg16", "seed": 0, "training.batch_size": 8}
    return TrackedTrial("0123abcd", "VGG16, fold 1", "cnmc2019/smoke", folder / "trial", known)


def mlflow_runs(root, group):
    mlflow = pytest.importorskip("mlflow.tracking")
    client = mlflow.MlflowClient(tracking_uri=(root / "mlruns").absolute().as_uri())
    return client, client.search_runs([client.get_experiment_by_name(group).experiment_id])


def test_a_trial_is_one_run_of_mlflow_also_when_it_is_resumed(tmp_path, no_server):
    pytest.importorskip("mlflow")
    trial = trial_in(tmp_path)
    interrupted = Tracking(["mlflow"], tmp_path, group=trial.group)
    with pytest.raises(KeyboardInterrupt), interrupted.trial(trial) as report:
        report(1, {"loss": 0.7})
        raise KeyboardInterrupt
    client, (run,) = mlflow_runs(tmp_path, trial.group)
    assert run.info.status == "KILLED"
    with Tracking(["mlflow"], tmp_path, warn=pytest.fail, group=trial.group).trial(trial) as report:
        report(2, {"loss": 0.5})
        report(None, {"test_accuracy": 0.9})
    _, (run,) = mlflow_runs(tmp_path, trial.group)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"row": "vgg16", "seed": "0", "training.batch_size": "8"}
    assert run.data.tags["leukcnn.trial"] == trial.name
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.7), (2, 0.5)]
    assert run.data.metrics["test_accuracy"] == 0.9


def test_trials_that_begin_at_the_same_time_are_in_one_experiment(tmp_path, no_server, monkeypatch):
    client = pytest.importorskip("mlflow.tracking").MlflowClient
    asked = client.get_experiment_by_name

    def slowly(self, name):
        found = asked(self, name)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(client, "get_experiment_by_name", slowly)
    warnings: list[str] = []

    def run(name):
        tracking = Tracking(["mlflow"], tmp_path, warn=warnings.append)
        with tracking.trial(dataclasses.replace(trial_in(tmp_path), name=name)) as report:
            report(1, {"loss": 0.7})

    threads = [threading.Thread(target=run, args=(name,)) for name in ("0123abcd", "4567cdef")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings == []
    assert len(mlflow_runs(tmp_path, "cnmc2019/smoke")[1]) == 2


def test_wandb_writes_files_without_a_key(tmp_path, no_server):
    pytest.importorskip("wandb")
    with Tracking(["wandb"], tmp_path, warn=pytest.fail).trial(trial_in(tmp_path)) as report:
        report(1, {"loss": 0.7})
    (folder,) = (tmp_path / "wandb").glob("offline-run-*-0123abcd")
    assert [*folder.glob("*.wandb")]


def test_tensorboard_gets_scalars_and_parameters(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Tracking(["tensorboard"], tmp_path, warn=pytest.fail).trial(trial_in(tmp_path)) as report:
        report(1, {"loss": 0.75})
        report(2, {"loss": 0.5})
    events = accumulator.EventAccumulator(str(tmp_path / "trial" / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.75), (2, 0.5)]
    assert b"training.batch_size | 8" in events.Tensors("parameters")[0].tensor_proto.string_val[0]


@pytest.mark.parametrize("broken", ["start", "log", "end"])
def test_a_tracker_that_fails_is_named_once_and_ends_nothing(broken, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ConnectionError("no server\nat all")

    def start(trial, root):
        if broken == "start":
            fail()
        steps = {"log": lambda metrics, step: None, "end": lambda status: None} | {broken: fail}
        return SimpleNamespace(**steps)

    monkeypatch.setattr(tracking, "_RUNS", {"mlflow": start})
    warnings = []
    shared = Tracking(["mlflow"], tmp_path, warn=warnings.append)
    for _ in range(2):
        with shared.trial(trial_in(tmp_path)) as report:
            report(1, {"loss": 0.7})
            report(2, {"loss": 0.7})
    assert warnings == ["mlflow failed and gets no more of this run, which goes on: no server"]


def test_a_server_that_is_down_ends_nothing(tmp_path, no_server, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings = []
    with Tracking(["mlflow"], tmp_path, warn=warnings.append).trial(trial_in(tmp_path)) as report:
        report(1, {"loss": 0.7})
    assert len(warnings) == 1


@pytest.mark.parametrize("wrong", ["mlflw", "", "mlflow,,wandb", ["tensorboard", "x"]])
def test_an_unknown_tracker_is_refused(wrong):
    with pytest.raises(SpecError, match="track"):
        read_track(wrong)


def test_names_may_be_joined_by_commas_and_repeated():
    assert read_track(["tensorboard,mlflow", "mlflow"]) == ("tensorboard", "mlflow")
    assert read_track(None) == ()


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_not_installed_is_named_with_its_extra(name, monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda package: None)
    with pytest.raises(DependencyError, match=rf"pip install 'leukcnn\[{name}\]'"):
        read_track(name)


@pytest.mark.backend
def test_a_run_with_all_trackers_gives_the_same_bytes_as_one_without(synthetic_cells, tmp_path, no_server):
    paper = tiny.tiny_paper()
    trees = []
    for track in ((), tuple(name for name in TRACKERS if importlib.util.find_spec(name))):
        out = tmp_path / ("tracked" if track else "plain")
        request = Request(
            paper=paper, data=str(synthetic_cells), out=out, profile="smoke", only="vgg16", track=track
        )
        done = reproduce(request, progress=tiny.Progress())
        trial = out / paper.key / "trials" / done.record.trials[0].name
        trees.append({name: (trial / name).read_bytes() for name in ("predictions.csv", "history.csv")})
    assert trees[0] == trees[1]
    if "mlflow" in track:
        _, runs = mlflow_runs(out, f"{paper.key}/{done.folder.name}")
        by_row = {run.data.params["row"]: run for run in runs}
        assert by_row.keys() >= {"vgg16", "majority"}
        assert by_row["vgg16"].data.metrics.keys() >= {"loss", "val_loss", "test_accuracy"}
        assert "test_accuracy" in by_row["majority"].data.metrics
