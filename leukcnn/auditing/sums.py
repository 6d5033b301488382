"""Checks the totals of a table of counts."""

from collections.abc import Iterator, Mapping

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, SLIP, UNIQUE, Answer, AuditKind, all_of
from leukcnn.auditing.printed import name_of_cell, printed_values, where_of
from leukcnn.auditing.printed_counts import (
    TOTAL,
    DatasetLine,
    dataset_columns,
    dataset_lines,
    totals_elsewhere,
)
from leukcnn.datasets import card
from leukcnn.fields import find_named

_EXACT = "exact"


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields the sums of the lines and columns of each table of counts."""
    for table in paper.tables:
        if table.kind == "datasets":
            text = "each line adds up to its total"
            yield spec.Claim(f"{table.id}-lines", "sums", text, where_of(table), {"table": table.id})
            if any(line.key == TOTAL for line in dataset_lines(table, paper)):
                text = "each column adds up to the line 'Total'"
                yield spec.Claim(
                    f"{table.id}-total", "sums", text, where_of(table), {"table": table.id, "printed": TOTAL}
                )
        elif table.kind == "counts":
            text = "the sets are all images of the dataset, and augmentation adds to them"
            yield spec.Claim(f"{table.id}-sets", "sums", text, where_of(table), {"table": table.id})


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Checks the sums of a table.

    The claim's values are "table", the id of a table of the kind "datasets" or "counts", and for one of
    datasets "printed": left out for the totals of the lines, "Total" for those of the columns, or a number
    printed elsewhere, or its name, for each column, such as {"healthy": 1001}. "HBS+ALL" names two columns.
    """
    table = find_named(paper.tables, claim.values["table"], "id", f"table of {paper.key}")
    if table.kind == "counts":
        return _check_sets(claim, table, paper)
    printed = claim.values.get("printed")
    if printed is None:
        return _check_lines(claim, table, paper)
    if printed == TOTAL:
        return _check_total(claim, table, paper)
    return _check_elsewhere(claim, table, paper, printed)


def _check_lines(claim: spec.Claim, table: spec.Table, paper: spec.Paper) -> Answer:
    lines = dataset_lines(table, paper)
    off = []
    for line in lines:
        added = sum(n for name, n in line.counts.items() if name != TOTAL)
        if added != line.counts[TOTAL]:
            off.append(f"{line.key}: {added:,}, printed {line.counts[TOTAL]:,}")
    detail = f"these don't: {'; '.join(off)}" if off else f"{all_of(len(lines), 'lines')} do"
    covers = _cells(table, lines, dataset_columns(table, paper))
    searched = f"{len(lines)} sums"
    return Answer(claim, IMPOSSIBLE if off else CONSISTENT, detail, searched, _EXACT, covers=covers)


def _check_total(claim: spec.Claim, table: spec.Table, paper: spec.Paper) -> Answer:
    names, every = dataset_columns(table, paper), dataset_lines(table, paper)
    lines = [line for line in every if line.key != TOTAL]
    total = next(line for line in every if line.key == TOTAL)
    added = {name: sum(line.counts[name] for line in lines) for name in names}
    lacking = {name: total.counts[name] - added[name] for name in names if total.counts[name] != added[name]}
    covers = _cells(table, every, names)
    if not lacking:
        detail = f"they do: {_named(added)}"
        return Answer(claim, CONSISTENT, detail, f"{len(names)} sums", _EXACT, covers=covers)
    detail = f"the lines add up to {_named({n: added[n] for n in lacking})}; printed are " + _named(
        {n: total.counts[n] for n in lacking}
    )
    cells = len(lines) * (len(names) - 1)
    searched = f"a change of one of {cells} cells, and the same dataset in other papers"
    closing = _closing(paper, lines, lacking)
    if len(closing) != 1:
        found = "; ".join(closing) or "no other paper prints a count that closes the sums"
        return Answer(claim, IMPOSSIBLE, f"{detail}; {found}", searched, _EXACT, covers=covers)
    ((text, corrected),) = closing.items()
    known = [line for line in lines if totals_elsewhere(paper, line.key)]
    certainty = (
        f"the sums are exact; which line is wrong rests on other papers: they print {len(known)} of the "
        f"{len(lines)} lines, and only this one closes the sums"
    )
    return Answer(claim, SLIP, f"{detail}; {text}", searched, certainty, corrected, covers)


def _closing(paper: spec.Paper, lines: list[DatasetLine], lacking: Mapping[str, int]) -> dict[str, str]:
    """Returns the changes of one line, to another paper's count, that close all sums: text -> new counts."""
    columns = [name for name in lacking if name != TOTAL]
    if len(columns) != 1 or lacking.get(TOTAL) != lacking[columns[0]]:
        return {}
    found, (column,) = {}, columns
    for line in lines:
        new = line.counts[TOTAL] + lacking[TOTAL]
        where = [place for place, n in totals_elsewhere(paper, line.key).items() if n == new]
        if where and line.counts[column] + lacking[column] >= 0:
            text = (
                f"{line.key} has {line.counts[TOTAL]:,} here and {new:,} in {' and '.join(where)}, which "
                f"closes the sums of {' and '.join(lacking)}"
            )
            found[text] = f"{line.key}: {new:,}"
    return found


def _check_elsewhere(
    claim: spec.Claim, table: spec.Table, paper: spec.Paper, elsewhere: Mapping[str, int | str]
) -> Answer:
    """Compares numbers printed elsewhere with sums of the table: of all lines, else of consecutive ones."""
    values = printed_values(paper)
    printed = {name: values[n] if isinstance(n, str) else n for name, n in elsewhere.items()}
    covers = tuple(n for n in elsewhere.values() if isinstance(n, str))
    lines = [line for line in dataset_lines(table, paper) if line.key != TOTAL]

    def added(first: int, last: int) -> dict[str, int]:
        chosen = lines[first:last]
        return {
            names: sum(line.counts[name] for line in chosen for name in names.split("+")) for names in printed
        }

    every = added(0, len(lines))
    if every == printed:
        searched = f"{len(printed)} sums of {len(lines)} lines"
        return Answer(
            claim, CONSISTENT, f"the table adds up to {_named(every)}", searched, _EXACT, covers=covers
        )
    blocks = [(i, j) for i in range(len(lines)) for j in range(i + 1, len(lines) + 1)]
    fitting = [(i + 1, j) for i, j in blocks if added(i, j) == printed]
    detail = f"the table adds up to {_named(every)}, printed are {_named(printed)}"
    searched = f"{len(blocks)} blocks of consecutive lines"
    if not fitting:
        return Answer(claim, IMPOSSIBLE, f"{detail}, which no block gives", searched, _EXACT, covers=covers)
    blocks_text = " or ".join(f"lines {i} to {j}" for i, j in fitting)
    detail = f"{detail}, which are the sums of {blocks_text} ({lines[fitting[0][1] - 1].key} is the last)"
    return Answer(claim, UNIQUE if len(fitting) == 1 else CONSISTENT, detail, searched, _EXACT, covers=covers)


def _check_sets(claim: spec.Claim, table: spec.Table, paper: spec.Paper) -> Answer:
    """Compares the sets' sums before augmentation with the dataset, and their counts after it."""
    half = len(paper.classes)
    faults, found = [], []
    images = card(paper.datasets[0]).subsets[0].images
    for column in range(1, half + 1):
        title = table.columns[column].casefold()
        name = next((one for one in images if one.casefold() in title), "")
        added = sum(line[column] for line in table.reference)
        if name and added != images[name]:
            faults.append(f"the sets have {added:,} images of {name}, the dataset {images[name]:,}")
        found.append(f"{table.columns[column]} {added:,}")
        for line in table.reference:
            before, after = line[column], line[column + half]
            if after is not None and after < before:
                faults.append(f"{line[0]}: {after:,} after augmentation, {before:,} before")
    for line in table.reference:
        if len(set(line[1 + half :])) > 1:
            faults.append(f"{line[0]}: the classes differ after augmentation")
    detail = (
        "; ".join(faults) or f"the sets add up to the dataset ({', '.join(found)}); its classes are balanced"
    )
    numbers = range(1, 2 * half + 1)
    covers = tuple(
        name_of_cell(table, i, column)
        for i, line in enumerate(table.reference)
        for column in numbers
        if line[column] is not None
    )
    verdict = IMPOSSIBLE if faults else CONSISTENT
    return Answer(claim, verdict, detail, f"{half} sums and {len(covers)} counts", _EXACT, covers=covers)


def _cells(table: spec.Table, lines: list[DatasetLine], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name_of_cell(table, line.line, 1 + i) for line in lines for i in range(len(names)))


def _named(counts: Mapping[str, int | float]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


KINDS: dict[str, AuditKind] = {"sums": AuditKind(check=_check, find=_find)}
