"""Whole experiments on several datasets in cross-validation, with tiny networks."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn.evaluation.controls import control_label
from leukcnn.experiment.report import Report, report, verify_report
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.runs import Store
from leukcnn.spec import DEFAULT_CONTROLS
from tests import tiny

# Dataset and class -> images, and the channel that is bright in that class: 18 HBS, 14 ALL, 10 AML.
FOLDERS = {
    ("allidb2", "healthy"): (8, 0),
    ("allidb2", "all"): (6, 1),
    ("atlas", "all"): (8, 1),
    ("atlas", "aml"): (10, 2),
    ("atlas", "other"): (3, 1),
    ("ufg", "healthy"): (10, 0),
}


@pytest.fixture(scope="module")
def smears(tmp_path_factory) -> Path:
    """Three small datasets of three classes, which differ in colour."""
    root, rng = tmp_path_factory.mktemp("smears"), np.random.default_rng(0)
    for (dataset, name), (count, channel) in FOLDERS.items():
        folder = root / dataset / name
        folder.mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 100, (30, 40, 3), dtype=np.uint8)
            image[..., 2 - channel] += 150
            cv2.imwrite(str(folder / f"{name}_{i}.png"), image)
    return root


def run(data, out, *, progress=None, **options):
    request = Request(
        paper=tiny.tiny_folds_paper(), data=str(data), out=Path(out), profile="smoke", **options
    )
    return reproduce(request, progress=progress or tiny.Progress())


def table_of(done, table_id):
    return next(table for table in done.tables if table.id == table_id)


@dataclass
class Finished:
    """Two commands in one store: first the rows of the t-test, then one with a frozen base."""

    out: Path
    t_test: Report
    frozen: Report
    progress: tuple[tiny.Progress, tiny.Progress]

    @property
    def store(self) -> Store:
        return Store(self.out, "alertnet")


@pytest.fixture(scope="module")
def finished(smears, tmp_path_factory) -> Finished:
    out, progress = tmp_path_factory.mktemp("finished"), (tiny.Progress(), tiny.Progress())
    with pytest.MonkeyPatch.context() as patch:
        # Another test may have cached the features, which are counted below.
        patch.setenv("LEUKCNN_CACHE", str(out / "cache"))
        t_test = run(smears, out, only="t_test", progress=progress[0])
        frozen = run(smears, out, only="resnet50_sft", progress=progress[1])
    return Finished(out, t_test, frozen, progress)


@pytest.mark.backend
def test_rows_are_trained_fold_by_fold(finished):
    assert [label for label, _ in finished.progress[0].started] == [
        "Alert Net-RWD, fold 0",
        "Alert Net-RWD, fold 1",
        "ResNet50 DFT, fold 0",
        "ResNet50 DFT, fold 1",
    ]
    assert [label for label, _ in finished.progress[1].started] == [
        "ResNet50 SFT, fold 0",
        "ResNet50 SFT, fold 1",
    ]
    (table,) = finished.t_test.tables
    assert len(table.rows) == 3
    assert all(row[4] is not None for row in table.rows)


def test_all_tables_and_figures_are_made_from_the_store(finished):
    store, paper = finished.store, tiny.tiny_folds_paper()
    done = report(store, finished.t_test.folder, paper)
    expected = [*(f"table{n}" for n in range(1, 7)), "by_dataset", "t_test", "mobile", "more", "controls"]
    assert [table.id for table in done.tables] == expected
    names = {path.relative_to(done.folder).as_posix() for path in done.files}
    assert {f"figures/figure{n}.png" for n in (1, 2, 3)} <= names
    assert {
        f"figures/confusion_{row}.png" for row in ("alertnet_rwd", "resnet50_dft", "resnet50_sft")
    } <= names
    assert all(cv2.imread(str(path)) is not None for path in done.files if path.suffix == ".png")
    assert not (done.folder / "challenge").exists()
    assert verify_report(store, done.folder, paper) == []

    rows = {row[:2]: row for row in table_of(done, "table3").rows}
    assert rows["Alert Net-RWD", "Accuracy (%)"][3] is not None
    assert rows["Alert Net", "Accuracy (%)"][-1] == "not measured: this row has not been trained"
    # Each fold has 21 images, 9 of them HBS.
    majority = rows[control_label("majority"), "Accuracy (%)"]
    assert majority[3] == pytest.approx((100 * 9 / 21, None))
    assert rows[control_label("colour"), "Accuracy (%)"][3][0] > 90


def test_data_of_several_datasets_are_recorded_and_counted(smears, tmp_path):
    done = run(smears, tmp_path, only="table2")
    assert done.record.datasets == {
        "allidb2": {"HBS": 8, "ALL": 6, "AML": 0},
        "atlas": {"HBS": 0, "ALL": 8, "AML": 10},
        "ufg": {"HBS": 10, "ALL": 0, "AML": 0},
    }
    assert any("3 images of other are left out" in note for note in done.record.data_notes)
    assert done.record.counts["train"]["before"] == {"HBS": 9, "ALL": 7, "AML": 5}
    assert done.record.counts["train"]["after"] == {"HBS": 27, "ALL": 21, "AML": 15}
    assert done.record.counts["validation"]["after"] == {"HBS": 0, "ALL": 0, "AML": 0}
    assert "of 2,415 published images" in done.record.not_comparable
    total = table_of(done, "table2").rows[-1]
    assert total[0] == "Total"
    assert total[6:9] == (18, 14, 10)


@pytest.mark.parametrize("row", ["alertnet_rwd", "resnet50_sft"])
def test_every_image_is_tested_once_after_the_last_epoch(finished, row):
    store = finished.store
    trials = [t for t in finished.t_test.record.trials if t.row == row]
    predictions = [store.finished_trial(t.name).predictions() for t in trials]
    images = np.concatenate([p.image for p in predictions])
    assert len(images) == len(set(images)) == 42
    assert not any("other" in image for image in images)
    assert {checkpoint for p in predictions for checkpoint in p.checkpoint} == {"last"}
    for trial in trials:
        folder = store.root / "trials" / trial.name
        assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == {
            "trial.json",
            "history.csv",
            "predictions.csv",
            "model.keras",
            "environment.json",
            "done.json",
        }
        noted = json.loads((folder / "done.json").read_text())
        assert noted["checkpoint"] == "last"
        assert noted["images"] == {"train": 63, "validation": 0}


def test_controls_are_computed_once_in_every_fold(finished):
    controls = finished.t_test.record.controls
    assert [(c.row, c.fold) for c in controls] == [(n, f) for f in (0, 1) for n in DEFAULT_CONTROLS]
    assert finished.frozen.record.controls == controls
    assert all(finished.store.finished_trial(c.name) for c in controls)
    shown = [any("controls" in message for message in p.messages) for p in finished.progress]
    assert shown == [True, False]


@pytest.mark.backend
def test_features_of_a_frozen_base_are_computed_once_for_all_folds(finished):
    shown = [sum("computing its features" in m for m in p.messages) for p in finished.progress]
    assert shown == [0, 1]


def test_one_class_alone_is_not_trained_but_its_datasets_are_listed(smears, tmp_path):
    progress = tiny.Progress()
    done = run(smears, tmp_path, datasets=("ufg",), progress=progress)
    (message,) = [message for message in progress.messages if "can't be trained" in message]
    assert "alertnet" in message
    assert "no image of ALL and AML" in message
    assert "--datasets" in message
    assert {row[-1] for row in table_of(done, "table3").rows} == {
        "not measured: the data hold no image of ALL and AML"
    }
    assert done.record.datasets == {"ufg": {"HBS": 10, "ALL": 0, "AML": 0}}


def test_open_datasets_that_are_there_are_used_and_mark_every_table(tmp_path):
    rng, data = np.random.default_rng(0), tmp_path / "data"
    for channel, folder in enumerate(("pbc/monocyte", "taleghani/pro", "aml_lmu/MYO")):
        (data / folder).mkdir(parents=True)
        for i in range(6):
            image = rng.integers(0, 100, (30, 40, 3), dtype=np.uint8)
            image[..., channel] += 150
            cv2.imwrite(str(data / folder / f"{i}.png"), image)
    (data / "aml_lmu" / "NGS").mkdir()
    cv2.imwrite(str(data / "aml_lmu" / "NGS" / "1.png"), np.full((30, 40, 3), 90, np.uint8))
    progress = tiny.Progress()
    done = run(data, tmp_path / "runs", progress=progress, datasets=("open",), only="alertnet_rwd", seed=3)
    assert done.record.datasets == {
        "taleghani": {"HBS": 0, "ALL": 6, "AML": 0},
        "aml_lmu": {"HBS": 0, "ALL": 0, "AML": 6},
        "pbc": {"HBS": 6, "ALL": 0, "AML": 0},
    }
    notes = "; ".join(done.record.data_notes)
    assert "3 of 7 datasets are present; absent: cnmc2019, leukocytes, cellavision2, jtsc" in notes
    assert "aml_lmu: 1 image of other cells is left out" in notes
    mark = "open datasets, not the paper's: aml_lmu, pbc, taleghani"
    assert mark in done.record.not_comparable
    table = next(table for table in done.tables if table.id == "table3")
    assert mark in " ".join(table.marks)


def test_an_absent_class_is_named_and_the_others_are_trained(smears, tmp_path):
    done = run(smears, tmp_path, datasets=("allidb2", "ufg"), only="alertnet_rwd")
    assert "no image of AML" in done.record.not_comparable
    rows = {row[:2]: row for row in table_of(done, "table3").rows}
    assert rows["Alert Net-RWD", "Kappa"][3] is not None
