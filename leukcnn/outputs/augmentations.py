"""One image and several augmented versions of it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from leukcnn import spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Material
from leukcnn.outputs.samples import pick, plot_kept, prepared


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    results = material.results
    arguments = results.setup(results.paper.row_ids[0]).augmentation.arguments

    def make() -> dict[str, Any]:
        source, augmenter = (
            prepared(material, pick(material, 1)[-1], material.whole_image_preprocessing),
            ImageAugmenter(**arguments),
        )
        titles, variants = zip(*figure.variants, strict=True)
        images = [source, *(augmenter.apply_transform(source, parameters) for parameters in variants)]
        return {"titles": ["source", *titles], "images": images}

    yield Capture(figure.id, material.key(material.whole_image_preprocessing, arguments), make)


KIND = FigureKind(build=partial(plot_kept, n_columns=3), needs=DATA, capture=_capture)
