"""Reports from the store, which need the paper as it was."""

from dataclasses import replace

import pytest

from leukcnn import papers, runs
from leukcnn.errors import StoreError
from leukcnn.experiment.report import report, verify_report
from leukcnn.outputs import build
from leukcnn.records import ExperimentRecord
from leukcnn.results.comparisons import compare
from leukcnn.results.measure import measure
from leukcnn.results.results import Results
from tests.stores import FakeExperiment, predictions_of

CNMC = papers.get("cnmc2019")
TABLE1 = tuple(table for table in CNMC.tables if table.id == "table1")


@pytest.fixture
def stored(tmp_path):
    """A store with one experiment of the unchanged paper, and that experiment's folder."""
    experiment = FakeExperiment(tmp_path, CNMC)
    experiment.add("vgg16", predictions_of("test", tp=4, fn=1, fp=2, tn=3))
    experiment.add_control("border", predictions_of("test", tp=3, fn=2, fp=2, tn=3))
    results = experiment.results(assumed={"batch_size": 20}, profile="smoke")
    folder = tmp_path / "cnmc2019" / "experiments" / "smoke-cell"
    results.record.save(folder)
    return experiment.store, folder


def renamed(paper):
    rows = (replace(paper.rows[0], id="vgg"), *paper.rows[1:])
    profiles = (replace(paper.profiles[0], rows=()),)
    return replace(paper, rows=rows, tables=(), figures=(), assumptions=(), profiles=profiles)


@pytest.mark.parametrize(
    ("changed", "gone"),
    [
        (replace(CNMC, controls=("majority",)), "the row or control 'border'"),
        (renamed(CNMC), "the row or control 'vgg16'"),
        (replace(CNMC, assumptions=()), "named 'batch_size'"),
        (replace(CNMC, profiles=CNMC.profiles[:1]), "named 'smoke'"),
        (replace(CNMC, classes=("sound", "malignant")), "the class 'healthy'"),
    ],
)
def test_an_experiment_of_a_changed_paper_is_refused_with_what_is_gone(stored, changed, gone):
    store, folder = stored
    for use in (report, verify_report):
        with pytest.raises(StoreError) as caught:
            use(store, folder, changed)
        assert "smoke-cell can't be shown: the paper 'cnmc2019' has changed and lacks" in caught.value.found
        assert gone in caught.value.found
        assert "leukcnn reproduce" in caught.value.remedy


def test_an_experiment_of_the_present_paper_is_shown(stored):
    store, folder = stored
    done = report(store, folder, replace(CNMC, tables=TABLE1, figures=()))
    assert [table.id for table in done.tables] == ["table1"]
    assert repr(done) == f"<Report of {folder.name}: 1 tables, {len(done.files)} files>"


def test_each_file_of_predictions_is_read_once_and_no_table_is_built_twice(stored, monkeypatch):
    (store, folder), read, built = stored, [], []
    paper = replace(CNMC, figures=())

    def parse(content, real=runs.parse_predictions):
        read.append(content)
        return real(content)

    def build_one(kind, table, *others, real=build._by_task):
        built.append(table.id)
        return real(kind, table, *others)

    monkeypatch.setattr(runs, "parse_predictions", parse)
    monkeypatch.setattr(build, "_by_task", build_one)
    done = report(store, folder, paper, only="table2")
    assert [table.id for table in done.tables] == ["table2"]
    assert len(read) == 2
    assert sorted(built) == sorted(table.id for table in paper.tables)


def test_a_value_and_a_comparison_are_computed_once(stored, monkeypatch):
    store, folder = stored
    results = Results(CNMC, ExperimentRecord.load(folder), store)
    first = measure(results, "vgg16", "accuracy"), compare(results, "vgg16", "border")
    monkeypatch.setattr(Results, "_runs_by_seed", None)
    assert measure(results.under(results.record.split), "vgg16", "accuracy") is first[0]
    assert compare(results, "vgg16", "border") is first[1]
