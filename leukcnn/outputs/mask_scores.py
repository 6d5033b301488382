"""The table of how well white cells are found, against the masks that some datasets come with."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.datasets import CATALOG, ImageIndex, card
from leukcnn.errors import DataError
from leukcnn.evaluation.mask_scores import score_masks
from leukcnn.outputs.kind import DATA, Capture, Kept, Material, TableKind
from leukcnn.outputs.titles import framed, not_measured
from leukcnn.preprocessing import hsv_segment, wbc_mask
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.results.verdicts import mean_and_std

# The saturation suits the stains of JTSC and CellaVision.
_FINDERS = {
    "threshold, darkest": partial(wbc_mask, rule="darkest"),
    "threshold, least frequent": partial(wbc_mask, rule="least_frequent"),
    "colour, saturation 0.4": partial(hsv_segment, saturation=0.4, core_saturation=0.4),
}
_REGIONS = {"nucleus": "nucleus", "cell": "whole cell"}


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps how each way of finding white cells scores against the masks of every dataset that has some."""
    index = material.index
    with_masks = [name for name in np.unique(index.dataset).tolist() if card(name).mask_extension]
    found = {name: index.select(index.dataset == name) for name in with_masks}
    # Masks may come later or change.
    files = [path for of_one in found.values() for path in _masks(of_one) if path.exists()]
    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    every = found.items()
    yield Capture(table.id, material.key(states), lambda: {name: _scores(of_one) for name, of_one in every})


def _masks(index: ImageIndex) -> list[Path]:
    """Returns where the masks of a dataset's images belong."""
    extension = card(str(index.dataset[0])).mask_extension
    return [path.with_suffix(extension) for path in index.paths]


def _scores(index: ImageIndex) -> dict[str, Any]:
    """Returns "images", their number, and "scores" against a dataset's masks; or "missing", and why.

    The scores: finder -> "nucleus" or "cell" -> "iou" and "dice" -> mean and std over the images.
    """
    if without := sum(not path.exists() for path in _masks(index)):
        drawn = "; drawn ones never have" if index.synthetic else ""
        return {"missing": f"{without} of {len(index)} images have no mask beside them{drawn}"}
    scores = {name: {} for name in _FINDERS}
    try:
        for name, find in _FINDERS.items():
            for region, of in score_masks(index, find).items():
                scores[name][region] = {"iou": mean_and_std(of.iou), "dice": mean_and_std(of.dice)}
    except DataError as error:
        return {"missing": error.reason}
    return {"images": len(index), "scores": scores}


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns IoU and Dice coefficient of each way of finding white cells, of nuclei and of whole cells."""
    by_dataset: Mapping[str, Any] | None = kept.get(table.id)
    rows = []
    for dataset in [name for name in CATALOG if name in (by_dataset or {})]:
        measured, title = by_dataset[dataset], card(dataset).name
        if "missing" in measured:
            rows.append((title, *not_measured(measured["missing"], 6)))
            continue
        for finder in _FINDERS:
            for region, name in _REGIONS.items():
                scores = measured["scores"][finder][region]
                # JSON has no tuples.
                both = tuple(scores["iou"]), tuple(scores["dice"])
                rows.append((title, measured["images"], finder, name, *both, "measured"))
    if not rows:
        able = ",".join(name for name, dataset in CATALOG.items() if dataset.mask_extension)
        why = f"none of these datasets comes with masks; add --datasets {able}"
        rows.append(not_measured("the masks' scores aren't at hand" if by_dataset is None else why, 7))
    scores = (Column("IoU", "spread"), Column("Dice", "spread"))
    columns = ("Dataset", Column("Images", "integer"), "Found by", "Region", *scores, "State")
    notes = (
        "The paper prints no such figures.",
        "Mean and std (n - 1) over the images, in their files' own size, of intersection over union and of "
        "the Dice coefficient with the masks that the datasets come with: of the nucleus, and of the nucleus "
        "with its cytoplasm. Each finder's one mask is held against both.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


KIND = TableKind(build=build, needs=DATA, capture=_capture)
