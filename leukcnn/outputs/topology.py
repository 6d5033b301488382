"""Networks as stacked boxes: their top layers ("topology") or all layers ("networks")."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras

from leukcnn import models, spec
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.models.unfilled import unfilled
from leukcnn.outputs.kind import NOTHING, Capture, FigureKind, Kept, Material
from leukcnn.outputs.network_layers import all_layers, top_layers
from leukcnn.outputs.titles import mark_and_caption
from leukcnn.rendering.topology import plot_topology
from leukcnn.results.results import Results

_READERS = {"topology": top_layers, "networks": all_layers}


class Blueprint(NamedTuple):
    """How to build a network with random weights: name and options of a builder of `leukcnn.models`.

    Without options (None), the name is that of a Keras application.
    """

    name: str
    options: dict[str, Any] | None = None

    def build(self) -> keras.Model:
        """Builds the network."""
        if self.options is None:
            return getattr(keras.applications, self.name)(weights=None)
        return models.build(self.name, **self.options)


def own_network(material: Material, row: str) -> Blueprint:
    """Returns the blueprint of a row's network at the paper's image size, under this run's assumptions."""
    setup = material.own_setup(row)
    image_size, arguments = setup.preprocessing.image_size, dict(setup.model.arguments)
    if "weights" in arguments:
        arguments["weights"] = None
    options = {
        "input_shape": (image_size, image_size, 3),
        "classes": len(material.results.paper.classes),
        **arguments,
    }
    return Blueprint(setup.model.name, options)


def named_networks(item: spec.Table | spec.Figure, material: Material) -> list[tuple[str, Blueprint]]:
    """Returns titles and blueprints of the networks of a table or figure; rows as in `own_network`."""
    rows = {row.setup.model.name: row.id for row in reversed(material.results.paper.rows)}
    return [
        (title, own_network(material, rows[name]) if name in rows else Blueprint(name))
        for title, name in item.networks
    ]


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    networks = named_networks(figure, material)

    def make() -> dict[str, Any]:
        # Layers and shapes are all that is shown: the values of whole VGGs would take gigabytes.
        with unfilled():
            columns = [(title, _READERS[figure.kind](network.build())) for title, network in networks]
        return {"columns": columns}

    yield Capture(figure.id, digest(to_plain(networks)), make)


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    caption = mark_and_caption(results, figure)["caption"]
    return [plot_topology(kept[figure.id]["columns"], folder / f"{figure.id}.png", caption=caption)]


KIND = FigureKind(build=_build, needs=NOTHING, capture=_capture)
