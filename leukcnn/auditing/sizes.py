"""Checks parameters and file sizes of the networks, from their builders."""

import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, SLIP, UNDECIDABLE, UNIQUE, Answer, AuditKind
from leukcnn.auditing.families import parameters_of_family
from leukcnn.auditing.networks import (
    BYTES_OF_A_PARAMETER,
    rows_with_network,
    size_of_builder,
    size_of_row,
)
from leukcnn.auditing.printed import name_of, name_of_cell, printed_number
from leukcnn.fields import find_named
from leukcnn.spec.names import APPLICATIONS
from leukcnn.spec.printed import own_decimals

_PARAMETERS, _DEPTH = "parameters", "depth"
_UNITS = {"MB of 10^6 bytes": 10**6, "MB of 2^20 bytes": 2**20}
_MOST_SLOTS = 2


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields the printed parameters of rows, all file sizes together, and tables of networks and layers."""
    printed: dict[tuple[str, int], list[tuple[str, str]]] = {}
    files: list[tuple[str, str]] = []
    for table in paper.tables:
        for one in table.published:
            place = (name_of(table, one), table.where)
            if one.metric == "parameters":
                printed.setdefault((one.row, int(one.value)), []).append(place)
            elif one.metric == "file_mb":
                files.append(place)
    for (row, n), places in printed.items():
        values = {"row": row, "parameters": n, "covers": tuple(name for name, _ in places)}
        text = f"{paper.row(row).label} has {n:,} parameters"
        yield spec.Claim(f"parameters-{row}", "network_size", text, _where(places), values)
    if files:
        values = {"files": True, "covers": tuple(name for name, _ in files)}
        text = "the sizes of the networks' files"
        yield spec.Claim("file-sizes", "network_size", text, _where(files), values)
    for table in paper.tables:
        if table.kind == "layers":
            text = "the layers' parameters"
            yield spec.Claim(f"{table.id}-parameters", "network_size", text, table.where, {"table": table.id})
        elif table.kind == "networks":
            for column, what in ((1, _DEPTH), (2, _PARAMETERS)):
                values = {"table": table.id, "column": column, "what": what}
                text = f"{table.columns[column]} of the published networks"
                yield spec.Claim(f"{table.id}-{what}", "network_size", text, table.where, values)


def _where(places: list[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(where for _, where in places if where))


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Checks sizes of networks.

    The claim's values are one of:

    - "row" and "parameters";
    - "files", for all printed file sizes together;
    - "table", of the kind "layers", or of the kind "networks" with "column" and "what";
    - "parameters", "network" (a builder or a network of `keras.applications`) and "times": how many times
      fewer the parameters are than that network's;
    - "parameters" and "family", the arguments of `families.parameters_of_family`, to count the networks of a
      family that have this number of parameters.
    """
    values = claim.values
    if "family" in values:
        return _check_family(claim)
    if "times" in values:
        return _check_times(claim)
    if "row" in values:
        return _check_row(claim, paper)
    if "files" in values:
        return _check_files(claim, paper)
    table = find_named(paper.tables, values["table"], "id", f"table of {paper.key}")
    return _check_layers(claim, paper, table) if table.kind == "layers" else _check_published(claim, table)


def _check_row(claim: spec.Claim, paper: spec.Paper) -> Answer:
    row, printed = claim.values["row"], claim.values["parameters"]
    covers = tuple(claim.values["covers"])
    built = size_of_row(paper, row).parameters
    certainty = "exact for the network that is built here; the paper may leave some of its layers open"
    if built == printed:
        detail = f"its builder gives {built:,}"
        return Answer(claim, CONSISTENT, detail, "its builder", certainty, covers=covers)
    elsewhere: dict[str, int] = {}
    backbone = str(paper.row(row).setup.model.arguments.get("backbone", ""))
    if backbone in APPLICATIONS:
        elsewhere[f"the published {backbone} with 1000 classes"] = size_of_builder(backbone).parameters
    for other in rows_with_network(paper):
        elsewhere[paper.row(other).label] = size_of_row(paper, other).parameters
    same = [name for name, n in elsewhere.items() if n == printed]
    detail = f"its builder gives {built:,}, {abs(built - printed):,} {'more' if built > printed else 'fewer'}"
    searched = f"its builder, and {len(elsewhere)} other networks"
    if same:
        detail += f"; {printed:,} are those of {' and '.join(same)}"
        return Answer(claim, SLIP, detail, searched, certainty, f"{built:,}", covers)
    return Answer(claim, IMPOSSIBLE, f"{detail}; no other row has them", searched, certainty, covers=covers)


class _Rule(NamedTuple):
    """A rule for the size of a network's file.

    Attributes:
        unit: A key of `_UNITS`.
        slots: Number of the optimizer's variables for each parameter.
        of_trainable: Whether only trainable parameters have them.
        printed: Whether the printed parameters count, and not those of the builders.
    """

    unit: str
    slots: int
    of_trainable: bool
    printed: bool

    def megabytes(self, parameters: int, trainable: int) -> float:
        slotted = trainable if self.of_trainable else parameters
        return BYTES_OF_A_PARAMETER * (parameters + self.slots * slotted) / _UNITS[self.unit]

    def __str__(self) -> str:
        of = " of trainable parameters" * (self.of_trainable and bool(self.slots))
        source = "printed" if self.printed else "built"
        return f"{source} parameters and {self.slots} optimizer slots{of}, in {self.unit}"


def _check_files(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Looks for one rule that gives all printed file sizes: the parameters and the optimizer's variables."""
    printed: dict[str, float] = {}
    counts: dict[str, int] = {}
    for table in paper.tables:
        for one in table.published:
            if one.metric == "file_mb":
                printed[one.row] = one.value
            elif one.metric == "parameters":
                counts[one.row] = int(one.value)
    sizes = {row: size_of_row(paper, row) for row in printed}
    fitting: dict[_Rule, list[str]] = {}
    choices = itertools.product(_UNITS, range(_MOST_SLOTS + 1), (False, True), (False, True))
    for rule in (_Rule(*choice) for choice in choices if choice[1] or not choice[2]):
        of_rule = fitting[rule] = []
        for row, size in sizes.items():
            trainable = size.trainable
            parameters = counts.get(row, size.parameters) if rule.printed else size.parameters
            if abs(rule.megabytes(parameters, trainable) - printed[row]) < 1:
                of_rule.append(row)
    every = [rule for rule, rows in fitting.items() if len(rows) == len(printed)]
    searched = (
        f"{len(fitting)} rules: {len(_UNITS)} units, 0 to {_MOST_SLOTS} optimizer slots, all or trainable"
    )
    certainty = "a size fits within 1 MB; a file's own structure, of some kB, isn't counted"
    covers = tuple(claim.values["covers"])
    if every:
        detail = f"all {len(printed)} are given by {' or by '.join(map(str, every))}"
        verdict = UNIQUE if len(every) == 1 else CONSISTENT
        return Answer(claim, verdict, detail, searched, certainty, covers=covers)
    by_row = {row: [str(rule) for rule, rows in fitting.items() if row in rows] for row in printed}
    singly = [f"{paper.row(row).label}: {' or '.join(rules) or 'none'}" for row, rules in by_row.items()]
    detail = f"no rule gives all {len(printed)}; for each by itself: {'; '.join(singly)}"
    return Answer(claim, IMPOSSIBLE, detail, searched, certainty, covers=covers)


def _check_layers(claim: spec.Claim, paper: spec.Paper, table: spec.Table) -> Answer:
    """Compares a table of layers with the layers of its first row's network, in their order."""
    built = [n for _, n in size_of_row(paper, table.rows[0]).layers]
    printed = [line[2] for line in table.reference]
    covers = tuple(name_of_cell(table, line, 2) for line in range(len(printed)))
    if built == printed:
        detail = f"the builder gives the same numbers, {sum(built):,} in total"
        return Answer(claim, CONSISTENT, detail, f"{len(built)} layers", "exact", covers=covers)
    detail = f"the builder gives {', '.join(f'{n:,}' for n in built)}"
    return Answer(claim, IMPOSSIBLE, detail, f"{len(built)} layers", "exact", covers=covers)


def _check_published(claim: spec.Claim, table: spec.Table) -> Answer:
    """Compares a column of a table with networks as they are built here."""
    column, what = claim.values["column"], claim.values["what"]
    equal: list[str] = []
    different: list[str] = []
    covers = []
    builders = dict(table.networks)
    for line, cells in enumerate(table.reference):
        if name := builders.get(cells[0]):
            covers.append(name_of_cell(table, line, column))
            size = size_of_builder(name)
            built = size.depth if what == _DEPTH else size.parameters
            text = f"{name} {built:,}" + ("" if built == cells[column] else f", printed {cells[column]:,}")
            (equal if built == cells[column] else different).append(text)
    counted = "layers on the longest path" if what == _DEPTH else "parameters with 1000 classes"
    detail = f"{counted}: {'; '.join([*different, *equal])}"
    # A new version of a network may have another padding layer, but never other parameters.
    wrong = UNDECIDABLE if what == _DEPTH else IMPOSSIBLE
    certainty = "exact for Keras' networks as they are today"
    verdict = wrong if different else CONSISTENT
    return Answer(claim, verdict, detail, f"{len(covers)} networks", certainty, covers=tuple(covers))


def _check_family(claim: spec.Claim) -> Answer:
    """Counts the networks of a family that have the printed number of parameters."""
    printed, family = claim.values["parameters"], claim.values["family"]
    found = parameters_of_family(printed, **_mapping(family))
    shown = "; ".join(found.networks[:3])
    some = f"such as {shown}" if len(found.networks) > 3 else shown
    verdict = UNIQUE if len(found.networks) == 1 else CONSISTENT if found.networks else IMPOSSIBLE
    detail = f"{len(found.networks)} networks have {printed:,} parameters" + f": {some}" * bool(
        found.networks
    )
    if len(found.networks) > 1:
        detail += "; the reading isn't unique"
    certainty = (
        f"exact for this family; of {found.controls} other numbers near it, {found.matched_controls} are "
        "those of a network as well"
    )
    return Answer(claim, verdict, detail, f"{found.size:,} networks: {found.description}", certainty)


def _check_times(claim: spec.Claim) -> Answer:
    parameters, name, says = (claim.values[key] for key in ("parameters", "network", "times"))
    size = size_of_builder(name)
    low, high = printed_number(says, own_decimals(says)).bounds()
    ratio = Fraction(size.parameters, parameters)
    detail = f"{name} has {size.parameters:,}, {float(ratio):.2f} times {parameters:,}"
    verdict = CONSISTENT if low <= ratio < high else IMPOSSIBLE
    return Answer(claim, verdict, detail, "its builder", "exact for the network that is built here")


def _mapping(family: Any) -> Mapping[str, Any]:
    if not isinstance(family, Mapping):
        raise TypeError(f"'family' is {family!r}, not a mapping")
    return family


KINDS: dict[str, AuditKind] = {"network_size": AuditKind(check=_check, find=_find)}
