"""What a paper's figures need of the data and the networks, kept with an experiment."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from leukcnn import models, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import ImageIndex
from leukcnn.errors import StoreError
from leukcnn.fields import replace_at
from leukcnn.picture_cache import prepared_pictures
from leukcnn.reporting.topology import top_layers
from leukcnn.runs import read_json, replace_file, write_json
from leukcnn.seeding import generator

_SAMPLES_A_CLASS = 4


@dataclass(frozen=True, eq=False)
class Sketches:
    """What the figures need of the data and the networks, kept with an experiment.

    Attributes:
        samples: Titles and uint8 (H, W, 3) pictures of cells of each class.
        augmentations: Titles and uint8 (H, W, 3) pictures of one cell and its variants.
        topology: Title of a network -> (layer, output shape) of its top layers.
    """

    samples: list[tuple[str, np.ndarray]]
    augmentations: list[tuple[str, np.ndarray]]
    topology: list[tuple[str, list[tuple[str, str]]]]

    def save(self, folder: Path) -> None:
        """Writes the sketches into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        arrays = {}
        for kind in ("samples", "augmentations"):
            named = getattr(self, kind)
            arrays[f"{kind}_titles"] = np.array([title for title, _ in named])
            arrays |= {f"{kind}_{i}": picture for i, (_, picture) in enumerate(named)}
        with replace_file(folder / "sketches.npz") as draft, draft.open("wb") as file:
            np.savez_compressed(file, **arrays)
        write_json(folder / "topology.json", self.topology)

    @staticmethod
    def load(folder: Path) -> "Sketches":
        """Reads the sketches.

        Raises:
            StoreError: They aren't there or can't be read.
        """
        try:
            with (folder / "sketches.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                named = {
                    kind: [
                        (str(title), arrays[f"{kind}_{i}"])
                        for i, title in enumerate(arrays[f"{kind}_titles"])
                    ]
                    for kind in ("samples", "augmentations")
                }
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"The sketches of {folder} can't be read: {error}",
                expected="sketches.npz as `leukcnn reproduce` wrote it",
                remedy="run `leukcnn reproduce` with the same arguments again; finished trials stay",
            ) from error
        topology = [
            (title, [tuple(layer) for layer in layers])
            for title, layers in read_json(folder / "topology.json")
        ]
        return Sketches(**named, topology=topology)

    @staticmethod
    def exist(folder: Path) -> bool:
        """Returns whether an experiment's folder holds them."""
        return (folder / "topology.json").exists()


def make_sketches(paper: spec.Paper, setup: spec.Setup, index: ImageIndex, *, seed: int) -> Sketches:
    """Picks the pictures and reads the networks' top layers.

    Args:
        paper: Says what its figures show.
        setup: Crop and augmentation; the pictures stay as large as they are cropped.
        index: The pictures, of which some of each class are picked.
        seed: Root seed.
    """
    training = np.flatnonzero((index.part == "training") & (index.labels >= 0))
    rng = generator(seed, "figures")
    # The last class first: where there are two, it is the positive one.
    chosen = np.concatenate(
        [
            rng.permutation(training[index.labels[training] == label])[:_SAMPLES_A_CLASS]
            for label in reversed(range(len(index.class_names)))
        ]
    )
    pictures = prepared_pictures(index.select(chosen), replace_at(setup.preprocessing, "resize", None))
    samples = [
        (
            f"{index.class_names[index.labels[row]]}, subject {index.group[row] or 'unknown'}",
            np.array(picture),
        )
        for row, picture in zip(chosen, pictures, strict=True)
    ]
    augmentations, topology = [], []
    for figure in paper.figures:
        if figure.variants:
            augmentations = [("source", samples[0][1]), *_variants(setup, samples[0][1], figure.variants)]
        topology += [(title, _top_layers(paper, name)) for title, name in figure.networks]
    return Sketches(samples=samples, augmentations=augmentations, topology=topology)


def _variants(
    setup: spec.Setup, source: np.ndarray, variants: Sequence[tuple[str, dict]]
) -> list[tuple[str, np.ndarray]]:
    augmenter = ImageAugmenter(**setup.augmentation.arguments)
    return [(title, augmenter.apply_transform(source, parameters)) for title, parameters in variants]


def _top_layers(paper: spec.Paper, name: str) -> list[tuple[str, str]]:
    """Returns the top layers of a network of the paper, or of one of Keras Applications."""
    if name in models.list_models():
        row = next(row for row in paper.rows if row.setup.model.name == name)
        side = row.setup.preprocessing.side
        return top_layers(models.build(name, input_shape=(side, side, 3), **row.setup.model.arguments))
    return top_layers(getattr(keras.applications, name)(weights=None))
