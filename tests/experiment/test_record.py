"""The record of an experiment's options and data."""

from dataclasses import replace

from leukcnn import papers
from leukcnn.experiment.plan import plan
from leukcnn.experiment.record import experiment_name, make_record
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.records import SeparatedPairs


def study_for(**options):
    return study_of(Request(**{"paper": papers.get("cnmc2019"), "data": "d", **options}))


def test_counts_equal_those_of_the_paper(published):
    study = study_for()
    record = make_record(study, published, plan(study, published))
    assert record.counts == {
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
    assert record.not_comparable == ""
    assert record.final_total == 2586
    assert record.missing == {}


def test_identical_pairs_between_test_and_training_are_counted(published):
    for split, pairs in (("fold", 94), ("subject", 0)):
        study = study_for(split=split)
        found = make_record(study, published, plan(study, published)).separated_pairs
        assert found == ({split: SeparatedPairs(pairs, 0)} if pairs else {})


def test_missing_rows_and_notes_are_in_the_record(published):
    study = study_for(profile="smoke")
    planned, why = plan(study, published), {"xception": "its published weights aren't at hand"}
    record = make_record(study, published, planned, lacking=why, notes=("a dark image",))
    assert record.missing == why
    assert record.data_notes == [*published.notes, "a dark image"]
    no_final = published.select(published.subset != "final")
    missing = make_record(study, no_final, plan(study, no_final)).missing
    assert set(missing) == {"final"}


def test_an_experiment_is_named_after_its_trials_and_data(published):
    names = set()
    for options in ({}, {"seed": 1}, {"split": "subject"}, {"assumed": {"batch_size": 10}}):
        study = study_for(**options)
        names.add(experiment_name(make_record(study, published, plan(study, published))))
    assert len(names) == 4
    assert any(name.startswith("paper-subject-seed0-") for name in names)
    assert len({name for name in names if name.startswith("paper-cell-seed0-")}) == 2


def test_images_are_counted_by_dataset_and_class(many):
    study = study_for(paper=papers.get("alertnet"))
    record = make_record(study, many, plan(study, many))
    assert record.datasets["atlas"] == {"HBS": 0, "ALL": 10, "AML": 20}


def test_absent_subsets_of_any_dataset_of_the_paper_are_missing(published):
    paper = papers.get("cnmc2019")
    several = replace(
        paper,
        datasets=("allidb1", "cnmc2019"),
        class_of={name: name for name in paper.classes},
        synthetic_images={},
    )
    study = study_for(paper=several)
    planned = plan(study, published)
    assert make_record(study, published, planned).final_total == 2586
    no_final = published.select(published.subset != "final")
    assert set(make_record(study, no_final, plan(study, no_final)).missing) == {"final"}
