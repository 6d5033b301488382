"""Compares the tables of all papers with the frozen ones, byte for byte.

After an intended change of a table, `python tests/golden/store.py --write` freezes it again.
"""

import csv
import difflib
import math

import pytest

from tests.golden import store

# Number of lines of a difference that are shown.
_SHOWN = 20


@pytest.mark.parametrize("case_id", store.CASES)
def test_tables_are_as_frozen(case_id, session_folder):
    expected, found = store.frozen(case_id), store.rendered(store.CASES[case_id], session_folder)
    faults = [f"{name} is frozen, but isn't made" for name in expected.keys() - found.keys()]
    faults += [f"{name} is made, but isn't frozen" for name in found.keys() - expected.keys()]
    faults += [
        f"{name} differs"
        for name in expected.keys() & found.keys()
        if not _agree(expected[name], found[name], ending=name.rpartition(".")[2])
    ]
    assert not faults, f"{case_id}: {'; '.join(sorted(faults))}\n{_first_difference(expected, found)}"


def test_every_frozen_folder_is_of_a_case():
    assert {path.name for path in store.FOLDER.iterdir()} == {*store.CASES}


@pytest.mark.parametrize("paper", store.PAPERS)
def test_every_table_of_a_paper_is_frozen_in_some_case(paper):
    cases = [case for case in store.CASES.values() if case.paper == paper]
    files = {name for case in cases for name in store.frozen(case.id)}
    wanted = {f"{table}.{ending}" for table in store.table_ids(paper) for ending in ("csv", "md", "tex")}
    assert files == wanted


def _agree(expected, found, *, ending):
    """Returns whether two texts are equal; in CSV, except for the last digits of numbers."""
    if expected == found:
        return True
    if ending != "csv":
        return False
    lines = [list(csv.reader(text.splitlines(keepends=True))) for text in (expected, found)]
    if [len(line) for line in lines[0]] != [len(line) for line in lines[1]]:
        return False
    return all(
        one == other or _nearly_same(one, other)
        for pair in zip(*lines, strict=True)
        for one, other in zip(*pair, strict=True)
    )


def _nearly_same(one, other):
    try:
        numbers = float(one), float(other)
    except ValueError:
        return False
    at_full_precision = all(repr(number) == text for number, text in zip(numbers, (one, other), strict=True))
    return at_full_precision and math.isclose(*numbers, rel_tol=1e-12, abs_tol=1e-12)


def _first_difference(expected, found):
    """Returns the first lines of the difference in the first file that differs."""
    for name in sorted(expected.keys() & found.keys()):
        if not _agree(expected[name], found[name], ending=name.rpartition(".")[2]):
            texts = [text.splitlines() for text in (expected[name], found[name])]
            lines = [*difflib.unified_diff(*texts, f"{name}, frozen", f"{name}, made", lineterm="", n=0)]
            more = [f"... and {len(lines) - _SHOWN} lines more"] if len(lines) > _SHOWN else []
            return "\n".join([*lines[:_SHOWN], *more])
    return ""
