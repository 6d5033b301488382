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
from leukcnn.outputs.titles import framed
from leukcnn.preprocessing import hsv_segment, wbc_mask
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.results.verdicts import mean_and_sd

# The saturation suits the stains of JTSC and CellaVision.
_FINDERS = {
    "threshold, darkest": partial(wbc_mask, rule="darkest"),
    "threshold, least frequent": partial(wbc_mask, rule="least_frequent"),
    "colour, saturation 0.4": partial(hsv_segment, saturation=0.4, core_saturation=0.4),
}
_REGIONS = {"nucleus": "nucleus", "cell": "whole cell"}


def capture_masks(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps how each way of finding white cells scores against the masks of every dataset that has some.

    Masks may come later or change: size and time of change of their files are part of the key.
    """
    index = material.index
    with_masks = [name for name in np.unique(index.dataset).tolist() if card(name).mask_extension]
    found = {name: index.select(index.dataset == name) for name in with_masks}
    files = [path for of_one in found.values() for path in _masks(of_one) if path.exists()]

    def make():
        return {name: measure_masks(of_one) for name, of_one in found.items()}

    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    yield Capture(table.id, material.key(states), make)


def _masks(index: ImageIndex) -> list[Path]:
    """Returns where the masks of a dataset's pictures belong."""
    extension = card(str(index.dataset[0])).mask_extension
    return [path.with_suffix(extension) for path in index.paths]


def measure_masks(index: ImageIndex) -> dict[str, Any]:
    """Scores each way of finding white cells against the masks of a dataset.

    Args:
        index: The pictures of one dataset whose card has masks.

    Returns:
        "pictures", their number, and "scores", finder -> "nucleus" or "cell" -> "iou" and "dice" -> mean and
        standard deviation (n - 1; None of one picture) over the pictures; or "missing", why there are none.

    Raises:
        DataError: A picture can't be read.
    """
    without = sum(not path.exists() for path in _masks(index))
    if without:
        drawn = "; drawn ones never have" if index.drawn else ""
        return {"missing": f"{without} of {len(index)} pictures have no mask beside them{drawn}"}
    scores = {}
    for name, find in _FINDERS.items():
        try:
            found = score_masks(index, find)
        except DataError as error:
            return {"missing": error.found}
        scores[name] = {
            region: {"iou": mean_and_sd(of_region.iou), "dice": mean_and_sd(of_region.dice)}
            for region, of_region in found.items()
        }
    return {"pictures": len(index), "scores": scores}


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns IoU and Dice coefficient of each way of finding white cells, of nuclei and of whole cells.

    Args:
        table: The table.
        results: The experiment.
        kept: Of the table, what `measure_masks` gave; nothing where it isn't at hand.
    """
    scores_by_dataset = kept.get(table.id)
    rows = []
    for dataset in [name for name in CATALOG if name in (scores_by_dataset or {})]:
        measured, title = scores_by_dataset[dataset], card(dataset).name
        if "missing" in measured:
            rows.append((title, *[None] * 5, f"not measured: {measured['missing']}"))
            continue
        for finder in _FINDERS:
            for region, name in _REGIONS.items():
                scores = measured["scores"][finder][region]
                # JSON has no tuples.
                cells = (tuple(scores["iou"]), tuple(scores["dice"]))
                rows.append((title, measured["pictures"], finder, name, *cells, "measured"))
    if not rows:
        rows.append((*[None] * 6, f"not measured: {_why_none(scores_by_dataset)}"))
    columns = (
        "Dataset",
        Column("Pictures", "integer"),
        "Found by",
        "Region",
        Column("IoU", "spread"),
        Column("Dice", "spread"),
        "State",
    )
    notes = (
        "The paper prints no such figures.",
        "Mean and sd (n - 1) over the pictures, in their files' own size, of intersection over union and of "
        "the Dice coefficient with the masks that the datasets come with: of the nucleus, and of the nucleus "
        "with its cytoplasm. Each finder's one mask is held against both.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


def _why_none(kept: Mapping[str, Any] | None) -> str:
    if kept is None:
        return "the masks' scores aren't at hand"
    able = ",".join(name for name, dataset in CATALOG.items() if dataset.mask_extension)
    return f"none of these datasets comes with masks; add --datasets {able}"


KIND = TableKind(build=build, needs=DATA, capture=capture_masks)
