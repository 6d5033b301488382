"""How white cells are found by grey level: clusters ("histograms") and what they cut out ("extraction")."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card, read_picture
from leukcnn.outputs.faces import face
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Kept, Material
from leukcnn.outputs.titles import file_stem
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import cell_crops, grey_histogram, resize, three_means, wbc_mask, wbc_threshold
from leukcnn.rendering.thresholds import (
    CLUSTERS,
    Cluster,
    Extraction,
    GreyPanel,
    draw_extraction,
    draw_histograms,
)
from leukcnn.results.results import Results
from leukcnn.seeding import generator

LONGEST_SIDE = 512
"""Pixels of the longer side of a smear that is kept, at most."""

_MOST_SMEARS = 4


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    """Keeps whole pictures, each as it is in its file or, where that is larger, reduced to `LONGEST_SIDE`."""

    def make():
        rows, index = pick_smears(material), material.index
        titles = [
            f"{index.class_names[index.labels[row]]}, {card(str(index.dataset[row])).name}, "
            f"{file_stem(index.ids[row])}"
            for row in rows
        ]
        return {"titles": titles, "pictures": [_reduced(read_picture(index.paths[row])[0]) for row in rows]}

    yield Capture(figure.id, material.key(), make)


def pick_smears(material: Material) -> list[int]:
    """Picks a picture of each class of each dataset, the last class of a dataset first.

    There are at most four; where they would be more, every class comes before a second dataset of any.

    Returns:
        Their positions.
    """
    index, rng, found = material.index, generator(material.seed, "figures", "smears"), []
    for label in range(len(index.class_names)):
        of_class = rng.permutation(material.shown[index.labels[material.shown] == label])
        datasets, first = np.unique(index.dataset[of_class], return_index=True)
        found += [
            (place, dataset, -label, row)
            for place, (dataset, row) in enumerate(zip(datasets.tolist(), of_class[first], strict=True))
        ]
    return [row for *_, row in sorted(sorted(found)[:_MOST_SMEARS], key=lambda one: one[1:])]


def _reduced(picture: np.ndarray) -> np.ndarray:
    share = LONGEST_SIDE / max(picture.shape)
    if share >= 1:
        return picture
    return resize(picture, tuple(max(round(share * side), 1) for side in picture.shape[:2]))


def grey_panel(title: str, picture: np.ndarray, rule: str) -> GreyPanel:
    """Finds the three clusters of a picture's grey levels; none where it has fewer than three levels.

    Args:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB.
        rule: The rule whose threshold is drawn, a name in `leukcnn.spec.THRESHOLD_RULES`.

    Raises:
        ArgumentError: The picture is of another kind, or there is no such rule.
    """
    histogram, threshold = grey_histogram(picture), wbc_threshold(picture, rule=rule)
    borders = three_means(histogram)
    if borders is None:
        return GreyPanel(title, picture, histogram, (), threshold)
    levels, clusters = np.flatnonzero(histogram), []
    chosen = {rule: wbc_threshold(picture, rule=rule) for rule in spec.THRESHOLD_RULES}
    for name, part in zip(CLUSTERS, np.split(levels, np.searchsorted(levels, borders, "right")), strict=True):
        rules = tuple(rule for rule, highest in chosen.items() if highest == part[-1])
        clusters.append(Cluster(name, int(part[0]), int(part[-1]), int(histogram[part].sum()), rules))
    return GreyPanel(title, picture, histogram, tuple(clusters), threshold)


def extract(title: str, picture: np.ndarray, preprocessing: spec.Preprocessing) -> Extraction:
    """Thresholds a picture and cuts out its cells.

    Args:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB; nothing is cropped from it.
        preprocessing: Its threshold is a rule, not "none".

    Raises:
        ArgumentError: The picture is of another kind, or there is no such rule.
    """
    mask = wbc_mask(picture, rule=preprocessing.threshold)
    crops = sorted(cell_crops(picture, mask), key=lambda crop: -np.count_nonzero(crop.mask))
    whole = replace(preprocessing, crop=None, resize=preprocessing.side)
    return Extraction(title, picture, mask, prepare(picture, whole), [crop.alone for crop in crops])


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    smears = list(zip(kept[figure.id]["titles"], kept[figure.id]["pictures"], strict=True))
    if not smears:
        return []
    path = folder / f"{figure.id}.png"
    preprocessing = results.setup((figure.rows or results.paper.row_ids)[0]).preprocessing
    elsewhere = ""
    if preprocessing.threshold == "none":
        preprocessing = replace(preprocessing, threshold=spec.THRESHOLD_RULES[0])
        elsewhere = "; the networks here see whole pictures"
    rule = preprocessing.threshold
    said = face(results, figure, f' (by the rule "{rule}"{elsewhere}){_size(smears)}')
    if figure.kind == "histograms":
        panels = [grey_panel(title, picture, rule) for title, picture in smears]
        return [draw_histograms(panels, path, rule=rule, **said)]
    extractions = [extract(title, picture, preprocessing) for title, picture in smears]
    return [draw_extraction(extractions, path, **said)]


def _size(smears: list[tuple[str, np.ndarray]]) -> str:
    if all(max(picture.shape) != LONGEST_SIDE for _, picture in smears):
        return ""
    return (
        f". Larger pictures are reduced to {LONGEST_SIDE} pixels here; for the networks they are "
        "thresholded in full size"
    )


KIND = FigureKind(build=_build, needs=DATA, capture=_capture)
