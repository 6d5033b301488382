"""A whole experiment on two datasets, each cross-validated separately, with thresholded images."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn import papers, synthetic
from leukcnn.datasets import load_many
from leukcnn.errors import DataError
from leukcnn.experiment.report import Report, report, verify_report
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.outputs.captures import Captured
from leukcnn.prediction import SavedNetwork
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.spec import Paper
from leukcnn.synthetic.smears import draw_smear
from tests import tiny


@cache
def paper() -> Paper:
    # Not at import, since it registers tiny networks in `leukcnn.models`.
    return tiny.tiny_separate_datasets_paper()


def run(out, *, progress=None, data="synthetic", **options) -> Report:
    request = Request(paper=paper(), data=str(data), out=Path(out), profile="smoke", **options)
    return reproduce(request, progress=progress or tiny.Progress())


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Store, Report]:
    out = tmp_path_factory.mktemp("finished")
    return Store(out, paper().key), run(out)


@pytest.mark.backend
def test_each_dataset_is_trained_and_tested_separately(finished):
    store, done = finished
    trials = [t for t in done.record.trials if store.finished_trial(t.name)]
    assert len(trials) == len(done.record.trials)
    expected = {
        (row, kind, (name,), fold)
        for row in paper().row_ids
        for kind in ("kfold", *paper().row(row).extra_splits)
        for name in paper().datasets
        for fold in (0, 1)
    }
    assert {(t.row, t.split, t.tested, t.fold) for t in trials} == expected
    for planned in trials:
        tested = store.finished_trial(planned.name).predictions()
        assert {image.split("/")[0] for image in tested.image.tolist()} == {*planned.tested}


def test_controls_of_the_paper_are_run_and_one_counts_cells(finished):
    store, done = finished
    assert {c.row for c in done.record.controls} == {"majority", "border", "colour", "size", "cells"}
    assert all(store.finished_trial(c.name) for c in done.record.controls)


@pytest.mark.backend
def test_all_tables_and_figures_are_made_from_the_store_alone(finished):
    store, done = finished
    again = report(store, done.folder, paper())
    assert [table.id for table in again.tables] == [table.id for table in paper().tables]
    assert {path.name for path in again.files} == {path.name for path in done.files}
    names = {path.stem for path in again.files if path.suffix == ".png"}
    assert {"figure1", "figure2", "figure3", "figure4", "samples"} <= names
    assert {f"figure5_lightweight_{name}" for name in paper().datasets} <= names
    assert all(cv2.imread(str(path)) is not None for path in again.files if path.suffix == ".png")
    assert verify_report(store, done.folder, paper()) == []


def test_results_of_each_dataset_are_of_its_own_images(finished):
    store, done = finished
    results = Results(paper(), done.record, store)
    assert results.tested == paper().datasets
    for name in paper().datasets:
        (tested,) = results.runs("lightweight", dataset=name)
        assert len(tested) == len(set(tested.image)) == sum(paper().synthetic_images[name].values())
    (table,) = [table for table in done.tables if table.id == "table1"]
    lines = {(row[0], row[1]): row for row in table.rows if row[2] == "Accuracy (%)"}
    for name, title in zip(paper().datasets, ("ALL-IDB 1", "ALL-IDB 2"), strict=True):
        folds = results.folds("lightweight", dataset=name)
        values = [100 * np.mean(fold.predicted == fold.label) for fold in folds]
        mean, std = lines[title, "Proposed CNN"][4]
        assert mean == pytest.approx(np.mean(values))
        assert std == (None if len({*values}) == 1 else pytest.approx(np.std(values, ddof=1)))


def test_a_saved_network_thresholds_its_images(finished, shared_cache):
    store, done = finished
    planned = next(t for t in done.record.trials if t.row == "lightweight" and t.tested == ("allidb2",))
    trial = store.finished_trial(planned.name)
    saved, stored = SavedNetwork.load(trial.path / "model.keras"), trial.predictions()
    assert saved.preprocessing.threshold == "darkest"
    folder = synthetic.write_many(
        paper().datasets, shared_cache / "synthetic", seed=0, counts=paper().synthetic_images
    )
    index = load_many(paper().datasets, folder, class_names=paper().classes, class_of=paper().class_of)
    row = index.ids.tolist().index(stored.image[0])
    found = saved.predict([index.paths[row]])
    np.testing.assert_allclose(found[0], stored.probabilities[0], atol=1e-5)


def test_the_same_command_trains_nothing_again_and_keeps_its_captures(finished):
    store, done = finished

    def written():
        return {path.name: path.stat().st_mtime_ns for path in (done.folder / "captured").iterdir()}

    progress, before = tiny.Progress(), written()
    again = run(store.root.parent, progress=progress)
    assert progress.started == []
    assert [table.rows for table in again.tables] == [table.rows for table in done.tables]
    assert before
    assert written() == before


def test_tables_of_images_of_one_class_show_what_is_missing(tmp_path):
    done = run(tmp_path, datasets=("jtsc",))
    assert [table.id for table in done.tables] == [table.id for table in paper().tables]
    assert done.record.trials == []
    (confusion,) = [table for table in done.tables if table.id == "confusion"]
    assert {row[0] for row in confusion.rows} == {"ALL-IDB 1", "ALL-IDB 2"}
    assert all(str(row[-1]).startswith("not measured: ") for row in confusion.rows)


def test_figure_1_shows_the_network_under_the_assumptions(tmp_path):
    own = papers.get("allidb_lightweight")
    assumed = {"pool_first": True, "convolutions": ((4, 3), (6, 3))}
    request = Request(
        paper=own, data="synthetic", out=tmp_path, profile="smoke", only="figure1", assumed=assumed
    )
    done = reproduce(request, progress=tiny.Progress())
    ((_, layers),) = Captured(done.folder)["figure1"]["columns"]
    words = str(layers)
    assert words.index("pool") < words.index("conv")
    assert "32" not in words


@pytest.mark.slow
def test_images_that_thresholding_leaves_black_are_counted(tmp_path):
    """Two of eight crops of each class are white, each of another level: no image is in two classes."""
    for place, name in enumerate(paper().classes):
        folder = tmp_path / "allidb2" / name
        folder.mkdir(parents=True)
        for i in range(8):
            smear = draw_smear(class_name=name, dataset="allidb2", seed=0, image=i, size=(64, 64))
            image = np.full_like(smear, 255 - 2 * place - i) if i < 2 else smear
            assert cv2.imwrite(str(folder / f"{name}_{i}.png"), image)
    options = {"datasets": ("allidb2",), "only": "lightweight", "split": "kfold"}
    done = run(tmp_path / "out", data=tmp_path, **options)
    start = "allidb2: 4 of 16 images are black, or nearly black, in the networks' input: 'darkest' leaves no"
    assert any(note.startswith(start) for note in done.record.data_notes)
    whole = run(tmp_path / "out", data=tmp_path, assumed={"threshold": "none"}, **options)
    assert not any("black" in note for note in whole.record.data_notes)


@pytest.mark.slow
def test_other_datasets_are_one_task_together(tmp_path):
    done = run(tmp_path, datasets=("jtsc", "atlas"), only="lightweight", split="kfold")
    trials = [t for t in done.record.trials if t.row == "lightweight"]
    assert [(t.tested, t.fold) for t in trials] == [(("atlas", "jtsc"), 0), (("atlas", "jtsc"), 1)]
    results = Results(paper(), done.record, Store(tmp_path, paper().key))
    assert results.tested == ("atlas+jtsc",)
    # JTSC has 24 healthy images, Atlas 6 with ALL; Atlas' AML and other leukaemias are left out.
    (tested,) = results.runs("lightweight", dataset="atlas+jtsc")
    assert np.bincount(tested.label).tolist() == [24, 6]
    assert "smoke profile; synthetic data" in done.record.not_comparable


@pytest.mark.slow
def test_a_dataset_of_one_class_with_a_separate_dataset_is_refused(tmp_path):
    with pytest.raises(DataError, match="without the other datasets, jtsc would only have images of healthy"):
        run(tmp_path, datasets=("allidb2", "jtsc"), only="lightweight")


def test_masks_of_the_datasets_are_scored(real_data, tmp_path):
    names = ("jtsc", "cellavision2")
    done = run(tmp_path, data=real_data, datasets=names, only="mask_scores")
    (table,) = done.tables
    lines = [row for row in table.rows if "darkest" in str(row)]
    assert {str(row[0]) for row in lines} == {"JTSC", "CellaVision 2"}
    assert not any(Store(tmp_path, paper().key).finished_trial(t.name) for t in done.record.trials)


def test_masks_that_were_added_later_are_scored_by_the_next_run(tmp_path):
    """Only the masks next to the images change, and the experiment keeps its name."""
    folder = tmp_path / "jtsc" / "healthy"
    folder.mkdir(parents=True)
    for i in range(2):
        image = draw_smear(class_name="healthy", dataset="jtsc", seed=0, image=i)
        assert cv2.imwrite(str(folder / f"{i}.bmp"), image)
    options = {"data": tmp_path, "datasets": ("jtsc",), "only": "mask_scores"}
    (before,) = run(tmp_path / "out", **options).tables
    assert "2 of 2 images have no mask" in str(before.rows)
    for i in range(2):
        mask = np.full(image.shape, 255, np.uint8)
        assert cv2.imwrite(str(folder / f"{i}.png"), mask)
    (after,) = run(tmp_path / "out", **options).tables
    assert "no mask" not in str(after.rows)


def test_real_smears_are_trained_and_tested(real_data, tmp_path):
    """Thirty smears of each class, cross-validated together."""
    index = load_many(["taleghani"], real_data, class_names=paper().classes, class_of=dict(paper().class_of))
    root = tmp_path / "taleghani"
    for label in (0, 1):
        for row in np.flatnonzero(index.labels == label)[::16][:30]:
            source = index.paths[row]
            target = root / "Original" / source.parent.name / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
    done = run(tmp_path / "out", data=tmp_path, datasets=("taleghani",), only="lightweight", split="kfold")
    results = Results(paper(), done.record, Store(tmp_path / "out", paper().key))
    (tested,) = results.runs("lightweight", dataset="taleghani")
    assert np.bincount(tested.label).tolist() == [30, 30]
