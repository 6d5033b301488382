"""Loading the images of a paper's datasets, real or synthetic."""

from dataclasses import replace

import pytest

from leukcnn import papers
from leukcnn.experiment.loading import SYNTHETIC, data_folder, load_images
from tests import tiny


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_unchanged_but_for_the_home_folder(tmp_path, monkeypatch):
    messages = []
    assert data_folder(str(tmp_path), ("jtsc",), say=messages.append) == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder("~/data", ("jtsc",), say=messages.append) == tmp_path / "data"
    assert messages == []


def test_synthetic_images_are_as_many_as_the_paper_says():
    paper, messages = replace(papers.get("alertnet"), synthetic_images={"jtsc": {"healthy": 3, "ALL": 2}}), []
    names = ("jtsc",)
    for_paper = data_folder(SYNTHETIC, names, say=messages.append, paper=paper)
    alone = data_folder(SYNTHETIC, names, say=messages.append)
    assert for_paper != alone
    assert len([p for p in for_paper.rglob("*") if p.suffix in (".png", ".jpg", ".bmp", ".tif")]) == 5
    assert "alertnet's datasets" in messages[0]
    assert "jtsc's datasets" in messages[1]
    assert data_folder(SYNTHETIC, names, say=messages.append, paper=paper, seed=1) != for_paper


def test_images_have_the_paper_s_classes_and_their_notes_are_shown(synthetic_cells):
    paper, messages = tiny.tiny_paper(), []
    index = load_images(paper, paper.datasets, str(synthetic_cells), seed=0, say=messages.append)
    assert index.class_names == paper.classes
    assert set(index.notes) <= set(messages)
