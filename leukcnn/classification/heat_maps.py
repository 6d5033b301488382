"""Heat maps for `leukcnn predict --heatmaps`: where an image supports the class that was predicted."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.activation_maps import grad_cam, largest_maps_layer
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.prediction.answers import Batch
from leukcnn.rendering.figures import OVERLAY, overlay, plot_images

_SCALE = "Grad-CAM: regions that support the predicted class. 0: none; 1: the largest value in this map."
_LONGEST_STEM, _LONGEST_CLASS = 36, 16


class HeatMaps:
    """Writes one PNG for each image: for each network, the image as it sees it and its Grad-CAM.

    Args:
        networks: The networks.
        folder: A new or empty folder.
        paths: The N image files, of which the names are taken.

    Raises:
        ArgumentError: A network has no convolution, or doesn't end in a dense layer.
    """

    def __init__(self, networks: Sequence[SavedNetwork], folder: Path, paths: Sequence[Path]) -> None:
        self.networks, self.folder, self.paths = networks, folder, paths
        self._models = [_with_graph(network.network) for network in networks]
        self.files: dict[int, Path] = {}
        try:
            self.layers = [*map(largest_maps_layer, self._models)]
            for network, model, layer in zip(networks, self._models, self.layers, strict=True):
                size = network.preprocessing.image_size
                grad_cam(model, np.zeros((1, size, size, 3)), class_index=0, layer=layer)
        except ArgumentError as error:
            raise ArgumentError(
                f"There are no heat maps of this network: {error.found}",
                expected="for --heatmaps, a network with convolutions that ends in a dense layer",
                remedy="leave --heatmaps out",
            ) from error

    def write(self, batch: Batch, class_names: Sequence[str]) -> None:
        """Writes the heat maps of a batch, and adds them to `files` by position."""
        classes = batch.probabilities.argmax(axis=1)
        maps = []
        each = zip(self.networks, self._models, batch.images, self.layers, strict=True)
        for network, model, images, layer in each:
            # The class of the ensemble, in the network's own order.
            index = np.array([network.class_names.index(class_names[k]) for k in classes])
            inputs = scaled(images, network.preprocessing)
            maps.append(grad_cam(model, inputs, class_index=index, layer=layer))
        for row, (position, label) in enumerate(zip(batch.positions.tolist(), classes, strict=True)):
            path, p = self.paths[position], batch.probabilities[row, label]
            title = f"{class_names[label]}, {100 * p:.1f} %"
            # Matplotlib's font lacks some scripts; the file is named after the image.
            name = path.name if path.name.isascii() else f"image {position + 1}"
            panels: list[tuple[str, np.ndarray] | None] = []
            for number, (images, of_network) in enumerate(zip(batch.images, maps, strict=True), 1):
                own = f"{title}, network {number}" if len(maps) > 1 else title
                panels += [(name, images[row]), (own, overlay(images[row], of_network[row]))]
            target = self.folder / self._name(position, class_names[label], p)
            self.files[position] = plot_images(panels, target, n_columns=2, scale=(OVERLAY, _SCALE))

    def _name(self, position: int, class_name: str, probability: float) -> str:
        """Returns the name of a heat map: number, image, class and probability; each name is its own."""
        width = len(str(len(self.paths)))
        stem = _safe(self.paths[position].stem, _LONGEST_STEM)
        return f"{position + 1:0{width}d}_{stem}_{_safe(class_name, _LONGEST_CLASS)}_{probability:.3f}.png"


def _with_graph(model: keras.Model) -> keras.Model:
    """Returns a network that can be cut; a `Sequential` from a file has its layers in two graphs."""
    if not isinstance(model, keras.Sequential):
        return model
    inputs = x = keras.Input(model.input_shape[1:])
    for layer in model.layers:
        x = type(layer).from_config(layer.get_config())(x)
    rebuilt = keras.Model(inputs, x, name=model.name)
    rebuilt.set_weights(model.get_weights())
    return rebuilt


def _safe(text: str, longest: int) -> str:
    """Returns a text as a part of a file's name: letters, digits and "-", up to a length."""
    return "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in text[:longest])
