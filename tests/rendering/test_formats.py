import pytest

from leukcnn.errors import ArgumentError
from leukcnn.rendering.formats import FORMATS, NO_VALUE, UNDEFINED, undefined
from leukcnn.rendering.tables import Column

NAN = float("nan")


@pytest.mark.parametrize(
    ("format", "value", "shown"),
    [
        ("quantity", 8_792_963, "8,792,963"),
        ("quantity", 97.184, "97.18"),
        ("quantity", 10.0, "10.00"),
        ("quantity", 0.95641, "0.9564"),
        ("quantity", -33.0, "-33.00"),
        ("quantity", NAN, "undefined"),
        ("quantity", None, "–"),
        ("change", 3, "+3"),
        ("change", 12.5, "+12.50"),
        ("change", -0.25, "-0.2500"),
        ("change", 0.00001, "0.0000"),
        ("range", (0.9, 1.0), "0.9000 to 1.0000"),
        ("range", (95.5, 98.875), "95.50 to 98.88"),
        ("range", (-12.5, 8.25), "-12.50 to 8.25"),
        ("range", (NAN, 1.0), "undefined"),
        ("spread", (0.7575, 0.01), "0.7575 ± 0.0100"),
        ("spread", (97.04, 1.21), "97.04 ± 1.21"),
        ("spread", (97.04, None), "97.04"),
        ("spread", (8_792_963, None), "8,792,963"),
        ("spread", (NAN, None), "undefined"),
        ("spread", None, "–"),
        ("hundredths", 1.0, "1.00"),
        ("hundredths", 0.97, "0.97"),
    ],
)
def test_a_quantity_is_shown_in_its_own_unit(format, value, shown):
    assert Column("q", format).show(value) == shown


@pytest.mark.parametrize(
    ("format", "value", "shown"),
    [
        ("quantity", 1.21, "1.21"),
        ("quantity", 0.0, "0.00"),
        ("quantity", 98, "98"),
        ("change", 7.6923, "+7.69"),
        ("change", -0.001, "0.00"),
        ("range", (0.0, 13.796), "0.00 to 13.80"),
        ("spread", (0.0, 0.04), "0.00 ± 0.04"),
        ("spread", (9.5, None), "9.50"),
        ("text", "Recall", "Recall"),
        ("percent", 0.5, "50.00 %"),
    ],
)
def test_quantities_in_percent_have_two_decimals(format, value, shown):
    assert Column("q", format).show(value, in_percent=True) == shown
    assert Column("Recall (%)", format).show(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(-1e-6, "0.00"), (0.0, "0.00"), (0.00005, "+0.01")])
def test_a_difference_has_a_sign_only_if_it_is_not_rounded_to_0(value, shown):
    assert Column("d", "points").show(value) == shown


def test_fractions_are_shown_in_percent():
    assert Column("a", "interval").show((0.9, 0.94)) == "90.00 to 94.00 %"
    assert Column("a", "number").show(1e-5) == "1e-05"
    assert Column("a", "integer").show(678) == "678"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_shows_missing_and_undefined_values(format):
    column = Column("a", format)
    assert column.show(None) == NO_VALUE
    assert column.show(NAN) == UNDEFINED


def test_pairs_take_two_columns_in_csv():
    assert Column("Mean", "spread").csv_titles == ["Mean", "Mean std"]
    assert Column("Mean", "interval").csv_titles == ["Mean low (fraction)", "Mean high (fraction)"]


def test_a_pair_is_undefined_if_one_of_its_numbers_is():
    assert undefined(NAN)
    assert undefined((0.5, NAN))
    assert not any(map(undefined, (None, "nan", 0, 0.5, (0.5, None))))


@pytest.mark.parametrize(
    ("format", "value", "message"),
    [
        ("text", 5, "column of text holds 5"),
        ("percent", "high", "column of numbers holds 'high'"),
        ("integer", (1.0, 2.0), "column of numbers"),
        ("interval", 0.5, "column of pairs holds 0.5"),
        ("range", (0.5, None), "column of numbers holds None"),
        ("spread", 0.5, "column of pairs"),
    ],
)
def test_a_value_of_another_format_is_refused(format, value, message):
    with pytest.raises(ArgumentError, match=message):
        Column("a", format).show(value)
