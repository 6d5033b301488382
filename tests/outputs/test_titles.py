from pathlib import Path

import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.titles import dataset_title, describe, file_stem, make_table, table_lines, why_no_runs
from leukcnn.spec import DEFAULT_CONTROLS


def index_of(*datasets: str) -> ImageIndex:
    n = len(datasets)
    return ImageIndex(
        paths=[Path(f"{i}.bmp") for i in range(n)],
        ids=np.array([f"{dataset}/field.{i}.bmp" for i, dataset in enumerate(datasets)]),
        labels=np.arange(n) % 2,
        class_names=("healthy", "ALL"),
        dataset=np.array(datasets),
        group=np.array(["H7"] + [""] * (n - 1)),
        subset=np.full(n, "all"),
        fold=np.full(n, -1),
        sha256=np.array(["0"] * n),
    )


@pytest.mark.parametrize(
    ("datasets", "titles"),
    [
        (("cnmc2019", "cnmc2019"), ["healthy, subject H7", "ALL, subject unknown"]),
        (("taleghani", "taleghani"), ["healthy, field.0", "ALL, field.1"]),
        (("jtsc", "allidb2"), ["healthy, JTSC", "ALL, ALL-IDB 2"]),
    ],
)
def test_image_is_described_by_what_distinguishes_it(datasets, titles):
    index = index_of(*datasets)
    assert [describe(index, row) for row in range(2)] == titles


def test_stem_of_an_id():
    assert file_stem("allidb1/ALL/Im001_1.jpg") == "Im001_1"
    assert file_stem(np.str_("007.bmp")) == "007"


def test_titles_of_datasets(left_out):
    results = left_out().results()
    assert dataset_title(results, "") == "all together"
    assert dataset_title(results, "allidb1") == "ALL-IDB 1"
    assert dataset_title(results, "taleghani").endswith("(not in the paper)")


def test_why_a_row_has_no_results(left_out, tested):
    experiment = left_out()
    experiment.add("deep", tested("allidb1", tp=5, fn=1), tested=("allidb1",))
    results = experiment.results(runs=1, missing={"shallow": "no weights"})
    assert why_no_runs(results, "shallow", dataset="allidb1") == "no weights"
    assert why_no_runs(results, "deep", dataset="onkodin") == "the data lack ONKODIN"
    assert why_no_runs(results, "deep", dataset="ufg") == "not tested by LODOCV here"
    within = why_no_runs(results, "deep", dataset="allidb1", subset="within")
    assert within == "this row has no cross-validation within a dataset"
    assert why_no_runs(results.under("kfold"), "deep") == "this row has not been trained"


def test_titles_of_datasets_that_are_tested_together(left_out):
    results = left_out().results()
    assert dataset_title(results, "allidb1+ufg") == "ALL-IDB 1 + UFG"
    assert dataset_title(results, "cellavision2+cnmc2019").endswith("2019 (not in the paper)")
    assert dataset_title(results, "allidb1+cellavision2").endswith("(not in the paper: CellaVision 2)")


def test_why_datasets_that_are_tested_together_have_no_results(separate_datasets, tested):
    experiment = separate_datasets()
    experiment.add("deep", tested("allidb1", tp=1, tn=1), fold=0, tested=("allidb1",))
    experiment.add("deep", tested("jtsc", tp=1, tn=1), fold=0, tested=("bloodline", "jtsc"), finished=False)
    results = experiment.results()
    assert why_no_runs(results, "deep", dataset="bloodline+jtsc") == "this row has not been trained"
    assert why_no_runs(results, "deep", dataset="cellavision2+onkodin").startswith("the data lack Cell")
    assert why_no_runs(results, "deep", dataset="jtsc+ufg") == "not tested by k-fold here"
    assert why_no_runs(results, "shallow", dataset="allidb1") == "this row has not been trained"


def test_lines_are_the_rows_and_then_the_controls(experiment):
    lines = table_lines(experiment.results())
    assert [row for row, _ in lines] == [*experiment.results().paper.row_ids, *DEFAULT_CONTROLS]
    assert [row for row, _ in lines][:3] == ["vgg16", "vgg19", "xception"]
    assert lines[-1][1] == control_label("size")
    assert [row for row, _ in table_lines(experiment.results(), ["vgg19"])] == ["vgg19", *DEFAULT_CONTROLS]


def test_a_measured_table_has_the_mark_and_names_the_table_of_assumptions(experiment):
    results = experiment.results(not_comparable="synthetic data")
    spec = results.paper.tables[0]
    table = make_table(results, spec, ["Subset"], [("a",)], notes=("first",))
    assert table.marks == ("NOT COMPARABLE WITH THE PAPER: synthetic data",)
    assert table.notes[0] == "first"
    assert "assumptions" in table.notes[1]
    assert make_table(results, spec, ["Subset"], [("a",)], measured=False).marks == ()
