"""Makes the record of an experiment: its options, its trials and its data."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from leukcnn import papers, spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.experiment.comparability import (
    published_images,
    publishes_values,
    why_not_by_dataset,
    why_not_comparable,
)
from leukcnn.experiment.plan import Plan
from leukcnn.experiment.study import Study
from leukcnn.fields import to_plain
from leukcnn.files import digest, replace_file
from leukcnn.papers.source import STORED, write_source
from leukcnn.records import ExperimentRecord, note_files, relative
from leukcnn.run_options import FILE_NAME, as_yaml
from leukcnn.trials import epoch_entries


def make_record(
    study: Study,
    index: ImageIndex,
    planned: Plan,
    *,
    lacking: Mapping[str, str] | None = None,
    seen: Mapping[str, int | None] | None = None,
    notes: Sequence[str] = (),
) -> ExperimentRecord:
    """Returns the record of an experiment.

    Args:
        study: The paper with the options applied.
        index: The images.
        planned: The study's trials.
        lacking: Row that can't be trained here -> why.
        seen: As in `ExperimentRecord`.
        notes: Notes about the images, in addition to those of the index.
    """
    reasons = why_not_comparable(study, index)
    by_dataset = why_not_by_dataset(study, index, planned.trials, planned.related)
    if not publishes_values(study.paper):
        notes, reasons, by_dataset = [*notes, *filter(None, [reasons])], "", {}
    return ExperimentRecord(
        paper=study.paper.key,
        profile=study.profile.name,
        split=study.main_split,
        seed=study.seed,
        runs=study.runs,
        backend=keras.backend.backend(),
        assumed=to_plain(study.assumed),
        changes=to_plain(study.changes),
        trials=planned.trials,
        controls=planned.controls,
        probe=planned.probe,
        masked=planned.masked,
        counts=_counts(study, index, planned),
        datasets={
            str(name): _by_class(index, np.flatnonzero(index.dataset == name))
            for name in np.unique(index.dataset)
        },
        related={name: list(others) for name, others in planned.related.items()},
        missing=_missing(study, index, planned) | dict(lacking or {}),
        final_total=_final_total(study, index),
        not_comparable=reasons,
        not_comparable_on=by_dataset,
        published_images={
            name: images for name, images in published_images(study, index).items() if name in index.dataset
        },
        separated_pairs=planned.separated,
        unknown_subjects=planned.unknown_subjects,
        margin=study.margin,
        seen=dict(seen or {}),
        overlaps=planned.overlaps,
        pairs_in_two_classes=planned.near_in_two_classes,
        data_notes=[*index.notes, *notes, *_copies(planned), *_in_two_classes(planned)],
    )


def _copies(planned: Plan) -> list[str]:
    n, total = planned.copies
    kept = "splits by subject and grouped ones keep them with their originals"
    note = f"{n:,} of {total:,} images are copies of others here, identical, nearly so or augmented: {kept}"
    return [note] if n else []


def _in_two_classes(planned: Plan) -> list[str]:
    n = planned.near_in_two_classes
    return [f"{n:,} pairs of copies, identical or nearly so, have two classes"] if n else []


def experiment_name(record: ExperimentRecord) -> str:
    """Returns the name of an experiment's folder: readable words, then a hash of its trials and data."""
    what = digest([[trial.name for trial in record.trials], record.datasets])[:8]
    return f"{record.profile}-{record.split}-seed{record.seed}-{what}"


def store_paper(paper: spec.Paper, folder: Path) -> None:
    """Writes a paper of the user's own into an experiment's folder, for its tables and reports.

    `leukcnn.start.stored_paper` reads it. It is the paper as the experiment knew it, whatever the user's file
    says later. leukcnn's own papers aren't stored.

    Raises:
        ArgumentError: The paper contains a value that can't be written into a file, such as an array.
        StoreError: The folder can't be written to.
    """
    if paper.key not in papers.list_papers():
        write_source(paper, folder / STORED)
        note_files(folder, [folder / STORED])


def store_options(study: Study, folder: Path) -> None:
    """Writes the options of a command into an experiment's folder, for `--config`.

    Raises:
        StoreError: The folder can't be written to.
    """
    # One trial of the run may have been asked for.
    given = {name: value for name, value in study.given.items() if name != "trial"}
    if isinstance(given.get("paper"), spec.Paper):
        own = study.paper.key in papers.list_papers()
        given["paper"] = study.paper.key if own else relative(folder / STORED)
    path = folder / FILE_NAME
    with replace_file(path) as draft:
        draft.write_bytes(as_yaml(study.command, given).encode())
    note_files(folder, [path])


def _by_class(index: ImageIndex, rows: np.ndarray) -> dict[str, int]:
    labels = index.labels[rows]
    counts = np.bincount(labels[labels >= 0], minlength=len(index.class_names))
    return dict(zip(index.class_names, counts.tolist(), strict=True))


def _counts(study: Study, index: ImageIndex, planned: Plan) -> dict[str, dict[str, dict[str, int]]]:
    if not planned.trials:
        return {}
    first = planned.trials[0]
    split_rows = planned.split_rows[first.name]
    train, validation = epoch_entries(index, study.row(first.row).setup, split_rows, seed=first.seed)
    return {
        "train": {"before": _by_class(index, split_rows.train), "after": _by_class(index, train.rows)},
        "validation": {
            "before": _by_class(index, split_rows.validation),
            "after": _by_class(index, validation.rows),
        },
        "test": {"before": _by_class(index, split_rows.predicted["test"])},
    }


def _missing(study: Study, index: ImageIndex, planned: Plan) -> dict[str, str]:
    """Returns the subsets, rows and splits that the data lack or don't allow, and why."""
    subsets = {subset.key: subset for name in study.paper.datasets for subset in card(name).subsets}
    absent = {
        name: f"the data hold no {subsets[subset].title}"
        for name, subset in (("external", "preliminary"), ("final", "final"))
        if subset in subsets and subset not in index.subset
    }
    return absent | ({"test": planned.reason} if planned.reason else {}) | planned.missing


def _final_total(study: Study, index: ImageIndex) -> int:
    if index.synthetic:
        return int(np.count_nonzero(index.subset == "final"))
    subsets = (subset for name in study.paper.datasets for subset in card(name).subsets)
    return sum(subset.total for subset in subsets if subset.key == "final")
