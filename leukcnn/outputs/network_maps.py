"""What a trained network sees in single pictures, kept with an experiment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex
from leukcnn.evaluation.activation_maps import grad_cam, mean_activation
from leukcnn.evaluation.filter_maps import filter_maps
from leukcnn.files import stored_arrays, write_arrays
from leukcnn.outputs.titles import describe
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.results.results import main_predictions
from leukcnn.runs import Trial

_SMALLEST_MAP = 4
_FILTERS_A_LAYER = 2


class _OfFigure:
    """What is kept for a figure, in a file of its own."""

    @staticmethod
    def exist(folder: Path, figure: str) -> bool:
        """Returns whether an experiment's folder holds what is kept for a figure."""
        return (folder / f"{figure}.npz").exists()


@dataclass(frozen=True, eq=False)
class ActivationMaps(_OfFigure):
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

    def save(self, folder: Path, figure: str) -> None:
        """Writes them into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        write_arrays(
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
        with stored_arrays(folder / f"{figure}.npz") as arrays:
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
class FilterSketch(_OfFigure):
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

    def save(self, folder: Path, figure: str) -> None:
        """Writes it into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        arrays = {"titles": np.array(self.titles), "layers": np.array(self.layers), "pictures": self.pictures}
        for i, (filters, maps) in enumerate(zip(self.filters, self.maps, strict=True)):
            arrays |= {f"filters_{i}": filters, f"maps_{i}": maps}
        write_arrays(folder / f"{figure}.npz", **arrays)

    @staticmethod
    def load(folder: Path, figure: str) -> "FilterSketch":
        """Reads that of a figure.

        Raises:
            StoreError: It can't be read.
        """
        with stored_arrays(folder / f"{figure}.npz") as arrays:
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
        f"{describe(index, row)}, taken for {index.class_names[answer]}"
        for row, answer in zip(chosen, said, strict=True)
    ]
    return titles, pictures, said


NETWORK_MAPS: Mapping[str, tuple[type, Callable[..., Any]]] = {
    "activation_maps": (ActivationMaps, make_activation_maps),
    "filters": (FilterSketch, make_filter_sketch),
}
"""Kind of a figure that looks into a trained network -> what is kept for it, and what makes that."""
