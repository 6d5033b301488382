"""Tables of a network's layers, as Keras summarises them."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import keras

from leukcnn import spec
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.outputs.kind import NOTHING, Capture, Kept, Material, TableKind
from leukcnn.outputs.network_layers import network_summary
from leukcnn.outputs.titles import framed, state_of
from leukcnn.outputs.topology import own_network
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.results import Results

_TOTALS = {"Total params": ("trainable", "frozen"), "Trainable": ("trainable",), "Frozen": ("frozen",)}
_NO_LINE = (None, None, None)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the layers of the paper's network as printed, beside those that its builder gives.

    Layers are paired by type, in their order: names aren't compared, since Keras gives those of the paper.

    Args:
        table: With `reference` as printed: layer and its type, output shape, number of parameters.
        results: The experiment.
        kept: Of the table, what `network_layers.network_summary` says of the network that the builder of its
            first row gives; nothing where it isn't at hand.
    """
    summary = kept.get(table.id)
    here = [tuple(line) for line in summary["layers"]] if summary else []
    pairs = _paired(table.reference, here)
    total = sum(line[2] for line in table.reference)
    for title, parts in _TOTALS.items():
        count = sum(summary[part] for part in parts) if summary else None
        published = total if title == "Total params" else None
        pairs.append(((None, None, published), (title, None, count)))
    rows = []
    for printed, built in pairs:
        said = _verdict(printed, built) if summary else state_of("the network's layers aren't at hand")
        rows.append((*printed, *built, said))
    layer, shape, parameters = table.columns
    here = ("Here", "Output shape here", Column("Param # here", "quantity"))
    columns = (layer, shape, Column(parameters, "quantity"), *here, "Verdict")
    notes = (
        "The first columns are as printed; the others are what the builder gives, as the paper has it, "
        "whatever the profile. Names of layers aren't compared.",
        "The published total is the sum of the printed lines.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


def _paired(
    printed: Sequence[tuple[Cell, ...]], built: Sequence[tuple[Cell, ...]]
) -> list[tuple[tuple[Cell, ...], tuple[Cell, ...]]]:
    """Returns the lines in pairs of one type; `_NO_LINE` where one side has no such layer there."""
    # The type in "dense (Dense)".
    kinds = [[line[0].partition("(")[2].rstrip(")") for line in lines] for lines in (printed, built)]
    pairs = []
    for found, i, i_end, j, j_end in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if found == "equal":
            pairs += zip(printed[i:i_end], built[j:j_end], strict=True)
        else:
            pairs += [(line, _NO_LINE) for line in printed[i:i_end]]
            pairs += [(_NO_LINE, line) for line in built[j:j_end]]
    return pairs


def _verdict(printed: tuple[Cell, ...], built: tuple[Cell, ...]) -> str:
    if printed[2] is None:
        return "not published"
    if built == _NO_LINE:
        return "the builder has no such layer"
    compared = zip(("shape", "parameters"), printed[1:], built[1:], strict=True)
    differ = [what for what, one, other in compared if one != other]
    return f"differs: {', '.join(differ)}" if differ else "equal"


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps what `network_summary` says of the network that the builder of the table's first row gives."""
    network = own_network(material, table.rows[0])

    def make():
        summary = network_summary(network.build())
        keras.utils.clear_session()
        return summary

    yield Capture(table.id, digest(to_plain(network)), make)


KIND = TableKind(build=build, needs=NOTHING, capture=_capture)
