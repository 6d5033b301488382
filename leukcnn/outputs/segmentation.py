"""Pictures without any mask, each beside what segmentation by colour keeps of it."""

from collections.abc import Iterator
from dataclasses import replace

from leukcnn import preprocessing, spec
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Material
from leukcnn.outputs.samples import draw_kept, pick, prepared
from leukcnn.outputs.titles import describe

_OF_A_CLASS = 2


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    whole = replace(material.whole, mask="")

    def make():
        titles, pictures = [], []
        for row in pick(material, _OF_A_CLASS):
            picture = prepared(material, row, whole)
            kept = preprocessing.hsv_segment(picture)
            titles += [describe(material.index, row), f"segmented: {100 * kept.mean():.0f} % kept"]
            pictures += [picture, picture * kept[..., None]]
        return {"titles": titles, "pictures": pictures}

    yield Capture(figure.id, material.key(whole), make)


# Each picture and what is kept of it are neighbours, two such pairs in a row.
KIND = FigureKind(build=draw_kept, needs=DATA, capture=_capture)
