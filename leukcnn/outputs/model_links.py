"""Speaking names for the models of an experiment: `models/<row>-<split>-fold0.keras`."""

import contextlib
import os
import re
import shutil
from pathlib import Path

from leukcnn import spec
from leukcnn.files import explaining
from leukcnn.records import PlannedTrial
from leukcnn.results.results import Results

MODEL, FOLDER = "model.keras", "models"


def links_of(results: Results, row: str = "") -> dict[str, Path]:
    """Returns the names of the links to the saved models of an experiment -> the models.

    A name has the row, the kind of split, then the tested dataset where datasets are tested one by one, the
    fold from 0, unless the fold is the dataset, and the run from 0 where there are several.

    Args:
        results: The experiment.
        row: Id of a row; "" for all rows.
    """
    found = {}
    for planned in results.record.trials:
        trial = results.store.finished_trial(planned.name) if row in ("", planned.row) else None
        if trial is not None and MODEL in trial.result["files"]:
            found[_name(planned, runs=results.record.runs)] = trial.path / MODEL
    return found


def write_links(results: Results, folder: Path) -> list[Path]:
    """Links the saved models of all finished trials in the folder `models` of an experiment's folder.

    Links are relative: the whole output folder can be moved. A file system without links gets copies.

    Returns:
        The links.

    Raises:
        StoreError: The folder can't be written to.
    """
    place, links = folder / FOLDER, links_of(results)
    with explaining(place):
        for old in place.glob("*.keras") if place.is_dir() else ():
            if old.is_symlink() and old.name not in links:
                old.unlink()
        for name, model in links.items():
            place.mkdir(parents=True, exist_ok=True)
            _link(place / name, model)
    return [place / name for name in links]


def _link(link: Path, model: Path) -> None:
    target = os.path.relpath(model, link.parent)
    if link.is_symlink() and link.readlink() == Path(target):
        return
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    try:
        link.symlink_to(target)
    except (OSError, NotImplementedError):
        shutil.copyfile(model, link)


def _name(planned: PlannedTrial, *, runs: int) -> str:
    parts = [planned.row, planned.split, *(["+".join(planned.tested)] if planned.tested else [])]
    if planned.split not in spec.LODOCV_KINDS:
        parts.append(f"fold{max(planned.fold, 0)}")
    if runs > 1:
        parts.append(f"run{planned.run}")
    return re.sub(r"[^\w+.-]", "_", "-".join(parts)) + ".keras"
