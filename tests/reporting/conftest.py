"""A store written by hand, as if networks had been trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.reporting.results import Results
from leukcnn.runs import Predictions, Store, write_json, write_predictions

COUNTS = {
    "train": {
        "before": {"healthy": 2034, "malignant": 4364},
        "after": {"healthy": 10_000, "malignant": 10_000},
    },
    "validation": {
        "before": {"healthy": 1016, "malignant": 2181},
        "after": {"healthy": 5_000, "malignant": 5_000},
    },
    "test": {"before": {"healthy": 339, "malignant": 727}},
}


def predictions_of(
    part: str,
    *,
    tp: int,
    fn: int,
    fp: int,
    tn: int,
    subjects: int = 10,
    checkpoint: str = "val_accuracy",
    prefix: str = "",
) -> Predictions:
    """Predictions with that confusion matrix; each subject has cells of one class."""
    label = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    predicted = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    n = len(label)
    return Predictions(
        image=np.array([f"{part}/{prefix}{i}.bmp" for i in range(n)], dtype=np.str_),
        part=np.full(n, part),
        checkpoint=np.full(n, checkpoint),
        group=np.array([f"{'' if y else 'H'}{i % subjects}" for i, y in enumerate(label)], dtype=np.str_),
        label=label,
        probabilities=np.where(predicted[:, None] == [0, 1], 0.8, 0.2),
        class_names=("healthy", "malignant"),
    )


def final_phase(n: int = 4) -> Predictions:
    """Predictions of the final phase, of which no label is known."""
    blank = predictions_of("final", tp=n, fn=0, fp=0, tn=0)
    return replace(blank, label=np.full(n, -1), group=np.full(n, ""))


class FakeExperiment:
    """Collects trials and gives the results that rest on them."""

    def __init__(self, out: Path, key: str = "cnmc2019"):
        self.paper = papers.get(key)
        self.store = Store(out, key)
        self.planned: list[PlannedTrial] = []
        self.controls: list[PlannedTrial] = []

    def add(self, row: str, *parts: Predictions, run: int = 0, fold: int = -1, finished: bool = True) -> None:
        identity = {"paper": self.paper.key, "row": row, "seed": run, "fold": fold}
        trial = self.store.trial(identity)
        self.planned.append(PlannedTrial(row=row, run=run, fold=fold, seed=run, name=trial.path.name))
        if not finished:
            return
        # What the other checkpoint said is all wrong, and must not count.
        wrong = (parts[0].label + 1) % len(parts[0].class_names)
        other = replace(parts[0], checkpoint=np.full(len(parts[0]), "val_loss"), label=wrong)
        write_predictions(trial.path / "predictions.csv", Predictions.join([*parts, other]))
        (trial.path / "history.csv").write_text(
            "epoch,accuracy,loss,val_accuracy,val_loss\n1,0.5,0.7,0.55,0.69\n2,0.8,0.4,0.75,0.5\n"
        )
        (trial.path / "model.keras").write_bytes(b"")
        write_json(trial.path / "environment.json", {})
        trial.finish(
            {
                "checkpoint": str(parts[0].checkpoint[0]),
                "best_epochs": {"val_accuracy": 2, "val_loss": 2},
                "parameters": 8_792_963,
                "file_bytes": {"network": 35 * 2**20, "network and optimizer": 68 * 2**20},
            }
        )

    def add_control(self, name: str, *parts: Predictions, run: int = 0, fold: int = -1) -> None:
        trial = self.store.trial({"paper": self.paper.key, "control": name, "seed": run, "fold": fold})
        self.controls.append(PlannedTrial(row=name, run=run, fold=fold, seed=run, name=trial.path.name))
        joined = Predictions.join(list(parts))
        write_predictions(
            trial.path / "predictions.csv", replace(joined, checkpoint=np.full(len(joined), "control"))
        )
        trial.finish({"checkpoint": "control"})

    def results(self, **changes) -> Results:
        """The results so far; rows without a trial are planned but not trained."""
        folds = sorted({planned.fold for planned in self.planned}) or [-1]
        for row in self.paper.row_ids:
            if row not in {planned.row for planned in self.planned}:
                for fold in folds:
                    self.add(row, fold=fold, finished=False)
        values = {
            "paper": self.paper.key,
            "profile": "paper",
            "split": "cell",
            "seed": 0,
            "runs": 1,
            "backend": "tensorflow",
            "assumed": {},
            "changes": {},
            "trials": self.planned,
            "controls": self.controls,
            "datasets": {"cnmc2019": {"healthy": 3389, "malignant": 7272}},
            "counts": COUNTS,
            "missing": {},
            "final_total": 4,
            "not_comparable": "",
        }
        return Results(self.paper, ExperimentRecord(**(values | changes)), self.store)


@pytest.fixture
def experiment(tmp_path) -> FakeExperiment:
    return FakeExperiment(tmp_path)


@pytest.fixture
def alertnet(tmp_path) -> FakeExperiment:
    return FakeExperiment(tmp_path, "alertnet")


@pytest.fixture
def make_predictions():
    return predictions_of


@pytest.fixture
def make_final_phase():
    return final_phase
