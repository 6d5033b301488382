import pytest

from leukcnn.outputs.log import build
from leukcnn.spec import Table
from tests.stores import finish_again

LOG = Table(
    "log",
    "The log of the training",
    "log",
    "",
    rows=("frozen", "scratch"),
    reference=((1, 0.67, 3.81, 0.93, 0.40), (2, 0.97, 0.22, 0.99, 0.09), (3, 0.99, 0.05, 0.98, 0.14)),
)


def records(table) -> list[dict]:
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def test_each_epoch_is_shown_next_to_the_printed_one(staged, make_stages):
    experiment = staged(LOG)
    experiment.add("frozen", make_stages())
    rows = records(build(LOG, experiment.results(), {}))
    assert [row["Epoch"] for row in rows] == [1, 2, 3]
    assert (rows[1]["Accuracy, published"], rows[1]["Accuracy, here"]) == (0.97, 0.8)
    assert (rows[1]["Loss, published"], rows[1]["Loss, here"]) == (0.22, 0.4)
    assert (rows[0]["Val. accuracy, published"], rows[0]["Val. accuracy, here"]) == (0.93, 0.55)
    assert (rows[0]["Val. loss, published"], rows[0]["Val. loss, here"]) == (0.4, 0.69)
    assert [row["State"] for row in rows] == ["", "weights kept", "not run"]
    assert rows[2]["Accuracy, here"] is None


def test_all_measured_epochs_are_shown(staged, make_stages):
    experiment = staged(LOG)
    experiment.add("frozen", make_stages())
    experiment.add("scratch", make_stages())
    trial = experiment.results().trials["scratch"][0][2]
    header = "epoch,accuracy,loss,val_accuracy,val_loss,learning_rate\n"
    lines = "".join(f"{i},0.9,0.1,0.8,0.2,{0.001 / i}\n" for i in range(1, 41))
    (trial.path / "history.csv").write_text(header + lines)
    finish_again(trial)
    rows = [row for row in records(build(LOG, experiment.results(), {})) if row["Network"] == "From scratch"]
    assert [row["Epoch"] for row in rows] == list(range(1, 41))
    assert {row["Accuracy, published"] for row in rows} == {None}
    assert rows[3]["Learning rate"] == pytest.approx(0.00025)


def test_a_history_without_learning_rates_has_no_such_column(staged, make_stages):
    experiment = staged(LOG)
    experiment.add("frozen", make_stages())
    assert "Learning rate" not in records(build(LOG, experiment.results(), {}))[0]


def test_without_validation_there_is_no_validation_value(staged, make_stages):
    experiment = staged(LOG)
    experiment.add("frozen", make_stages(checkpoint="last"))
    trial = experiment.results().trials["frozen"][0][2]
    (trial.path / "history.csv").write_text("epoch,accuracy,loss\n1,0.5,0.7\n2,0.8,0.4\n")
    finish_again(trial)
    results = experiment.results()
    rows = records(build(LOG, results, {}))
    assert rows[0]["Val. loss, here"] is None
    # Without an epoch to choose, the last one's weights are kept.
    assert [row["State"] for row in rows[:2]] == ["", "weights kept"]


def test_only_the_first_run_is_shown(staged, make_stages):
    experiment = staged(LOG)
    for run in range(2):
        experiment.add("frozen", make_stages(), run=run)
    table = build(LOG, experiment.results(runs=2), {})
    assert len(table.rows) == 3
    assert any(note.startswith("First run only") for note in table.notes)


def test_a_row_that_was_not_trained_says_so(staged):
    table = build(LOG, staged(LOG).results(missing={"frozen": "no weights"}), {})
    rows = records(table)
    assert {row["State"] for row in rows} == {"not measured: no weights"}
    assert [row["Loss, published"] for row in rows] == [3.81, 0.22, 0.05]
    assert "Not trained in this run: From scratch." in table.notes
