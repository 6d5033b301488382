"""What tested images share with training: found for each trial, and left out of the external values."""

from dataclasses import fields, replace
from pathlib import PurePath
from types import SimpleNamespace

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import duplicate_pairs, index_from_manifest
from leukcnn.datasets.index import NO_ARRAYS
from leukcnn.duplicate_scan import DuplicateScan
from leukcnn.errors import DataError
from leukcnn.experiment.leaks import (
    copies_of_others,
    overlaps,
    separated_pairs,
    unknown_group_notes,
    unknown_subjects,
)
from leukcnn.experiment.notes import say_what_is_shared
from leukcnn.experiment.plan import plan
from leukcnn.experiment.record import make_record
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.records import Overlap, PlannedTrial, SeparatedPairs, UnknownSubjects
from leukcnn.runs import trial_name
from leukcnn.splits import SplitRows
from tests.indices import index_of

# Rows 0 to 5 are for training, validation and test; 6 to 9 are the external set; 10 and 11 the final one.
GROUPS = np.array(["1", "1", "2", "2", "3", "3", "2", "7", "8", "8", "", ""])
NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def hand_made(**columns):
    subset = np.array(["training"] * 6 + ["preliminary"] * 4 + ["final"] * 2)
    made = {"group": GROUPS, "subset": subset, "class_names": ("healthy", "malignant"), "dataset": "d"}
    return index_of([0, 1] * 5 + [-1, -1], **made | columns)


def rows_of(train, validation, test):
    predicted = {"test": test, "external": [6, 7, 8, 9], "final": [10, 11]}
    arrays = {name: np.array(rows) for name, rows in predicted.items()}
    return SplitRows(np.array(train), np.array(validation, dtype=np.int64), arrays)


def trial(name, row="vgg16", split="cell", fold=-1):
    return PlannedTrial(row, run=0, fold=fold, seed=0, name=name, split=split)


def test_nothing_shared_is_nothing_said():
    index = hand_made(group=np.array(["1", "1", "2", "2", "3", "3", "6", "7", "8", "8", "", ""]))
    assert overlaps([trial("a")], {"a": rows_of([0, 1], [2, 3], [4, 5])}, index, NO_PAIRS) == []


def test_copies_and_subjects_of_training_and_validation_images_are_found_for_each_trial():
    index = hand_made()
    rows = {"a": rows_of([0, 1], [2, 3], [4, 5]), "b": rows_of([0, 1], [4, 5], [2, 3])}
    found = overlaps([trial("a"), trial("b"), trial("a", "border")], rows, index, np.array([[1, 7], [3, 11]]))
    # Subject 2 is validated on in the first trial only. Image 11 is a copy of an image of subject 2.
    assert found == [
        Overlap("external", 4, [str(index.ids[7])], [str(index.ids[6])], ["2+d/11.png"], ["a"]),
        Overlap("final", 2, [str(index.ids[11])], [], [], ["a"]),
        Overlap("external", 4, [str(index.ids[7])], [], [], ["b"]),
    ]


def test_a_copy_joins_its_subject_s_other_images():
    # Image 8 is a copy of a training image, so image 9 shows a subject that was trained on.
    (found,) = overlaps([trial("a")], {"a": rows_of([0, 1], [4], [5])}, hand_made(), np.array([[0, 8]]))
    assert (len(found.copies), len(found.of_subjects), found.subjects) == (1, 1, ["1+8"])
    assert found.describe() == (
        "of the 4 images of the external set, 1 is a copy (identical or nearly so) and 1 shows 1 subject of "
        "the training and validation images"
    )


def test_unknown_subjects_are_not_shared():
    index = hand_made(group=np.full(12, ""))
    assert overlaps([trial("a")], {"a": rows_of([0, 1], [2, 3], [4, 5])}, index, NO_PAIRS) == []


def test_pairs_are_counted_by_kind_of_split_and_once_for_all_folds():
    sha256 = np.array([f"{i:064x}" for i in range(12)])
    sha256[1] = sha256[4]
    index, pairs = hand_made(sha256=sha256), np.array([[1, 4], [0, 2], [2, 4], [4, 5], [0, 6]])
    rows = {
        "a": rows_of([0, 1], [2, 3], [4, 5]),
        "b": rows_of([4, 5], [2, 3], [0, 1]),
        "c": rows_of([0, 1, 2, 4, 5], [], [3]),
    }
    trials = [trial("a", fold=0), trial("b", fold=1), trial("c", split="grouped"), trial("c", "other")]
    counted = separated_pairs(trials, rows, index, pairs, row="vgg16")
    assert counted == {"cell": SeparatedPairs(identical=1, near=2)}


def test_images_of_unknown_subject_are_counted_under_splits_by_subject():
    # Image 4 is a copy of one of a known subject.
    index = hand_made(group=np.array(["1", "1", "", "", "", "", *GROUPS[6:]]))
    rows = {name: rows_of([0, 1], [2, 3], [4, 5]) for name in "abc"}
    trials = [trial("a", split="subject"), trial("b"), trial("c", split="lodocv"), trial("a", "other")]
    pairs = np.array([[1, 4]])
    found = unknown_subjects(trials, rows, index, pairs, row="vgg16", choice="one-group")
    assert found == {"subject": UnknownSubjects(3, 6, "one-group")}
    assert unknown_subjects(trials[1:3], rows, index, pairs, row="vgg16", choice="each") == {}


def test_copies_of_others_are_counted_without_published_files():
    index = index_from_manifest("cnmc2019")
    assert copies_of_others(index, duplicate_pairs(index)) == 0
    assert copies_of_others(index, NO_PAIRS) == 0
    assert copies_of_others(hand_made(), np.array([[0, 1], [1, 2], [4, 5]])) == 3
    contents = index.sha256.copy()
    contents[:2] = ["0" * 64, "1" * 64]
    assert copies_of_others(replace(index, sha256=contents), np.array([[0, 1], [1, 2], [3, 4]])) == 2


@pytest.fixture
def with_copies(published):
    """Returns the published index with three more images: a copy by its name, and two of unknown subject."""
    row = int(np.flatnonzero(published.subset == "training")[0])
    names = (f"{PurePath(published.paths[row]).stem}_rot90", "17", "18")
    columns = {
        f.name: np.append(getattr(published, f.name), [getattr(published, f.name)[row]] * 3)
        for f in fields(published)
        if f.name not in NO_ARRAYS
    }
    columns["ids"] = np.append(published.ids, [f"all/{name}.bmp" for name in names])
    columns["sha256"][-3:], columns["group"][-3:] = ["a" * 64, "b" * 64, "c" * 64], ""
    paths = [*published.paths, *(PurePath(published.paths[row]).with_name(f"{name}.bmp") for name in names)]
    return replace(published, paths=paths, **columns)


@pytest.mark.parametrize("split", ["subject", "fold"])
def test_a_split_by_subject_refuses_images_of_unknown_subject_unless_a_choice_is_made(with_copies, split):
    with pytest.raises(DataError) as caught:
        plan(study_for(split=split), replace(with_copies, fold=np.maximum(with_copies.fold, 0)))
    assert caught.value.found.startswith("The subject of 2 of 10,664 images is unknown, and ")
    assert "all/17.bmp, all/18.bmp." in caught.value.found
    assert "--unknown-subjects one-group" in caught.value.remedy


def test_the_choice_is_in_the_record_and_the_identity(with_copies):
    named = {}
    for choice in ("each", "one-group"):
        study = study_for(split="subject", unknown_subjects=choice)
        planned = plan(study, with_copies)
        record = make_record(study, with_copies, planned)
        assert record.unknown_subjects == {"subject": UnknownSubjects(2, 10_664, choice)}
        assert record.changes["split.unknown_subjects"] == choice
        assert any(note.startswith("1 of 15,117 images are copies of others") for note in record.data_notes)
        named[choice] = {trial.name for trial in (*record.trials, *record.controls)}
        rows = next(iter(planned.split_rows.values()))
        places = [rows.train, rows.validation, rows.predicted["test"]]
        last = len(with_copies) - 1
        held = [int(np.flatnonzero([row in place for place in places])[0]) for row in (last - 1, last)]
        assert choice == "each" or held[0] == held[1]
    assert named["each"].isdisjoint(named["one-group"])


def test_a_split_by_image_has_the_same_identity_whatever_unknown_subjects_are(published):
    study = study_for()
    (name, identity), *_ = plan(study, published).identities.items()
    assert "unknown_subjects" not in identity["setup"]["split"]
    assert name == trial_name(identity)


def test_synthetic_images_without_subjects_are_not_refused(with_copies):
    study = study_for(split="subject")
    planned = plan(study, replace(with_copies, synthetic=True))
    assert planned.unknown_subjects == {"subject": UnknownSubjects(2, 10_664, "each")}


def study_for(**options):
    return study_of(Request(**{"paper": papers.get("cnmc2019"), "data": "d", **options}))


def twins(published):
    """Returns the published index in which 58 of 61 external cells have the content of training cells."""
    external = np.flatnonzero(published.subset == "preliminary")
    training = np.flatnonzero(published.subset == "training")
    kept = np.concatenate([training, external[:61]])
    labels, sha256 = published.labels.copy(), published.sha256.copy()
    labels[external[:61]] = 0
    sha256[external[:58]] = sha256[training[:58]]
    return replace(published, labels=labels, sha256=sha256).select(np.sort(kept))


@pytest.mark.parametrize("split", ["cell", "subject"])
def test_twins_in_the_external_set_are_in_the_record(published, split):
    index = twins(published)
    study = study_for(split=split)
    planned = plan(study, index)
    record = make_record(study, index, planned)
    names = {planned.name for planned in (*record.trials, *record.controls)}
    (shared,) = record.overlaps
    assert set(shared.trials) == names
    rows = planned.split_rows[record.trials[0].name]
    trained = set(index.sha256[np.concatenate([rows.train, rows.validation])])
    known = [row for row in rows.predicted["external"] if index.sha256[row] in trained]
    assert shared.copies == index.ids[known].tolist()
    assert shared.total == 61


def test_published_data_share_nothing(published):
    for split in ("cell", "subject", "fold"):
        assert plan(study_for(split=split), published).overlaps == []


def test_a_split_by_subject_joins_near_copies(published, monkeypatch):
    near = np.array([[int(np.flatnonzero(published.group == name)[0]) for name in ("1", "11")]])
    identical = duplicate_pairs(published)
    monkeypatch.setattr("leukcnn.experiment.plan.Path.is_file", lambda path: True)
    scan = DuplicateScan(published, identical, near)
    monkeypatch.setattr("leukcnn.experiment.plan.scan_duplicates", lambda index, preprocessing, **_: scan)
    for seed in range(4):
        rows = next(iter(plan(study_for(split="subject", seed=seed), published).split_rows.values()))
        places = [rows.train, rows.validation, rows.predicted["test"]]
        held = [{"1", "11"} & set(published.group[of].tolist()) for of in places]
        assert sorted(map(len, held)) == [0, 0, 2]


def test_near_copies_in_two_classes_are_noted(published, monkeypatch):
    near = np.array([[int(np.flatnonzero(published.labels == label)[0]) for label in (0, 1)]])
    scan = DuplicateScan(published, duplicate_pairs(published), np.sort(near, axis=1))
    monkeypatch.setattr("leukcnn.experiment.plan.Path.is_file", lambda path: True)
    monkeypatch.setattr("leukcnn.experiment.plan.scan_duplicates", lambda index, preprocessing, **_: scan)
    study = study_for()
    record = make_record(study, published, plan(study, published))
    assert "1 pairs of copies, identical or nearly so, have two classes" in record.data_notes


def test_what_is_shared_is_said():
    overlap = Overlap("external", 12, ["a", "b"], ["c"], ["7"], ["t"])
    final = Overlap("final", 5, ["d"], [], [], ["t"])
    said = []
    record = SimpleNamespace(
        overlaps=[overlap, replace(overlap, trials=["u"]), final],
        separated_pairs={"random": SeparatedPairs(identical=6, near=20)},
    )
    say_what_is_shared(SimpleNamespace(say=said.append), record)
    assert said == [
        "The networks know some tested images: of the 12 images of the external set, 2 are copies (identical "
        "or nearly so) and 1 shows 1 subject of the training and validation images. Its values leave these "
        "images out.",
        "The networks know some tested images: of the 5 images of the final set, 1 is a copy (identical or "
        "nearly so) of the training and validation images. It has no values here.",
        "random split separates copies: 6 pairs of identical and 20 of nearly identical images are in the "
        "test and in the training or validation images.",
    ]


@pytest.mark.parametrize("kind", ["grouped_kfold", "block_kfold", "grouped", "subject"])
def test_images_without_a_known_group_are_counted_by_class_where_a_split_is_by_group(kind):
    index = index_from_manifest("allidb2")
    (note,) = unknown_group_notes(index, {kind, "kfold"})
    assert note == "allidb2: the group of 75 of 260 images is unknown (1 healthy, 74 ALL)"
    # The split by blocks of numbers is offered to those who don't use it, if the paper has it.
    (offer,) = unknown_group_notes(index, {kind}, offered=["kfold", "block_kfold"])
    neighbours = "; --split block_kfold keeps images with neighbouring numbers together"
    assert offer == note + (neighbours if kind != "block_kfold" else "")
    known = index.select(index.group != "")
    assert unknown_group_notes(known, {kind}) == []
    # Without any known group, no split can keep groups together; the split's own notes say so.
    assert unknown_group_notes(index.select(index.group == ""), {kind}) == []


@pytest.mark.parametrize("kind", ["kfold", "random", "cell", "lodocv", "lodocv_strict", "fold"])
def test_other_splits_have_no_note_on_unknown_groups(kind):
    assert unknown_group_notes(index_from_manifest("allidb2"), {kind}) == []
