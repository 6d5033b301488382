import numpy as np
import pytest

from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.outputs.build import build_tables, kind_of
from leukcnn.outputs.kind import TableKind
from leukcnn.spec import Published, Table
from leukcnn.spec.kinds import TABLES
from tests.outputs.least import least


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_has_a_module_that_builds_it(kind):
    found = kind_of(least(kind, TABLES))
    assert isinstance(found, TableKind)
    assert (found.every_split, found.every_mask) == (kind == "shortcut", False)


def test_axes_say_whether_a_table_shows_all_splits_or_masks():
    kind = kind_of(Table("t", "t", "metrics", axes=("split", "row")))
    assert (kind.every_split, kind.every_mask) == (True, False)
    kind = kind_of(Table("t", "t", "metrics", axes=("row", "mask")))
    assert (kind.every_split, kind.every_mask) == (False, True)


def test_only_that_table_is_built(experiment):
    results = experiment.results()
    assert [table.id for table in build_tables(results, only="table3")] == ["table3"]
    assert len(build_tables(results, only="vgg16")) == len(results.paper.tables)


def test_layers_are_those_that_are_kept(staged):
    columns = ("Layer (type)", "Output Shape", "Param #")
    lines = (("dense (Dense)", "(None, 4)", 36),)
    layers = Table("layers", "t", "layers", "", rows=("frozen",), columns=columns, reference=lines)
    results = staged(layers).results()
    summary = {"layers": [["predictions (Dense)", "(None, 4)", 36]], "trainable": 36, "frozen": 0}
    (built,) = build_tables(results, kept={"layers": summary})
    assert built.rows[0][-1] == "equal"
    (without,) = build_tables(results)
    assert without.rows[0][-1].startswith("not measured")


def test_scores_of_masks_are_those_that_are_kept(staged):
    table = Table("mask_scores", "t", "mask_scores", "")
    results = staged(table).results()
    kept = {"jtsc": {"missing": "synthetic images have no masks"}}
    (shown,) = build_tables(results, kept={"mask_scores": kept})
    assert shown.rows == (("JTSC", *[None] * 5, "not measured: synthetic images have no masks"),)
    assert "have not been scored" in build_tables(results)[0].rows[0][-1]


def test_assumptions_are_a_table_with_the_values_of_this_experiment(experiment):
    results = experiment.results(profile="smoke", assumed={"batch_size": 7})
    rows = {row[0]: row for row in assumption_table(results).rows}
    assert rows["batch_size"][1:3] == ("7", "yes")
    assert rows["initializer"][1:3] == ("he_normal", "no")
    assert rows["penalty"][1].startswith("vgg16 0.0001, vgg19 0.0001, xception 0.0007, ")
    assert any("slip of the pen" in note for note in assumption_table(results).notes)


CONFUSION = Table(
    "confusion",
    "Confusion matrices",
    "confusion",
    "",
    rows=("deep",),
    reference=(
        ("allidb1", "non-pathological", 59),
        ("allidb1", "pathological", 49),
        ("allidb2", "non-pathological", 130),
        ("allidb2", "pathological", 131),
    ),
)
SPLITS = Table(
    "splits",
    "Splits",
    "metrics",
    axes=("split", "row"),
    show=("metric", "published", "measured", "interval", "state"),
    over="folds",
    rows=("deep",),
    published=(
        Published("deep", "accuracy", 90, dataset="allidb1"),
        Published("deep", "accuracy", 95, dataset="allidb2"),
    ),
)


@pytest.fixture
def two_tasks(separate_datasets, tested):
    """Two folds of ALL-IDB 1, and of JTSC and CellaVision together; none of ALL-IDB 2."""
    experiment = separate_datasets(CONFUSION, SPLITS)
    folds = {
        ("allidb1",): (tested("allidb1", tp=2, fn=1, tn=3), tested("allidb1", tp=3, fp=1, tn=2)),
        ("cellavision2", "jtsc"): (tested("jtsc", tn=5), tested("cellavision2", tp=3, fn=1, tn=1)),
    }
    for task, of_task in folds.items():
        for fold, subset in enumerate(of_task):
            experiment.add("deep", subset, fold=fold, tested=task)
            experiment.add("deep", subset, fold=fold, tested=task, split="grouped_kfold")
            experiment.add_control("majority", subset, fold=fold, tested=task)
    return experiment


HERE = {key: {"pathological": 5} for key in ("allidb1", "cellavision2", "jtsc")}
TOGETHER = "CellaVision 2 + JTSC (not in the paper)"


def of_deep(table):
    titles = [column.title for column in table.columns]
    rows = [dict(zip(titles, row, strict=True)) for row in table.rows]
    return [row for row in rows if row["Network"] == "Deep"]


def test_matrices_of_tasks_are_separate_with_the_supports_of_their_dataset(two_tasks):
    (table,) = build_tables(two_tasks.results(datasets=HERE), only="confusion")
    cells = (
        "Dataset",
        "True class",
        "Support, published",
        "Support, here",
        "Predicted pathological",
        "State",
    )
    lacking = "not measured: the data lack ALL-IDB 2"
    assert [tuple(row[name] for name in cells) for row in of_deep(table)] == [
        ("ALL-IDB 1", "non-pathological", 59, 6, 1, "measured"),
        ("ALL-IDB 1", "pathological", 49, 6, 5, "measured"),
        ("ALL-IDB 2", "non-pathological", 130, None, None, lacking),
        ("ALL-IDB 2", "pathological", 131, None, None, lacking),
        (TOGETHER, "non-pathological", None, 6, 0, "measured"),
        (TOGETHER, "pathological", None, 4, 3, "measured"),
    ]
    of_controls = [row for row in table.rows if row[1] == control_label("majority")]
    assert {row[0] for row in of_controls} == {"ALL-IDB 1", TOGETHER}


def test_splits_of_tasks_are_measured_separately(two_tasks):
    (table,) = build_tables(two_tasks.results(datasets=HERE), only="splits")
    accuracies = [row for row in of_deep(table) if row["Metric"] == "Accuracy (%)"]
    found = {(row["Dataset"], row["Split"]): (row["Published"], row["Measured"]) for row in accuracies}
    by_fold = {"ALL-IDB 1": (5 / 6, 5 / 6), TOGETHER: (1, 4 / 5)}
    for name, values in by_fold.items():
        # Equal folds say nothing about the spread.
        std = 100 * np.std(values, ddof=1) if len(set(values)) > 1 else None
        spread = pytest.approx((100 * np.mean(values), std))
        assert found[name, "k-fold"][1] == spread
        assert found[name, "grouped k-fold"][1] == spread
    assert found["ALL-IDB 1", "k-fold"][0] == (90, None)
    assert found["ALL-IDB 1", "grouped k-fold"][0] is None


def test_notes_of_tasks_appear_once_and_name_their_datasets(two_tasks):
    (table,) = build_tables(two_tasks.results(datasets=HERE), only="splits")
    assert len(set(table.notes)) == len(table.notes)
    (shared,) = [note for note in table.notes if "assumptions" in note]
    assert not shared.startswith("ALL-IDB")
    (varying,) = [note for note in table.notes if "scale over 2 folds" in note]
    assert varying.startswith(f"{TOGETHER}: ")
    (equal,) = [note for note in table.notes if "no interval: the value is the same in both folds" in note]
    assert equal.startswith("ALL-IDB 1: ")
    assert "ALL-IDB 1: A value without ± is the same in all folds" in "\n".join(table.notes)
