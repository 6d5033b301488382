import csv
import io

import numpy as np
import pytest
from rich.console import Console

from leukcnn.errors import StoreError
from leukcnn.rendering.html import to_html
from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.renderings import to_csv, to_markdown, to_rich, to_text, write
from leukcnn.rendering.tables import Column, Table
from tests.rendering.tables import MARK, NASTY, table


def on_terminal(shown: Table, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(to_rich(shown))
    return console.file.getvalue()


def cells(markdown: str) -> list[list[str]]:
    """Returns the cells of each line of a table in Markdown."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]


RENDERERS = {
    "terminal": on_terminal,
    "text": to_text,
    "csv": to_csv,
    "markdown": to_markdown,
    "latex": to_latex,
    "html": to_html,
}


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_every_rendering_has_the_mark(render):
    assert MARK in render(table())
    assert MARK not in render(table(marks=()))


@pytest.mark.parametrize("render", [on_terminal, to_text, to_markdown], ids=["terminal", "text", "markdown"])
def test_mark_is_the_first_line(render):
    assert MARK in render(table()).splitlines()[0]


def test_mark_is_whole_on_a_narrow_terminal():
    words = on_terminal(table(), width=40).replace("\n", " ").split()
    assert " ".join(words).startswith(MARK)


def test_text_by_hand():
    shown = table(columns=("Network", Column("Accuracy", "percent")), rows=[("VGG16", 0.92478), ("X", None)])
    assert to_text(shown) == (
        f"{MARK}\n"
        "Test set, 339 + 339 cells\n"
        "\n"
        "Network      Accuracy\n"
        "---------  ----------\n"
        "VGG16         92.48 %\n"
        "X                   –\n"
        "\n"
        "Wilson intervals over 678 images.\n"
    )


def test_values_are_shown_by_the_format_of_their_column():
    lines = cells(to_markdown(table()))
    assert ["VGG16", "678", "92.48 %", "90.00 to 94.00 %", "-1.23", "1e-05"] in lines
    assert ["VGG19", "–", "undefined", "–", "+2.00", "0.5"] in lines


def test_csv_has_a_column_for_each_bound_of_a_range():
    shown = Table(
        id="t",
        title="",
        columns=("Metric", Column("Mean", "quantity"), Column("95 % interval", "range")),
        rows=(("kappa", 0.951, (0.9, 1.0)), ("loss", None, None)),
    )
    first, second = csv.DictReader(io.StringIO(to_csv(shown)))
    low, high = (name for name in first if name.startswith("95 % interval"))
    assert (float(first["Mean"]), float(first[low]), float(first[high])) == (0.951, 0.9, 1.0)
    assert second["Mean"] == second[low] == second[high] == ""


def test_csv_has_a_column_for_mean_and_one_for_standard_deviation():
    shown = Table(
        id="t",
        title="",
        columns=("Metric", Column("Measured", "spread")),
        rows=[("kappa", (0.951, 0.1)), ("loss", (0.5, None)), ("f1", (np.nan, None)), ("recall", None)],
    )
    rows = list(csv.DictReader(io.StringIO(to_csv(shown))))
    assert [(row["Measured"], row["Measured std"]) for row in rows] == [
        ("0.951", "0.1"),
        ("0.5", ""),
        ("nan", ""),
        ("", ""),
    ]


def test_markdown_aligns_text_left_and_numbers_right():
    assert "\n| :--- | ---: | ---: | ---: | ---: | ---: |\n" in to_markdown(table())


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_table_without_rows_has_its_headings(render):
    assert "Network" in render(table(rows=[]))


def test_text_that_looks_like_a_number_is_shown_as_it_is():
    shown = table(columns=("a", "b"), rows=[("1e3", "007")])
    assert "1e3  007\n" in to_text(shown)
    assert ["1e3", "007"] in cells(to_markdown(shown))


def test_values_of_a_row_or_column_in_percent_have_two_decimals():
    columns = (
        "Metric",
        Column("Mean", "spread"),
        Column("Change", "change"),
        Column("Fraction (%)", "quantity"),
    )
    rows = [("Recall (%)", (5.0, 1.21), -0.5, 1.0), ("Kappa", (0.5, 0.25), 0.125, 1.0)]
    lines = cells(to_markdown(table(columns=columns, rows=rows)))
    assert ["Recall (%)", "5.00 ± 1.21", "-0.50", "1.00"] in lines
    assert ["Kappa", "0.5000 ± 0.2500", "+0.1250", "1.00"] in lines


def test_a_heading_is_no_wider_than_the_values_below_it():
    columns = (
        "Long name of a network",
        Column("Strict less LODOCV", "change"),
        Column("Images", "integer"),
    )
    lines = on_terminal(table(columns=columns, rows=[("x", -3.5, 7)])).splitlines()
    rule = next(i for i, line in enumerate(lines) if set(line.strip()) == {"─"})
    assert [line.split() for line in lines[rule - 3 : rule]] == [
        ["Strict"],
        ["less"],
        ["Long", "name", "of", "a", "network", "LODOCV", "Images"],
    ]
    assert to_csv(table(columns=columns, rows=[])).startswith(
        "comparable,mark,Long name of a network,Strict less LODOCV,"
    )


def test_notes_follow_an_empty_line_on_the_terminal():
    lines = [line.rstrip() for line in on_terminal(table()).splitlines()]
    assert lines[-2:] == ["", "Wilson intervals over 678 images."]


def test_csv_round_trips_at_full_precision():
    first, second = csv.DictReader(io.StringIO(to_csv(table())))
    assert first["comparable"] == second["comparable"] == "no"
    assert first["mark"] == second["mark"] == MARK
    assert (first["Network"], int(first["Cells"])) == ("VGG16", 678)
    assert float(first["Accuracy (fraction)"]) == 627 / 678
    bounds = first["95 % interval low (fraction)"], first["95 % interval high (fraction)"]
    assert tuple(map(float, bounds)) == (0.9, 0.94)
    assert float(first["Difference (fraction)"]) == -0.0123456
    assert second["Cells"] == second["95 % interval low (fraction)"] == ""
    assert np.isnan(float(second["Accuracy (fraction)"]))


def test_csv_without_marks_is_comparable():
    rows = list(csv.DictReader(io.StringIO(to_csv(table(marks=())))))
    assert [(row["comparable"], row["mark"]) for row in rows] == [("yes", "")] * 2


def test_marks_of_rows_are_at_the_top_and_in_their_rows_of_csv():
    rows = [("a", 1), ("b", 2), ("c", 3)]
    columns = ("Name", Column("n", "integer"))
    shown = Table("t", "A title", columns, rows, row_marks=("", "NOT B", "NOT B"))
    assert not shown.comparable
    for render in (to_text, to_markdown, to_html, on_terminal):
        text = render(shown)
        assert text.count("NOT B") == 1
        assert text.index("NOT B") < text.index("A title")
    # In LaTeX, marks are in a comment too.
    assert to_latex(shown).count("NOT B") == 2
    lines = list(csv.DictReader(io.StringIO(to_csv(shown))))
    assert [(line["comparable"], line["mark"]) for line in lines] == [("yes", ""), *[("no", "NOT B")] * 2]
    assert Table("t", "A title", columns, rows, row_marks=("", "", "")).comparable


def test_csv_keeps_every_sign():
    shown = table(columns=("a, b", 'c"d'), rows=[(NASTY, "e\nf")])
    assert next(csv.DictReader(io.StringIO(to_csv(shown)))) == {
        "comparable": "no",
        "mark": MARK,
        "a, b": NASTY,
        'c"d': "e\nf",
    }


def test_numpy_scalars_are_written_as_plain_numbers():
    shown = table(
        columns=(Column("n", "integer"), Column("a", "percent")), rows=[(np.int64(3), np.float64(0.5))]
    )
    assert to_csv(shown).splitlines()[1] == f'no,"{MARK}",3,0.5'


def test_markdown_escapes():
    shown = table(title=NASTY, columns=("x",), rows=[(NASTY,)], notes=(NASTY,), marks=(NASTY,))
    escaped = r"a\|b &amp; 50 % of x\_1 is \#2 \[red\]\$5\$ {\~^\\} &lt;b&gt;\*c\*\`d\`"
    assert to_markdown(shown) == (
        f"**{escaped}**\n\n### {escaped}\n\n| x |\n| :--- |\n| {escaped} |\n\n- {escaped}\n"
    )


def test_terminal_takes_brackets_literally():
    assert "[red]$5$" in on_terminal(table(columns=("[b]",), rows=[(NASTY,)]))


def test_a_cell_stays_on_its_line():
    assert "50 % of x_1 is #2" in to_text(table(columns=("x",), rows=[(NASTY,)]))


def test_write_leaves_four_whole_files(tmp_path):
    paths = write(table(), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["table2.csv", "table2.md", "table2.tex", "table2.txt"]
    assert sorted((tmp_path / "new" / "folder").iterdir()) == sorted(paths)
    assert paths[0].read_text(encoding="utf-8") == to_csv(table())
    assert b"\r" not in paths[3].read_bytes()


def test_write_replaces_the_files_of_an_earlier_table(tmp_path):
    write(table(), tmp_path)
    paths = write(table(marks=()), tmp_path)
    assert paths[0].read_text(encoding="utf-8") == to_csv(table(marks=()))


def test_write_into_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StoreError, match="--out"):
        write(table(), tmp_path / "out")
