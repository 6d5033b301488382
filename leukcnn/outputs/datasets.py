"""The table of the datasets: what the catalogue knows, what the paper prints and what is at hand."""

from collections.abc import Sequence

import numpy as np

from leukcnn import spec
from leukcnn.datasets import CATALOG, card
from leukcnn.outputs.kind import DATA, Kept, TableKind
from leukcnn.outputs.titles import framed
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results

_TOTAL = "Total"


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns what each dataset holds by the catalogue, checked against the print, and what is here.

    A row of `table.reference` holds the key of a dataset and its printed counts: of the paper's classes, of
    other classes where the paper counts those, of all. One whose first cell is "Total" holds the sums that
    the paper prints; they are checked against the catalogue's and against the printed rows.
    """
    classes, here = results.paper.classes, results.record.datasets
    printed = {key: list(counts) for key, *counts in table.reference}
    printed_sums = printed.pop(_TOTAL, None)
    with_other = len(next(iter(printed.values()))) > len(classes) + 1
    catalogued = {key: _catalogued(results.paper, key, with_other=with_other) for key in printed}
    found = {key: [counts.get(name, 0) for name in classes] for key, counts in here.items()}
    nothing = [0] * len(classes)
    rows = [
        (
            card(key).name,
            *catalogued[key],
            *found.get(key, nothing),
            _agreement(catalogued[key], counts),
        )
        for key, counts in printed.items()
    ]
    sums = _sums(catalogued.values())
    found_sums = _sums([found.get(key, nothing) for key in printed])
    agrees = _agreement_of_sums(sums, printed_sums, _sums(printed.values())) if printed_sums else ""
    rows.append((_TOTAL, *sums, *found_sums, agrees))
    for key in here:
        if key not in results.paper.datasets:
            rows.append((card(key).name, *[None] * len(sums), *found[key], "not in the paper"))
    columns = (
        "Dataset",
        *(Column(name, "integer") for name in (*classes, *(["Other"] if with_other else []), _TOTAL)),
        *(Column(f"{name} here", "integer") for name in classes),
        "As printed",
    )
    notes = (
        f"{sum(sums[: len(classes)]):,} pictures of {', '.join(classes)} are used, {sums[-1]:,} are there in "
        "all.",
        "Counts by the catalogue; 'here': found in the data of this run. `leukcnn datasets` says where each "
        "dataset is to be had.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


def _agreement(catalogued: Sequence[int], printed: Sequence[int]) -> str:
    return "yes" if catalogued == printed else f"no, printed {_slashed(printed)}"


def _agreement_of_sums(sums: Sequence[int], printed: Sequence[int], of_printed_rows: Sequence[int]) -> str:
    said = _agreement(sums, printed)
    if of_printed_rows != printed:
        said += f"; the printed rows add up to {_slashed(of_printed_rows)}"
    return said


def _slashed(counts: Sequence[int]) -> str:
    return " / ".join(map(str, counts))


def _sums(rows: Sequence[Sequence[int]]) -> list[int]:
    return np.sum(list(rows), axis=0).tolist()


def _catalogued(paper: spec.Paper, key: str, *, with_other: bool) -> list[int]:
    """Returns a dataset's published pictures: of each class of the paper, of others if wanted, of all."""
    pictures = CATALOG[key].parts[0].pictures
    of_class = dict.fromkeys(paper.classes, 0)
    for name, count in pictures.items():
        if name in paper.class_of:
            of_class[paper.class_of[name]] += count
    used, every = list(of_class.values()), sum(pictures.values())
    return [*used, *([every - sum(used)] if with_other else []), every]


KIND = TableKind(build=build, needs=DATA)
