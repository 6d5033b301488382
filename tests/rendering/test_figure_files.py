"""Tests of the files that a figure takes."""

import numpy as np
import pytest
from PIL import Image

from leukcnn.rendering.figure_files import FORMS, figures_as
from leukcnn.rendering.figures import plot_confusion_matrices

MARK, CAPTION = "Not comparable with the paper: synthetic data", "Figure 2: Confusion matrix"


def plot(folder, form):
    """Plots a small figure in a form; returns name -> content of all files in the folder."""
    panels = [("A network", np.array([[3, 1], [0, 4]]))]
    with figures_as(form) as files:
        plot_confusion_matrices(
            panels, ("healthy", "ALL"), folder / "figure2.png", mark=MARK, caption=CAPTION
        )
    assert {*files.written} == {*folder.iterdir()}
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_its_files_with_the_same_bytes_each_time(form, tmp_path):
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
    first, second = (plot(folder, form) for folder in folders)
    assert {*first} == {f"figure2{ending}" for ending in FORMS[form]}
    assert first == second


def test_a_figure_for_a_paper_has_neither_mark_nor_caption(tmp_path):
    files = plot(tmp_path, "paper")
    with Image.open(tmp_path / "figure2.png") as image:
        assert [round(dpi) for dpi in image.info["dpi"]] == [300, 300]
        # Both stay with the file.
        assert image.info["Warning"] == MARK
        assert image.info["Title"] == CAPTION
        inches = image.height / 300
    assert files["figure2.md"].decode() == f"**{MARK}**\n\n{CAPTION}\n"
    assert MARK.encode() in files["figure2.pdf"]
    plot(tmp_path, "png")
    with Image.open(tmp_path / "figure2.png") as image:
        # Two lines of text less.
        assert image.height / 150 > inches + 0.2


@pytest.mark.parametrize("form", ["pdf", "paper"])
def test_fonts_are_embedded_as_type_42_and_nothing_has_a_date(form, tmp_path):
    content = plot(tmp_path, form)["figure2.pdf"]
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_an_svg_file_has_no_date(tmp_path):
    assert b"dc:date" not in plot(tmp_path, "svg")["figure2.svg"]


@pytest.mark.parametrize("form", FORMS)
def test_without_a_form_the_files_that_are_there_are_plotted_again(form, tmp_path):
    assert plot(tmp_path, None).keys() == {"figure2.png"}
    expected = plot(tmp_path, form)
    assert plot(tmp_path, None) == expected


def test_another_form_leaves_no_file_of_the_earlier_one(tmp_path):
    plot(tmp_path, "paper")
    assert plot(tmp_path, "svg").keys() == {"figure2.png", "figure2.svg"}
