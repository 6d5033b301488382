"""Trained networks as rows of a study: `leukcnn evaluate --against MODEL` applies them to its images."""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.datasets.class_words import class_of, class_words, normalised
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.fields import did_you_mean
from leukcnn.paths import NETWORK_FILE, RECORD, network_files

__all__ = ["rows_against"]


def rows_against(
    files: Sequence[str], *, setup: spec.Setup, classes: Sequence[str], given: Mapping[str, str]
) -> tuple[spec.Row, ...]:
    """Returns the rows of a paper that applies trained networks; nothing is trained.

    Args:
        files: Networks that leukcnn saved, such as a trial's model.keras.
        setup: The split of the study; nothing else of it is used.
        classes: Classes of the study, as its folders or labels name them.
        given: Class of the study -> class of the networks, where their names differ. Words that mean the same
            for certain, such as normal and healthy, are found without it.

    Returns:
        A row for each file, named after the row and the paper that the network was trained for.

    Raises:
        WeightsError: A file is no network that leukcnn saved, or is given twice.
        ArgumentError: The classes of a network aren't those of the study.
    """
    rows: list[spec.Row] = []
    for file, path in zip(files, network_files(map(Path, files)), strict=True):
        record = _record(str(path))
        names = _matched(file, record["class_names"], classes, given)
        origin = record["origin"]
        label = " of ".join(str(origin[key]) for key in ("row", "paper") if key in origin) or path.stem
        base = re.sub("[^a-z0-9]+", "_", label.lower()).strip("_") or "network"
        same = sum(row.id == base or row.id.startswith(f"{base}-") for row in rows)
        rows.append(
            spec.Row(
                f"{base}-{same + 1}" if same else base,
                f"{label} ({same + 1})" if same else label,
                replace(setup, trained=spec.Trained(str(file), names)),
            )
        )
    return tuple(rows)


def _record(path: str) -> dict[str, Any]:
    """Returns what leukcnn keeps next to a saved network, without loading Keras."""
    try:
        with zipfile.ZipFile(path) as archive:
            record = json.loads(archive.read(RECORD))
        if not all(isinstance(name, str) for name in record["class_names"]):
            raise ValueError("its class names are no texts")
        if not isinstance(record["origin"], dict):
            raise ValueError("its origin is no object")
    except (KeyError, TypeError, ValueError, OSError, RecursionError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path} is not a network that leukcnn saved: {error}",
            expected=NETWORK_FILE,
            remedy="copy or download the file again from where it was trained",
        ) from error
    return dict(record)


def _matched(
    file: str, of_network: Sequence[str], of_study: Sequence[str], given: Mapping[str, str]
) -> dict[str, str]:
    """Returns class of the network -> class of the study, where the names differ."""
    words, chosen = class_words(*of_network), {normalised(name): to for name, to in given.items()}
    for name, to in given.items():
        if normalised(name) not in map(normalised, of_study):
            raise ArgumentError(
                f"classes (--classes) got the class {name!r}, which the images don't have.",
                expected=f"one of {', '.join(of_study)}",
                remedy=did_you_mean(name, of_study),
            )
        if to not in of_network:
            raise ArgumentError(
                f"classes (--classes) got {name}={to}, but {file} has no class {to!r}.",
                expected=f"one of {', '.join(of_network)}",
                remedy=did_you_mean(to, of_network),
            )
    found = {}
    for name in of_study:
        own = name if name in of_network else class_of(name, words)
        found[name] = chosen.get(normalised(name), own)
    if sorted(found.values()) != sorted(of_network):
        unmatched = [name for name, to in found.items() if not to] or list(of_study)
        raise ArgumentError(
            f"{file} distinguishes {', '.join(of_network)}; the images are {', '.join(of_study)}.",
            expected="one class of the images for each class of the network",
            remedy="say which is which: --classes "
            + " --classes ".join(f"{name}=CLASS" for name in unmatched)
            if len(of_network) == len(of_study)
            else f"pass a folder with {len(of_network)} classes, or a network for {len(of_study)}",
        )
    return {to: name for name, to in found.items() if to != name}


def __dir__() -> list[str]:
    return sorted(__all__)
