import re
import shutil
import subprocess

import pytest

from leukcnn.rendering.latex import TEXT_WIDTH, to_latex
from leukcnn.rendering.panels import panels
from leukcnn.rendering.tables import Column, Layout, Section
from leukcnn.rendering.typesetting import FONTS, fill, text_width
from tests.rendering.tables import MARK, NASTY, table

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs,longtable}
\begin{document}
%s
\end{document}
"""
# Each `tabular` is typeset in a box of its own, whose width is in the log.
_MEASURED = {
    r"\begin{tabular}": r"\setbox0\hbox{\begin{tabular}",
    r"\end{tabular}": r"\end{tabular}}\typeout{WIDTH \the\wd0}\box0 ",
}


def test_mark_is_in_the_caption_of_latex():
    caption = next(line for line in to_latex(table()).splitlines() if line.startswith(r"\caption"))
    assert caption == rf"\caption{{\textbf{{{MARK}.}} Test set, 339 + 339 cells}}"


def test_latex_shows_mean_and_standard_deviation():
    shown = table(columns=("a", Column("m", "spread")), rows=[("x", (-0.5, 0.25))])
    assert r"x & $-$0.5000 $\pm$ 0.2500 \\" in to_latex(shown).splitlines()


def test_latex_escapes():
    shown = table(title=NASTY, columns=("50 %", "y_1"), rows=[(NASTY, "λ ≥ 2")], notes=(NASTY,))
    escaped = (
        r"a\textbar{}b \& 50 \% of x\_1 is \#2 {[}red{]}\$5\$ "
        r"\{\textasciitilde{}\textasciicircum{}\textbackslash{}\} \textless{}b\textgreater{}*c*`d`"
    )
    lines = to_latex(shown).splitlines()
    assert rf"{escaped} & $\lambda$ $\geq$ 2 \\" in lines
    assert r"50 \% & y\_1 \\" in lines
    assert rf"\caption{{\textbf{{{MARK}.}} {escaped}}}" in lines
    assert rf"{{\footnotesize\raggedright {escaped}\par}}" in lines


def test_latex_has_minus_signs_and_protects_brackets_at_the_start_of_a_row():
    shown = table(columns=("a", Column("d", "points")), rows=[("[b]", -0.01), ("-1", None)])
    lines = to_latex(shown).splitlines()
    assert r"{[}b{]} & $-$1.00 \\" in lines
    assert r"-1 & -- \\" in lines


def test_latex_breaks_text_into_lines_that_fit_the_page():
    shown = table(columns=("a", "b", Column("c", "integer")), rows=[("x", "word " * 30, 1)])
    lines = [line for line in to_latex(shown).splitlines() if "word" in line]
    assert sum(line.count("word") for line in lines) == 30
    assert len(lines) > 1
    assert all(line.endswith(r"\\*") for line in lines[:-1])
    assert lines[0].startswith("x & word word")
    assert lines[0].endswith(r"& 1 \\*")


def test_latex_of_cells_of_several_lines_sections_and_groups():
    layout = Layout(
        ("Network", Column("macro", "cell", group="P (%)"), Column("weighted", "cell", group="P (%)")),
        [("VGG16", "92.48\n91.20 =", "92.48\n91.00 ≠"), ("Border", "70.00", "")],
        [Section(1, "Controls")],
    )
    layout = layout._replace(columns=(Column("Network"), *layout.columns[1:]))
    lines = to_latex(table(shape=layout)).splitlines()
    first = lines.index(r"\toprule")
    assert lines[first + 1 : lines.index(r"\bottomrule")] == [
        r" & \multicolumn{2}{c}{P (\%)} \\",
        r"\cmidrule(lr){2-3}",
        r"Network & macro & weighted \\",
        r"\midrule",
        r"VGG16 & 92.48 & 92.48 \\*",
        r" & 91.20 = & 91.00 $\neq$ \\",
        r"\midrule",
        r"\multicolumn{3}{@{}l@{}}{\textit{Controls}} \\*",
        r"Border & 70.00 & \\",
    ]


def test_a_table_that_is_taller_than_a_page_is_a_longtable():
    short, tall = (table(columns=("a",), rows=[("x",)] * n) for n in (5, 80))
    assert r"\begin{longtable}" not in to_latex(short)
    assert r"\begin{longtable}" in to_latex(tall)


def test_long_notes_are_left_to_the_other_files():
    latex = to_latex(table(notes=("short", "long " * 100)))
    assert "short" in latex
    assert "long" not in latex.replace("longtable", "")
    assert "Longer notes: table2.md." in latex


def test_columns_that_do_not_fit_are_split_into_panels_with_the_labels():
    columns = [Column("a"), *(Column(name, group=group) for name, group in zip("bcde", "xxyy", strict=True))]
    assert panels(columns, [10] * 5, n_labels=1, gap=1, available=54) == [[0, 1, 2, 3, 4]]
    assert panels(columns, [10] * 5, n_labels=1, gap=1, available=43) == [[0, 1, 2], [0, 3, 4]]
    assert panels(columns, [10] * 5, n_labels=1, gap=1, available=21) == [[0, 1], [0, 2], [0, 3], [0, 4]]
    assert panels(columns, [10] * 5, n_labels=1, gap=1, available=1) == [[0, 1], [0, 2], [0, 3], [0, 4]]


def test_a_text_is_broken_at_spaces():
    assert fill("aaa bbb ccc", text_width("aaa bbb", FONTS[0]), FONTS[0]) == ["aaa bbb", "ccc"]
    assert fill("aaaaaa b", 1, FONTS[0]) == ["aaaaaa", "b"]


@pytest.fixture(scope="module")
def of_papers(paper_tables):
    """Returns the LaTeX of every table of the five papers: case and id -> text."""
    return {f"{case}/{name}": to_latex(table) for (case, name), table in paper_tables.items()}


def test_no_table_of_a_paper_is_estimated_wider_than_the_text(of_papers):
    assert len(of_papers) > 50
    for name, text in of_papers.items():
        font = next(font for font in FONTS if font.command in text.splitlines())
        for body in re.findall(
            r"(?s)\\begin\{(?:tabular|longtable)\}(.*?)\\end\{(?:tabular|longtable)\}", text
        ):
            rows = [
                line.split(" & ") for line in body.splitlines() if " & " in line and "multicolumn" not in line
            ]
            plain = [
                [re.sub(r"\\\\\*?|\$|\\(?:textgreater|textless|[a-z]+)|[{}\\]", "", c) for c in row]
                for row in rows
            ]
            widths = [
                max(text_width(cell.strip(), font) for cell in column) for column in zip(*plain, strict=True)
            ]
            assert sum(widths) + 6 * (len(widths) - 1) <= TEXT_WIDTH, name


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX: pdflatex isn't installed")
def test_every_table_of_a_paper_fits_the_text_when_it_is_compiled(of_papers, tmp_path):
    parts = []
    for name, text in of_papers.items():
        for plain, measured in _MEASURED.items():
            text = text.replace(plain, measured)
        text = text.replace(r"\label{tab:", rf"\label{{tab:{name}:")
        parts.append(rf"\typeout{{TABLE {name}}}" + "\n" + text + r"\clearpage")
    (tmp_path / "all.tex").write_text(_DOCUMENT % "\n".join(parts), encoding="utf-8")
    for _ in range(2):  # a `longtable` knows its widths in the second run
        command = ["pdflatex", "-interaction=nonstopmode", "all.tex"]
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "all.log").read_text(encoding="utf-8", errors="replace")
    faults, current, n_widths = [], "", 0
    for line in log.splitlines():
        current = line if line.startswith("TABLE ") else current
        overfull = re.match(r"Overfull \\hbox \(([\d.]+)pt", line)
        width = re.match(r"WIDTH ([\d.]+)pt", line)
        n_widths += width is not None
        wide = (overfull and float(overfull[1]) > 1) or (width and float(width[1]) > TEXT_WIDTH)
        if wide or line.startswith("!") or "too large for page" in line:
            faults.append(f"{current}: {line}")
    assert faults == []
    assert n_widths > 20
