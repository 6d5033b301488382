"""Results that can be compared with the paper's on some datasets and not on others."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from leukcnn import papers
from leukcnn.cli import main
from leukcnn.datasets import Genuine, card
from leukcnn.datasets.manifest import manifest
from leukcnn.experiment.comparability import published_images, why_not_by_dataset, why_not_comparable
from leukcnn.experiment.plan import plan
from leukcnn.experiment.record import experiment_name, make_record
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.shape import SIGNS
from leukcnn.outputs.titles import mark_and_caption
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.rendering.renderings import to_csv, to_text
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.trial_files import Predictions, write_predictions
from tests.indices import index_of

ON = "NOT COMPARABLE WITH THE PAPER ON"
ALL_2 = "ALL-IDB 2 (260 of 260 images, verified by SHA-256)"


def study_for(paper, **options):
    return study_of(Request(**{"paper": papers.get(paper), "data": "d", **options}))


def listed(key):
    """Returns the published images of a dataset that a manifest lists, as (id, SHA-256)."""
    return [(name, file.sha256) for name, file in manifest(key).items()]


def complete(paper, names=None, *, without=()):
    """Returns an index of all images of a paper's datasets, or of some; where none is listed, of others.

    `without` are datasets that lack one image.
    """
    of, columns = papers.get(paper), {"dataset": [], "labels": [], "ids": [], "sha256": []}
    for key in names or of.datasets:
        known = {label: [] for label in range(len(of.classes))}
        for name, digest in listed(key):
            leukaemia = "ALL" in card(key).classes and name.rpartition(".")[0].endswith("_1")
            label = of.classes.index(of.class_of["ALL" if leukaemia else "healthy"])
            known[label].append((name, digest))
        counts = np.zeros(len(of.classes), dtype=int)
        for name, n in card(key).subsets[0].images.items():
            if name in of.class_of:
                counts[of.classes.index(of.class_of[name])] += n
        for label, n in enumerate(counts):
            images = [*known[label], *((f"{label}-{i}", f"{key}{label}-{i}") for i in range(n))][:n]
            for name, digest in images[: -1 if key in without and label == counts.argmax() else None]:
                for column, value in zip(columns, (key, label, f"{key}/{name}", digest), strict=True):
                    columns[column].append(value)
    return index_of(
        columns["labels"],
        class_names=of.classes,
        dataset=np.array(columns["dataset"]),
        ids=np.array(columns["ids"]),
        sha256=np.array(columns["sha256"]),
    )


def finished(out, index, *, wrong, row="lightweight", **options):
    """Returns results of a network that is wrong for every `wrong`-th image of a fold, and for some more.

    In the second fold, one more image is wrong, and so on: equal folds have no interval.
    """
    study = study_for("allidb_lightweight", split="kfold", **options)
    planned = plan(study, index)
    store = Store(out, study.paper.key)
    for trial in planned.trials:
        if trial.row == row:
            rows = planned.split_rows[trial.name].predicted["test"]
            labels = index.labels[rows]
            n = len(rows)
            missed = (np.arange(n) % wrong == 0) if wrong else np.zeros(n, dtype=bool)
            missed[1 : 1 + trial.fold] = bool(wrong)
            predicted = np.where(missed, 1 - labels, labels)
            place = store.trial(planned.identities[trial.name])
            predictions = Predictions(
                image=index.ids[rows],
                subset=np.full(n, "test"),
                checkpoint=np.full(n, "last"),
                group=np.full(n, ""),
                label=labels,
                probabilities=np.where(predicted[:, None] == [0, 1], 0.8, 0.2),
                class_names=index.class_names,
            )
            write_predictions(place.path / "predictions.csv", predictions)
            place.finish({"checkpoint": "last"})
    record = make_record(study, index, planned)
    record.save(out)
    assert ExperimentRecord.load(out) == record
    return Results(study.paper, record, store)


def lines_of(results, table, **cells):
    (shown,) = build_tables(results, only=table)
    titles = [column.title for column in shown.columns]
    lines = [dict(zip(titles, row, strict=True)) for row in shown.rows]
    return shown, [line for line in lines if cells.items() <= line.items()]


def verdicts(results, dataset):
    _, lines = lines_of(results, "table1", Dataset=dataset, Network="Proposed CNN")
    assert [line["Published"][0] for line in lines] == [{"ALL-IDB 1": 99, "ALL-IDB 2": 98}[dataset]] * 4
    return {line["Verdict"] for line in lines}


@pytest.mark.parametrize(("wrong", "word"), [(4, "differs"), (50, "can't tell")])
def test_a_complete_dataset_is_compared_though_the_other_one_is_absent(tmp_path, wrong, word):
    results = finished(tmp_path, complete("allidb_lightweight", ["allidb2"]), wrong=wrong)
    assert verdicts(results, "ALL-IDB 2") == {word}
    assert verdicts(results, "ALL-IDB 1") == {"not measured: the data lack ALL-IDB 1"}
    table, (line,) = lines_of(
        results, "table1", Dataset="ALL-IDB 2", Network="Proposed CNN", Metric="Accuracy (%)"
    )
    assert line["Difference"] == pytest.approx(line["Measured"][0] - 98)
    assert (table.marks, table.row_marks, table.comparable) == ((), (), True)
    assert f"Comparable with the paper: {ALL_2}." in table.notes
    # So are tables whose lines are repeated for each dataset, and figures.
    for name in ("confusion", "strict"):
        assert build_tables(results, only=name)[0].every_mark == ()
    assert mark_and_caption(results, results.paper.figures[-1])["mark"] == ""
    assert results.record.not_comparable == ""
    assert results.record.published_images == {"allidb2": Genuine(260, verified=260)}


@pytest.mark.parametrize(
    ("wrong", "measured", "word"), [(4, "71.54", "differs"), (50, "94.62", "can't tell")]
)
def test_the_terminal_shows_the_comparison_of_a_complete_dataset(tmp_path, wrong, measured, word):
    results = finished(tmp_path, complete("allidb_lightweight", ["allidb2"]), wrong=wrong)
    folder = results.store.experiment(experiment_name(results.record))
    folder.mkdir(parents=True)
    results.record.save(folder)
    command = ["table", "allidb_lightweight", "--only", "table1", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    _, _, of_all_2 = done.output.partition("\nALL-IDB 2\n")
    published, shown = [line.split() for line in of_all_2.splitlines()[:2]]
    assert published[:4] == ["Proposed", "CNN", "Measured", "98.00"]
    assert shown[0].startswith(f"{measured}±")
    assert shown[1] == SIGNS[word]
    assert "NOT COMPARABLE" not in done.output
    assert f"Comparable with the paper: {ALL_2}." in " ".join(done.output.split())


def test_the_margin_is_kept_with_the_run_for_all_of_its_tables(tmp_path):
    results = finished(tmp_path, complete("allidb_lightweight", ["allidb2"]), wrong=50)
    folder = results.store.experiment(experiment_name(results.record))
    folder.mkdir(parents=True)
    results.record.save(folder)

    def table(*options):
        done = CliRunner().invoke(main, ["table", "allidb_lightweight", "--out", str(tmp_path), *options])
        return done.exit_code, (folder / "tables" / "table1.csv").read_text(), done.output

    _, first, output = table()
    assert "can't tell" in first and "agrees" not in first and "within 2 points" in " ".join(output.split())
    _, wide, _ = table("--margin", "20")
    assert "agrees" in wide and "can't tell" not in wide
    assert ExperimentRecord.load(folder).margin == 20
    # Without the option, the tables are the same again.
    assert table()[1] == wide and "gives another table" not in table("--verify")[2]
    for odd in (["--only", "table1"], ["--verify"]):
        code, _, said = table("--margin", "3", *odd)
        assert code == 2 and "--margin is for all tables" in said
    assert table("--margin", "nan")[0] == 1
    assert ExperimentRecord.load(folder).margin == 20


def test_an_incomplete_dataset_is_marked_next_to_a_complete_one(tmp_path):
    index = complete("allidb_lightweight", without=["allidb1"])
    results = finished(tmp_path, index, wrong=4)
    assert verdicts(results, "ALL-IDB 2") == {"differs"}
    assert verdicts(results, "ALL-IDB 1") == {"not comparable"}
    mark = f"{ON} ALL-IDB 1: it uses 107 of 108 published images"
    for name in ("table1", "confusion"):
        table, lines = lines_of(results, name)
        assert table.marks == ()
        assert table.every_mark == (mark,)
        assert not table.comparable
        # A figure of all of them has the same mark, and so has every file of the table.
        assert to_text(table).startswith(mark)
        marked = {
            (row["Dataset"], row["comparable"], row["mark"])
            for row in csv.DictReader(io.StringIO(to_csv(table)))
        }
        assert ("ALL-IDB 1", "no", mark) in marked
        assert {one for one in marked if one[0] == "ALL-IDB 2"} == {("ALL-IDB 2", "yes", "")}
        assert any(f"Comparable with the paper: {ALL_2}." in note for note in table.notes)
        assert lines
    mark = mark_and_caption(results, results.paper.figures[-1])["mark"]
    assert mark == "Not comparable with the paper on ALL-IDB 1: it uses 107 of 108 published images"


def test_unverified_images_are_compared_and_named(tmp_path):
    results = finished(tmp_path, complete("allidb_lightweight"), wrong=4)
    assert verdicts(results, "ALL-IDB 2") == {"differs"}
    assert verdicts(results, "ALL-IDB 1") == {"differs (unverified images)"}
    table, _ = lines_of(results, "table1")
    assert table.comparable
    assert "Unverified images, which no manifest lists: ALL-IDB 1 24." in table.notes
    images = results.record.published_images["allidb1"]
    assert (images.verified, images.unverified, images.state) == (84, 24, "unverified")


def test_reasons_of_the_whole_run_apply_to_every_dataset(tmp_path):
    results = finished(
        tmp_path, complete("allidb_lightweight", ["allidb2"]), wrong=4, precision="mixed_float16"
    )
    assert verdicts(results, "ALL-IDB 2") == {"not comparable"}
    table, _ = lines_of(results, "table1")
    assert table.marks == ("NOT COMPARABLE WITH THE PAPER: precision mixed_float16",)
    assert not any("Comparable with" in note for note in table.notes)


def test_if_no_dataset_can_be_compared_one_mark_says_so(tmp_path):
    index = complete("allidb_lightweight", without=["allidb1", "allidb2"])
    results = finished(tmp_path, index, wrong=4)
    table, _ = lines_of(results, "table1")
    assert table.marks == ("NOT COMPARABLE WITH THE PAPER: it uses 366 of 368 published images",)
    assert verdicts(results, "ALL-IDB 1") == verdicts(results, "ALL-IDB 2") == {"not comparable"}


def test_synthetic_images_are_no_published_ones():
    index = replace(complete("allidb_lightweight"), synthetic=True)
    study = study_for("allidb_lightweight", split="kfold")
    assert why_not_comparable(study, index) == "synthetic data"
    assert published_images(study, index) == {}
    assert why_not_by_dataset(study, index, [], {}) == {}


def left_out(index, kind="lodocv", related=None, tested=("allidb1", "allidb2", "ufg")):
    """Returns the reasons by dataset if each of some datasets is left out."""
    study = study_for("leuknet_lodocv", split=kind, runs=1)
    trials = [PlannedTrial("leuknet", 0, fold, 0, "t", kind, (name,)) for fold, name in enumerate(tested)]
    return why_not_by_dataset(study, index, trials, related or {})[kind]


def test_a_dataset_that_is_left_out_needs_those_that_are_trained_on():
    assert left_out(complete("leuknet_lodocv")) == {"": "", "allidb1": "", "allidb2": "", "ufg": ""}
    fewer = complete("leuknet_lodocv", without=["atlas"])
    trained = "it trains on {:,} of {:,} published images of other datasets"
    assert left_out(fewer) == {
        "": "it uses 3,535 of 3,536 published images",
        "allidb1": trained.format(3427, 3428),
        "allidb2": trained.format(3275, 3276),
        "ufg": trained.format(3414, 3415),
    }
    lacking = complete("leuknet_lodocv", without=["ufg"])
    assert left_out(lacking)["ufg"] == "it uses 120 of 121 published images"
    absent = complete("leuknet_lodocv", ["allidb2", "ufg"])
    assert left_out(absent, tested=["allidb2"])["allidb2"] == trained.format(121, 3276)


def test_datasets_that_a_strict_split_does_not_train_on_may_be_incomplete():
    fewer = complete("leuknet_lodocv", without=["allidb1"])
    assert "trains on" in left_out(fewer)["allidb2"]
    strict = left_out(fewer, "lodocv_strict")
    assert strict["allidb2"] == ""
    assert "uses 107 of 108" in strict["allidb1"]
    assert "trains on" in strict["ufg"]
    assert left_out(fewer, "lodocv_strict", {"ufg": ["allidb1"]})["ufg"] == ""


def joined(index, key, n, label):
    """Returns the index with `n` more images, of a dataset, that no manifest lists."""
    return index_of(
        [*index.labels, *[label] * n],
        class_names=index.class_names,
        dataset=np.array([*index.dataset, *[key] * n]),
        ids=np.array([*index.ids, *(f"{key}/other/{i}.png" for i in range(n))]),
        sha256=np.array([*index.sha256, *(f"{key}{i}" for i in range(n))]),
    )


def test_a_dataset_that_the_paper_lacks_counts_where_it_is_trained_on():
    lacked = "datasets that the paper doesn't use: taleghani"
    assert set(left_out(joined(complete("leuknet_lodocv"), "taleghani", 1, 1)).values()) == {lacked}
    trials = [PlannedTrial("lightweight", 0, 0, 0, "t", "kfold", (key,)) for key in ("allidb2", "taleghani")]
    index = joined(complete("allidb_lightweight"), "taleghani", 1, 1)
    reasons = why_not_by_dataset(study_for("allidb_lightweight", split="kfold"), index, trials, {})
    assert reasons == {"kfold": {"": lacked, "allidb2": "", "taleghani": lacked}}


def test_where_folds_mix_datasets_all_images_count():
    study = study_for("alertnet")
    index = complete("alertnet")
    assert why_not_comparable(study, index) == ""
    assert why_not_by_dataset(study, index, [], {}) == {}
    assert published_images(study, index)["ash"].state == "unverified"
    assert why_not_comparable(study, complete("alertnet", without=["ash"])) == (
        "it uses 2,414 of 2,415 published images"
    )


def test_a_folder_of_another_source_s_images_does_not_count_as_published():
    study, index = study_for("alertnet"), complete("alertnet")
    foreign = joined(index.select(index.dataset != "ash"), "ash", 1000, 2)
    assert why_not_comparable(study, foreign) == (
        "it uses 2,319 of 2,415 published images; 1,000 images don't count as published"
    )
    assert published_images(study, foreign)["ash"] == Genuine(96, foreign=1000, excess=1000)
