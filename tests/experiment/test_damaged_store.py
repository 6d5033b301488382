"""Damage to each kind of file in a store: `leukcnn table` names it and shows no other value silently."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import papers, spec
from leukcnn.cli import main
from leukcnn.errors import StoreError
from leukcnn.files import write_json
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import Capture
from leukcnn.records import ExperimentRecord, changed_files, note_files
from leukcnn.results import measure
from leukcnn.results.resampling import Bootstrap
from leukcnn.runs import Store
from leukcnn.trial_files import write_features
from tests.stores import LeftOut, finish_again, lodocv_paper
from tests.stores import tested_on as of_dataset

METRICS = spec.Table("table1", "Metrics", "metrics", metrics=("accuracy", "sensitivity"))
TIMES = spec.Table("times", "Times", "times")
LOG = spec.Table("log", "Log", "log", rows=("deep",))
MASKS = spec.Table("masks", "Masks", "mask_scores")
SCORES = {region: {"iou": [0.8, 0.1], "dice": [0.9, 0.05]} for region in ("nucleus", "cell")}
METHODS = ("threshold, darkest", "threshold, least frequent", "colour, saturation 0.4")

OF_TRIAL = ("trial.json", "done.json", "predictions.csv", "history.csv", "environment.json", "features.npz")
OF_EXPERIMENT = ("experiment.json", "written.json", "captured/masks.npz")
NETWORK = "model.keras"


class Stored(NamedTuple):
    """A store on disk: its folder, the trial that is damaged, the experiment, and the tables shown."""

    out: Path
    trial: Path
    experiment: Path
    shown: str

    def path(self, name: str) -> Path:
        """Returns a file of the trial or of the experiment."""
        return (self.experiment if name in OF_EXPERIMENT else self.trial) / name


@pytest.fixture(scope="module", autouse=True)
def small_paper():
    """Replaces a paper by a small one, and makes intervals quick."""
    paper = replace(lodocv_paper(METRICS, TIMES, LOG, MASKS), key="cnmc2019", controls=("majority",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "get", lambda key: paper)
        patch.setattr(measure, "Bootstrap", lambda **options: Bootstrap(**options, n_resamples=20))
        patch.setenv("COLUMNS", "140")
        yield paper


def table(out, *words):
    return CliRunner().invoke(main, ["table", "cnmc2019", "--out", str(out), *words], catch_exceptions=False)


@pytest.fixture(scope="module")
def sound(small_paper, tmp_path_factory) -> Stored:
    """Two runs of a row, a control and a capture, with their tables."""
    out = tmp_path_factory.mktemp("out")
    experiment = LeftOut(out, small_paper)
    for run, fn in enumerate((1, 3)):
        experiment.add(
            "deep", of_dataset("allidb1", tp=9 - fn, fn=fn, fp=1, tn=5), run=run, tested=("allidb1",)
        )
    experiment.add_control("majority", of_dataset("allidb1", tp=9, fp=6), tested=("allidb1",))
    for planned in experiment.planned:
        trial = experiment.store.finished_trial(planned.name)
        write_json(
            trial.path / "environment.json",
            {"backend": "tensorflow", "devices": ["cpu:0"], "platform": "Linux"},
        )
        write_features(
            trial.path / "features.npz",
            image=np.array(["a", "b"]),
            label=np.array([0, 1]),
            features=np.ones((2, 3), np.float32),
        )
        (trial.path / NETWORK).write_bytes(b"a network" * 20)
        seconds = {"training": 12.5 + planned.run}
        finish_again(trial, images={"train": 20, "validation": 0}, seconds=seconds, epochs_run_here=2)
    folder = experiment.store.experiment("one")
    experiment.results(runs=2).record.save(folder)
    scores = {"jtsc": {"images": 3, "scores": dict.fromkeys(METHODS, SCORES)}}
    note_files(folder, [Captured(folder).keep(Capture("masks", "k", lambda: scores))])
    first = table(out)
    assert first.exit_code == 0, first.output
    return Stored(out, trial.path.with_name(experiment.planned[0].name), folder, without_folder(first.stdout))


@pytest.fixture
def store(sound, tmp_path) -> Stored:
    """A copy of the store that a test may damage."""
    out = tmp_path / "out"
    shutil.copytree(sound.out, out)
    here = [out / path.relative_to(sound.out) for path in (sound.trial, sound.experiment)]
    return Stored(out, *here, sound.shown)


def damaged(content: bytes, how: str, n: int):
    """Yields the content cut or with one byte flipped, at `n` places from the first to the last byte."""
    for place in sorted({*np.linspace(0, len(content) - 1, n).astype(int).tolist()}):
        flipped = bytes([content[place] ^ (1 << place % 8)])
        yield place, content[:place] + (b"" if how == "cut" else flipped + content[place + 1 :])


def without_folder(shown: str) -> str:
    """Returns what `table` shows without its last lines, which name the folder."""
    return re.split("^(Model|Tables, figures)", shown, maxsplit=1, flags=re.MULTILINE)[0]


def check_damage(store: Stored, name: str, how: str, n: int) -> None:
    path = store.path(name)
    whole = path.read_bytes()
    for place, content in damaged(whole, how, n):
        path.write_bytes(content)
        result = table(store.out)
        where = f"{name} {how} at {place}: {result.output}"
        if name == NETWORK:
            assert result.exit_code == 0, where
            assert without_folder(result.stdout) == store.shown, where
            result = table(store.out, "--verify")
        elif name in OF_TRIAL:
            # The other run alone gives the values, which are marked.
            assert "INCOMPLETE: left out because their stored files are damaged: Deep, run 1" in " ".join(
                result.stdout.split()
            ), where
            assert without_folder(result.stdout) != store.shown, where
        elif name == "experiment.json":
            assert result.stdout == "", where
        else:
            changed = name == "captured/masks.npz"
            assert (without_folder(result.stdout) == store.shown) != changed, where
            assert "INCOMPLETE" not in result.stdout, where
        assert result.exit_code == 1, where
        named = path.name if name != "experiment.json" else store.experiment.name
        assert named in result.stderr, where
        assert "What to do: " in result.stderr or name == NETWORK, where
        assert "Traceback" not in result.output, where


KINDS = pytest.mark.parametrize("name", [*OF_TRIAL, NETWORK, *OF_EXPERIMENT])
HOW = pytest.mark.parametrize("how", ["cut", "flipped"])


@HOW
@KINDS
def test_damage_is_named_and_in_no_value(store, name, how):
    check_damage(store, name, how, n=3)


@pytest.mark.release
@HOW
@KINDS
def test_damage_anywhere_is_named_and_in_no_value(store, name, how):
    check_damage(store, name, how, n=60)


@HOW
@KINDS
def test_damage_at_twenty_places_is_seen_by_every_reader(store, name, how):
    path = store.path(name)
    for place, content in damaged(path.read_bytes(), how, 20):
        path.write_bytes(content)
        where = f"{name} {how} at {place}"
        fresh = Store(store.out, "cnmc2019")
        if name == NETWORK:
            assert fresh.finished_trial(store.trial.name).faults(), where
        elif name in OF_TRIAL:
            assert fresh.finished_trial(store.trial.name) is None, where
            assert name in fresh.damaged[store.trial.name], where
        else:
            read = {
                "experiment.json": lambda: ExperimentRecord.load(store.experiment),
                "written.json": lambda: changed_files(store.experiment),
                "captured/masks.npz": lambda: Captured(store.experiment)["masks"],
            }
            with pytest.raises(StoreError) as caught:
                read[name]()
            named = (str(path), f"{store.experiment} was written by another version")
            assert caught.value.found.startswith(named), where


@HOW
@KINDS
def test_verify_names_damage(store, name, how):
    path = store.path(name)
    content = path.read_bytes()
    ((_, changed),) = damaged(content, how, 1)
    path.write_bytes(changed)
    result = table(store.out, "--verify")
    assert result.exit_code == 1
    assert (path.name if name != "experiment.json" else store.experiment.name) in result.stderr
    path.write_bytes(content)
    assert table(store.out, "--verify").exit_code == 0


# Without done.json a trial is an interrupted one, and without written.json nothing is listed yet.
@pytest.mark.parametrize(
    "name",
    [name for name in (*OF_TRIAL, NETWORK, *OF_EXPERIMENT) if name not in ("done.json", "written.json")],
)
def test_a_file_that_is_gone_is_named(store, name):
    store.path(name).unlink()
    words = ["--verify"] if name == NETWORK else []
    result = table(store.out, *words)
    assert result.exit_code == 1
    assert store.path(name).name in result.stderr


def test_the_values_are_those_of_the_other_runs(store):
    def measured():
        table = leukcnn.open_run(store.experiment)["table1"]
        titles = [column.title for column in table.columns]
        rows = [dict(zip(titles, row, strict=True)) for row in table.rows]
        return next(row["Measured"][0] for row in rows if row["Network"] == "Deep"), table

    both, whole = measured()
    assert both == pytest.approx(100 * (13 + 11) / 2 / 15)
    path = store.trial / "predictions.csv"
    # The labels are shifted by one line.
    lines = [line.split(",") for line in path.read_text().splitlines()]
    labels = [line[4] for line in lines[1:]]
    for line, label in zip(lines[1:], [*labels[1:], labels[0]], strict=True):
        line[4] = label
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    one, left = measured()
    assert one == pytest.approx(100 * 11 / 15)
    assert whole.marks == ()
    assert "Deep, run 1 (trials/" in left.marks[0]
    assert not left.comparable


@pytest.mark.parametrize("words", [(), ("--verify",)])
def test_a_run_that_is_not_finished_is_marked(store, words):
    (store.trial / "done.json").unlink()
    result = table(store.out, *words)
    if words:
        # The tables on disk have both runs.
        assert result.exit_code == 1
        assert "table1.csv: the stored predictions give another table" in result.stderr
    else:
        assert result.exit_code == 0
        assert "INCOMPLETE: values of fewer runs: Deep (1 of 2 runs)" in " ".join(result.stdout.split())
    run = leukcnn.open_run(store.out)
    assert run["table1"].marks == ("INCOMPLETE: values of fewer runs: Deep (1 of 2 runs)",)
    assert not run["table1"].comparable


def test_a_result_that_is_a_link_to_nowhere_is_damage(store):
    (store.trial / "done.json").unlink()
    (store.trial / "done.json").symlink_to("nowhere")
    result = table(store.out)
    assert result.exit_code == 1
    assert "done.json can't be read" in result.stderr


def test_a_run_in_a_notebook_shows_its_faults(store):
    assert leukcnn.open_run(store.out).faults == []
    (store.trial / "history.csv").write_text("epoch\n")
    (store.experiment / "captured/masks.npz").write_bytes(b"")
    run = leukcnn.open_run(store.out)
    assert len(run.faults) == 2
    assert "history.csv: changed since the trial was finished" in run.faults[0]
    assert "masks.npz: changed since it was written" in run.faults[1]
    assert "2 damaged or unreadable (see .faults)" in repr(run)
    assert "history.csv" in run._repr_html_()
    assert {*run.predictions("deep").run} == {1}


def test_a_damaged_network_is_not_loaded(store):
    (store.trial / NETWORK).write_bytes(b"another")
    with pytest.raises(StoreError, match=r"model\.keras: changed since the trial was finished"):
        leukcnn.open_run(store.out).network("deep")


def test_a_row_whose_runs_are_all_damaged_is_not_called_untrained(store):
    for path in store.trial.parent.glob("*/features.npz"):
        path.write_bytes(b"")
    run = leukcnn.open_run(store.out)
    assert not any("Not trained" in note and "Deep" in note for note in run["table1"].notes)
    assert "Deep, run 1 (trials/" in run["table1"].marks[0]
    with pytest.raises(StoreError, match="its stored files are damaged"):
        run.predictions("deep")


def broken_copies(store) -> list[str]:
    """Adds experiments that can't be read; returns their names."""
    contents = {"cut": b'{"store_version"', "empty": b"", "list": b"[]", "version": b'{"store_version": 5}'}
    for name, content in contents.items():
        shutil.copytree(store.experiment, store.experiment.with_name(name))
        (store.experiment.with_name(name) / "experiment.json").write_bytes(content)
    gone = store.experiment.with_name("gone")
    shutil.copytree(store.experiment, gone)
    (gone / "experiment.json").unlink()
    linked = store.experiment.with_name("linked")
    linked.mkdir()
    (linked / "experiment.json").symlink_to("nowhere")
    return [*contents, "gone", "linked"]


@pytest.mark.parametrize("words", [(), ("--verify",)])
def test_broken_experiments_do_not_block_the_others(store, words):
    names = broken_copies(store)
    result = table(store.out, *words)
    assert result.exit_code == 1
    for name in names:
        assert f"/experiments/{name}" in result.stderr
    if not words:
        assert without_folder(result.stdout) == store.shown


def test_a_notebook_opens_the_only_experiment_that_can_be_read(store):
    broken_copies(store)
    run = leukcnn.open_run(store.out)
    assert run.folder.name == "one"
    assert len(run.faults) == 4
    (store.experiment / "experiment.json").write_text("")
    with pytest.raises(StoreError, match=r"(?s)None of the 5 runs in .* can be read:.*cut.*empty"):
        leukcnn.open_run(store.out)
