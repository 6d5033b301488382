from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.tables import Column
from tests.rendering.tables import MARK, NASTY, table


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
    assert rf"\par\smallskip{{\footnotesize {escaped}}}" in lines


def test_latex_has_minus_signs_and_protects_brackets_at_the_start_of_a_row():
    shown = table(columns=("a", Column("d", "points")), rows=[("[b]", -0.01), ("-1", None)])
    lines = to_latex(shown).splitlines()
    assert r"{[}b{]} & $-$1.00 \\" in lines
    assert r"-1 & -- \\" in lines


def test_latex_breaks_lines_in_columns_of_sentences():
    shown = table(columns=("a", "b", Column("c", "integer")), rows=[("x", "word " * 20, 1)])
    assert r"\begin{tabular}{lp{.4\linewidth}r}" in to_latex(shown)
    assert r"\begin{tabular}{llr}" in to_latex(table(columns=("a", "b", Column("c", "integer")), rows=[]))


def test_columns_of_sentences_share_the_width_of_the_page():
    sentence = "a sentence that is longer than forty characters"
    shown = table(columns=("a", "b", "c", "d"), rows=[("x", sentence, sentence, sentence)])
    assert r"\begin{tabular}{lp{.27\linewidth}p{.27\linewidth}p{.27\linewidth}}" in to_latex(shown)
