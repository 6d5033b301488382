"""The images of a paper's datasets, drawn or as they are."""

from dataclasses import replace

import pytest

from leukcnn import papers, synthetic
from leukcnn.experiment.loading import SYNTHETIC, count_files, data_folder, load_images
from tests import tiny


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_taken_as_it_is_and_home_is_found(tmp_path, monkeypatch):
    said = []
    assert data_folder(str(tmp_path), ("jtsc",), say=said.append) == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder("~/data", ("jtsc",), say=said.append) == tmp_path / "data"
    assert said == []


def test_drawn_images_are_those_of_the_paper(tmp_path):
    paper, said = replace(papers.get("alertnet"), synthetic_images={"jtsc": {"healthy": 3, "ALL": 2}}), []
    names = ("jtsc",)
    for_paper = data_folder(SYNTHETIC, names, say=said.append, paper=paper)
    alone = data_folder(SYNTHETIC, names, say=said.append)
    assert for_paper != alone
    assert len([p for p in for_paper.rglob("*") if p.suffix in (".png", ".jpg", ".bmp", ".tif")]) == 5
    assert "alertnet's datasets" in said[0]
    assert "jtsc's datasets" in said[1]
    assert data_folder(SYNTHETIC, names, say=said.append, paper=paper, seed=1) != for_paper


def test_files_read_are_told_now_and_then():
    said = []
    tell = count_files(said.append)
    for done in (1, 1999, 2000, 4000, 4001):
        tell(done, 5000)
    assert said == ["2,000 of 5,000 files read", "4,000 of 5,000 files read"]


def test_images_have_the_paper_s_classes_and_their_notes_are_told(tmp_path):
    paper, said = tiny.tiny_paper(), []
    root = synthetic.write("cnmc2019", tmp_path, seed=0, counts=tiny.COUNTS)
    index = load_images(paper, paper.datasets, str(root), seed=0, say=said.append)
    assert index.class_names == paper.classes
    assert set(index.notes) <= set(said)
