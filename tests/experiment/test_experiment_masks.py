"""A whole experiment with four classes: several splits, networks from scratch, masked images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn import image_cache
from leukcnn.experiment.report import Report, report, verify_report
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.outputs.titles import table_lines
from leukcnn.records import ExperimentRecord
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.spec import DEFAULT_CONTROLS
from tests import tiny

# Colours of the border and of the middle, by class. The first two classes have the same border.
COLOURS = {
    "Benign": ((200, 120, 120), (90, 60, 160)),
    "Early": ((200, 120, 120), (160, 60, 90)),
    "Pre": ((120, 200, 120), (60, 160, 90)),
    "Pro": ((120, 120, 200), (60, 90, 160)),
}
IMAGES = 14


@pytest.fixture(scope="module")
def smears(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("stages"), np.random.default_rng(0)
    for name, (border, middle) in COLOURS.items():
        folder = root / "taleghani" / "Original" / name
        folder.mkdir(parents=True)
        word = name if name == "Benign" else f"Malignant-{name}"
        for i in range(1, IMAGES + 1):
            image = np.tile(np.uint8(border), (48, 48, 1))
            image[14:34, 14:34] = middle
            # Without shades of their own, each pair of images would be compared in detail.
            shades = cv2.resize(rng.normal(0, 40, (6, 6)), (48, 48), interpolation=cv2.INTER_CUBIC)
            noisy = image + shades[..., None] + rng.normal(0, 12, image.shape)
            noisy = np.clip(noisy, 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(folder / f"WBC-{word}-{i:03}.jpg"), noisy)
    return root


def run(data, out, *, progress=None, **options) -> Report:
    request = Request(
        paper=tiny.tiny_stages_paper(), data=str(data), out=Path(out), profile="smoke", **options
    )
    return reproduce(request, progress=progress or tiny.Progress())


def trained(done: Report, store: Store) -> set[tuple[str, str]]:
    return {(t.row, t.split) for t in done.record.trials if store.finished_trial(t.name)}


@pytest.fixture(scope="module")
def decoded() -> list[bytes]:
    """Returns the content of each image that `finished` decoded."""
    return []


@pytest.fixture(scope="module")
def finished(smears, decoded, tmp_path_factory) -> tuple[Store, Report]:
    """All rows of the smoke profile, in one store."""
    out, decode = tmp_path_factory.mktemp("finished"), image_cache.decode_image

    def counted(content):
        decoded.append(content)
        return decode(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_cache, "decode_image", counted)
        done = run(smears, out)
    return Store(out, "taleghani_resnet50"), done


@pytest.mark.usefixtures("finished")
def test_a_run_decodes_each_image_once(decoded, smears):
    assert sorted(decoded) == sorted(path.read_bytes() for path in smears.rglob("*.jpg"))


@pytest.mark.backend
def test_the_paper_s_row_and_its_substitute_are_trained_under_all_splits(finished):
    store, done = finished
    rows, kinds = ("resnet50", "four_blocks"), ("random", "grouped", "kfold")
    assert trained(done, store) == {(row, kind) for row in rows for kind in kinds}
    assert {(c.row, c.split) for c in done.record.controls} == {
        (n, kind) for n in DEFAULT_CONTROLS for kind in kinds
    }


@pytest.mark.backend
def test_all_tables_and_figures_are_made_from_the_store(finished):
    store, done = finished
    paper = tiny.tiny_stages_paper()
    again = report(store, done.folder, paper)
    assert [table.id for table in again.tables] == [table.id for table in paper.tables]
    assert again.seconds == {}
    assert {"reading", "planning", "controls", "training"} <= done.seconds.keys()
    names = {path.relative_to(done.folder).as_posix() for path in again.files}
    plotted = {f"figures/{n}.png" for n in ("samples", "segmentation", "curves", "confusion_four_blocks")}
    assert plotted <= names
    assert all(cv2.imread(str(path)) is not None for path in again.files if path.suffix == ".png")
    assert verify_report(store, done.folder, paper) == []


def test_folds_have_a_validation_split_of_their_own(finished):
    store, done = finished
    folds = [t for t in done.record.trials if (t.row, t.split) == ("four_blocks", "kfold")]
    assert len(folds) == 2
    for planned in folds:
        trial = store.finished_trial(planned.name)
        assert trial.result["images"]["validation"] > 0
        assert trial.result["checkpoint"] == "val_loss"


@pytest.mark.slow
def test_a_network_from_scratch_replaces_the_frozen_one(smears, tmp_path):
    """Which rows other options train is tested on the study alone, see test_study.py."""
    done = run(smears, tmp_path, split="random", base="scratch=alertnet")
    assert trained(done, Store(tmp_path, "taleghani_resnet50")) == {("scratch_alertnet", "random")}


@pytest.mark.slow
def test_masks_are_shown_in_one_table_and_applied_to_controls(finished, smears):
    store, done = finished
    before = accuracies(store, done, "border")
    assert before["border"] is None
    masked = run(smears, store.root.parent, only="masks", mask="border")
    assert masked.folder != done.folder
    assert "border blanked" in masked.record.not_comparable
    # The table is the same in both experiments.
    for report_of in (done, masked):
        whole, blind = (accuracies(store, report_of, mask) for mask in ("", "border"))
        assert whole["border"] > 0.6
        assert blind["border"] < 0.5
        assert blind["four_blocks"] is not None
        assert accuracies(store, report_of, "cells")["four_blocks"] is None


def accuracies(store: Store, done: Report, mask: str) -> dict[str, float | None]:
    results = Results(tiny.tiny_stages_paper(), ExperimentRecord.load(done.folder), store).masked(mask)
    found = {}
    for row, _ in table_lines(results):
        runs = results.runs(row)
        found[row] = float(np.mean(runs[0].predicted == runs[0].label)) if runs else None
    return found
