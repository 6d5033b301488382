"""Writes an exported network, and keeps it only if it gives the network's probabilities."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn import __version__
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image, image_bytes
from leukcnn.distribution import require_tensorflow
from leukcnn.errors import DataError, WeightsError
from leukcnn.exporting.export import Exported, described
from leukcnn.exporting.formats import FORMATS, INPUT, OUTPUT, Runner
from leukcnn.exporting.graph import as_given, keeps_its_size, steps_outside, with_preprocessing
from leukcnn.fields import to_plain
from leukcnn.files import explaining, file_sha256, read_bytes, replace_file, write_json
from leukcnn.image_cache import prepare
from leukcnn.models.foreign import reason_of
from leukcnn.outputs.model_card import MODEL_CARD
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.prediction import NOTICE, SavedNetwork
from leukcnn.synthetic.smears import draw_smear

_IMAGES = 32
# Largest difference between probabilities: of two programs that compute in float32, where the network was
# trained in 16 bits, and where the file resizes, which changes some pixels by one grey level.
_FLOAT32, _HALF, _RESIZED = 1e-4, 0.02, 0.02


class _Check(NamedTuple):
    """What running a file showed: largest differences, as in `Exported`."""

    images: int
    decoded: float
    resized: float | None


def write(source: Path, place: Path, name: str, files: Sequence[Path]) -> Exported:
    """Writes a network's export, its description and the model card of its run.

    Args:
        source: The network.
        place: The file to write, or the folder of a SavedModel; an earlier one is replaced.
        name: One of `FORMATS`.
        files: Images to run it on; none for synthetic ones.

    Raises:
        DataError: No image can be used.
        DeviceError: The format needs the TensorFlow backend.
        StoreError: The file can't be written.
        WeightsError: The network can't be written in this format, or the file gives other probabilities.
    """
    if name != "keras":
        require_tensorflow(f"write the format {name}")
    saved, kind = SavedNetwork.load(source), FORMATS[name]
    images = [*_decoded(files, saved)] if files else [*_synthetic(saved)]
    if not images:
        raise DataError(
            f"None of the {len(files):,} images can be used.", expected="complete images, not below the crop"
        )
    description = _description(source, saved, name)
    with tempfile.TemporaryDirectory(prefix="leukcnn-") as folder:
        draft = Path(folder) / f"network{place.suffix}"
        try:
            network = with_preprocessing(saved.network, saved.preprocessing, ungrouped=kind.ungrouped)
            kind.write(network, draft, description)
            run = kind.run(draft)
        except OSError:
            raise
        except Exception as error:
            raise WeightsError(
                f"{source} can't be written in the format {name}: {reason_of(error)}",
                expected="a network of layers that the format has",
                remedy="try another format: " + ", ".join(other for other in FORMATS if other != name),
            ) from error
        check = _checked(saved, run, images, name)
        _keep(draft, place)
    exported = Exported(
        file=str(place),
        description=str(described(place)),
        model_card=_copy_card(source, place),
        format=name,
        program=kind.described_program,
        images=check.images,
        given="given" if files else "synthetic",
        largest_difference=check.decoded,
        largest_difference_resized=check.resized,
    )
    checked = {key: value for key, value in exported.to_json().items() if key not in _PATHS}
    write_json(described(place), {**description, "checked": checked})
    return exported


_PATHS = ("file", "description", "model_card")


def _decoded(files: Sequence[Path], saved: SavedNetwork) -> Iterator[np.ndarray]:
    """Yields images of files that the network can take, at most 32, spread over all of them."""
    step = max(1, len(files) // _IMAGES)
    for path in files[::step][:_IMAGES]:
        try:
            image, _ = decode_image(image_bytes(path))
            prepare(image, saved.preprocessing)
        except (BrokenImage, DataError):
            continue
        yield image


def _synthetic(saved: SavedNetwork) -> Iterator[np.ndarray]:
    least = max(saved.preprocessing.crop or 0, 64)
    for number in range(_IMAGES):
        # Every other one has the network's size; the others must be resized.
        own = saved.preprocessing.image_size
        grown = (least + 3 * number, least + 2 * number + 1)
        size = (own, own) if number % 2 and own >= least else grown
        yield draw_smear(class_name="ALL", dataset="taleghani", seed=0, image=number, size=size)


def _checked(saved: SavedNetwork, run: Runner, images: Sequence[np.ndarray], name: str) -> _Check:
    """Runs an exported file on images.

    Raises:
        WeightsError: It gives other probabilities than the network.
    """
    steps = saved.preprocessing
    prepared = np.stack([prepare(image, steps) for image in images])
    expected = class_probabilities(np.asarray(saved.network.predict_on_batch(scaled(prepared, steps))))
    given = [as_given(image, steps) for image in images]
    decoded = _difference(run, given, expected)
    resized = _difference(run, prepared, expected) if keeps_its_size(steps) else None
    half = any(layer.dtype_policy.compute_dtype != "float32" for layer in saved.network.layers)
    exact = max(_HALF if half else _FLOAT32, 0)
    same_size = all(image.shape == prepared.shape[1:] for image in given)
    for found, most, what in (
        (decoded, exact if same_size else max(exact, _RESIZED), "decoded images"),
        (resized or 0.0, exact, "images of the network's size"),
    ):
        if not found <= most:
            raise WeightsError(
                f"The exported file ({name}) gives other probabilities for {what}: they differ by "
                f"{found:.2g}, so it isn't kept.",
                expected=f"a difference of at most {most:g}",
                remedy="try another format, or report the network's layers as a fault of leukcnn",
            )
    return _Check(len(images), decoded, resized)


def _difference(run: Runner, images: Sequence[np.ndarray] | np.ndarray, expected: np.ndarray) -> float:
    found = np.concatenate([np.asarray(run(np.ascontiguousarray(image[None]))) for image in images])
    return float(f"{np.abs(found - expected).max():.3g}")


def _description(source: Path, saved: SavedNetwork, name: str) -> dict[str, Any]:
    """Returns what the file is and expects, without paths."""
    size, crop = saved.preprocessing.image_size, saved.preprocessing.crop
    outside = steps_outside(saved.preprocessing)
    fixed = bool({"blank", "component_montage"} & {*outside})
    return {
        "format": name,
        "leukcnn": __version__,
        "classes": list(saved.class_names),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": [1 if name == "litert" else "N", *((size, size) if fixed else ("H", "W")), 3],
            "layout": "NHWC",
            "colour_order": "RGB",
            "range": [0, 255],
            "min_size": crop if crop and not fixed else 1,
            "network_size": size,
        },
        "output": {"name": OUTPUT, "dtype": "float32", "shape": ["N", len(saved.class_names)]},
        "before": [f"leukcnn.preprocessing.{step}" for step in outside],
        "preprocessing": to_plain(saved.preprocessing),
        "source": {"sha256": file_sha256(source), "origin": saved.origin},
        "notice": NOTICE,
    }


def _keep(draft: Path, place: Path) -> None:
    """Moves what was written to its place, in one step."""
    if draft.is_file():
        with replace_file(place) as copy:
            shutil.copyfile(draft, copy)
        return
    with explaining(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=place.parent) as folder:
            copy = Path(folder) / "new"
            shutil.copytree(draft, copy)
            if place.is_dir():
                place.rename(Path(folder) / "old")
            copy.rename(place)


def _copy_card(source: Path, place: Path) -> str:
    """Copies the model card of the network's run next to its export; returns its path, or "" without one."""
    # A speaking link leads to the trial.
    trial = source.resolve().parent
    named = [
        card
        for card in trial.parent.parent.glob(f"experiments/*/{MODEL_CARD}")
        if trial.name in read_bytes(card.with_name("experiment.json")).decode(errors="replace")
    ]
    if not named:
        return ""
    copy = place.with_name(MODEL_CARD)
    content = max(named, key=lambda card: card.stat().st_mtime).read_bytes()
    if copy.exists() and copy.read_bytes() != content:
        copy = place.with_name(f"{place.name}.{MODEL_CARD}")
    with replace_file(copy) as draft:
        draft.write_bytes(content)
    return str(copy)
