"""The table of how well white cells are segmented, compared with the masks that some datasets include."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.datasets import CATALOG, ImageIndex, card, in_order
from leukcnn.datasets.masks import masks_of
from leukcnn.errors import DataError
from leukcnn.evaluation.mask_scores import score_masks
from leukcnn.outputs.kind import DATA, Capture, Kept, Material, TableKind
from leukcnn.outputs.titles import make_table, not_measured
from leukcnn.preprocessing import hsv_segment, wbc_mask
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.results.verdicts import mean_and_std

# This saturation threshold suits the stains of JTSC and CellaVision.
_METHODS = {
    "threshold, darkest": partial(wbc_mask, rule="darkest"),
    "threshold, least frequent": partial(wbc_mask, rule="least_frequent"),
    "colour, saturation 0.4": partial(hsv_segment, saturation=0.4, core_saturation=0.4),
}
_REGIONS = {"nucleus": "nucleus", "cell": "whole cell"}


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps the scores of each segmentation method against the masks of every dataset that has some."""
    index = material.index
    with_masks = [name for name in np.unique(index.dataset).tolist() if card(name).mask_extension]
    found = {name: index.select(index.dataset == name) for name in with_masks}
    # Masks that don't come with the images are missed only where some of them are.
    found = {
        name: subset
        for name, subset in found.items()
        if not card(name).masks_by_others or any(_masks(subset))
    }
    # Masks may be added or changed later.
    files = [path for subset in found.values() for path in _masks(subset) if path is not None]
    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    every = found.items()
    yield Capture(table.id, material.key(states), lambda: {name: _scores(subset) for name, subset in every})


def _masks(index: ImageIndex) -> list[Path | None]:
    """Returns the path of each image's mask, None where there is none."""
    return masks_of(index.paths, card(str(index.dataset[0])).mask_extension)


def _scores(index: ImageIndex) -> dict[str, Any]:
    """Returns the scores against a dataset's masks.

    Returns:
        "images": their number. "scores": method -> "nucleus" or "cell" -> "iou" and "dice" -> mean and
        standard deviation over the images. Or "missing" alone: why there are no scores.
    """
    if without := sum(path is None for path in _masks(index)):
        synthetic = "; synthetic ones never have one" if index.synthetic else ""
        return {"missing": f"{without} of {len(index)} images have no mask next to them{synthetic}"}
    scores: dict[str, dict[str, Any]] = {name: {} for name in _METHODS}
    try:
        for name, find in _METHODS.items():
            for region, found in score_masks(index, find).items():
                iou, dice = mean_and_std(found.iou.tolist()), mean_and_std(found.dice.tolist())
                scores[name][region] = {"iou": iou, "dice": dice}
    except DataError as error:
        return {"missing": error.reason}
    return {"images": len(index), "scores": scores}


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns IoU and Dice coefficient of each segmentation method, for nuclei and for whole cells."""
    captured: Mapping[str, Any] | None = kept.get(table.id)
    by_dataset, rows = captured or {}, []
    for dataset in in_order(name for name in by_dataset if name != "key"):
        measured, title = by_dataset[dataset], card(dataset).name
        if "missing" in measured:
            rows.append((title, *not_measured(measured["missing"], 6)))
            continue
        for method in _METHODS:
            for region, name in _REGIONS.items():
                scores = measured["scores"][method][region]
                # JSON has no tuples.
                both = tuple(scores["iou"]), tuple(scores["dice"])
                rows.append((title, measured["images"], method, name, *both, "measured"))
    if not rows:
        published = [one for one in CATALOG.values() if one.mask_extension and not one.masks_by_others]
        with_masks = ",".join(one.key for one in published)
        why = f"none of these datasets has masks; add --datasets {with_masks}"
        rows.append(not_measured("the masks have not been scored" if captured is None else why, 7))
    scores = (Column("IoU", "spread"), Column("Dice", "spread"))
    columns = ("Dataset", Column("Images", "integer"), "Method", "Region", *scores, "State")
    notes = (
        "The paper reports no such values.",
        "Mean and std (n - 1) over the images, at their original size. Intersection over union (IoU) and the "
        "Dice coefficient compare a method's mask with the dataset's masks of the nucleus and of the whole "
        "cell (nucleus and cytoplasm). Each method gives one mask, which is compared with both.",
    )
    return make_table(results, table, columns, rows, notes=notes, measured=False)


KIND = TableKind(build=build, needs=DATA, capture=_capture)
