"""Stores with trials that no training made, and fixtures for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn import papers, spec
from leukcnn.files import write_json
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.results.results import Results
from leukcnn.runs import Store, Trial
from leukcnn.trial_files import Predictions, write_predictions

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
    subset: str,
    *,
    tp: int,
    fn: int,
    fp: int,
    tn: int,
    subjects: int = 10,
    checkpoint: str = "val_accuracy",
    prefix: str = "",
) -> Predictions:
    """Returns predictions with a given confusion matrix; each subject has cells of one class."""
    label = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    predicted = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    n = len(label)
    return Predictions(
        image=np.array([f"{subset}/{prefix}{i}.bmp" for i in range(n)], dtype=np.str_),
        subset=np.full(n, subset),
        checkpoint=np.full(n, checkpoint),
        group=np.array([f"{'' if y else 'H'}{i % subjects}" for i, y in enumerate(label)], dtype=np.str_),
        label=label,
        probabilities=np.where(predicted[:, None] == [0, 1], 0.8, 0.2),
        class_names=("healthy", "malignant"),
    )


def final_phase(n: int = 4) -> Predictions:
    """Returns predictions of the final phase, whose labels are unknown."""
    blank = predictions_of("final", tp=n, fn=0, fp=0, tn=0)
    return replace(blank, label=np.full(n, -1), group=np.full(n, ""))


def fold_predictions(fold: int, *, wrong: int, n: int = 60) -> Predictions:
    """Returns predictions of `n` test images. The first `wrong` get the next class."""
    label = np.repeat([0, 0, 1, 1, 2, 2], n // 6)
    predicted = label.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 3
    return Predictions(
        image=np.array([f"fold{fold}/{i}" for i in range(n)]),
        subset=np.full(n, "test"),
        checkpoint=np.full(n, "last"),
        group=np.full(n, ""),
        label=label,
        probabilities=np.where(predicted[:, None] == np.arange(3), 0.8, 0.1),
        class_names=("HBS", "ALL", "AML"),
    )


def finish(trial: Trial) -> None:
    """Finishes a trial with the predictions of two images."""
    write_predictions(trial.path / "predictions.csv", predictions_of("test", tp=1, fn=0, fp=0, tn=1))
    trial.finish({"checkpoint": "val_accuracy"})


def finish_again(trial: Trial, **changes) -> None:
    """Stores the SHA-256 of a trial's files once more, after a test has changed them, and its result."""
    again = Trial(trial.path, trial.identity)
    again.finish({name: value for name, value in again.result.items() if name != "files"} | changes)


class FakeExperiment:
    """Collects trials and returns their results."""

    def __init__(self, out: Path, paper: str | spec.Paper = "cnmc2019"):
        self.paper = papers.get(paper) if isinstance(paper, str) else paper
        self.store = Store(out, self.paper.key)
        self.planned: list[PlannedTrial] = []
        self.controls: list[PlannedTrial] = []
        self.probe: PlannedTrial | None = None
        self.masked: dict[str, list[PlannedTrial]] = {}

    def _plan(self, row: str, **values) -> tuple[PlannedTrial, Trial]:
        trial = self.store.trial({"paper": self.paper.key, "row": row, **values})
        return PlannedTrial(row=row, seed=values["run"], name=trial.path.name, **values), trial

    def add(
        self,
        row: str,
        *subsets: Predictions,
        run: int = 0,
        fold: int = -1,
        split: str = "",
        tested: tuple[str, ...] = (),
        finished: bool = True,
    ) -> None:
        """Adds a trial, by default of the experiment's main split."""
        planned, trial = self._plan(row, run=run, fold=fold, split=split, tested=tested)
        self.planned.append(planned)
        if not finished:
            return
        # The predictions of the other checkpoint are all wrong and must not be used.
        wrong = (subsets[0].label + 1) % len(subsets[0].class_names)
        other = replace(subsets[0], checkpoint=np.full(len(subsets[0]), "val_loss"), label=wrong)
        write_predictions(trial.path / "predictions.csv", Predictions.join([*subsets, other]))
        (trial.path / "history.csv").write_text(
            "epoch,accuracy,loss,val_accuracy,val_loss\n1,0.5,0.7,0.55,0.69\n2,0.8,0.4,0.75,0.5\n"
        )
        (trial.path / "model.keras").write_bytes(b"")
        write_json(trial.path / "environment.json", {})
        trial.finish(
            {
                "checkpoint": str(subsets[0].checkpoint[0]),
                "best_epochs": {"val_accuracy": 2, "val_loss": 2},
                "parameters": 8_792_963,
                "file_bytes": {"network": 35 * 2**20, "network and optimizer": 68 * 2**20},
            }
        )

    def add_control(
        self,
        name: str,
        *subsets: Predictions,
        run: int = 0,
        fold: int = -1,
        split: str = "",
        tested: tuple[str, ...] = (),
    ) -> None:
        planned, trial = self._plan(name, run=run, fold=fold, split=split, tested=tested)
        self.controls.append(planned)
        self._finish_control(trial, Predictions.join(list(subsets)))

    def add_probe(self, predictions: Predictions | None) -> None:
        """Adds the probe; with None it is planned, but not finished."""
        self.probe, trial = self._plan("probe", run=0, fold=-1, split="kfold", tested=())
        if predictions is not None:
            self._finish_control(trial, predictions)

    def _finish_control(self, trial: Trial, predictions: Predictions) -> None:
        predictions = replace(predictions, checkpoint=np.full(len(predictions), "control"))
        write_predictions(trial.path / "predictions.csv", predictions)
        trial.finish({"checkpoint": "control"})

    def results(self, **changes) -> Results:
        """Returns the results so far. Rows without a trial are planned, but not trained."""
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
            "probe": self.probe,
            "masked": self.masked,
            "related": {},
            "datasets": {"cnmc2019": {"healthy": 3389, "malignant": 7272}},
            "counts": COUNTS,
            "missing": {},
            "final_total": 4,
            "not_comparable": "",
        }
        values |= changes
        for kind in ("trials", "controls"):
            values[kind] = [replace(t, split=t.split or values["split"]) for t in values[kind]]
        values["masked"] = {
            mask: [replace(t, split=values["split"]) for t in of] for mask, of in values["masked"].items()
        }
        # A store of its own reads what a test has changed since.
        store = Store(self.store.root.parent, self.store.root.name)
        return Results(self.paper, ExperimentRecord(**values), store)


def tested_on(
    dataset: str, *, tp: int = 0, fn: int = 0, fp: int = 0, tn: int = 0, subset: str = "test"
) -> Predictions:
    """Returns a dataset's predictions with a given confusion matrix; ids begin with the dataset's key."""
    predictions = predictions_of(subset, tp=tp, fn=fn, fp=fp, tn=tn)
    return replace(
        predictions,
        image=np.array([f"{dataset}/{i}.jpg" for i in range(len(predictions))]),
        checkpoint=np.full(len(predictions), "last"),
        group=np.full(len(predictions), ""),
        class_names=("non-pathological", "pathological"),
    )


def lodocv_paper(*tables: spec.Table) -> spec.Paper:
    """Returns a paper with two rows that leaves one dataset out."""
    setup = spec.Setup(
        spec.Model("LeukNet"),
        spec.Preprocessing(resize=40),
        spec.Augmentation(),
        spec.Split("lodocv"),
        spec.Training(epochs=1, batch_size=1, initial_learning_rate=1e-3, checkpoint="last"),
    )
    return spec.Paper(
        key="left_out",
        title="Leave one dataset out",
        authors="",
        year=2020,
        citation="",
        task="leukaemia or not",
        datasets=("allidb1", "allidb2", "ufg", "jtsc", "ash", "bloodline"),
        classes=("non-pathological", "pathological"),
        positive_class="pathological",
        splits=("lodocv", "lodocv_strict", "lodocv_single_class", "kfold", "grouped_kfold"),
        rows=(spec.Row("deep", "Deep", setup), spec.Row("shallow", "Shallow", setup)),
        profiles=(spec.Profile("paper", "as published"),),
        assumptions=(),
        tables=tables,
        figures=(),
        findings=(),
        runs=5,
        class_of={"healthy": "non-pathological", "ALL": "pathological", "AML": "pathological"},
    )


HERE = {
    "allidb1": {"non-pathological": 4, "pathological": 6},
    "allidb2": {"non-pathological": 5, "pathological": 5},
    "ufg": {"non-pathological": 3, "pathological": 2},
    "jtsc": {"non-pathological": 10, "pathological": 0},
    "bloodline": {"non-pathological": 0, "pathological": 8},
}


class LeftOut(FakeExperiment):
    """An experiment that leaves datasets out."""

    def results(self, **changes) -> Results:
        """Returns the results so far. The first three of five datasets have two classes."""
        values = {"split": "lodocv", "datasets": HERE, "counts": {}, "final_total": 0, "runs": 3}
        return super().results(**(values | changes))


class SeparateDatasets(LeftOut):
    """An experiment that cross-validates ALL-IDB 1 and ALL-IDB 2 separately."""

    def __init__(self, out: Path, *tables: spec.Table):
        paper = lodocv_paper(*tables)
        split = spec.Split("kfold", n_splits=2, per_dataset=("allidb1", "allidb2"))
        rows = [replace(row, setup=replace(row.setup, split=split)) for row in paper.rows]
        own = {
            "key": "separate",
            "datasets": split.per_dataset,
            "splits": ("kfold", "grouped_kfold"),
            "runs": 1,
        }
        super().__init__(out, replace(paper, rows=tuple(rows), **own))

    def results(self, **changes) -> Results:
        """Returns the results so far of one run."""
        return super().results(**({"split": "kfold", "runs": 1} | changes))


STAGES = ("benign", "early", "pre", "pro")


def stages(
    *, wrong: int = 0, n: int = 80, checkpoint: str = "val_accuracy", prefix: str = "", groups: int = 0
) -> Predictions:
    """Returns predictions of `n` test images, `n` / 4 of each stage. The first `wrong` get the next one."""
    label = np.repeat(np.arange(4), n // 4)
    predicted = np.where(np.arange(n) < wrong, (label + 1) % 4, label)
    group = np.arange(n) % groups if groups else np.arange(n)
    return Predictions(
        image=np.array([f"taleghani/{prefix}{i}.jpg" for i in range(n)]),
        subset=np.full(n, "test"),
        checkpoint=np.full(n, checkpoint),
        group=group.astype(np.str_),
        label=label,
        probabilities=np.where(predicted[:, None] == np.arange(4), 0.7, 0.1),
        class_names=STAGES,
    )


def stages_paper(*tables: spec.Table, figures: tuple[spec.Figure, ...] = ()) -> spec.Paper:
    """Returns a paper with four stages and two rows."""
    setup = spec.Setup(
        spec.Model("tests.tiny.TwoPartNetwork", {"frozen": True}),
        spec.Preprocessing(resize=40),
        spec.Augmentation(),
        spec.Split("random", validation_fraction=0.2),
        spec.Training(epochs=2, batch_size=4, initial_learning_rate=1e-3),
    )
    return spec.Paper(
        key="stages",
        title="Four stages",
        authors="",
        year=2025,
        citation="",
        task="stage of leukaemia",
        datasets=("taleghani",),
        classes=STAGES,
        positive_class="",
        splits=("random", "grouped", "kfold", "grouped_kfold"),
        rows=(
            spec.Row("frozen", "Frozen", setup, extra_splits=("grouped", "kfold")),
            spec.Row(
                "scratch", "From scratch", setup, extra_splits=("grouped", "kfold"), scratch_name="small"
            ),
        ),
        profiles=(spec.Profile("paper", "as published"),),
        assumptions=(),
        tables=tables,
        figures=figures,
        findings=(),
    )


class Staged(FakeExperiment):
    """An experiment on four stages."""

    def add_masked(self, mask: str, row: str, *subsets: Predictions, finished: bool = True) -> None:
        """Adds a trial of a row or control on masked images, of the main split."""
        trial = self.store.trial({"paper": self.paper.key, "row": row, "mask": mask})
        planned = PlannedTrial(row=row, run=0, fold=-1, seed=0, name=trial.path.name, split="")
        self.masked.setdefault(mask, []).append(planned)
        if finished:
            write_predictions(trial.path / "predictions.csv", Predictions.join(list(subsets)))
            trial.finish({"checkpoint": str(subsets[0].checkpoint[0])})

    def results(self, **changes) -> Results:
        values = {"split": "random", "datasets": {}, "counts": {}, "final_total": 0}
        return super().results(**(values | changes))


@pytest.fixture
def staged(tmp_path):
    """Returns a function that makes an experiment on four stages with tables."""
    return lambda *tables, **options: Staged(tmp_path, stages_paper(*tables, **options))


@pytest.fixture
def make_stages():
    return stages


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


@pytest.fixture
def left_out(tmp_path):
    """Returns a function that makes an experiment that leaves datasets out, with tables."""
    return lambda *tables: LeftOut(tmp_path, lodocv_paper(*tables))


@pytest.fixture
def separate_datasets(tmp_path):
    """Returns a function that makes an experiment on two separate datasets, with tables."""
    return lambda *tables: SeparateDatasets(tmp_path, *tables)


@pytest.fixture
def tested():
    return tested_on


@pytest.fixture
def make_fold():
    return fold_predictions
