"""What `leukcnn predict` does after its arguments were checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from leukcnn.classification.heat_maps import HeatMaps
from leukcnn.classification.labelled import FolderLabels, folder_labels, score
from leukcnn.paths import ImageFiles
from leukcnn.prediction import NOTICE, Answers, SavedNetwork, apply_networks, write_classes
from leukcnn.prediction.answers import Batch
from leukcnn.prediction.tables import classes_table
from leukcnn.progress import counting
from leukcnn.rendering.renderings import to_text

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What `leukcnn predict` is asked for.

    Attributes:
        out: The table to write, .csv or .json; None for none.
        heat_maps: A new or empty folder for heat maps; None for none.
        classes: Folder -> class, where the name of a folder doesn't say it for certain.
        quiet: Whether to show no progress.
    """

    out: Path | None = None
    heat_maps: Path | None = None
    classes: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False


def classify(
    models: Sequence[Path], files: ImageFiles, options: Options, *, show: Say, warn: Say, fail: Say
) -> dict[str, Any]:
    """Applies networks to images, shows and writes the answers, and says what can't be relied on.

    Args:
        models: Files of networks.
        files: The images.
        options: What is written.
        show: Called with each line of the result.
        warn: Called with notes and warnings.
        fail: Called with what can't be used.

    Returns:
        The answers as plain JSON values, as in a table that ends in .json; "faults" is empty if every file
        could be used.

    Raises:
        ArgumentError: Heat maps are wanted, and a network has none; or a folder gets a class that the
            networks don't have.
        StoreError: A file can't be written.
        WeightsError: A network can't be used, the networks have different classes, or an output is no
            probability.
    """
    networks = [SavedNetwork.load(path) for path in models]
    names = networks[0].class_names
    # Before the networks are applied, which takes long.
    labels = folder_labels(files.paths, files.places, names, given=options.classes)
    maps = HeatMaps(networks, options.heat_maps, files.paths) if options.heat_maps else None
    notes: list[str] = [line for network in networks if (line := network.trained_on)]
    notes += files.notes

    def on_batch(batch: Batch) -> None:
        if maps:
            maps.write(batch, names)

    try:
        shown = Console(quiet=True) if options.quiet else None
        with counting("Classifying images", console=shown) as progress:
            answers = apply_networks(
                networks,
                files.paths,
                on_note=notes.append,
                on_fault=lambda path, fault: None,
                on_batch=on_batch,
                progress=progress,
            )
    except KeyboardInterrupt as interrupt:
        if maps and maps.files:
            interrupt.add_note(f"{len(maps.files):,} heat maps in {options.heat_maps} are kept.")
        raise
    scores = score(answers, labels.labels)
    _show_classes(answers, show)
    for table in scores.tables() if scores else ():
        show("\n" + to_text(table).rstrip("\n"))
    faults: list[tuple[str | None, str]] = [(None, fault) for fault in files.faults]
    faults += [(str(answers.paths[row]), fault) for row, fault in sorted(answers.faults.items())]
    doubts = _doubts(answers, networks, labelled=scores is not None)
    of_all = {
        "networks": [_described(path, network) for path, network in zip(models, networks, strict=True)],
        "notes": [*notes, *labels.notes(), *doubts],
        "faults": [{"image": image, "fault": fault} for image, fault in faults],
        **(scores.to_plain() if scores else {"metrics": None, "confusion_matrix": None}),
    }
    answered = _table(options.out, answers, maps, labels, of_all)
    for line in [*notes, *labels.notes(), *doubts]:
        warn(line)
    if faults:
        fail(f"{len(faults):,} files or folders can't be used:")
        for _, fault in faults:
            fail(f"  {fault}")
    warn(NOTICE)
    return answered


def _show_classes(answers: Answers, show: Say) -> None:
    width = max((len(str(answers.paths[row])) for row in answers.usable), default=0)
    for row in answers.usable:
        best = int(answers.probabilities[row].argmax())
        values = f"{answers.class_names[best]:<12} {answers.probabilities[row, best]:.4f}"
        show(f"{answers.paths[row]!s:<{width}}  {values}")


def _doubts(answers: Answers, networks: Sequence[SavedNetwork], *, labelled: bool) -> list[str]:
    """Returns what is known of the images' relation to the training images, in sentences."""
    rows = answers.usable
    if not len(rows):
        return []
    lines = []
    unlikeness, seen = answers.unlikeness[rows], answers.seen[rows]
    old = any(network.training_set is None for network in networks)
    why = "a network was saved without what is needed" if old else "the training images were too few"
    if np.isnan(unlikeness).all():
        lines.append(f"Whether the images look like the training images can't be said: {why}.")
    else:
        n = int((unlikeness > 1).sum())
        line = f"{n:,} of {len(rows):,} images look unlike the training images (colour)"
        lines.append(line + (": the answers for them may be worth nothing." if n else "."))
    if n := int((seen == 1).sum()):
        caution = ", so these metrics are no test" if labelled else ""
        trained = "were in the training set (trained or validated on)"
        lines.append(f"{n:,} of {len(rows):,} images {trained}{caution}.")
    elif np.isnan(seen).any():
        lines.append(f"Whether the images were in the training set can't be said: {why}.")
    return lines


def _described(path: Path, network: SavedNetwork) -> dict[str, Any]:
    training = network.training_set
    return {
        "file": str(path),
        "origin": network.origin,
        "training_images": None if training is None else training.n_images,
    }


def _table(
    out: Path | None, answers: Answers, maps: HeatMaps | None, labels: FolderLabels, of_all: dict[str, Any]
) -> dict[str, Any]:
    """Returns the table of the answers as plain JSON values; writes it if it is wanted and has answers."""
    rows = answers.usable
    names, files = answers.class_names, maps.files if maps else {}
    of_image = [
        {
            "true_class": names[labels.labels[row]] if labels.labels[row] >= 0 else None,
            "unlikeness": None if np.isnan(answers.unlikeness[row]) else round(answers.unlikeness[row], 4),
            "in_training_set": None if np.isnan(answers.seen[row]) else bool(answers.seen[row]),
            "heat_map": str(files[row]) if row in files else None,
        }
        for row in rows.tolist()
    ]
    content = ([answers.paths[row] for row in rows], answers.probabilities[rows], names)
    if out is not None and len(rows):
        write_classes(out, *content, of_image=of_image, of_all=of_all)
    return classes_table(*content, of_image=of_image, of_all=of_all)
