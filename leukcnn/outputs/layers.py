"""Tables of a network's layers as in Keras' own summary, as printed and as built here."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

import keras

from leukcnn import spec
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.outputs.kind import NOTHING, Capture, Kept, Material, TableKind
from leukcnn.outputs.network_layers import network_summary
from leukcnn.outputs.titles import make_table, state_of
from leukcnn.outputs.topology import own_network
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results

_TOTALS = {"Total params": ("trainable", "frozen"), "Trainable": ("trainable",), "Frozen": ("frozen",)}
_Line = tuple[str | None, str | None, int | None]
_NO_LINE: _Line = (None, None, None)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the layers of the paper's network as printed, next to those that its builder gives.

    Layers are paired by type, in their order. Names aren't compared: the printed ones are Keras' defaults.
    `table.reference` is as printed: layer with its type, output shape, number of parameters.
    """
    summary = kept.get(table.id)
    printed: list[_Line] = [(name, shape, count) for name, shape, count in table.reference]
    built: list[_Line] = [(name, shape, count) for name, shape, count in summary["layers"]] if summary else []
    pairs = _paired(printed, built)
    total = sum(count for *_, count in table.reference)
    for title, names in _TOTALS.items():
        count = sum(summary[name] for name in names) if summary else None
        published = total if title == "Total params" else None
        pairs.append(((None, None, published), (title, None, count)))
    absent = state_of("the network has not been built")
    rows = [(*pair[0], *pair[1], _verdict(*pair) if summary else absent) for pair in pairs]
    layer, shape, parameters = table.columns
    here = ("Here", "Output shape here", Column("Param # here", "quantity"))
    columns = (layer, shape, Column(parameters, "quantity"), *here, "Verdict")
    notes = (
        "The first three columns are as printed. The others are those of the network as built at the paper's "
        "own size, in any profile. Names of layers aren't compared.",
        "The published total is the sum of the printed lines.",
    )
    return make_table(results, table, columns, rows, notes=notes, measured=False)


def _paired(printed: Sequence[_Line], built: Sequence[_Line]) -> list[tuple[_Line, _Line]]:
    """Returns pairs of a printed and a built line of one layer type; `_NO_LINE` where one is missing."""
    # "Dense" in "dense (Dense)".
    types = [[str(line[0]).partition("(")[2].rstrip(")") for line in lines] for lines in (printed, built)]
    matcher = SequenceMatcher(None, types[0], types[1], autojunk=False)
    pairs: list[tuple[_Line, _Line]] = []
    for match, i, i_end, j, j_end in matcher.get_opcodes():
        if match == "equal":
            pairs += zip(printed[i:i_end], built[j:j_end], strict=True)
        else:
            pairs += [(line, _NO_LINE) for line in printed[i:i_end]]
            pairs += [(_NO_LINE, line) for line in built[j:j_end]]
    return pairs


def _verdict(printed: _Line, built: _Line) -> str:
    if printed[2] is None:
        return "not published"
    if built == _NO_LINE:
        return "no such layer in the built network"
    compared = zip(("shape", "parameters"), printed[1:], built[1:], strict=True)
    differ = [name for name, one, other in compared if one != other]
    return f"differs: {', '.join(differ)}" if differ else "equal"


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps the `network_summary` of the network of the table's first row."""
    network = own_network(material, table.rows[0])

    def make() -> dict[str, Any]:
        summary = network_summary(network.build())
        keras.utils.clear_session()
        return summary

    yield Capture(table.id, digest(to_plain(network)), make)


KIND = TableKind(build=build, needs=NOTHING, capture=_capture)
