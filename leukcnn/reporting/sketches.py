"""What a paper's figures and tables need of the data and the networks, kept with an experiment."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import keras
import numpy as np

from leukcnn import models, preprocessing, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import ImageIndex, card
from leukcnn.errors import StoreError
from leukcnn.evaluation.activation_maps import grad_cam, mean_activation
from leukcnn.evaluation.filter_maps import filter_maps
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.reporting.results import main_predictions
from leukcnn.reporting.topology import all_layers, network_summary, top_layers
from leukcnn.request import Request
from leukcnn.runs import Trial, read_json, replace_file, write_json
from leukcnn.seeding import generator

_SAMPLES_A_CLASS = 4
_SEGMENTED_A_CLASS = 2
_SMALLEST_MAP = 4
_FILTERS_A_LAYER = 2
_PICTURES = ("samples", "augmentations", "segmentation")


@dataclass(frozen=True, eq=False)
class Sketches:
    """What figures and tables need of the data and the networks, kept with an experiment.

    Attributes:
        samples: Titles and uint8 (H, W, 3) pictures of cells of each class.
        augmentations: Titles and uint8 (H, W, 3) pictures of one cell and its variants.
        topology: Id of a figure -> title and layers of each of its networks, as
            `leukcnn.reporting.topology_figure.draw_topology` takes them; id of a table of layers -> what
            `leukcnn.reporting.topology.network_summary` says of its network.
        segmentation: Titles and uint8 (H, W, 3) pictures: some of the samples, without any mask, each
            followed by what `leukcnn.preprocessing.hsv_segment` keeps of it, the rest black. Empty where no
            figure shows it.
    """

    samples: list[tuple[str, np.ndarray]]
    augmentations: list[tuple[str, np.ndarray]]
    topology: dict[str, Any]
    segmentation: list[tuple[str, np.ndarray]] = field(default_factory=list)

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
        _write_arrays(folder / "sketches.npz", **arrays)
        write_json(folder / "topology.json", self.topology)

    @staticmethod
    def load(folder: Path) -> "Sketches":
        """Reads the sketches.

        Raises:
            StoreError: They aren't there or can't be read.
        """
        with _stored_arrays(folder / "sketches.npz") as arrays:
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


def _write_arrays(path: Path, **arrays: np.ndarray) -> None:
    with replace_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)


@contextlib.contextmanager
def _stored_arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the arrays of a file that `_write_arrays` wrote; one that is asked for and lacks is an error."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"The sketches {path} can't be read: {error}",
            expected="a file as `leukcnn reproduce` wrote it",
            remedy="remove it and run `leukcnn reproduce` with the same arguments; finished trials stay",
        ) from error


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
        (_describe(index, row), np.array(picture)) for row, picture in zip(chosen, pictures, strict=True)
    ]
    augmentations, topology, segmentation = [], {}, []
    for figure in paper.figures:
        if figure.variants:
            arguments = request.setup(paper.row_ids[0]).augmentation.arguments
            variants = _variants(arguments, samples[0][1], figure.variants)
            augmentations = [("source", samples[0][1]), *variants]
        if figure.kind == "segmentation":
            shown = np.concatenate([rows[:_SEGMENTED_A_CLASS] for rows in by_class])
            segmentation = _segmented(request, index, shown)
        if figure.networks:
            read = top_layers if figure.kind == "topology" else all_layers
            topology[figure.id] = [(title, read(_network(paper, name))) for title, name in figure.networks]
    for table in paper.tables:
        if table.kind == "layers":
            topology[table.id] = network_summary(_own_network(paper, paper.row(table.rows[0])))
    return Sketches(
        samples=samples, augmentations=augmentations, topology=topology, segmentation=segmentation
    )


def _segmented(request: Request, index: ImageIndex, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Returns some pictures without any mask, each followed by what the segmentation keeps of it."""
    whole = replace(request.control_preprocessing, mask="")
    panels = []
    for row, picture in zip(rows, np.array(prepared_pictures(index.select(rows), whole)), strict=True):
        kept = preprocessing.hsv_segment(picture)
        panels.append((_describe(index, row), picture))
        panels.append((f"segmented: {100 * kept.mean():.0f} % kept", picture * kept[..., None]))
    return panels


def _describe(index: ImageIndex, row: int) -> str:
    """Returns class and origin of a picture: its subject or file, or its dataset where there are several."""
    name, dataset = index.class_names[index.labels[row]], card(str(index.dataset[row]))
    if len(np.unique(index.dataset)) > 1:
        return f"{name}, {dataset.name}"
    if dataset.groups_are != "subjects":
        return f"{name}, {PurePosixPath(str(index.ids[row])).stem}"
    return f"{name}, subject {index.group[row] or 'unknown'}"


def _variants(
    arguments: Mapping[str, Any], source: np.ndarray, variants: Sequence[tuple[str, dict]]
) -> list[tuple[str, np.ndarray]]:
    augmenter = ImageAugmenter(**arguments)
    return [(title, augmenter.apply_transform(source, parameters)) for title, parameters in variants]


def _network(paper: spec.Paper, name: str) -> keras.Model:
    """Builds a network of the paper as the paper has it, or one of Keras Applications."""
    if name in models.list_models():
        return _own_network(paper, next(row for row in paper.rows if row.setup.model.name == name))
    return getattr(keras.applications, name)(weights=None)


def _own_network(paper: spec.Paper, row: spec.Row) -> keras.Model:
    """Builds a row's network as the paper has it, with random weights."""
    side, arguments = row.setup.preprocessing.side, dict(row.setup.model.arguments)
    if "weights" in arguments:
        arguments["weights"] = None
    options = {"input_shape": (side, side, 3), "classes": len(paper.classes), **arguments}
    return models.build(row.setup.model.name, **options)


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
        _write_arrays(
            folder / f"{figure}.npz",
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
        with _stored_arrays(folder / f"{figure}.npz") as arrays:
            values = {name: arrays[name] for name in ("pictures", "mean", "grad_cam")}
            titles, layer = arrays["titles"].tolist(), str(arrays["layer"])
        return ActivationMaps(titles=titles, layer=layer, **values)


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
    network = SavedNetwork.load(trial.path / "model.keras").network
    titles, pictures, said = _tested_pictures(trial, network, setup, index, rows)
    inputs = scaled(pictures, setup.preprocessing)
    # The last convolution at the paper's size; on small pictures its maps are single points.
    maps = [layer for layer in network.layers if len(layer.output.shape) == 4]
    large = [layer.name for layer in maps if min(layer.output.shape[1:3]) >= _SMALLEST_MAP]
    layer = large[-1] if large else maps[-1].name
    return ActivationMaps(
        titles=titles,
        pictures=pictures,
        mean=mean_activation(network, inputs, layer=layer),
        grad_cam=grad_cam(network, inputs, class_index=said, layer=layer),
        layer=layer,
    )


@dataclass(frozen=True, eq=False)
class FilterSketch:
    """What single filters of a network gave on one picture of each class.

    Attributes:
        titles: C titles.
        pictures: uint8 (C, H, W, 3), RGB.
        layers: Names of the layers whose filters they are.
        filters: For each layer the numbers of its filters, int64 (C, n).
        maps: For each layer what they gave, float32 (C, n, h, w), in the network's own units.
    """

    titles: list[str]
    pictures: np.ndarray
    layers: list[str]
    filters: list[np.ndarray]
    maps: list[np.ndarray]

    @staticmethod
    def exist(folder: Path, figure: str) -> bool:
        """Returns whether an experiment's folder holds that of a figure."""
        return (folder / f"{figure}.npz").exists()

    def save(self, folder: Path, figure: str) -> None:
        """Writes it into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        arrays = {"titles": np.array(self.titles), "layers": np.array(self.layers), "pictures": self.pictures}
        for i, (filters, maps) in enumerate(zip(self.filters, self.maps, strict=True)):
            arrays |= {f"filters_{i}": filters, f"maps_{i}": maps}
        _write_arrays(folder / f"{figure}.npz", **arrays)

    @staticmethod
    def load(folder: Path, figure: str) -> "FilterSketch":
        """Reads that of a figure.

        Raises:
            StoreError: It can't be read.
        """
        with _stored_arrays(folder / f"{figure}.npz") as arrays:
            layers = arrays["layers"].tolist()
            return FilterSketch(
                titles=arrays["titles"].tolist(),
                pictures=arrays["pictures"],
                layers=layers,
                filters=[arrays[f"filters_{i}"] for i in range(len(layers))],
                maps=[arrays[f"maps_{i}"] for i in range(len(layers))],
            )


def make_filter_sketch(trial: Trial, setup: spec.Setup, index: ImageIndex, rows: np.ndarray) -> FilterSketch:
    """Picks a test picture of each class as `make_activation_maps` does, and looks at single filters.

    The filters are those of the last convolution before each pooling that answer most to the picture.

    Args:
        trial: A finished trial.
        setup: What it did.
        index: The pictures.
        rows: Positions of the test pictures.
    """
    network = SavedNetwork.load(trial.path / "model.keras").network
    titles, pictures, _ = _tested_pictures(trial, network, setup, index, rows)
    found = [
        filter_maps(network, picture, n_filters=_FILTERS_A_LAYER)
        for picture in scaled(pictures, setup.preprocessing)
    ]
    return FilterSketch(
        titles=titles,
        pictures=pictures,
        layers=list(found[0].layers),
        filters=[np.stack(of_layer) for of_layer in zip(*(one.filters for one in found), strict=True)],
        maps=[np.stack(of_layer) for of_layer in zip(*(one.maps for one in found), strict=True)],
    )


def _tested_pictures(
    trial: Trial, network: keras.Model, setup: spec.Setup, index: ImageIndex, rows: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Picks a test picture of each class, one that the network knows where there is one.

    Returns:
        Titles, pictures uint8 (C, H, W, 3) and the classes (C,) that the network takes them for.
    """
    tested = main_predictions(trial)
    right = dict(zip(tested.image, tested.predicted == tested.label, strict=True))
    chosen = []
    for label in np.unique(index.labels[rows]):
        of_class = rows[index.labels[rows] == label]
        chosen.append(min(of_class, key=lambda row: (not right[index.ids[row]], row)))
    pictures = np.array(prepared_pictures(index.select(np.array(chosen)), setup.preprocessing))
    outputs = network.predict(scaled(pictures, setup.preprocessing), verbose=0)
    said = class_probabilities(outputs).argmax(axis=1)
    titles = [
        f"{_describe(index, row)}, taken for {index.class_names[answer]}"
        for row, answer in zip(chosen, said, strict=True)
    ]
    return titles, pictures, said


NETWORK_MAPS: Mapping[str, tuple[type, Callable[..., Any]]] = {
    "activation_maps": (ActivationMaps, make_activation_maps),
    "filters": (FilterSketch, make_filter_sketch),
}
"""Kind of a figure that looks into a trained network -> what is kept for it, and what makes that."""
