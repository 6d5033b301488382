"""Networks on mobile devices: file size, time and accuracy as LiteRT files in each precision."""

import platform
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.files import digest
from leukcnn.image_cache import prepared_images
from leukcnn.models.litert import why_no_litert
from leukcnn.outputs.kind import Capture, Kept, Material, TableKind
from leukcnn.outputs.mobile_process import MeasuringProcess
from leukcnn.outputs.titles import make_table, not_measured
from leukcnn.prediction.saved import record_of
from leukcnn.prediction.training_set import digest_of
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results, main_predictions
from leukcnn.runs import Trial
from leukcnn.seeding import generator

_CALIBRATION, _MOST_TESTED = 64, 1000
# MB of a saved network. The conversion of ResNet50 takes 20 s of processor time and up to 3.5 GiB.
_LARGEST_QUICK = 50
# A two-hundredth of the images is half a point of accuracy.
_KEPT_WITHIN = 200
_LIMITS = f"At most {_MOST_TESTED:,} test images, chosen by the seed, are computed"
_NOTES = (
    "Each row's first network, saved in its first fold and run. MB: 1,000,000 bytes; MiB: 1,048,576 bytes. "
    "The published size is of the authors' own file, in whichever unit.",
    "Milliseconds: the wall-clock time of one image in one thread of this machine's processor, which is no "
    "phone: median over 7 rounds of 10 images, and the fastest and the slowest round. The precisions take "
    "turns. A run measures once and stores the times; other runs, also deterministic ones, find others.",
    "float16 rounds the weights alone. int8 rounds weights and activations; their ranges come from "
    f"{_CALIBRATION} images that the network was trained or validated on, never from test images. Input and "
    "output are float32.",
    "Other answers: test images with another predicted class than by the Keras network. Accuracy is kept if "
    "it falls by at most .5 points.",
)


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps the measured files of the first trained network of each row."""
    why = why_no_litert()
    with MeasuringProcess() as process:
        for row, trained in material.results.under(table.split).trials.items():
            if row in table.rows and trained:
                trial = trained[0][2]

                def make(row: str = row, trial: Trial = trial) -> Mapping[str, Any]:
                    return {"missing": why} if why else _measured(row, trial, material, process)

                yield Capture(f"{table.id}-{row}", digest([trial.path.name, why]), make)


def _measured(row: str, trial: Trial, material: Material, process: MeasuringProcess) -> dict[str, Any]:
    """Returns what the table shows of a trial's network: numbers of images, and each precision's values."""
    path, profile = trial.checked("model.keras"), material.results.record.profile
    if profile == "smoke" and path.stat().st_size > 1e6 * _LARGEST_QUICK:
        return {"missing": f"the smoke profile converts no network of more than {_LARGEST_QUICK} MB"}
    preprocessing, _, _, training_set = record_of(path)
    if training_set is None:
        return {"missing": "the network's file doesn't name its training images"}
    index, predictions = material.index, main_predictions(trial)
    tested = predictions.select((predictions.subset == "test") & (predictions.label >= 0))
    n_tested = len(tested)
    tested = tested.select(_chosen(np.arange(n_tested), _MOST_TESTED, material.seed, "mobile test", row))
    digests = (digest_of(str(name)) for name in index.sha256)
    known = np.flatnonzero(training_set.knows(digests) & ~np.isin(index.ids, predictions.image))
    if not n_tested or not len(known):
        return {"missing": f"the {'training' if n_tested else 'test'} images aren't at hand"}
    known = _chosen(known, _CALIBRATION, material.seed, "mobile calibration", row)
    places = {image: place for place, image in enumerate(index.ids.tolist())}
    images = prepared_images(index, preprocessing)
    assert isinstance(images, np.memmap)
    reply = process.measure(
        path, images, tested=[places[image] for image in tested.image.tolist()], calibration=known.tolist()
    )
    if "missing" in reply:
        # An empty key: the next run tries again.
        return {**reply, "key": ""}
    formats = {}
    for name, values in reply["formats"].items():
        predicted = np.array(values.pop("predicted"))
        right, other = (predicted == tested.label).sum(), (predicted != tested.predicted).sum()
        formats[name] = {**values, "right": int(right), "other": int(other)}
    return {
        "images": len(tested),
        "tested": n_tested,
        "image_size": preprocessing.image_size,
        "right": int((tested.predicted == tested.label).sum()),
        "processor": f"{platform.machine()}, {platform.system()}",
        "formats": formats,
    }


def _chosen(values: np.ndarray, most: int, seed: int, *key: str) -> np.ndarray:
    """Returns at most `most` of the values, in their order."""
    if len(values) <= most:
        return values
    return np.sort(generator(seed, *key).choice(values, most, replace=False))


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a line for each row and precision: file size, time, and accuracy against the Keras network."""
    shown, rows, notes = results.under(table.split), [], [*_NOTES]
    machines, sizes = dict[str, None](), dict[int, None]()
    for row in table.rows:
        label, captured = shown.paper.row(row).label, kept.get(f"{table.id}-{row}")
        published = (other.printed(row, "file_mb") for other in shown.paper.tables)
        printed = next((one.value for one in published if one), None)
        why = shown.why_missing(row, "test") or "its files have not been measured"
        if captured is None or "missing" in captured:
            why = captured["missing"] if captured else why
            rows.append((label, None, None, None, printed, *not_measured(why, 9)))
            continue
        machines[captured["processor"]] = sizes[captured["image_size"]] = None
        if captured["images"] < captured["tested"]:
            notes.append(f"{label}: {captured['images']:,} of {captured['tested']:,} images. {_LIMITS}.")
        rows += [(label, name, *_cells(captured, name, printed)) for name in captured["formats"]]
    if machines:
        pixels = ", ".join(f"{size}x{size}" for size in sizes)
        notes.append(f"Images of {pixels} pixels; measured on {'; '.join(machines)}.")
    columns = (
        *("Network", "Precision", Column("File (MB)", "hundredths"), Column("File (MiB)", "hundredths")),
        *(Column("Published file (MB)", "quantity"), Column("Milliseconds", "quantity")),
        *(Column("Fastest and slowest round", "range"), Column("Images", "integer")),
        *(Column("Accuracy", "percent"), Column("Keras network", "percent"), Column("Difference", "points")),
        *(Column("Other answers", "integer"), "Accuracy kept", "State"),
    )
    return make_table(shown, table, columns, rows, notes=notes)


def _cells(captured: Mapping[str, Any], precision: str, printed: float | None) -> tuple[Cell, ...]:
    """Returns the cells of one precision, from the file's size on."""
    values, n = captured["formats"][precision], captured["images"]
    taken, lost = values["milliseconds"], captured["right"] - values["right"]
    return (
        *(values["bytes"] / 1e6, values["bytes"] / 2**20, printed),
        *(float(np.median(taken)), (min(taken), max(taken)), n),
        *(values["right"] / n, captured["right"] / n, -lost / n, values["other"]),
        "kept" if lost * _KEPT_WITHIN <= n else "lost",
        "measured",
    )


KIND = TableKind(build=build, capture=_capture)
