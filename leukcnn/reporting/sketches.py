"""What a paper's figures need of the data and the networks, kept with an experiment."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import models, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import ImageIndex, card
from leukcnn.errors import StoreError
from leukcnn.evaluation.activation_maps import grad_cam, mean_activation
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.reporting.results import main_predictions
from leukcnn.reporting.topology import all_layers, top_layers
from leukcnn.request import Request
from leukcnn.runs import Trial, read_json, replace_file, write_json
from leukcnn.seeding import generator

_SAMPLES_A_CLASS = 4
_SMALLEST_MAP = 4


@dataclass(frozen=True, eq=False)
class Sketches:
    """What the figures need of the data and the networks, kept with an experiment.

    Attributes:
        samples: Titles and uint8 (H, W, 3) pictures of cells of each class.
        augmentations: Titles and uint8 (H, W, 3) pictures of one cell and its variants.
        topology: Id of a figure -> title and layers of each of its networks, as
            `leukcnn.reporting.topology_figure.draw_topology` takes them.
    """

    samples: list[tuple[str, np.ndarray]]
    augmentations: list[tuple[str, np.ndarray]]
    topology: dict[str, Any]

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
            raise _unreadable(folder / "sketches.npz", error) from error
        return Sketches(**named, topology=read_json(folder / "topology.json"))

    @staticmethod
    def exist(folder: Path) -> bool:
        """Returns whether an experiment's folder holds them."""
        return (folder / "topology.json").exists()


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"The sketches {path} can't be read: {error}",
        expected="a file as `leukcnn reproduce` wrote it",
        remedy="remove it and run `leukcnn reproduce` with the same arguments again; finished trials stay",
    )


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
    chosen = np.concatenate(
        [
            rng.permutation(kept[index.labels[kept] == label])[:_SAMPLES_A_CLASS]
            for label in reversed(range(len(index.class_names)))
        ]
    )
    pictures = prepared_pictures(index.select(chosen), request.control_preprocessing)
    samples = [
        (_describe(index, row), np.array(picture)) for row, picture in zip(chosen, pictures, strict=True)
    ]
    augmentations, topology = [], {}
    for figure in paper.figures:
        if figure.variants:
            arguments = request.setup(paper.row_ids[0]).augmentation.arguments
            variants = _variants(arguments, samples[0][1], figure.variants)
            augmentations = [("source", samples[0][1]), *variants]
        if figure.networks:
            read = top_layers if figure.kind == "topology" else all_layers
            topology[figure.id] = [(title, read(_network(paper, name))) for title, name in figure.networks]
    return Sketches(samples=samples, augmentations=augmentations, topology=topology)


def _describe(index: ImageIndex, row: int) -> str:
    """Returns class and origin of a picture: its subject, or its dataset where there are several."""
    name = index.class_names[index.labels[row]]
    if len(np.unique(index.dataset)) > 1:
        return f"{name}, {card(str(index.dataset[row])).name}"
    return f"{name}, subject {index.group[row] or 'unknown'}"


def _variants(
    arguments: Mapping[str, Any], source: np.ndarray, variants: Sequence[tuple[str, dict]]
) -> list[tuple[str, np.ndarray]]:
    augmenter = ImageAugmenter(**arguments)
    return [(title, augmenter.apply_transform(source, parameters)) for title, parameters in variants]


def _network(paper: spec.Paper, name: str) -> keras.Model:
    """Builds a network of the paper as the paper has it, or one of Keras Applications."""
    if name in models.list_models():
        row = next(row for row in paper.rows if row.setup.model.name == name)
        side = row.setup.preprocessing.side
        return models.build(
            name, input_shape=(side, side, 3), classes=len(paper.classes), **row.setup.model.arguments
        )
    return getattr(keras.applications, name)(weights=None)


@dataclass(frozen=True, eq=False)
class ActivationMaps:
    """What a network looked at in one picture of each class.

    Attributes:
        titles: C titles.
        pictures: uint8 (C, H, W, 3), RGB.
        mean: float32 (C, h, w), mean activation of the last convolution, 0..1.
        grad_cam: float32 (C, h, w), Grad-CAM of the class that the network chose, 0..1.
        layer: Name of the layer whose maps they are.
    """

    titles: list[str]
    pictures: np.ndarray
    mean: np.ndarray
    grad_cam: np.ndarray
    layer: str

    @staticmethod
    def exist(folder: Path, figure: str) -> bool:
        """Returns whether an experiment's folder holds those of a figure."""
        return (folder / f"{figure}.npz").exists()

    def save(self, folder: Path, figure: str) -> None:
        """Writes them into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        with replace_file(folder / f"{figure}.npz") as draft, draft.open("wb") as file:
            np.savez_compressed(
                file,
                titles=np.array(self.titles),
                pictures=self.pictures,
                mean=self.mean,
                grad_cam=self.grad_cam,
                layer=np.array(self.layer),
            )

    @staticmethod
    def load(folder: Path, figure: str) -> "ActivationMaps":
        """Reads those of a figure.

        Raises:
            StoreError: They can't be read.
        """
        path = folder / f"{figure}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in ("pictures", "mean", "grad_cam")}
                titles, layer = arrays["titles"].tolist(), str(arrays["layer"])
                return ActivationMaps(titles=titles, layer=layer, **values)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise _unreadable(path, error) from error


def make_activation_maps(
    trial: Trial, setup: spec.Setup, index: ImageIndex, rows: np.ndarray
) -> ActivationMaps:
    """Picks a test picture of each class, one that the network knows where there is one, and looks inside.

    Args:
        trial: A finished trial.
        setup: What it did.
        index: The pictures.
        rows: Positions of the test pictures.
    """
    saved = SavedNetwork.load(trial.path / "model.keras")
    tested = main_predictions(trial)
    right = dict(zip(tested.image, tested.predicted == tested.label, strict=True))
    chosen = []
    for label in np.unique(index.labels[rows]):
        of_class = rows[index.labels[rows] == label]
        chosen.append(min(of_class, key=lambda row: (not right[index.ids[row]], row)))
    pictures = np.array(prepared_pictures(index.select(np.array(chosen)), setup.preprocessing))
    inputs = scaled(pictures, setup.preprocessing)
    said = saved.network.predict(inputs, verbose=0).argmax(axis=1)
    titles = [
        f"{_describe(index, row)}, taken for {index.class_names[answer]}"
        for row, answer in zip(chosen, said, strict=True)
    ]
    # The last convolution at the paper's size; on small pictures its maps are single points.
    maps = [layer for layer in saved.network.layers if len(layer.output.shape) == 4]
    large = [layer.name for layer in maps if min(layer.output.shape[1:3]) >= _SMALLEST_MAP]
    layer = large[-1] if large else maps[-1].name
    return ActivationMaps(
        titles=titles,
        pictures=pictures,
        mean=mean_activation(saved.network, inputs, layer=layer),
        grad_cam=grad_cam(saved.network, inputs, class_index=said, layer=layer),
        layer=layer,
    )
