"""What tables and figures need of an experiment, and how they are kept and built."""

from pathlib import Path
from typing import NamedTuple

import keras

from leukcnn import spec
from leukcnn.outputs.cell_sketches import keep_misclassified
from leukcnn.outputs.kind import DATA, NETWORKS, NOTHING, Material
from leukcnn.outputs.network_maps import NETWORK_MAPS
from leukcnn.outputs.paper_figures import paper_figures
from leukcnn.outputs.paper_tables import paper_tables
from leukcnn.outputs.sketches import Sketches, make_sketches
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results

_NEEDS = {
    **dict.fromkeys(("counts", "datasets", "mask_scores"), DATA),
    **dict.fromkeys(("reference", "layers", "topology", "networks"), NOTHING),
    **dict.fromkeys(("samples", "augmentations", "segmentation", "histograms", "extraction"), DATA),
}


class Kind(NamedTuple):
    """What a kind of table or figure asks of an experiment, see `leukcnn.outputs.kind`."""

    needs: str
    every_split: bool
    every_mask: bool
    probe: bool
    grows: bool


def kind_of(item: spec.Table | spec.Figure) -> Kind:
    """Returns what a table or figure asks of an experiment."""
    return Kind(
        needs=_NEEDS.get(item.kind, NETWORKS),
        every_split=item.kind in ("shortcut", "splits"),
        every_mask=item.kind == "masks",
        probe=item.kind == "shortcut",
        grows=item.kind == "masks",
    )


def capture(material: Material, folder: Path, *, trained: bool) -> None:
    """Keeps what tables and figures need: before the training of pictures, after it of networks."""
    if trained:
        _look_into_trials(material, folder)
        return
    # Masks aren't among what names the experiment: they may have come or changed since.
    measures_masks = any(table.kind == "mask_scores" for table in material.paper.tables)
    if measures_masks or not Sketches.exist(folder):
        make_sketches(material).save(folder)
        keras.utils.clear_session()


def _look_into_trials(material: Material, folder: Path) -> None:
    results = material.results
    for figure in material.paper.figures:
        if figure.kind == "misclassified":
            keep_misclassified(results, figure, material.index, folder)
        if figure.kind not in NETWORK_MAPS:
            continue
        maps_class, make_maps = NETWORK_MAPS[figure.kind]
        if maps_class.exist(folder, figure.id):
            continue
        first = next((trial for trial in results.record.trials if trial.row == figure.rows[0]), None)
        finished = first and results.store.finished_trial(first.name)
        if finished:
            setup, rows = material.setups[first.row], material.tested[first.name]
            make_maps(finished, setup, material.index, rows).save(folder, figure.id)
            keras.utils.clear_session()


def build_tables(results: Results, folder: Path, *, only: str | None = None) -> list[Table]:
    """Returns the paper's tables, or the one that is asked for."""
    return paper_tables(results, only=only, topology=Sketches.load(folder).topology)


def build_figures(results: Results, folder: Path, *, only: str | None = None) -> list[Path]:
    """Draws the paper's figures, or the one that is asked for, into `figures` below a folder."""
    return paper_figures(results, folder, only=only)
