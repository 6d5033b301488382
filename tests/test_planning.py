"""From options to trials: identities, splits, what a request needs trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import index_from_manifest
from leukcnn.errors import DataError, SpecError
from leukcnn.planning import data_digest, make_record, plan
from leukcnn.request import Request


@pytest.fixture(scope="module")
def published():
    """The index of a complete copy, without its files."""
    return index_from_manifest("cnmc2019")


def request_for(**options):
    return Request(**{"paper": papers.get("cnmc2019"), "data": "d", **options})


def test_the_papers_counts_come_out_exactly(published):
    request = request_for()
    record = make_record(request, published, plan(request, published))
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


def test_parts_are_disjoint_and_complete(published):
    for p in plan(request_for(), published).parts.values():
        together = np.concatenate([p.train, p.validation, p.predicted["test"]])
        assert len(set(together)) == len(together) == 10_661
        assert set(published.part[together]) == {"training"}
        assert len(p.predicted["external"]) == 1867
        assert len(p.predicted["final"]) == 2586


def test_no_subject_and_no_identical_cell_is_parted_by_subject(published):
    p = next(iter(plan(request_for(split="subject"), published).parts.values()))
    for column in (published.group, published.sha256):
        held = [set(column[rows]) for rows in (p.train, p.validation, p.predicted["test"])]
        assert held[0].isdisjoint(held[1])
        assert held[0].isdisjoint(held[2])
        assert held[1].isdisjoint(held[2])


def test_every_fold_of_the_challenge_is_tested_once(published):
    planned = plan(request_for(split="fold"), published)
    parts = planned.parts
    of_row = [t for t in planned.trials if t.row == "vgg19"]
    assert [t.fold for t in of_row] == [0, 1, 2]
    for trial in of_row:
        assert set(published.fold[parts[trial.name].predicted["test"]]) == {trial.fold}
        assert trial.fold not in published.fold[parts[trial.name].train]


def test_a_limit_takes_so_many_of_each_class(published):
    p = next(iter(plan(request_for(profile="smoke"), published).parts.values()))
    rows = np.concatenate([p.train, p.validation, p.predicted["test"]])
    limit = papers.get("cnmc2019").setup("vgg16", profile="smoke").split.limit_per_class
    assert np.bincount(published.labels[rows]).tolist() == [limit, limit]


def test_names_depend_on_what_a_trial_is_and_not_on_where_its_data_lie(published):
    moved = replace(published, paths=[Path("/elsewhere") / p.name for p in published.paths])
    names = {t.name for t in plan(request_for(), published).trials}
    assert {t.name for t in plan(request_for(data="/elsewhere", out=Path("o")), moved).trials} == names
    others = [
        request_for(seed=1),
        request_for(profile="smoke"),
        request_for(split="subject"),
        request_for(assumed={"batch_size": 10}),
        request_for(deterministic=True),
        request_for(precision="mixed_float16"),
    ]
    for other in others:
        assert names.isdisjoint(t.name for t in plan(other, published).trials)


def test_the_digest_does_not_depend_on_the_order(published):
    order = np.random.default_rng(0).permutation(len(published))
    assert data_digest(published.select(order)) == data_digest(published)
    assert data_digest(published.select(order[:-1])) != data_digest(published)


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        (None, ("vgg16", "vgg19", "xception")),
        ("vgg19", ("vgg19",)),
        ("table2", ("vgg16", "vgg19", "xception")),
        ("table1", ()),
        ("table3", ()),
        ("figure7", ("xception",)),
        ("figure4", ()),
    ],
)
def test_what_a_request_needs_trained(only, rows):
    assert request_for(only=only).rows_to_train == rows


def test_other_than_the_papers_data_or_split_is_marked(published):
    part = published.select(np.flatnonzero(published.fold != 2))
    request = request_for(split="subject")
    reason = make_record(request, part, plan(request, part)).not_comparable
    assert "of 10,661 published pictures" in reason
    assert "another split than the paper's" in reason


def test_other_assumptions_foreign_pictures_and_drawn_ones_are_marked(published):
    def reason(index, **options):
        request = request_for(**options)
        return make_record(request, index, plan(request, index)).not_comparable

    assert reason(published) == ""
    assert (
        reason(published, assumed={"batch_size": 10, "epochs": 5}) == "other assumptions: batch_size, epochs"
    )
    assert reason(published, precision="mixed_float16") == "precision mixed_float16"
    assert reason(published, deterministic=True) == ""
    assert reason(replace(published, drawn=True)) == "drawn data"
    changed = published.sha256.copy()
    changed[np.flatnonzero(published.part == "training")[:3]] = "0" * 64
    assert reason(replace(published, sha256=changed)) == (
        "it rests on 10,658 of 10,661 published pictures; 3 pictures are no published files"
    )


def test_identical_pairs_between_test_and_training_are_counted(published):
    for split, pairs in (("fold", 94), ("subject", 0)):
        request = request_for(split=split)
        assert make_record(request, published, plan(request, published)).identical_pairs == pairs


def test_folds_must_be_known(published):
    with pytest.raises(DataError, match="--split cell or --split subject"):
        plan(request_for(split="fold"), replace(published, fold=np.full(len(published), -1)))


@pytest.mark.parametrize("bad", [{"runs": 0}, {"only": "table9"}, {"split": "x"}, {"profile": "quick"}])
def test_bad_options_are_refused_at_once(bad):
    with pytest.raises(SpecError):
        request_for(**bad)
