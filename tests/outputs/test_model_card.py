"""The model card holds what the store knows, and nothing without a trained network."""

import copy
import dataclasses
import re

import pytest

from leukcnn.datasets import card
from leukcnn.outputs.model_card import model_card
from leukcnn.results.comparisons import best_control
from leukcnn.results.measure import measure
from leukcnn.spec.folders import UNPUBLISHED
from tests.golden.cases import CASES
from tests.golden.store import results_of


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return results_of(CASES["taleghani_resnet50-full"], tmp_path_factory.mktemp("card"))


def test_sections_follow_a_header_that_hubs_read(full):
    header, title, *sections = re.split(r"^#+ ", model_card(full), flags=re.M)
    assert header.startswith("---\nlibrary_name: keras\n")
    assert header.endswith("---\n\n")
    assert title.startswith("Networks of taleghani_resnet50\n")
    named = ["Intended use", "Data", "Split", "Results", "Leaks and other limits"]
    assert [section.splitlines()[0] for section in sections] == [
        *(*named, "Preprocessing and training", "How to load", "Provenance", "Citation")
    ]
    assert "Not a diagnosis and not a medical device" in sections[0]


def test_figures_are_the_measured_ones_with_controls_next_to_them(full):
    text, name = model_card(full), full.paper.row_ids[0]
    label, found = full.paper.row(name).label, measure(full, name, "accuracy")
    assert f"| {label} | {100 * found.spread[0]:.1f} %" in text
    _, comparison = best_control(full, name)
    assert f"- {label}: {comparison.words('the colour of the border')}." in text
    assert "| control: Majority class |" in text


def test_data_have_their_licence_and_citation(full):
    text = model_card(full)
    for key, counts in full.record.datasets.items():
        assert f"| {card(key).name} | {' | '.join(map(str, counts.values()))} | {card(key).licence} |" in text
        assert card(key).citation in text


def test_a_study_of_own_images_is_not_cited_as_a_publication(full):
    paper = full.paper
    published = f"{paper.authors} ({paper.year}). {paper.title}"
    assert model_card(full).count(published) == 2
    own = copy.copy(full)
    object.__setattr__(own, "paper", dataclasses.replace(paper, authors=UNPUBLISHED))
    text = model_card(own)
    assert "for a study of the user's own images." in text
    assert UNPUBLISHED not in text
    assert str(paper.year) not in text.partition("## Citation")[2].splitlines()[1]


def test_the_training_is_in_words(full):
    training = full.setup(full.paper.row_ids[0]).training
    assert f" in batches of {training.batch_size}, {training.optimizer}, learning rate " in model_card(full)


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("-nothing")])
def test_without_a_trained_network_there_is_no_card(name, tmp_path):
    assert model_card(results_of(CASES[name], tmp_path)) == ""


@pytest.mark.parametrize("name", ["cnmc2019-one_run", "leuknet_lodocv-strict", "allidb_lightweight-grouped"])
def test_the_same_store_gives_the_same_card(name, tmp_path):
    results = results_of(CASES[name], tmp_path)
    text = model_card(results)
    assert text == model_card(results)
    assert str(tmp_path) not in text
    assert not re.search(r"\bnan\b", text)
    # Each row of a table has as many cells as its heading.
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1
