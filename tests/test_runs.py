import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn import files, papers, runs
from leukcnn.datasets import ImageIndex
from leukcnn.errors import StoreError
from leukcnn.experiment.plan import plan
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.files import read_bytes, read_json, write_json, write_sealed_json
from leukcnn.runs import Store, Trial, trial_name
from leukcnn.trial_files import Predictions, parse_predictions, parsed, write_predictions

IDENTITY = {"paper": "cnmc2019", "row": "vgg16", "setup": {"epochs": 4, "crop": 250}, "seed": 0, "fold": -1}
RESULT = {"checkpoint": "val_accuracy", "best_epochs": {"val_accuracy": 2}}
FILES = ("trial.json", "history.csv", "predictions.csv", "model.keras", "environment.json")


def make_predictions(n: int = 5, *, seed: int = 0) -> Predictions:
    malignant = np.random.default_rng(seed).random(n, dtype=np.float32).astype(np.float64)
    return Predictions(
        image=np.array([f"training_data/fold_0/all/UID_{i}_1_1_all.bmp" for i in range(n)]),
        subset=np.array(["test", "external"] * n)[:n],
        checkpoint=np.full(n, "val_accuracy"),
        group=np.array(["", "H11"] * n)[:n],
        label=np.array([-1, 0, 1] * n)[:n],
        probabilities=np.stack([1 - malignant, malignant], axis=1),
        class_names=("healthy", "malignant"),
    )


def read_predictions(path: Path) -> Predictions:
    """Reads predictions as a `Trial` does, without the check of their SHA-256."""
    return parsed(path, "predictions", parse_predictions, read_bytes(path))


def assert_same(one: Predictions, other: Predictions) -> None:
    for name in ("image", "subset", "checkpoint", "group", "label", "probabilities"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.class_names == other.class_names


@pytest.fixture
def finished(tmp_path) -> Trial:
    trial = Store(tmp_path, "cnmc2019").trial(IDENTITY)
    write_predictions(trial.path / "predictions.csv", make_predictions())
    (trial.path / "history.csv").write_text("epoch,accuracy\r\n1,0.5\r\n2,0.75\r\n")
    (trial.path / "model.keras").write_bytes(b"network")
    write_json(trial.path / "environment.json", {"backend": "none"})
    trial.finish(RESULT)
    return trial


def test_name_of_a_trial_is_a_hash_that_ignores_the_order_of_keys():
    backwards = dict(reversed(IDENTITY.items())) | {"setup": {"crop": 250, "epochs": 4}}
    assert list(backwards) != list(IDENTITY)
    assert trial_name(backwards) == trial_name(IDENTITY)
    assert len(trial_name(IDENTITY)) == 16
    assert set(trial_name(IDENTITY)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "change",
    [{"row": "vgg19"}, {"seed": 1}, {"fold": 0}, {"setup": {"epochs": 4, "crop": 251}}, {"more": None}],
)
def test_name_of_a_trial_depends_on_every_value(change):
    assert trial_name(IDENTITY | change) != trial_name(IDENTITY)


def test_name_of_a_trial_does_not_depend_on_the_data_s_folder():
    def index(folder: str, sha256: str) -> ImageIndex:
        ids = np.array([f"{i}.png" for i in range(40)])
        return ImageIndex(
            paths=[Path(folder, name) for name in ids],
            ids=ids,
            labels=np.arange(40) % 2,
            class_names=("healthy", "malignant"),
            dataset=np.full(40, "cnmc2019"),
            group=np.full(40, ""),
            subset=np.full(40, "training"),
            fold=np.full(40, -1),
            sha256=np.full(40, sha256),
        )

    def trials(folder: str, sha256: str = "0") -> list[str]:
        study = study_of(Request(papers.get("cnmc2019"), data=folder, out=Path(folder, "runs")))
        return [trial.name for trial in plan(study, index(folder, sha256)).trials]

    assert trials("here") == trials("elsewhere")
    assert not set(trials("here")) & set(trials("here", sha256="1"))


def test_store_s_version_is_part_of_the_name(monkeypatch):
    before = trial_name(IDENTITY)
    monkeypatch.setattr(runs, "STORE_VERSION", runs.STORE_VERSION + 1)
    assert trial_name(IDENTITY) != before


def test_trial_is_found_again_and_its_specification_written_once(tmp_path):
    store = Store(tmp_path, "cnmc2019")
    trial = store.trial(IDENTITY)
    noted = trial.path / "trial.json"
    assert json.loads(noted.read_text()) == {"store_version": runs.STORE_VERSION, **IDENTITY}
    assert trial.path == tmp_path / "cnmc2019/trials" / trial_name(IDENTITY)
    before = noted.stat().st_mtime_ns
    again = Store(tmp_path, "cnmc2019").trial(IDENTITY)
    assert (again.path, again.identity) == (trial.path, trial.identity)
    assert noted.stat().st_mtime_ns == before


def test_trial_is_finished_when_its_last_file_exists(tmp_path, finished):
    store = Store(tmp_path, "cnmc2019")
    found = store.finished_trial(finished.path.name)
    assert found.finished
    assert found.identity["row"] == "vgg16"
    assert found.result["best_epochs"] == {"val_accuracy": 2}
    assert set(found.result["files"]) == set(FILES)
    (finished.path / "done.json").unlink()
    store = Store(tmp_path, "cnmc2019")
    assert store.finished_trial(finished.path.name) is None
    assert store.finished_trial("0" * 16) is None


def test_a_trial_without_a_network_lists_only_its_files(tmp_path):
    trial = Store(tmp_path, "cnmc2019").trial({"control": "majority"})
    write_predictions(trial.path / "predictions.csv", make_predictions())
    trial.finish({"checkpoint": "control"})
    assert set(trial.result["files"]) == {"trial.json", "predictions.csv"}
    assert trial.faults() == []
    with pytest.raises(StoreError, match=r"history\.csv can't be read"):
        trial.history()
    (trial.path / "history.csv").write_text("epoch,accuracy\n1,0.5\n")
    with pytest.raises(StoreError, match=r"history\.csv: no file of this trial"):
        trial.history()


def test_changed_specification_is_refused(tmp_path, finished):
    store, noted = Store(tmp_path, "cnmc2019"), finished.path / "trial.json"
    write_json(noted, read_json(noted) | {"seed": 5})
    for opened in (lambda: store.open_trial(finished.path.name), lambda: store.trial(IDENTITY)):
        with pytest.raises(StoreError, match="doesn't match the folder's name"):
            opened()
    noted.write_text("[]")
    with pytest.raises(StoreError, match=r"trial\.json can't be read"):
        store.open_trial(finished.path.name)
    noted.unlink()
    with pytest.raises(StoreError, match="can't be read"):
        store.open_trial(finished.path.name)


def of_trial(path, content):
    """Writes a file of a trial as another program would."""
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    "name", ["trial.json", "done.json", "predictions.csv", "history.csv", "environment.json"]
)
@pytest.mark.parametrize("content", [None, "", "{}", "[" * 20_000, b"\xff\xfe\x00"])
def test_a_damaged_trial_is_neither_used_nor_unfinished(tmp_path, finished, name, content):
    of_trial(finished.path / name, content)
    store = Store(tmp_path, "cnmc2019")
    assert store.finished_trial(finished.path.name) is None
    if (name, content) == ("done.json", None):
        # Nothing distinguishes it from an interrupted one.
        assert store.damaged == {}
        return
    assert name in store.damaged[finished.path.name]
    message = store.damage(finished.path.name)
    assert str(finished.path) in message.found
    assert "remove the trial's folder and run `leukcnn reproduce` again" in message.remedy


def test_a_damaged_network_leaves_its_predictions_usable(tmp_path, finished):
    (finished.path / "model.keras").write_bytes(b"other")
    store = Store(tmp_path, "cnmc2019")
    trial = store.finished_trial(finished.path.name)
    assert len(trial.predictions()) == 5
    with pytest.raises(StoreError, match=r"model\.keras: changed since the trial was finished"):
        trial.checked("model.keras")
    assert [fault.partition(": ")[2] for fault in trial.faults()] == ["changed since the trial was finished"]
    assert trial.faults(networks=False) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda result: [result],
        lambda result: {"checkpoint": "last"},
        lambda result: result | {"files": [*result["files"]]},
        lambda result: result | {"files": result["files"] | {"../trial.json": "0" * 64}},
        lambda result: result | {"files": result["files"] | {"/etc/passwd": "0" * 64}},
        lambda result: result | {"files": result["files"] | {"model.keras": "0"}},
        lambda result: result | {"files": {"trial.json": "0" * 64}},
        lambda result: {"files": result["files"]},
        lambda result: result | {"checkpoint": 3},
        lambda result: result | {"seconds": {"training": "1"}},
        lambda result: result | {"parameters": True},
        lambda result: result | {"seconds": {"training": float("nan")}},
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_result_of_another_form_is_named(finished, change, sealed):
    path = finished.path / "done.json"
    changed = change(Trial(finished.path, {}).result)
    (write_sealed_json if sealed and isinstance(changed, dict) else write_json)(path, changed)
    trial = Trial(finished.path, {})
    with pytest.raises(StoreError, match=r"done\.json (can't be read|holds no result)"):
        _ = trial.result
    assert len(trial.faults()) == 1


def test_a_field_that_a_result_lacks_is_named(finished):
    with pytest.raises(StoreError, match=r"done\.json holds no 'seconds'"):
        finished.result["seconds"]


def test_an_unfinished_trial_with_another_specification_is_damaged(tmp_path):
    store = Store(tmp_path, "cnmc2019")
    trial = store.trial(IDENTITY)
    assert store.finished_trial(trial.path.name) is None
    assert store.damaged == {}
    (trial.path / "trial.json").write_text("{")
    assert store.finished_trial(trial.path.name) is None
    assert [*store.damaged] == [trial.path.name]


def test_changed_and_missing_files_are_reported(finished):
    assert Trial(finished.path, {}).faults() == []
    predictions = finished.path / "predictions.csv"
    predictions.write_bytes(predictions.read_bytes().replace(b"H11", b"H12", 1))
    (finished.path / "model.keras").unlink()
    assert sorted(finished.faults()) == [
        f"{finished.path / 'model.keras'}: missing",
        f"{predictions}: changed since the trial was finished",
    ]


def test_history_by_column(finished):
    history = finished.history()
    assert list(history) == ["epoch", "accuracy"]
    np.testing.assert_array_equal(history["accuracy"], [0.5, 0.75])


@pytest.mark.parametrize("lines", ["", "epoch,a", "epoch,a\n1", "epoch,a\n1,high", "a,a\n1,2"])
def test_a_broken_history_is_reported(finished, lines):
    of_trial(finished.path / "history.csv", lines)
    with pytest.raises(StoreError, match=r"history\.csv: changed"):
        finished.history()
    finished.finish(RESULT)
    with pytest.raises(StoreError, match=r"history\.csv holds no history"):
        Trial(finished.path, {}).history()


HOLD = """
import sys, time
from pathlib import Path
from leukcnn.files import replace_file
from leukcnn.runs import Trial
folder = Path(sys.argv[1])
with Trial(folder, {}).locked(), replace_file(folder / "state.npz") as draft:
    draft.write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_process_is_kept_out_until_the_first_is_killed(tmp_path):
    trial = Trial(tmp_path, {})
    (tmp_path / "state.npz").write_text("whole")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(StoreError, match="Another process works on the trial"), trial.locked():
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.glob(".draft-*"))) == 1
    with trial.locked():
        # The file that the killed process had half written is gone, the one before is whole.
        assert not list(tmp_path.glob(".draft-*"))
        assert (tmp_path / "state.npz").read_text() == "whole"
    with trial.locked():
        pass


def test_predictions_are_read_as_they_were_written(tmp_path):
    written = make_predictions(50)
    write_predictions(tmp_path / "a.csv", written)
    # Nine digits represent every float32.
    assert_same(read_predictions(tmp_path / "a.csv"), as_printed(written))
    write_predictions(tmp_path / "b.csv", read_predictions(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def as_printed(predictions: Predictions) -> Predictions:
    rounded = np.array([[float(f"{p:.9g}") for p in row] for row in predictions.probabilities])
    np.testing.assert_array_equal(rounded.astype(np.float32), predictions.probabilities.astype(np.float32))
    return Predictions(**(vars(predictions) | {"probabilities": rounded}))


def test_predictions_file_by_hand(tmp_path):
    predictions = make_predictions(2)
    predictions.probabilities[:] = [[1 / 3, 2 / 3], [1e-12, 1.0]]
    predictions.image[1] = 'a,"b"'
    write_predictions(tmp_path / "a.csv", predictions)
    assert (tmp_path / "a.csv").read_bytes() == (
        b"image,subset,checkpoint,group,label,p_healthy,p_malignant\n"
        b"training_data/fold_0/all/UID_0_1_1_all.bmp,test,val_accuracy,,-1,0.333333333,0.666666667\n"
        b'"a,""b""",external,val_accuracy,H11,0,1e-12,1\n'
    )
    assert read_predictions(tmp_path / "a.csv").image[1] == 'a,"b"'


GOOD = "image,subset,checkpoint,group,label,p_healthy,p_malignant\n"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "image,label\n1.bmp,0\n",
        GOOD + "1.bmp,test,val_loss,1,malignant,0.5,0.5\n",
        GOOD + "1.bmp,test,val_loss,1,0,half,0.5\n",
        GOOD + "1.bmp,test,val_loss,1,0,0.5,0.5\n2.bmp,test,val_loss,1,0,0.5\n",
        GOOD + "1.bmp,test\n",
        GOOD + '"' + "1.bmp,test,val_loss,1,0,0.5,0.5\n" * 5000,
        b"\xff\xfe\x00",
        GOOD,
        GOOD + "1.bmp,test,val_loss,1,0,nan,0.5\n",
        GOOD + "1.bmp,test,val_loss,1,0,inf,0\n",
        GOOD + "1.bmp,test,val_loss,1,0,-0.5,1.5\n",
        GOOD + "1.bmp,test,val_loss,1,0,0.5,0.4\n",
        GOOD + "1.bmp,test,val_loss,1,2,0.5,0.5\n",
        GOOD + "1.bmp,test,val_loss,1,-2,0.5,0.5\n",
        GOOD + "1.bmp,tests,val_loss,1,1,0.5,0.5\n",
        GOOD + "1.bmp,test,val_loss,1,1,0.5,0.5\n" * 2,
        GOOD.replace("malignant", "healthy") + "1.bmp,test,val_loss,1,1,0.5,0.5\n",
        GOOD + "1.\0bmp,test,val_loss,1,1,0.5,0.5\n",
        GOOD + "1" * 200_000 + ",test,val_loss,1,1,0.5,0.5\n",
    ],
    ids=[
        *("absent", "empty", "columns", "label", "number", "ragged", "short", "stray quote", "binary"),
        *("no rows", "NaN", "infinite", "negative", "sum", "no such class", "no label", "subset", "twice"),
        *("classes", "NUL", "field limit"),
    ],
)
def test_broken_predictions_are_reported(tmp_path, content):
    path = tmp_path / "predictions.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StoreError, match=r"predictions\.csv (holds no predictions|can't be read)") as caught:
        read_predictions(path)
    assert "leukcnn reproduce" in caught.value.remedy


@pytest.mark.parametrize(
    ("probabilities", "what"),
    [([np.nan, 0.5], "outside 0..1"), ([np.inf, 0], "outside 0..1"), ([0.9, 0.9], "whose sum isn't 1")],
)
def test_what_can_not_be_read_is_not_written(tmp_path, probabilities, what):
    predictions = make_predictions(3)
    predictions.probabilities[1] = probabilities
    with pytest.raises(
        StoreError, match=f"(?s)1 of 3 rows have .*{what}.*UID_1_1.*sigmoid unit or of a softmax"
    ):
        write_predictions(tmp_path / "a.csv", predictions)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rounded_probabilities_are_written_and_read(tmp_path, dtype):
    logits = np.random.default_rng(0).normal(0, 4, (200, 4)).astype(dtype)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    rounded = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)
    predictions = make_predictions(200)
    written = replace(predictions, probabilities=rounded, class_names=("a", "b", "c", "d"))
    write_predictions(tmp_path / "a.csv", written)
    np.testing.assert_allclose(read_predictions(tmp_path / "a.csv").probabilities, rounded, rtol=1e-8)


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\r\nb", " a ", '"', "\udcff.bmp", "Ä", ""])
def test_every_name_of_an_image_is_read_as_it_was_written(tmp_path, name):
    predictions = make_predictions(2)
    image = np.array([name, "other"])
    write_predictions(tmp_path / "a.csv", replace(predictions, image=image, group=image))
    read = read_predictions(tmp_path / "a.csv")
    assert read.image.tolist() == read.group.tolist() == [name, "other"]


def test_join_reverses_select():
    predictions = make_predictions(6)
    test = predictions.subset == "test"
    selected = [predictions.select(test), predictions.select(~test)]
    assert [len(one) for one in selected] == [3, 3]
    joined = Predictions.join(selected)
    order = np.argsort(joined.image)
    assert_same(joined.select(order), predictions)


def test_predicted_class_has_the_highest_probability():
    predictions = make_predictions(3)
    predictions.probabilities[:] = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]
    assert predictions.predicted.tolist() == [0, 1, 0]


def test_a_store_without_experiments_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no runs in") as caught:
        Store(tmp_path, "cnmc2019").experiments()
    assert "leukcnn reproduce cnmc2019" in caught.value.remedy


def test_experiments_are_in_order_of_time(tmp_path):
    store = Store(tmp_path, "cnmc2019")
    for name, seconds in (("b", 30), ("a", 20), ("c", 10)):
        write_json(store.experiment(name) / "experiment.json", {})
        os.utime(store.experiment(name) / "experiment.json", (seconds, seconds))
    (store.root / "experiments/unfinished").mkdir()
    assert [path.name for path in store.experiments()] == ["c", "a", "b"]
    assert Store(tmp_path, "alertnet").root.parent == store.root.parent


@pytest.mark.parametrize(
    ("number", "why"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "file system is read-only")]
)
def test_store_that_cannot_be_written_to_fails_at_once(tmp_path, monkeypatch, number, why):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", fail)
    with pytest.raises(StoreError, match=why):
        Store(tmp_path, "cnmc2019").check_writable()


def test_store_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="A file is in the place of a folder"):
        Store(tmp_path / "file", "cnmc2019").check_writable()


def test_check_of_a_writable_store_makes_nothing(tmp_path):
    Store(tmp_path / "out", "cnmc2019").check_writable()
    Store(tmp_path, "cnmc2019").check_writable()
    assert list(tmp_path.iterdir()) == []


def test_nearest_folder_is_suggested_for_runs_that_are_elsewhere(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "run.txt").touch()
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "runs_", "cnmc2019").experiments()
    assert caught.value.remedy == f"did you mean {str(tmp_path / 'runs')!r}?"
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "runs", "cnmc2019").experiments()
    assert "leukcnn reproduce cnmc2019" in caught.value.remedy


def test_real_read_only_disk(run_on_disk):
    output = run_on_disk(
        "ro",
        """
from leukcnn.errors import StoreError
from leukcnn.files import write_json
from leukcnn.runs import Store, Trial
for act in (
    Store(disk, "p").check_writable,
    lambda: write_json(disk / "a.json", 1),
    Trial(disk, {}).locked().__enter__,
):
    try:
        act()
    except StoreError as error:
        print(error.found.split(":")[0])
""",
    )
    assert output.splitlines() == ["The file system is read-only"] * 3


def write_version(store: Store, version: int, *, trials: int, experiments: int) -> None:
    """Writes trials and experiments as another version of leukcnn would."""
    for kind, count in (("trial", trials), ("experiment", experiments)):
        for i in range(count):
            folder = store.root / f"{kind}s" / f"{version}-{i}"
            write_json(folder / f"{kind}.json", {"store_version": version, "paper": "cnmc2019"})
            write_json(folder / "done.json", {})


def test_trials_and_experiments_of_other_versions_are_reported(tmp_path):
    store = Store(tmp_path, "cnmc2019")
    assert store.of_other_versions() == ""
    store.trial(IDENTITY)
    (store.root / "trials" / "broken").mkdir()
    (store.root / "trials" / "broken" / "trial.json").write_text("{")
    write_json(store.root / "trials" / "foreign" / "trial.json", {"paper": "another"})
    assert store.of_other_versions() == ""
    write_version(store, 5, trials=3, experiments=2)
    message = store.of_other_versions()
    assert "2 experiments of store version 5 and 3 trials of store version 5" in message
    assert f"writes version {runs.STORE_VERSION}" in message
    assert "choose another --out" in message
