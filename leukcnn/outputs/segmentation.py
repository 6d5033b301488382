"""Images, each next to the region of it that segmentation by colour keeps."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from leukcnn import preprocessing, spec
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Material
from leukcnn.outputs.samples import pick, plot_kept, prepared
from leukcnn.outputs.titles import describe

_PER_CLASS = 2


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    whole = replace(material.whole_image_preprocessing, mask="")

    def make() -> dict[str, Any]:
        titles, images = [], []
        for row in pick(material, _PER_CLASS):
            image = prepared(material, row, whole)
            kept = preprocessing.hsv_segment(image)
            titles += [describe(material.index, row), f"segmented: {100 * kept.mean():.0f} % kept"]
            images += [image, image * kept[..., None]]
        return {"titles": titles, "images": images}

    yield Capture(figure.id, material.key(whole), make)


# Two pairs of an image and its segmented region fill a line of four.
KIND = FigureKind(build=plot_kept, needs=DATA, capture=_capture)
