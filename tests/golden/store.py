"""Stores of small experiments, made without images and without training, and their tables.

Only this module of the golden tests uses leukcnn. The images are an index of files that don't exist. The
splits and the record are made by leukcnn. The predictions of a trial are sampled from the SHA-256 of its row,
run, split and image, so that they are the same on every machine.

As a script it writes the frozen tables again; `git diff` then shows the changes:

    python tests/golden/store.py --write [CASE ...]
"""

import csv
import hashlib
import json
import pickle
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from filelock import FileLock

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from leukcnn import papers
from leukcnn.datasets import ImageIndex
from leukcnn.experiment.plan import Plan, plan
from leukcnn.experiment.record import make_record
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.outputs.build import build_tables
from leukcnn.records import ExperimentRecord
from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.renderings import to_csv, to_markdown
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.runs import Trial as StoredTrial
from tests.golden.cases import CASES, CHECKPOINTS, FEATURE_ROWS, Case, Image, Trial

FOLDER = Path(__file__).parent / "tables"
PAPERS = papers.list_papers()
_FORMS = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def table_ids(paper: str) -> tuple[str, ...]:
    """Returns the ids of all tables of a paper."""
    return (*(table.id for table in papers.get(paper).tables), "assumptions")


def rendered(case: Case, shared: Path) -> dict[str, str]:
    """Returns the files of all tables of a case: name -> text.

    Args:
        case: The case.
        shared: As for `tables_of`.
    """
    return {
        f"{table.id}.{ending}": render(table)
        for table in tables_of(case, shared)
        if not case.tables or table.id in case.tables
        for ending, render in _FORMS.items()
    }


def tables_of(case: Case, shared: Path) -> list[Table]:
    """Returns all tables of a case; the first process that asks for them makes them for all others.

    Args:
        case: The case.
        shared: Folder of the test session, which its processes share.
    """
    path = shared / f"{case.id}.pickle"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            with tempfile.TemporaryDirectory() as out:
                results = results_of(case, Path(out))
                tables = [*build_tables(results, kept=case.kept), assumption_table(results)]
            path.write_bytes(pickle.dumps(tables))
        made: list[Table] = pickle.loads(path.read_bytes())
    return made


def results_of(case: Case, out: Path) -> Results:
    """Returns the results of a case; its experiment's folder is `out / "experiment"`.

    Args:
        case: The case.
        out: Empty folder for the store.
    """
    paper, index = papers.get(case.paper), index_of(case)
    store, folder = Store(out, case.paper), out / "experiment"
    request = Request(paper=paper, data="", out=out, **case.options)
    study = study_of(request)
    # The real search for near-duplicates opens the images.
    scan = "leukcnn.experiment.plan.scan_duplicates"
    with mock.patch(scan, lambda index, *_, **__: SimpleNamespace(pairs=_copies(case))):
        whole = Plan([], [], {}, {}, reason=case.reason) if case.reason else plan(study, index)
        under = {mask: plan(study_of(replace(request, mask=mask)), index) for mask in case.masks}
        record = make_record(study, index, whole, lacking=case.lacking)
    replace(record, **case.record).save(folder)
    _fill(case, store, index, whole, mask=request.mask or "")
    for mask, other in under.items():
        masked = {trial.name for trial in whole.masked[mask]}
        _fill(case, store, index, other, mask=mask, only=masked)
    return Results(paper, ExperimentRecord.load(folder), store)


def index_of(case: Case) -> ImageIndex:
    """Returns the index of a case's images, which don't exist."""
    columns = Image(*zip(*case.images, strict=True))
    return ImageIndex(
        paths=[Path("nowhere") / id for id in columns.id],
        ids=np.array(columns.id),
        labels=np.array(columns.label, dtype=np.int64),
        class_names=case.classes,
        dataset=np.array(columns.dataset),
        group=np.array(columns.group, dtype=np.str_),
        subset=np.array(columns.subset),
        fold=np.array(columns.fold, dtype=np.int64),
        sha256=np.array([hashlib.sha256(twin.encode()).hexdigest() for twin in columns.twin]),
        synthetic=case.synthetic,
    )


def _copies(case: Case) -> np.ndarray:
    """Returns (P, 2) positions of copies, the lower first."""
    twins = [image.twin for image in case.images]
    pairs = [(i, j) for j, twin in enumerate(twins) for i in range(j) if twins[i] == twin]
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _fill(
    case: Case,
    store: Store,
    index: ImageIndex,
    whole: Plan,
    *,
    mask: str,
    only: set[str] | None = None,
) -> None:
    """Writes the finished trials of a plan, or some of them, into the store."""
    for planned in (*whole.trials, *whole.controls):
        trial = Trial(planned.row, planned.run, planned.fold, planned.split, planned.tested, mask)
        if (only is None or planned.name in only) and case.finished(trial):
            place = store.trial(whole.identities[planned.name]).path
            split_rows = whole.split_rows[planned.name]
            predicted = {name: rows.tolist() for name, rows in split_rows.predicted.items()}
            if planned in whole.controls:
                _write_control(place, case, trial, predicted)
            elif planned.row in FEATURE_ROWS:
                _write_features(place, case, trial, predicted)
            else:
                _write_network(place, case, trial, predicted, n_train=len(split_rows.train))
    if whole.probe is not None and case.probe and only is None:
        _write_probe(store.trial(whole.identities[whole.probe.name]).path, case)


def _write_control(place: Path, case: Case, trial: Trial, predicted: dict[str, list[int]]) -> None:
    _write_predictions(place, case, trial, {"control": predicted})
    _finish(place, {"checkpoint": "control", "seconds": {"control": 0.5}})


def _write_features(place: Path, case: Case, trial: Trial, predicted: dict[str, list[int]]) -> None:
    if case.within and trial.row != "vogado2018":
        predicted = {**predicted, "within": predicted["test"]}
    _write_predictions(place, case, trial, {"svm": predicted})
    _finish(place, {"checkpoint": "svm", "features": 256, "seconds": {"features": 1.5, "svm": 0.25}})


def _write_network(
    place: Path, case: Case, trial: Trial, predicted: dict[str, list[int]], *, n_train: int
) -> None:
    checkpoints = CHECKPOINTS[case.paper]
    _write_predictions(place, case, trial, dict.fromkeys(checkpoints, predicted))
    epochs = 2 + _sample(3, "epochs", *trial)
    validated = len(checkpoints) > 1
    columns = ["epoch", "accuracy", "loss", *(["val_accuracy", "val_loss"] if validated else [])]
    lines = []
    for epoch in range(1, epochs + 1):
        values = [_sample(1000, name, epoch, *trial) / 1000 for name in columns[1:]]
        lines.append([epoch, *values, *([0.001 / epoch] if case.learning_rate else [])])
    columns += ["learning_rate"] if case.learning_rate else []
    _write_csv(place / "history.csv", [columns, *lines])
    machine = {"backend": "tensorflow", "devices": ["CPU:0"], "platform": "Linux-6.1-x86_64"}
    if trial.fold == 1:
        machine |= {"devices": ["GPU:0", "GPU:1"], "platform": "Linux-5.15-x86_64"}
    (place / "environment.json").write_text(json.dumps(machine))
    (place / "model.keras").write_bytes(b"")
    size = 2**18 * (20 + _sample(200, "size", trial.row))
    _finish(
        place,
        {
            "checkpoint": checkpoints[0],
            "best_epochs": {
                name: 1 + _sample(epochs, name, *trial) for name in checkpoints if name != "last"
            },
            "parameters": 8_792_963
            if trial.row == "alertnet_rwd"
            else 1000 * (1 + _sample(30_000, trial.row)),
            "file_bytes": {"network": size, "network and optimizer": 2 * size},
            "images": {"train": 20 * n_train, "validation": 0},
            "seconds": {"training": (4000 + _sample(2000, "seconds", *trial)) / 1000},
            "epochs_run_here": 1 if case.interrupted(trial) else epochs,
        },
    )


def _write_probe(place: Path, case: Case) -> None:
    datasets = [image.dataset for image in case.images]
    # The real probe leaves out the smallest datasets too.
    names = sorted(name for name in set(datasets) if datasets.count(name) >= 5)
    lines = []
    for image in case.images:
        if image.dataset in names:
            label = names.index(image.dataset)
            predicted = (
                label if _sample(10, "probe", image.id) < 8 else _sample(len(names), "other", image.id)
            )
            others = 0.25 / (len(names) - 1)
            probabilities = [0.75 if name == predicted else others for name in range(len(names))]
            lines.append([image.id, "test", "control", image.group, label, *probabilities])
    header = ["image", "subset", "checkpoint", "group", "label", *(f"p_{name}" for name in names)]
    _write_csv(place / "predictions.csv", [header, *lines])
    _finish(place, {"checkpoint": "control", "seconds": {"control": 0.5}})


def _write_predictions(
    place: Path, case: Case, trial: Trial, by_checkpoint: dict[str, dict[str, list[int]]]
) -> None:
    lines = [
        [image.id, subset, checkpoint, image.group, image.label, *_probabilities(case, trial, image, key)]
        for checkpoint, predicted in by_checkpoint.items()
        for subset, rows in predicted.items()
        for image, key in ((case.images[row], f"{checkpoint} {subset}") for row in rows)
    ]
    header = ["image", "subset", "checkpoint", "group", "label", *(f"p_{name}" for name in case.classes)]
    _write_csv(place / "predictions.csv", [header, *lines])


def _probabilities(case: Case, trial: Trial, image: Image, key: str) -> list[float]:
    """Returns the probability of each class for an image. Their logarithms are the same on every machine."""
    n = len(case.classes)
    skill = case.skilled.get(trial.row, 550 + _sample(400, "skill", trial.row))
    if trial.row in (*case.constant, "majority"):
        predicted = 0
    elif trial.row in case.perfect or _sample(1000, *trial, key, image.id) < skill:
        predicted = max(image.label, 0)
    else:
        predicted = (max(image.label, 0) + 1 + _sample(n - 1, "wrong", *trial, image.id)) % n
    high, low = {2: (0.75, 0.25), 3: (0.5, 0.25), 4: (0.625, 0.125)}[n]
    return [high if label == predicted else low for label in range(n)]


def _sample(n: int, *key: Any) -> int:
    """Returns a whole number from 0 to `n` - 1 that depends only on the key."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8]) % n


def _write_csv(path: Path, lines: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def _finish(place: Path, result: dict[str, Any]) -> None:
    StoredTrial(place, {}).finish(result)


def frozen(case_id: str) -> dict[str, str]:
    """Returns the frozen files of a case: name -> text."""
    return {path.name: path.read_text(encoding="utf-8") for path in _files(case_id)}


def _files(case_id: str) -> Iterator[Path]:
    return (path for path in sorted((FOLDER / case_id).glob("*")) if path.is_file())


def write(case_id: str) -> None:
    """Writes the frozen tables of a case again and removes those that it no longer has."""
    with tempfile.TemporaryDirectory() as out:
        texts = rendered(CASES[case_id], Path(out))
    (FOLDER / case_id).mkdir(parents=True, exist_ok=True)
    for path in _files(case_id):
        path.unlink()
    for name, text in texts.items():
        (FOLDER / case_id / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or not {*sys.argv[2:]} <= {*CASES}:
        sys.exit(f"python tests/golden/store.py --write [CASE ...], CASE one of {', '.join(CASES)}")
    for wanted in sys.argv[2:] or CASES:
        write(wanted)
        print(wanted)
