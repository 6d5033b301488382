"""Tests of tables of metrics in the paper's own shape."""

import re
from html import unescape
from itertools import pairwise

import pytest

from leukcnn import papers
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.rendering.formats import NO_VALUE
from leukcnn.rendering.html import to_html
from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.renderings import to_csv, to_markdown, to_text
from tests.golden import store


@pytest.fixture
def tables(paper_tables):
    """Returns the tables of each paper's full and partial run: case and id -> table."""
    return paper_tables


def rows_of(layout, title=""):
    return dict(layout.parts)[title]


def test_the_networks_of_cnmc2019_are_rows_and_its_metrics_columns_as_printed(tables):
    layout = tables["cnmc2019-full", "table2"].layout
    printed = ["Accuracy (%)", "Precision (%)", "Sensitivity (%)", "Specificity (%)", "F1-score (%)"]
    assert [column.title for column in layout.columns] == [
        *("Network", "Cells", *printed, "Weighted F1-score (%)")
    ]
    rows = rows_of(layout, "Test set: full")
    assert [row[0] for row in rows] == ["VGG16", "VGG19", "Xception"]
    assert [cell.split("\n")[0] for cell in rows[0][2:]] == [
        "92.48",
        "91.14",
        "94.10",
        "90.86",
        "92.60",
        NO_VALUE,
    ]
    assert re.fullmatch(r"56\.41 \?\n\[20\.43, 86\.71\]", rows[0][2].partition("\n")[2])


def test_datasets_are_sections_and_rows_have_the_printed_order(tables):
    layout = tables["leuknet_lodocv-full", "table4"].layout
    titles = [title for title, _ in layout.parts]
    assert titles[:4] == ["ALL-IDB 1", "Controls", "ALL-IDB 2", "Controls"]
    assert [column.title for column in layout.columns][2:6] == ["A (%)", "P (%)", "R (%)", "S (%)"]
    names = [*dict.fromkeys(row[0] for row in rows_of(layout, "ALL-IDB 1"))]
    assert names[0] == "LeukNet"
    assert names.index("InceptionV3 mDFT") < names.index("Xception mDFT") < names.index("ResNet50 mDFT")


def test_an_axis_may_be_groups_of_columns(tables):
    layout = tables["leuknet_lodocv-full", "table6"].layout
    groups = [column.group for column in layout.columns if column.group]
    assert groups == ["left out"] * 4 + ["within"] * 4


def test_two_averages_share_a_column_only_if_the_paper_prints_one_of_them_in_each_row(tables):
    of_one = tables["leuknet_lodocv-full", "table8"].layout
    assert [column.heading for column in of_one.columns] == [
        *("Network", "Accuracy (%)", "Precision (%)", "Recall (%)", "Specificity (%)")
    ]
    of_both = tables["alertnet-full", "table3"].layout
    assert ("P (%)", "weighted") in [(column.group, column.title) for column in of_both.columns]


def test_a_classification_report_has_scikit_learn_s_shape(tables):
    layout = tables["taleghani_resnet50-full", "report"].layout
    assert [column.title for column in layout.columns] == [
        "Class",
        "Support",
        "Precision",
        "Recall",
        "F1-score",
    ]
    rows = rows_of(layout, "ResNet50, frozen")
    assert [row[0] for row in rows[-3:]] == ["accuracy", "macro avg", "weighted avg"]
    assert rows[-3][2:4] == ["", ""]
    assert rows[-3][4].startswith("0.99")
    titles = [title for title, _ in layout.parts]
    assert titles[-1].startswith("Control: ")
    assert not any(title.startswith("Control") for title in titles[:2])


def test_an_average_without_another_is_in_its_heading(tables):
    layout = tables["allidb_lightweight-full", "table1"].layout
    assert "Recall, macro (%)" in [column.heading for column in layout.columns]
    assert {row[1] for row in layout.rows} == {"Measured", "Weighted"}


def test_controls_are_below_the_networks_of_their_section(tables):
    labels = {control_label(name) for name in CONTROLS}
    for (_, name), table in tables.items():
        if table.shape is None:
            continue
        for title, rows in table.layout.parts:
            are_controls = {row[0] in labels for row in rows}
            if table.layout.columns[0].title == "Network":
                assert are_controls <= {"ontrols" in title}, name


def test_every_number_of_the_shape_is_in_the_long_form(tables):
    """The shape leaves out and rearranges; it makes no number of its own."""
    for key, table in tables.items():
        if table.shape is None:
            continue
        long = {
            number
            for row in table.shown
            for cell in row
            for number in re.findall(r"\d[\d,]*(?:\.\d+)?", cell)
        }
        for row in table.layout.rows:
            for cell in row[table.layout.n_labels :]:
                assert {*re.findall(r"\d[\d,]*(?:\.\d+)?", cell.replace(", ", " "))} <= long, (key, cell)


def test_a_network_without_training_has_no_row_and_is_named_once(tables):
    found = 0
    for (case, name), table in tables.items():
        notes = [note for note in table.notes if table.shape and note.startswith("Not trained in ")]
        parts = [re.fullmatch(r"Not trained in [^:]*: (.*?)(?: \(--only .*\))?\.", note)[1] for note in notes]
        labels = [label for part in parts for label in part.split("; ")]
        assert len({*labels}) == len(labels)
        for label in labels:
            cells = [cell for row in table.layout.rows if row[0] == label for cell in row[1:]]
            # Of a network that is trained in part, the sizes are shown.
            assert not cells or any(re.search(r"\d", cell) for cell in cells), (case, name, label)
            found += 1
    assert found > 10


def test_csv_keeps_the_long_form(tables):
    table = tables["cnmc2019-full", "table2"]
    header, *lines = to_csv(table).splitlines()
    assert "Published (fraction)" in header
    assert len(lines) == len(table.rows) > len(table.layout.rows)


@pytest.mark.parametrize("render", [to_text, to_markdown, to_html, to_latex])
def test_every_other_form_shows_the_shape_with_its_legend(tables, render):
    text = unescape(render(tables["cnmc2019-full", "table2"]))
    assert "Controls" in text
    assert "can't tell" in text
    assert "Verdict |" not in text
    assert all(row.rstrip() == row for row in to_text(tables["cnmc2019-full", "table2"]).splitlines())


@pytest.mark.parametrize("key", store.PAPERS)
def test_every_table_of_metrics_has_the_shape(tables, key):
    for asked in papers.get(key).tables:
        table = tables.get((f"{key}-full", asked.id))
        if asked.kind == "metrics":
            assert table.shape is not None, asked.id
            starts = [section.first for section in table.layout.sections]
            assert all(one < other for one, other in pairwise(starts))


def test_the_legend_says_why_cells_of_controls_are_empty(tables):
    said = "Controls have the main metrics alone."
    shown = {key for key, table in tables.items() if any(said in note for note in table.notes)}
    assert ("cnmc2019-full", "table2") in shown
    assert shown < {*tables}
