"""Thresholding of white cells: clusters of grey levels ("histograms") and cells found ("extraction")."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from skimage.util import montage

from leukcnn import spec
from leukcnn.datasets import card, read_image
from leukcnn.image_cache import prepare
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Kept, Material
from leukcnn.outputs.titles import file_stem, mark_and_caption
from leukcnn.preprocessing import cell_crops, grey_histogram, resize, three_means, wbc_mask, wbc_threshold
from leukcnn.rendering.figures import plot_images
from leukcnn.rendering.histograms import plot_histograms
from leukcnn.results.results import Results
from leukcnn.seeding import generator

LONGEST_SIZE = 512
"""Maximum height and width of a captured smear in pixels."""

_MOST_SMEARS, _MOST_CELLS = 4, 16


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    """Keeps whole images as they are in their files, reduced to `LONGEST_SIZE` if they are larger."""

    def make() -> dict[str, Any]:
        rows, index = pick_smears(material), material.index
        titles = [
            f"{index.class_names[index.labels[row]]}, {card(str(index.dataset[row])).name}, "
            f"{file_stem(index.ids[row])}"
            for row in rows
        ]
        return {"titles": titles, "images": [_reduced(read_image(index.paths[row])[0]) for row in rows]}

    yield Capture(figure.id, material.key(), make)


def pick_smears(material: Material) -> list[int]:
    """Returns the positions of at most four images, of different classes or datasets.

    One image is picked for each class of each dataset. If these are more than four, one image of each class
    comes before a second image of any class. Within a dataset, they are in the order of the classes.
    """
    index, rng, found = material.index, generator(material.seed, "figures", "smears"), []
    for label in range(len(index.class_names)):
        of_class = rng.permutation(material.shown[index.labels[material.shown] == label])
        datasets, first = np.unique(index.dataset[of_class], return_index=True)
        found += [
            (place, dataset, -label, row)
            for place, (dataset, row) in enumerate(zip(datasets.tolist(), of_class[first], strict=True))
        ]
    return [row for *_, row in sorted(sorted(found)[:_MOST_SMEARS], key=lambda one: (one[1], -one[2]))]


def _reduced(image: np.ndarray) -> np.ndarray:
    scale = LONGEST_SIZE / max(image.shape)
    if scale >= 1:
        return image
    return resize(image, tuple(max(round(scale * size), 1) for size in image.shape[:2]))


def clusters(image: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Returns the clusters of an image's grey levels, from dark to bright: a label and the levels of each.

    The list is empty if the image has fewer than three levels.
    """
    histogram = grey_histogram(image)
    borders, levels = three_means(histogram), np.flatnonzero(histogram)
    if borders is None:
        return []
    highest, found = {rule: wbc_threshold(image, rule=rule) for rule in spec.THRESHOLD_RULES}, []
    groups = np.split(levels, np.searchsorted(levels, borders, "right"))
    for name, group in zip(("dark", "middle", "bright"), groups, strict=True):
        n = histogram[group].sum()
        rules = [f'"{rule}"' for rule, level in highest.items() if level == group[-1]]
        chosen = f"\nchosen by {' and '.join(rules)}" if rules else ""
        found.append((f"{name}: {n:,} pixels, {100 * n / histogram.sum():.1f} %{chosen}", group))
    return found


def extraction(
    title: str, image: np.ndarray, preprocessing: spec.Preprocessing
) -> list[tuple[str, np.ndarray]]:
    """Returns titles and images, uint8: the image, its mask, the network's input, and its cells."""
    mask = wbc_mask(image, rule=preprocessing.threshold)
    fed = prepare(image, replace(preprocessing, crop=None, resize=preprocessing.image_size))
    crops = sorted(cell_crops(image, mask), key=lambda crop: -np.count_nonzero(crop.mask))
    n, white = len(crops), np.full((2, 2, 3), 255, np.uint8)
    cells = f"the {_MOST_CELLS} largest of {n} cells" if n > _MOST_CELLS else f"{n} cell{'s' * (n > 1)}"
    tiles = [_tile(crop.alone) for crop in crops[:_MOST_CELLS]] or [white]
    return [
        (title, image),
        (f"mask: {100 * mask.mean():.1f} % of the image", np.uint8(255) * mask),
        (f"input of a network, {fed.shape[1]}x{fed.shape[0]} pixels", fed),
        (
            f"{cells}{', each at its own scale' * (n > 1)}" if n else "no cell found",
            montage(tiles, fill=(255, 255, 255), padding_width=6, channel_axis=3),
        ),
    ]


def _tile(cell: np.ndarray) -> np.ndarray:
    """Returns a cell in the middle of a black square, uint8 (96, 96, 3)."""
    height, width = cell.shape[:2]
    square = np.zeros((max(height, width), max(height, width), 3), np.uint8)
    top, left = (len(square) - height) // 2, (len(square) - width) // 2
    square[top : top + height, left : left + width] = cell
    return resize(square, 96)


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    smears = list(zip(kept[figure.id]["titles"], kept[figure.id]["images"], strict=True))
    if not smears:
        return []
    path = folder / f"{figure.id}.png"
    preprocessing = results.setup((figure.rows or results.paper.row_ids)[0]).preprocessing
    more = ""
    if preprocessing.threshold == "none":
        preprocessing = replace(preprocessing, threshold=spec.THRESHOLD_RULES[0])
        more = "; the networks of this run see whole images"
    rule = preprocessing.threshold
    more = f' (by the rule "{rule}"{more})'
    if any(max(image.shape) == LONGEST_SIZE for _, image in smears):
        more += f". Larger images are reduced to {LONGEST_SIZE} pixels here; for the networks they are "
        more += "thresholded at full size"
    options = mark_and_caption(results, figure, more)
    if figure.kind == "histograms":
        histograms = [
            (title, image, grey_histogram(image), clusters(image), wbc_threshold(image, rule=rule))
            for title, image in smears
        ]
        return [plot_histograms(histograms, path, rule=rule, **options)]
    panels = [panel for title, image in smears for panel in extraction(title, image, preprocessing)]
    return [plot_images(panels, path, **options)]


KIND = FigureKind(build=_build, needs=DATA, capture=_capture)
