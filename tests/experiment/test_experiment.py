"""Whole experiments: files on disk, resuming after a kill, bad input, both backends."""

import json
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn.datasets import load
from leukcnn.errors import DataError, SpecError, StoreError
from leukcnn.experiment.report import report, verify_report
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.rendering.renderings import to_text
from leukcnn.runs import Store
from tests import tiny


def run(data, out, *, progress=None, **options):
    paper = options.pop("paper", None) or tiny.tiny_paper()
    request = Request(paper=paper, data=str(data), out=Path(out), profile="smoke", **options)
    return reproduce(request, progress=progress or tiny.Progress())


def written(tables):
    # As text, since an undefined number doesn't equal itself.
    return [to_text(table) for table in tables]


@pytest.fixture(scope="module")
def finished(synthetic_cells, tmp_path_factory):
    """A finished experiment of all rows."""
    out = tmp_path_factory.mktemp("finished")
    return out, run(synthetic_cells, out)


@pytest.fixture
def copied(finished, tmp_path):
    """Returns a copy of the finished experiment, which a test may change or add to."""
    out, done = finished
    shutil.copytree(out, tmp_path / "out")
    return tmp_path / "out", tmp_path / "out" / done.folder.relative_to(out)


@pytest.mark.backend
def test_all_tables_figures_and_the_challenge_file_are_there(finished):
    _, done = finished
    names = {path.relative_to(done.folder).as_posix() for path in done.files}
    tables = ["table1", "table2", "table3", "table4", "table5", "confusion", "external", "subjects"]
    assert {f"tables/{table}.{kind}" for table in tables for kind in ("csv", "md", "tex", "txt")} <= names
    assert {f"figures/figure{n}.png" for n in range(2, 8)} <= names
    assert all(cv2.imread(str(path)) is not None for path in done.files if path.suffix == ".png")


def test_tables_show_that_they_are_not_comparable(finished):
    _, done = finished
    for table in done.tables:
        if table.id not in ("table3", "table5"):
            assert "NOT COMPARABLE" in " ".join(table.marks)
    (column,) = (i for i, c in enumerate(done.tables[1].columns) if c.title == "Verdict")
    verdicts = {row[column] for row in done.tables[1].rows}
    # A network that predicts one class only has no precision, which comes first.
    assert "not comparable: smoke profile" in verdicts
    assert verdicts <= {"not comparable: smoke profile", "not published", "undefined"}


def test_a_trial_leaves_the_expected_files(finished):
    out, done = finished
    for planned in done.record.trials:
        folder = out / "cnmc2019" / "trials" / planned.name
        names = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
        assert names == {
            "trial.json",
            "history.csv",
            "predictions.csv",
            "model.keras",
            "environment.json",
            "done.json",
        }
        assert str(out) not in (folder / "trial.json").read_text()
        with zipfile.ZipFile(folder / "model.keras") as archive:
            assert json.loads(archive.read("leukcnn.json"))["preprocessing"]["crop"] == 250


def test_every_image_of_every_subset_is_predicted_once_by_each_checkpoint(finished):
    out, done = finished
    predictions = Store(out, "cnmc2019").finished_trial(done.record.trials[0].name).predictions()
    for checkpoint in ("val_accuracy", "val_loss"):
        chosen = predictions.select(predictions.checkpoint == checkpoint)
        assert len(set(chosen.image)) == len(chosen)
        counts = {name: np.count_nonzero(chosen.subset == name) for name in ("test", "external", "final")}
        # 40 and 30 cells, 6:3:1 per class: 24 + 12 + 4 and 18 + 9 + 3.
        assert counts == {"test": 7, "external": 12, "final": 11}
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_finished_trial_is_not_computed_again(finished, synthetic_cells):
    out, done = finished
    progress = tiny.Progress()
    again = run(synthetic_cells, out, progress=progress)
    assert progress.started == []
    assert again.folder == done.folder
    assert written(again.tables) == written(done.tables)


def test_tables_are_made_from_the_store_alone(finished):
    out, done = finished
    store, paper = Store(out, "cnmc2019"), tiny.tiny_paper()
    before = {p.name: p.read_bytes() for p in (done.folder / "tables").iterdir()}
    again = report(store, done.folder, paper)
    assert written(again.tables) == written(done.tables)
    assert {p.name: p.read_bytes() for p in (done.folder / "tables").iterdir()} == before
    assert verify_report(store, done.folder, paper) == []


def test_a_changed_store_is_found(finished, copied):
    out, folder = copied
    store = Store(out, "cnmc2019")
    path = store.root / "trials" / finished[1].record.trials[0].name / "predictions.csv"
    path.write_text(path.read_text().replace(",1,", ",0,"))
    faults = verify_report(store, folder, tiny.tiny_paper())
    assert any("predictions.csv: changed" in fault for fault in faults)
    assert any("table2.csv: the stored predictions give another table" in fault for fault in faults)


@pytest.mark.backend
def test_the_same_command_gives_the_same_bytes_with_any_number_of_workers(
    finished, synthetic_cells, tmp_path
):
    # The finished run has the two workers of the default.
    alone = run(synthetic_cells, tmp_path, workers=1, only="vgg16")
    name = alone.record.trials[0].name
    ours, theirs = (out / "cnmc2019" / "trials" / name for out in (tmp_path, finished[0]))
    for file in ("predictions.csv", "history.csv"):
        assert (ours / file).read_bytes() == (theirs / file).read_bytes()


def network_trial(out: Path) -> Path:
    """Returns the folder of the one trial that trains a network; the controls have other folders."""
    (folder,) = (
        path.parent
        for path in (out / "cnmc2019" / "trials").glob("*/trial.json")
        if "row" in json.loads(path.read_text())
    )
    return folder


@pytest.mark.backend
@pytest.mark.slow
def test_a_run_killed_within_an_epoch_and_started_again_gives_the_same_predictions(synthetic_cells, tmp_path):
    def start(out, pause):
        command = [sys.executable, "-m", "tests.tiny", str(synthetic_cells), str(out), "4", str(pause)]
        return subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, stdout=subprocess.PIPE)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with start(whole, 0) as process:
        process.communicate()
    assert process.returncode == 0
    with start(killed, 0.2) as process:
        for line in process.stdout:
            if line.split() == ["step", "3", "2"]:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    folder = network_trial(killed)
    assert not (folder / "predictions.csv").exists()
    assert len((folder / "history.csv").read_text().split()) == 1 + 2
    with start(killed, 0) as process:
        process.communicate()
    assert process.returncode == 0
    expected = network_trial(whole)
    assert folder.name == expected.name
    for name in ("predictions.csv", "history.csv"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes()
    assert json.loads((folder / "done.json").read_text())["epochs_run_here"] == 2


def test_an_assumption_changes_the_trial_and_is_recorded(synthetic_cells, tmp_path):
    paper = tiny.tiny_paper()
    plain = run(synthetic_cells, tmp_path, paper=paper, only="table1")
    fresh = run(synthetic_cells, tmp_path, paper=paper, only="table1", assumed={"augmentation": "fresh"})
    assert {t.name for t in plain.record.trials}.isdisjoint(t.name for t in fresh.record.trials)
    assert fresh.record.assumed == {"augmentation": "fresh"}


def test_reference_tables_need_no_training(synthetic_cells, tmp_path):
    progress = tiny.Progress()
    done = run(synthetic_cells, tmp_path, only="table5", progress=progress)
    assert [table.id for table in done.tables] == ["table5"]
    assert progress.started == []


def test_tables_show_how_many_real_cells_were_used(real_data, tmp_path):
    progress = tiny.Progress()
    done = run(real_data, tmp_path, only="vgg16", progress=progress)
    here = sum(sum(counts["before"].values()) for counts in done.record.counts.values())
    assert f"it uses {here} of 10,661 published images" in done.tables[1].marks[0]
    assert any(f"{here} of 10,661 training cells" in note for note in done.record.data_notes)
    (external,) = (table for table in done.tables if table.id == "external")
    # The folder may hold some of the preliminary phase, or none.
    has_preliminary = np.any(load("cnmc2019", real_data).subset == "preliminary")
    expected = "measured" if has_preliminary else "the data hold no C-NMC test preliminary phase data"
    assert expected in external.rows[0][-1]


@pytest.mark.parametrize(("split", "trials"), [("subject", 1), ("fold", 3)])
def test_other_splits_are_trained_and_tested(synthetic_cells, tmp_path, split, trials):
    done = run(synthetic_cells, tmp_path, split=split, only="vgg16")
    assert sum(t.row == "vgg16" for t in done.record.trials) == trials
    assert done.record.not_comparable.startswith("smoke profile")
    tested = next(row for row in done.tables[1].rows if row[:2] == ("VGG16", "full"))
    # Each of the 70 training cells is tested once over the folds.
    assert tested[2] == 70 if split == "fold" else tested[2] < 20


def test_several_runs_have_other_seeds_and_an_interval(synthetic_cells, copied):
    progress = tiny.Progress()
    done = run(synthetic_cells, copied[0], runs=2, only="vgg16", progress=progress)
    # The first of the two is there already.
    assert len(progress.started) == 1
    assert [t.seed for t in done.record.trials if t.row == "vgg16"] == [0, 1]
    assert any("interval of the mean on the logit scale over 2 runs" in note for note in done.tables[1].notes)


def test_the_folder_above_the_dataset_is_accepted(synthetic_cells, tmp_path):
    a = run(synthetic_cells, tmp_path / "a", only="table1")
    b = run(synthetic_cells / "C-NMC_Leukemia", tmp_path / "b", only="table1")
    assert [t.name for t in a.record.trials] == [t.name for t in b.record.trials]


def plain_folder(root, **classes):
    rng = np.random.default_rng(0)
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 256, (260, 260, 3), dtype=np.uint8)
            cv2.imwrite(str(root / name / f"{name}_{i}.png"), image)
    return root


def empty_folder(path):
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "nowhere", "nowhere"),
        (lambda p: empty_folder(p / "d"), "is an empty folder"),
        (lambda p: plain_folder(p / "d", all=5), "one class only"),
        (lambda p: plain_folder(p / "d", all=3, hem=3), "at least"),
    ],
)
def test_data_that_cannot_be_used_are_refused_before_training(tmp_path, make, words):
    with pytest.raises(DataError, match=words) as caught:
        run(make(tmp_path), tmp_path / "out")
    assert "Expected" in str(caught.value)


def test_broken_images_are_named(tmp_path):
    root = plain_folder(tmp_path / "d", all=10, hem=10)
    (root / "all" / "text.bmp").write_text("no image")
    whole = (root / "hem" / "hem_0.png").read_bytes()
    (root / "hem" / "hem_0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as caught:
        run(root, tmp_path / "out")
    assert "text.bmp" in str(caught.value)
    assert "hem_0.png" in str(caught.value)


def test_unusual_images_are_converted_with_a_note(tmp_path):
    root = plain_folder(tmp_path / "d", all=10, hem=10)
    rng = np.random.default_rng(1)
    cv2.imwrite(str(root / "all" / "grey.png"), rng.integers(0, 256, (260, 260), dtype=np.uint8))
    cv2.imwrite(str(root / "all" / "deep.png"), rng.integers(0, 2**16, (260, 260, 3), dtype=np.uint16))
    cv2.imwrite(str(root / "hem" / "alpha.png"), rng.integers(0, 256, (260, 260, 4), dtype=np.uint8))
    progress = tiny.Progress()
    done = run(root, tmp_path / "out", progress=progress, only="vgg16")
    messages = "\n".join(progress.messages)
    for word in ("grey", "16 bits", "alpha"):
        assert word.lower() in messages.lower()
    assert done.tables


def test_unknown_rows_and_splits_are_refused(synthetic_cells, tmp_path):
    with pytest.raises(SpecError, match="vgg16"):
        run(synthetic_cells, tmp_path, only="vgg61")
    with pytest.raises(SpecError, match="cell, subject, fold"):
        run(synthetic_cells, tmp_path, split="patient")


def test_an_output_folder_that_is_a_file_is_refused(synthetic_cells, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="name another folder with --out"):
        run(synthetic_cells, tmp_path / "out")


def test_a_trial_of_another_specification_is_named_and_left_out(synthetic_cells, tmp_path):
    done = run(synthetic_cells, tmp_path, only="table1")
    store = Store(tmp_path, "cnmc2019")
    folder = store.root / "trials" / done.record.trials[0].name
    folder.mkdir(parents=True)
    (folder / "trial.json").write_text('{"paper": "another"}')
    (fault,) = run(synthetic_cells, tmp_path, only="vgg16").faults
    assert "doesn't match the folder's name" in fault
    assert (folder / "trial.json").read_text() == '{"paper": "another"}'


def test_without_a_gpu_the_first_steps_show_how_long_a_run_takes(synthetic_cells, tmp_path):
    class Stop(Exception):
        pass

    class StopAfterFirstEpoch(tiny.Progress):
        def end_epoch(self, **_):
            raise Stop

    progress = StopAfterFirstEpoch()
    paper = tiny.tiny_paper()
    # Controls read images of the paper's own size, which the quick profile makes too small for them.
    changes = {**paper.profiles[1].changes, "preprocessing.resize": None}
    quick = replace(
        paper, profiles=(replace(paper.profiles[1], name="paper", changes=changes, not_comparable=""),)
    )
    with pytest.raises(Stop):
        reproduce(
            Request(paper=quick, data=str(synthetic_cells), out=tmp_path, profile="paper", only="vgg16"),
            progress=progress,
        )
    messages = "\n".join(progress.messages)
    assert "seconds per epoch on this processor" in messages
    assert "1 trial; about" in messages
