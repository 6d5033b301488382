"""Tables of a network's layers, as Keras summarises them."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import keras

from leukcnn import spec
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.outputs.kind import NOTHING, Capture, Kept, Material, TableKind
from leukcnn.outputs.network_layers import network_summary
from leukcnn.outputs.titles import framed
from leukcnn.outputs.topology import own_network
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.results import Results

_TOTALS = {"Total params": ("trainable", "frozen"), "Trainable": ("trainable",), "Frozen": ("frozen",)}


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
    rows = [
        (*(printed or [None] * 3), *(built or [None] * 3), _verdict(printed, built, at_hand=bool(summary)))
        for printed, built in _paired(table.reference, here)
    ]
    total = sum(line[2] for line in table.reference)
    for title, parts in _TOTALS.items():
        published = total if title == "Total params" else None
        count = sum(summary[part] for part in parts) if summary else None
        rows.append((None, None, published, title, None, count, _count_verdict(published, count)))
    columns = [
        *table.columns[:2],
        Column(table.columns[2], "quantity"),
        "Here",
        "Output shape here",
        Column("Param # here", "quantity"),
        "Verdict",
    ]
    notes = (
        "The first columns are as printed; the others are what the builder gives, as the paper has it, "
        "whatever the profile. Names of layers aren't compared.",
        "The published total is the sum of the printed lines.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


def _paired(
    printed: Sequence[tuple[Cell, ...]], built: Sequence[tuple[Cell, ...]]
) -> list[tuple[tuple[Cell, ...] | None, tuple[Cell, ...] | None]]:
    """Returns the lines in pairs of one type; None where one side has no such layer there."""
    kinds = [[_kind(line[0]) for line in lines] for lines in (printed, built)]
    pairs = []
    for found, i, i_end, j, j_end in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if found == "equal":
            pairs += zip(printed[i:i_end], built[j:j_end], strict=True)
        else:
            pairs += [(line, None) for line in printed[i:i_end]]
            pairs += [(None, line) for line in built[j:j_end]]
    return pairs


def _kind(layer: str) -> str:
    """Returns the type in "dense (Dense)"."""
    return layer.partition("(")[2].rstrip(")")


def _verdict(printed: tuple[Cell, ...] | None, built: tuple[Cell, ...] | None, *, at_hand: bool) -> str:
    if not at_hand:
        return "not measured: the network's layers aren't at hand"
    if printed is None:
        return "not published"
    if built is None:
        return "the builder has no such layer"
    differ = [
        what
        for what, one, other in zip(("shape", "parameters"), printed[1:], built[1:], strict=True)
        if one != other
    ]
    return f"differs: {', '.join(differ)}" if differ else "equal"


def _count_verdict(published: int | None, count: int | None) -> str:
    if count is None:
        return "not measured: the network's layers aren't at hand"
    if published is None:
        return "not published"
    return "equal" if published == count else "differs: parameters"


def capture_layers(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps what `network_summary` says of the network that the builder of the table's first row gives."""
    network = own_network(material, table.rows[0])

    def make():
        summary = network_summary(network.build())
        keras.utils.clear_session()
        return summary

    yield Capture(table.id, digest(to_plain(network)), make)


KIND = TableKind(build=build, needs=NOTHING, capture=capture_layers)
