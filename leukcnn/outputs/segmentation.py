"""Images without any mask, each beside what segmentation by colour keeps of it."""

from collections.abc import Iterator
from dataclasses import replace

from leukcnn import preprocessing, spec
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Material
from leukcnn.outputs.samples import pick, plot_kept, prepared
from leukcnn.outputs.titles import describe

_OF_A_CLASS = 2


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    whole = replace(material.whole, mask="")

    def make():
        titles, images = [], []
        for row in pick(material, _OF_A_CLASS):
            image = prepared(material, row, whole)
            kept = preprocessing.hsv_segment(image)
            titles += [describe(material.index, row), f"segmented: {100 * kept.mean():.0f} % kept"]
            images += [image, image * kept[..., None]]
        return {"titles": titles, "images": images}

    yield Capture(figure.id, material.key(whole), make)


# Each image and what is kept of it are neighbours, two such pairs in a row.
KIND = FigureKind(build=plot_kept, needs=DATA, capture=_capture)
