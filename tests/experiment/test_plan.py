"""From options to trials: identities, splits, and the images of each trial."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from leukcnn import papers, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import duplicate_pairs
from leukcnn.duplicate_scan import DuplicateScan
from leukcnn.errors import DataError
from leukcnn.experiment.plan import data_digest, plan, trial_identity
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.pipeline import Entries, ImageSequence
from leukcnn.spec import DEFAULT_CONTROLS
from leukcnn.trials import epoch_entries


def study_for(**options):
    return study_of(Request(**{"paper": papers.get("cnmc2019"), "data": "d", **options}))


def test_splits_are_disjoint_and_complete(published):
    for p in plan(study_for(), published).split_rows.values():
        together = np.concatenate([p.train, p.validation, p.predicted["test"]])
        assert len(set(together)) == len(together) == 10_661
        assert set(published.subset[together]) == {"training"}
        assert len(p.predicted["external"]) == 1867
        assert len(p.predicted["final"]) == 2586


def test_a_split_by_subject_separates_no_subject_and_no_identical_cells(published):
    p = next(iter(plan(study_for(split="subject"), published).split_rows.values()))
    for column in (published.group, published.sha256):
        held = [set(column[rows]) for rows in (p.train, p.validation, p.predicted["test"])]
        assert held[0].isdisjoint(held[1])
        assert held[0].isdisjoint(held[2])
        assert held[1].isdisjoint(held[2])


def test_every_fold_of_the_challenge_is_tested_once(published):
    planned = plan(study_for(split="fold"), published)
    split_rows = planned.split_rows
    of_row = [t for t in planned.trials if t.row == "vgg19"]
    assert [t.fold for t in of_row] == [0, 1, 2]
    for trial in of_row:
        assert set(published.fold[split_rows[trial.name].predicted["test"]]) == {trial.fold}
        assert trial.fold not in published.fold[split_rows[trial.name].train]


def test_a_limit_takes_the_same_number_of_each_class(published):
    p = next(iter(plan(study_for(profile="smoke"), published).split_rows.values()))
    rows = np.concatenate([p.train, p.validation, p.predicted["test"]])
    limit = papers.get("cnmc2019").setup("vgg16", profile="smoke").split.limit_per_class
    assert np.bincount(published.labels[rows]).tolist() == [limit, limit]


def test_names_depend_on_a_trial_s_specification_and_not_on_the_data_folder(published):
    moved = replace(published, paths=[Path("/elsewhere") / p.name for p in published.paths])
    names = {t.name for t in plan(study_for(), published).trials}
    assert {t.name for t in plan(study_for(data="/elsewhere", out=Path("o")), moved).trials} == names
    others = [
        study_for(seed=1),
        study_for(profile="smoke"),
        study_for(split="subject"),
        study_for(assumed={"batch_size": 10}),
        study_for(deterministic=True),
        study_for(precision="mixed_float16"),
    ]
    for other in others:
        assert names.isdisjoint(t.name for t in plan(other, published).trials)


def test_the_digest_does_not_depend_on_the_order(published):
    order = np.random.default_rng(0).permutation(len(published))
    assert data_digest(published.select(order)) == data_digest(published)
    assert data_digest(published.select(order[:-1])) != data_digest(published)


def test_a_split_by_fold_needs_known_folds(published):
    with pytest.raises(DataError, match="--split cell or --split subject"):
        plan(study_for(split="fold"), replace(published, fold=np.full(len(published), -1)))


def alertnet(**options):
    return study_of(Request(**{"paper": papers.get("alertnet"), "data": "d", **options}))


def folds_of(planned, row="alertnet"):
    return [planned.split_rows[trial.name] for trial in planned.trials if trial.row == row]


@pytest.fixture
def near_pair(monkeypatch):
    """Replaces the search for near-duplicates, which would read the images; it finds 42 and 43."""
    near = np.array([[42, 43]])

    def scan(index, preprocessing, **_):
        return DuplicateScan(index, duplicate_pairs(index), near=near)

    monkeypatch.setattr("leukcnn.experiment.plan.scan_duplicates", scan)
    return near[0]


def test_folds_are_disjoint_complete_and_stratified(many):
    folds = folds_of(plan(alertnet(), many))
    assert len(folds) == 5
    tested = np.concatenate([p.predicted["test"] for p in folds])
    assert sorted(tested) == list(range(60))
    for p in folds:
        assert sorted(np.concatenate([p.train, p.predicted["test"]])) == list(range(60))
        assert np.bincount(many.labels[p.predicted["test"]]).tolist() == [4, 4, 4]
        assert len(p.validation) == 0


@pytest.mark.usefixtures("near_pair")
def test_folds_without_strata_are_other_trials_of_equal_size(many):
    stratified = plan(alertnet(), many)
    plain = plan(alertnet(assumed={"stratified": False}), many)
    folds = folds_of(plain)
    assert sorted(np.concatenate([p.predicted["test"] for p in folds])) == list(range(60))
    assert [len(p.predicted["test"]) for p in folds] == [12] * 5
    assert any(np.bincount(many.labels[p.predicted["test"]]).tolist() != [4, 4, 4] for p in folds)
    every = {trial.name for trial in (*stratified.trials, *stratified.controls)}
    assert every.isdisjoint(trial.name for trial in (*plain.trials, *plain.controls))
    # A split that takes no notice of the choice has the same trials.
    names = [
        {trial.name for trial in plan(alertnet(split="grouped_kfold", **options), many).trials}
        for options in ({}, {"assumed": {"stratified": False}})
    ]
    assert names[0] == names[1]


def test_no_variant_of_a_test_image_is_trained_on(many):
    study = alertnet()
    for p in folds_of(plan(study, many)):
        entries, validation = epoch_entries(many, study.row("alertnet").setup, p, seed=0)
        assert set(entries.rows) == set(p.train)
        assert set(entries.rows).isdisjoint(p.predicted["test"])
        assert len(entries) == 20 * len(p.train) == 20 * 48
        for row in p.train[:3]:
            assert sorted(entries.variants[entries.rows == row]) == list(range(1, 21))
        assert len(validation) == 0


def test_every_row_and_control_has_the_same_folds(many):
    planned = plan(alertnet(runs=2), many)
    first = folds_of(planned)
    assert len(first) == 10
    for row in papers.get("alertnet").row_ids:
        for one, other in zip(first, folds_of(planned, row), strict=True):
            np.testing.assert_array_equal(one.train, other.train)
    for name in DEFAULT_CONTROLS:
        controls = [trial for trial in planned.controls if trial.row == name]
        assert [(c.run, c.fold) for c in controls] == [(run, fold) for run in range(2) for fold in range(5)]
        for one, control in zip(first, controls, strict=True):
            np.testing.assert_array_equal(one.train, planned.split_rows[control.name].train)


def test_grouped_folds_separate_neither_crops_of_a_field_nor_copies(many, near_pair):
    def separated(folds, values):
        return sum(bool(set(values[p.train]) & set(values[p.predicted["test"]]) - {""}) for p in folds)

    by_image, grouped = (folds_of(plan(alertnet(split=s), many)) for s in ("kfold", "grouped_kfold"))
    assert separated(grouped, many.group) == separated(grouped, many.sha256) == 0
    assert [np.isin(near_pair, p.train).sum() in (0, 2) for p in grouped] == [True] * 5
    assert separated(by_image, many.group) > 0


def test_controls_do_not_depend_on_options_of_networks(many, near_pair):
    def names(**options):
        return {control.name for control in plan(alertnet(**options), many).controls}

    assert (
        names() == names(assumed={"epochs": 3}) == names(precision="mixed_float16") == names(weights="none")
    )
    assert names().isdisjoint(names(seed=1))
    assert names().isdisjoint(names(split="grouped_kfold"))


def test_controls_depend_on_neither_backend_nor_network(many, monkeypatch):
    def names(planned):
        return ({t.name for t in planned.trials}, {c.name for c in planned.controls})

    trials, controls = names(plan(alertnet(), many))
    smaller = {"training.epochs": 1, "preprocessing.resize": 64, "augmentation.variants_per_image": 2}
    paper = alertnet().paper
    paper = replace(paper, profiles=(*paper.profiles, spec.Profile("quick", "", changes=smaller)))
    other_trials, other_controls = names(plan(alertnet(paper=paper, profile="quick"), many))
    assert other_controls == controls
    assert other_trials.isdisjoint(trials)
    monkeypatch.setattr(keras.backend, "backend", lambda: "another")
    other_trials, other_controls = names(plan(alertnet(), many))
    assert other_controls == controls
    assert other_trials.isdisjoint(trials)


def test_variants_of_an_image_are_the_same_in_every_fold_and_epoch(many):
    study = alertnet()
    setup = study.row("alertnet").setup
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    seen = {}
    for p in folds_of(plan(study, many)):
        entries, _ = epoch_entries(many, setup, p, seed=0)
        chosen = np.flatnonzero(np.isin(entries.rows, (3, 27, 45)))
        sequence = ImageSequence(
            images,
            Entries(entries.rows[chosen], entries.variants[chosen]),
            ids=many.ids,
            augmenter=ImageAugmenter(**setup.augmentation.arguments),
            fresh=setup.augmentation.variants == "fresh",
            labels=many.labels,
            classes=3,
            batch_size=60,
            seed=0,
        )
        for _ in range(2):
            inputs, _ = sequence[0]
            for row, variant, one in zip(
                sequence.entries.rows, sequence.entries.variants, inputs, strict=True
            ):
                first = seen.setdefault((row, variant), one)
                np.testing.assert_array_equal(one, first)
            sequence.on_epoch_end()
    assert len(seen) == 3 * 20
    assert len({one.tobytes() for one in seen.values()}) == 60


def test_a_weights_file_is_identified_by_its_content(many, tmp_path):
    def names(file):
        return {t.name for t in plan(alertnet(weights=str(file)), many).trials if t.row == "resnet50_sft"}

    one, same, other = (tmp_path / f"{name}.h5" for name in ("one", "same", "other"))
    for file, content in ((one, b"a"), (same, b"a"), (other, b"b")):
        file.write_bytes(content)
    assert names(one) == names(same)
    assert names(one).isdisjoint(names(other))


def test_augmentation_on_the_device_is_another_trial_where_the_device_augments():
    def identities(paper, row):
        for place in (None, "host", "device"):
            study = study_for(paper=papers.get(paper), augment=place)
            yield trial_identity(study, row, study.row(row).setup, seed=0, fold=0, images="")

    # A row without variants, and features of published networks, which the host augments.
    for paper, row in (("taleghani_resnet50", "resnet50"), ("leuknet_lodocv", "features_imagenet")):
        unset, host, device = identities(paper, row)
        assert unset == host == device
    unset, host, device = identities("cnmc2019", "vgg16")
    assert unset == host
    assert "computed_on" not in host["setup"]["augmentation"]
    assert device["setup"]["augmentation"] == {**host["setup"]["augmentation"], "computed_on": "device"}


def test_a_user_s_builder_is_identified_by_its_code_and_leukcnn_s_by_its_name(many, monkeypatch):
    def identity():
        planned = plan(alertnet(), many)
        return planned.identities[planned.trials[0].name]

    assert "builder" not in identity()
    names = set()
    for code in ("a", "b"):
        monkeypatch.setattr("leukcnn.experiment.plan.fingerprint", lambda name, code=code: code)
        found = identity()
        assert set(found["builder"].values()) == {code}
        names.add(plan(alertnet(), many).trials[0].name)
    assert len(names) == 2
