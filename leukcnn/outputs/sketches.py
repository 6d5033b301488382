"""What a paper's figures and tables need of the data and the networks, kept with an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import models, preprocessing, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import ImageIndex, card
from leukcnn.experiment.request import Request
from leukcnn.files import read_json, stored_arrays, write_arrays, write_json
from leukcnn.outputs.cell_sketches import pick_smears
from leukcnn.outputs.mask_scores import measure_masks
from leukcnn.outputs.network_layers import all_layers, network_summary, top_layers
from leukcnn.outputs.titles import describe
from leukcnn.picture_cache import prepared_pictures
from leukcnn.seeding import generator

_SAMPLES_A_CLASS = 4
_SEGMENTED_A_CLASS = 2
_PICTURES = ("samples", "augmentations", "segmentation", "smears")


@dataclass(frozen=True, eq=False)
class Sketches:
    """What figures and tables need of the data and the networks, kept with an experiment.

    Attributes:
        samples: Titles and uint8 (H, W, 3) pictures of cells of each class.
        augmentations: Titles and uint8 (H, W, 3) pictures of one cell and its variants.
        topology: Id of a figure -> title and layers of each of its networks, as
            `leukcnn.rendering.topology.draw_topology` takes them; id of a table of layers -> what
            `network_layers.network_summary` says of its network; id of a table of masks -> what
            `leukcnn.outputs.mask_scores.measure_masks` says of the pictures.
        segmentation: Titles and uint8 (H, W, 3) pictures: some of the samples, without any mask, each
            followed by what `leukcnn.preprocessing.hsv_segment` keeps of it, the rest black. Empty where no
            figure shows it.
        smears: Titles and uint8 (H, W, 3) pictures of each class and dataset, whole, as
            `leukcnn.outputs.cell_sketches.pick_smears` gives them. Empty where no figure shows how they are
            thresholded.
    """

    samples: list[tuple[str, np.ndarray]]
    augmentations: list[tuple[str, np.ndarray]]
    topology: dict[str, Any]
    segmentation: list[tuple[str, np.ndarray]] = field(default_factory=list)
    smears: list[tuple[str, np.ndarray]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Writes the sketches into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        arrays = {}
        for kind in _PICTURES:
            named = getattr(self, kind)
            arrays[f"{kind}_titles"] = np.array([title for title, _ in named])
            arrays |= {f"{kind}_{i}": picture for i, (_, picture) in enumerate(named)}
        write_arrays(folder / "sketches.npz", **arrays)
        write_json(folder / "topology.json", self.topology)

    @staticmethod
    def load(folder: Path) -> "Sketches":
        """Reads the sketches.

        Raises:
            StoreError: They aren't there or can't be read.
        """
        with stored_arrays(folder / "sketches.npz") as arrays:
            named = {
                kind: [
                    (str(title), arrays[f"{kind}_{i}"]) for i, title in enumerate(arrays[f"{kind}_titles"])
                ]
                for kind in _PICTURES
            }
        return Sketches(**named, topology=read_json(folder / "topology.json"))

    @staticmethod
    def exist(folder: Path) -> bool:
        """Returns whether an experiment's folder holds them."""
        return (folder / "topology.json").exists()


def make_sketches(request: Request, index: ImageIndex) -> Sketches:
    """Picks the pictures and reads the networks' layers.

    Args:
        request: Says what the paper's figures show; the pictures are as large as the paper's own.
        index: The pictures, of which some of each class are picked.
    """
    paper = request.paper
    first_parts = [card(str(name)).parts[0].key for name in np.unique(index.dataset)]
    kept = np.flatnonzero((index.labels >= 0) & np.isin(index.part, first_parts))
    rng = generator(request.seed, "figures")
    # The last class first: where there are two, it is the positive one.
    by_class = [
        rng.permutation(kept[index.labels[kept] == label])[:_SAMPLES_A_CLASS]
        for label in reversed(range(len(index.class_names)))
    ]
    chosen = np.concatenate(by_class)
    pictures = prepared_pictures(index.select(chosen), request.control_preprocessing)
    samples = [
        (describe(index, row), np.array(picture)) for row, picture in zip(chosen, pictures, strict=True)
    ]
    augmentations, topology, segmentation, smears = [], {}, [], []
    for figure in paper.figures:
        if figure.variants:
            arguments = request.setup(paper.row_ids[0]).augmentation.arguments
            variants = _variants(arguments, samples[0][1], figure.variants)
            augmentations = [("source", samples[0][1]), *variants]
        if figure.kind == "segmentation":
            shown = np.concatenate([rows[:_SEGMENTED_A_CLASS] for rows in by_class])
            segmentation = _segmented(request, index, shown)
        if figure.kind in ("histograms", "extraction") and not smears:
            smears = pick_smears(index, kept, seed=request.seed)
        if figure.networks:
            read = top_layers if figure.kind == "topology" else all_layers
            topology[figure.id] = [(title, read(_network(request, name))) for title, name in figure.networks]
    for table in paper.tables:
        if table.kind == "layers":
            topology[table.id] = network_summary(_own_network(request, paper.row(table.rows[0])))
        if table.kind == "mask_scores":
            topology[table.id] = measure_masks(index)
    return Sketches(samples, augmentations, topology, segmentation=segmentation, smears=smears)


def _segmented(request: Request, index: ImageIndex, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Returns some pictures without any mask, each followed by what the segmentation keeps of it."""
    whole = replace(request.control_preprocessing, mask="")
    panels = []
    for row, picture in zip(rows, np.array(prepared_pictures(index.select(rows), whole)), strict=True):
        kept = preprocessing.hsv_segment(picture)
        panels.append((describe(index, row), picture))
        panels.append((f"segmented: {100 * kept.mean():.0f} % kept", picture * kept[..., None]))
    return panels


def _variants(
    arguments: Mapping[str, Any], source: np.ndarray, variants: Sequence[tuple[str, dict]]
) -> list[tuple[str, np.ndarray]]:
    augmenter = ImageAugmenter(**arguments)
    return [(title, augmenter.apply_transform(source, parameters)) for title, parameters in variants]


def _network(request: Request, name: str) -> keras.Model:
    """Builds a network of the paper in the paper's own size, or one of Keras Applications."""
    if name in models.list_models():
        return _own_network(request, next(r for r in request.paper.rows if r.setup.model.name == name))
    return getattr(keras.applications, name)(weights=None)


def _own_network(request: Request, row: spec.Row) -> keras.Model:
    """Builds a row's network with random weights, as the paper and the assumptions have it."""
    setup = request.paper.setup(row.id, assumed=request.assumed)
    side, arguments = setup.preprocessing.side, dict(setup.model.arguments)
    if "weights" in arguments:
        arguments["weights"] = None
    options = {"input_shape": (side, side, 3), "classes": len(request.paper.classes), **arguments}
    return models.build(setup.model.name, **options)
