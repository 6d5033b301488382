"""Tables of the depth and the number of parameters of networks, as printed and as built here."""

from collections.abc import Iterator
from typing import Any

from leukcnn import spec
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.models.unfilled import unfilled
from leukcnn.outputs.kind import NOTHING, Capture, Kept, Material, TableKind
from leukcnn.outputs.network_layers import topological_depth
from leukcnn.outputs.titles import make_table, state_of
from leukcnn.outputs.topology import named_networks
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the printed lines next to the depth and the parameters of the networks that are built here.

    Each line of `table.reference` has four cells: name, topological depth, number of parameters, year.
    """
    measured = kept[table.id]["networks"] if table.id in kept else {}
    rows = []
    for name, depth, parameters, year in table.reference:
        built = measured.get(name)
        if built is None:
            verdict = state_of("the network has not been built")
        else:
            pairs = {"depth": (depth, built["depth"]), "parameters": (parameters, built["parameters"])}
            differing = [what for what, (printed, found) in pairs.items() if printed != found]
            verdict = f"differs: {', '.join(differing)}" if differing else "equal"
        here = (built["depth"], built["parameters"]) if built else (None, None)
        rows.append((name, depth, parameters, year, *here, verdict))
    first, depth, parameters, year = table.columns
    columns = (
        *(first, Column(depth, "quantity"), Column(parameters, "quantity"), year),
        *(Column(f"{depth}, measured", "quantity"), Column(f"{parameters}, measured", "quantity"), "Verdict"),
    )
    notes = (
        "The measured columns are those of the networks as Keras builds them, with their input of 224 or 299 "
        "pixels and 1000 classes. The depth is the number of layers on the longest path, with the input, "
        "activations and batch normalisation.",
    )
    return make_table(results, table, columns, rows, notes=notes, measured=False)


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps "networks": name -> "depth" and "parameters" of each network of the table."""
    networks = named_networks(table, material)

    def make() -> dict[str, Any]:
        # Shapes are all that is counted: the values of whole VGGs would take gigabytes.
        with unfilled():
            built = {title: network.build() for title, network in networks}
            return {
                "networks": {
                    title: {"depth": topological_depth(model), "parameters": model.count_params()}
                    for title, model in built.items()
                }
            }

    yield Capture(table.id, digest(to_plain(networks)), make)


KIND = TableKind(build=build, needs=NOTHING, capture=_capture)
