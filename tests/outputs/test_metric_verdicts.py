"""Verdicts in tables of metrics: what is known of the published values, and the notes."""

import csv
import io
from dataclasses import replace

import pytest

from leukcnn.errors import ArgumentError
from leukcnn.outputs.build import build_tables
from leukcnn.rendering.renderings import to_csv, to_text
from leukcnn.results.intervals import run_interval, wilson_interval
from leukcnn.results.verdicts import PublishedScore, compare
from leukcnn.spec import Published, Sample

BOTH = Sample((339, 339))
DETECTABLE = "Detectable difference (fraction)"


def with_table(results, **changes):
    """The results of the same trials with a changed Table 2."""
    tables = [replace(t, **changes) if t.id == "table2" else t for t in results.paper.tables]
    return replace(results, paper=replace(results.paper, tables=tuple(tables)))


def lines(results):
    (table,) = build_tables(results, only="table2")
    found = csv.DictReader(io.StringIO(to_csv(table)))
    return table, {
        line["Metric"]: line for line in found if (line["Network"], line["Test set"]) == ("VGG16", "full")
    }


def difference(line):
    return [float(line[f"Difference, 95 % interval {end} (fraction)"]) for end in ("low", "high")]


@pytest.fixture
def measured(experiment, make_predictions):
    """Other counts than those of the paper: 300 of 339 malignant and 290 of 339 healthy cells are right."""
    experiment.add("vgg16", make_predictions("test", tp=300, fn=39, fp=49, tn=290))
    return experiment.results()


@pytest.mark.parametrize(
    ("metric", "value", "trials", "right", "n"),
    [
        ("Accuracy", 0.9248, 678, 590, 678),
        ("Sensitivity", 0.9410, 339, 300, 339),
        ("Specificity", 0.9086, 339, 290, 339),
        # Sensitivity and precision as printed: .9410 * 339 / .9114 = 350.01 cells predicted as malignant.
        ("Precision", 0.9114, 0.9410 * 339 / 0.9114, 300, 349),
    ],
)
def test_a_proportion_has_the_paper_s_number_of_images(measured, metric, value, trials, right, n):
    _, found = lines(with_table(measured, samples=(BOTH,)))
    expected = compare(
        PublishedScore(value, trials=trials, rounding=5e-5), [right / n], wilson_interval(right, n), n=678
    )
    assert difference(found[metric]) == pytest.approx(expected.interval(), abs=1e-9)
    assert float(found[metric]["p"]) == pytest.approx(expected.p_value)
    assert float(found[metric][DETECTABLE]) == pytest.approx(expected.detectable)
    assert found[metric]["Verdict"] == expected.verdict()


def test_the_published_error_widens_the_interval_and_is_named(measured):
    table, known = lines(with_table(measured, samples=(BOTH,)))
    assert any(
        "binomial, with the paper's number of tested images; or the error of the" in n for n in table.notes
    )
    unknown_table, unknown = lines(with_table(measured, samples=()))
    assert any("number of tested images isn't known" in note for note in unknown_table.notes)
    for metric in ("Accuracy", "F1-score"):
        wide, narrow = difference(known[metric]), difference(unknown[metric])
        assert wide[0] < narrow[0] and narrow[1] < wide[1]
    # A sample of another row says nothing of this one.
    others = replace(BOTH, rows=("vgg19",))
    assert lines(with_table(measured, samples=(others,)))[1] == unknown


def test_a_value_that_was_outside_may_not_differ(experiment, make_predictions):
    """.9248 is above the interval of 611 of 678, which ends at .9215; the two do not differ (p = .10)."""
    experiment.add("vgg16", make_predictions("test", tp=311, fn=28, fp=39, tn=300))
    _, found = lines(with_table(experiment.results(), samples=(BOTH,)))
    assert wilson_interval(611, 678).high < 0.9248
    assert found["Accuracy"]["Verdict"] == "can't tell"
    assert 0.09 < float(found["Accuracy"]["p"]) < 0.2


@pytest.mark.parametrize(("unit", "std"), [("same", 1.0), ("fraction", 0.01)])
def test_the_printed_standard_deviation_has_the_paper_s_unit(experiment, make_predictions, unit, std):
    for run, tp in enumerate((300, 306, 315)):
        experiment.add("vgg16", make_predictions("test", tp=tp, fn=339 - tp, fp=39, tn=300), run=run)
    printed = (Published("vgg16", "accuracy", 92.48, std=std),)
    sample = replace(BOTH, runs=5, std_unit=unit)
    table, found = lines(with_table(experiment.results(runs=3), published=printed, samples=(sample,)))
    runs = [600 / 678, 606 / 678, 615 / 678]
    expected = compare(
        PublishedScore(0.9248, std=0.01, runs=5, rounding=5e-5), runs, run_interval(runs), n=678
    )
    assert expected.basis == "std"
    assert difference(found["Accuracy"]) == pytest.approx(expected.interval())
    assert any("from its printed standard deviation" in note for note in table.notes)


def test_a_note_counts_the_verdicts_and_what_holm_leaves(measured):
    results = with_table(measured, samples=(BOTH,), subsets=("test",))
    table, found = lines(results)
    p_values = sorted(float(line["p"]) for line in found.values() if line["p"])
    differ = [line for line in found.values() if line["Verdict"] == "differs"]
    (note,) = [note for note in table.notes if "verdicts:" in note]
    n = len(p_values)
    rejected = [p < 0.05 / (n - rank) for rank, p in enumerate(p_values)]
    left = rejected.index(False)
    assert 0 < left < len(differ) == n
    assert note.startswith(f"{n} verdicts: {len(differ)} differ ({left} after Holm's correction). ")
    least = sorted(100 * float(line[DETECTABLE]) for line in found.values() if line["p"])
    assert f"with 80 % power: {least[0]:.1f} to {least[-1]:.1f} points" in note


def test_the_margin_of_the_record_decides(measured):
    wide = replace(measured, record=replace(measured.record, margin=20.0))
    table, found = lines(with_table(wide, samples=(BOTH,)))
    assert {line["Verdict"] for line in found.values() if line["p"]} == {"agrees (small difference)"}
    assert any("within 20 points" in note for note in table.notes)
    with pytest.raises(ArgumentError):
        lines(replace(wide, record=replace(wide.record, margin=0.0)))


def test_columns_for_programs_are_in_the_csv_alone(measured):
    table, found = lines(measured)
    assert "Detectable difference" not in to_text(table)
    assert DETECTABLE in found["Accuracy"]
    assert [column.title for column in table.shown_columns][-1] == "Verdict"


def test_what_cannot_be_compared_has_no_verdict_notes(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=300, fn=39, fp=49, tn=290))
    table, found = lines(experiment.results(not_comparable="synthetic data"))
    assert not any("Verdict" in note or "power" in note for note in table.notes)
    assert {line["p"] for line in found.values()} == {""}
