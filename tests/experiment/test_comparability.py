"""Reasons why results can't be compared with the paper's."""

from dataclasses import replace

import numpy as np

from leukcnn import papers
from leukcnn.experiment.comparability import why_not_comparable
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of


def study_for(**options):
    return study_of(Request(**{"paper": papers.get("cnmc2019"), "data": "d", **options}))


def alertnet(**options):
    return study_for(**{"paper": papers.get("alertnet"), **options})


def test_fewer_images_or_another_split_are_marked(published):
    fewer = published.select(np.flatnonzero(published.fold != 2))
    study = study_for(split="subject")
    reason = why_not_comparable(study, fewer)
    assert "of 10,661 published images" in reason
    assert "another split than the paper's" in reason


def test_other_assumptions_foreign_images_and_synthetic_ones_are_marked(published):
    def reason(index, **options):
        return why_not_comparable(study_for(**options), index)

    assert reason(published) == ""
    assert (
        reason(published, assumed={"batch_size": 10, "epochs": 5}) == "other assumptions: batch_size, epochs"
    )
    assert reason(published, precision="mixed_float16") == "precision mixed_float16"
    assert reason(published, deterministic=True) == ""
    assert reason(replace(published, synthetic=True)) == "synthetic data"
    changed = published.sha256.copy()
    changed[np.flatnonzero(published.subset == "training")[:3]] = "0" * 64
    assert reason(replace(published, sha256=changed)) == (
        "it uses 10,658 of 10,661 published images; 3 images don't count as published"
    )


def test_absent_classes_other_datasets_and_random_weights_are_marked(many):
    def reason(index, **options):
        return why_not_comparable(alertnet(**options), index)

    assert "of 2,415 published images" in reason(many)
    assert "no image of AML" in reason(many.select(many.labels != 2))
    assert "random weights" in reason(many, weights="none")
    moved = replace(many, dataset=np.where(many.dataset == "atlas", "taleghani", many.dataset))
    assert "datasets that the paper doesn't use: taleghani" in reason(moved)


def test_open_datasets_are_named_as_not_the_papers(many):
    moved = replace(many, dataset=np.where(many.dataset == "atlas", "aml_lmu", many.dataset))
    reason = why_not_comparable(alertnet(datasets=("open",)), moved)
    assert "open datasets, not the paper's: " in reason
    assert "aml_lmu" in reason
    assert "that the paper doesn't use" not in reason
    # The mark doesn't depend on whether the images are real.
    assert "open datasets" in why_not_comparable(alertnet(datasets=("open",)), replace(moved, synthetic=True))


def test_published_weights_from_a_file_are_comparable(many, tmp_path):
    def reason(file):
        (tmp_path / file).write_bytes(b"")
        study = alertnet(weights=str(tmp_path / file), only="resnet50_sft")
        return why_not_comparable(study, many)

    assert "weights of the user's own" in reason("mine.h5")
    assert "weights" not in reason("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5")
    assert "weights" not in reason("RegNetY-400MF_dds_8gpu.pyth")
