import numpy as np
import pytest

from leukcnn.files import write_json
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.times import build
from leukcnn.spec import Table
from tests.stores import finish_again

TIMES = Table("times", "How long a training takes", "times", "", rows=("deep", "shallow"))


def add_training(
    experiment,
    tested,
    row,
    *,
    seconds,
    images=20,
    epochs=2,
    run_here=None,
    parameters=1000,
    device="cpu:0",
    dataset="allidb1",
    **where,
):
    """Adds a trial that records its time like that of a network."""
    experiment.add(row, tested(dataset, tp=1, tn=1), tested=(dataset,), **where)
    trial = experiment.store.finished_trial(experiment.planned[-1].name)
    lines = "".join(f"{epoch},0.5\n" for epoch in range(1, epochs + 1))
    (trial.path / "history.csv").write_text(f"epoch,loss\n{lines}")
    write_json(
        trial.path / "environment.json",
        {"backend": "tensorflow", "devices": [device], "platform": "Linux"},
    )
    trial.finish(
        {
            "checkpoint": "last",
            "parameters": parameters,
            "images": {"train": images, "validation": 0},
            "seconds": {"images": 50.0, "features": 70.0, "training": seconds, "prediction": 90.0},
            "epochs_run_here": epochs if run_here is None else run_here,
        }
    )


@pytest.fixture
def timed(separate_datasets, tested):
    """Two folds of both rows on ALL-IDB 1, of one row on ALL-IDB 2."""
    experiment = separate_datasets(TIMES)
    for fold, (deep, shallow) in enumerate(((12, 4), (8, 1))):
        add_training(experiment, tested, "deep", seconds=deep, fold=fold, parameters=23_000_000)
        add_training(experiment, tested, "shallow", seconds=shallow, fold=fold, images=20 + fold)
        add_training(experiment, tested, "deep", seconds=30, fold=fold, dataset="allidb2")
    return experiment


def records(table) -> dict[tuple[str, str], dict]:
    titles = [column.title for column in table.columns]
    rows = [dict(zip(titles, row, strict=True)) for row in table.rows]
    return {(row["Dataset"], row["Network"]): row for row in rows}


def test_times_are_means_over_the_folds_of_each_task(timed):
    rows = records(build(TIMES, timed.results(), {}))
    assert list(rows) == [
        (dataset, row) for dataset in ("ALL-IDB 1", "ALL-IDB 2") for row in ("Deep", "Shallow")
    ]
    deep, shallow = rows["ALL-IDB 1", "Deep"], rows["ALL-IDB 1", "Shallow"]
    assert (deep["Parameters"], deep["Trainings"], deep["Images per epoch"]) == (23_000_000, 2, 20)
    assert deep["Epochs"] == 2
    assert deep["Seconds per training"] == pytest.approx((10, np.std([12, 8], ddof=1)))
    # 12 s and 8 s of 2 epochs of 20 images are 300 ms and 200 ms.
    assert deep["Milliseconds per image and epoch"] == pytest.approx((250, np.std([300, 200], ddof=1)))
    assert shallow["Images per epoch"] == 20.5
    assert shallow["Milliseconds per image and epoch"][0] == pytest.approx((4000 / 40 + 1000 / 42) / 2)
    assert rows["ALL-IDB 2", "Deep"]["Seconds per training"] == (30, None)


def test_times_are_compared_with_the_last_row_of_the_table(timed):
    table = build(TIMES, timed.results(), {})
    ratio = "Ratio to Shallow"
    rows = records(table)
    # 250 ms per image and epoch to (100 + 23.8) / 2.
    assert rows["ALL-IDB 1", "Deep"][ratio] == pytest.approx(250 / ((4000 / 40 + 1000 / 42) / 2))
    assert rows["ALL-IDB 1", "Shallow"][ratio] == 1
    # It wasn't trained on the other dataset, so there is nothing to compare with.
    assert rows["ALL-IDB 2", "Deep"][ratio] is None


def test_rows_that_were_not_trained_say_so(timed):
    row = records(build(TIMES, timed.results(), {}))["ALL-IDB 2", "Shallow"]
    assert (row["Seconds per training"], row["State"]) == (
        None,
        "not measured: this row has not been trained",
    )
    without = build(TIMES, timed.results(missing={"shallow": "no weights"}), {})
    assert records(without)["ALL-IDB 2", "Shallow"]["State"] == "not measured: no weights"


def test_interrupted_trainings_are_left_out(separate_datasets, tested):
    experiment = separate_datasets(TIMES)
    add_training(experiment, tested, "deep", seconds=10, fold=0)
    add_training(experiment, tested, "deep", seconds=1, fold=1, run_here=1)
    add_training(experiment, tested, "shallow", seconds=1, fold=0, run_here=1)
    table = build(TIMES, experiment.results(), {})
    rows = records(table)
    assert rows["ALL-IDB 1", "Deep"]["Seconds per training"] == (10, None)
    assert rows["ALL-IDB 1", "Deep"]["Trainings"] == 1
    shallow = rows["ALL-IDB 1", "Shallow"]
    assert (shallow["Parameters"], shallow["Seconds per training"]) == (1000, None)
    assert shallow["State"] == "not measured: the trainings were interrupted"
    assert any(note.startswith("Left out: 2 of 3 trainings") for note in table.notes)


def test_a_training_that_ended_early_counts(separate_datasets, tested):
    experiment = separate_datasets(TIMES)
    add_training(experiment, tested, "shallow", seconds=6, fold=0, epochs=3)
    table = build(TIMES, experiment.results(), {})
    row = records(table)["ALL-IDB 1", "Shallow"]
    assert (row["Epochs"], row["State"]) == (3, "measured")
    assert row["Milliseconds per image and epoch"] == (pytest.approx(100), None)
    assert not any(note.startswith("Left out") for note in table.notes)


def test_rows_that_train_no_network_have_no_time(separate_datasets, tested):
    experiment = separate_datasets(TIMES)
    add_training(experiment, tested, "shallow", seconds=6, fold=0)
    experiment.add("deep", tested("allidb1", tp=1), fold=0, tested=("allidb1",))
    trial = experiment.store.finished_trial(experiment.planned[-1].name)
    trial.finish({"checkpoint": "last", "images": {"train": 4}, "seconds": {"features": 3, "svm": 1}})
    row = records(build(TIMES, experiment.results(), {}))["ALL-IDB 1", "Deep"]
    assert row["State"] == "not measured: this row trains no network"


def test_notes_name_machines_and_what_the_times_exclude(timed, tested):
    add_training(timed, tested, "shallow", seconds=3, fold=0, dataset="allidb2", device="gpu:0")
    notes = build(TIMES, timed.results(), {}).notes
    assert notes[0] == "The paper reports no times."
    assert notes[1] == "Measured with tensorflow on cpu:0 (Linux); tensorflow on gpu:0 (Linux)."
    assert "compilation" in notes[2]
    assert "features of frozen bases" in notes[2]


def test_datasets_that_are_tested_together_are_one_task(left_out, tested):
    experiment = left_out(TIMES)
    for fold in range(2):
        experiment.add("deep", tested("allidb1", tp=1), fold=fold, split="kfold")
    for _, _, trial in experiment.results(split="kfold").trials["deep"]:
        finish_again(trial, seconds={})
    assert {row[0] for row in build(TIMES, experiment.results(split="kfold"), {}).rows} == {"all together"}


def test_stored_trials_give_the_same_table_again(timed):
    first, again = (build_tables(timed.results(), only="times")[0] for _ in range(2))
    assert first == again
