"""Networks applied to image files: one pass over the files, in batches, so that memory stays small."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from leukcnn.datasets.headers import FORMATS, BrokenImage, printable
from leukcnn.datasets.read import decode_image, hashed_bytes
from leukcnn.errors import ArgumentError, DataError, WeightsError
from leukcnn.evaluation.controls import colour_features
from leukcnn.image_cache import prepare, shows_nothing
from leukcnn.pipeline import check_probabilities, class_probabilities, ends_in_softmax, scaled
from leukcnn.prediction.training_set import digest_of
from leukcnn.spec import Preprocessing
from leukcnn.threads import in_threads

if TYPE_CHECKING:
    from leukcnn.prediction.saved import SavedNetwork

_BATCH = 32


class Batch(NamedTuple):
    """Some images that the networks were applied to.

    Attributes:
        positions: (B,) their positions among all files.
        images: For each network, uint8 (B, S, S, 3): the images as it sees them, before scaling.
        probabilities: float64 (B, classes), the mean over the networks.
    """

    positions: np.ndarray
    images: list[np.ndarray]
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class Answers:
    """What networks say about N image files.

    Attributes:
        paths: The N files.
        class_names: Names of the classes, in the order of the first network.
        probabilities: float64 (N, classes), the mean over the networks; NaN for a file that can't be used.
        faults: Position of each file that can't be used -> a line that names it and says why.
        unlikeness: float64 (N,): how far an image's colours are from those of the training images, divided by
            the distance that 99.9 % of those don't exceed; the largest of the networks. NaN if no network
            keeps these colours, or the file can't be used.
        seen: float64 (N,): 1 if a network was trained or validated on this very file, 0 if none was, NaN if
            it can't be said.
    """

    paths: tuple[Path, ...]
    class_names: tuple[str, ...]
    probabilities: np.ndarray
    faults: dict[int, str]
    unlikeness: np.ndarray
    seen: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        """(M,) int64, the positions of the files that could be used."""
        return np.array([i for i in range(len(self.paths)) if i not in self.faults], dtype=np.int64)


def apply_networks(
    networks: "Sequence[SavedNetwork]",
    paths: Iterable[Path],
    *,
    on_note: Callable[[str], None] = lambda note: None,
    on_fault: Callable[[Path, str], None] | None = None,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Answers:
    """Applies networks to images; several networks are an ensemble, whose probabilities are averaged.

    Each network gets the images in its own preprocessing.

    Args:
        networks: At least one; all have the same classes, in any order.
        paths: N image files.
        on_note: Called with a sentence for each image that was converted or that thresholding made black.
        on_fault: Called with each file that can't be used and a line about it; the others are answered. None
            refuses all files if one can't be used.
        on_batch: Called after each batch.
        progress: Called after each batch with the number of files done and the number of all.

    Raises:
        ArgumentError: There is no network or no path.
        DataError: Without `on_fault`, images can't be read or are too small; one message names all of them.
        WeightsError: The networks have different classes, or an output isn't finite or no probability.
    """
    files = [Path(path) for path in paths]
    if not files or not networks:
        raise ArgumentError(
            "No image is given." if networks else "No network is given.", expected="paths of image files"
        )
    names = networks[0].class_names
    columns = [_columns(network, names) for network in networks]
    add_up = [ends_in_softmax(network.network) for network in networks]
    probabilities = np.full((len(files), len(names)), np.nan)
    unlikeness, seen = np.full(len(files), np.nan), np.full(len(files), np.nan)
    faults: dict[int, str] = {}

    def fail(position: int, fault: str) -> None:
        faults[position] = fault
        if on_fault is not None:
            on_fault(files[position], fault)

    steps = [network.preprocessing for network in networks]
    for positions, images, digests, done in _read_batches(files, steps, on_note, fail):
        if len(positions) and (on_fault is not None or not faults):
            outputs = []
            for network, prepared, order, is_softmax in zip(networks, images, columns, add_up, strict=True):
                found = _probabilities(network, prepared, size=min(_BATCH, len(files)))
                of = [files[position] for position in positions]
                check_probabilities(found, of, of="The network", add_up=is_softmax)
                outputs.append(found[:, order])
            mean = np.mean(outputs, axis=0)
            probabilities[positions] = mean
            unlikeness[positions], seen[positions] = _compared(networks, images, digests)
            on_batch(Batch(positions, images, mean))
        progress(done, len(files))
    if faults and on_fault is None:
        raise DataError(
            f"{len(faults):,} of {len(files):,} images can't be used:\n" + "\n".join(faults.values()),
            expected=f"complete {FORMATS} images, at least as large as the crop",
            remedy="leave them out, or copy damaged files again",
        )
    return Answers(tuple(files), names, probabilities, faults, unlikeness, seen)


def _probabilities(network: "SavedNetwork", images: np.ndarray, *, size: int) -> np.ndarray:
    """Returns the probabilities of n prepared images, float64 (n, classes)."""
    # The backend would compile the network again for a last batch of another size.
    padded = np.concatenate([images, np.repeat(images[:1], size - len(images), axis=0)])
    outputs = np.asarray(network.network.predict_on_batch(scaled(padded, network.preprocessing)))
    return class_probabilities(outputs[: len(images)])


def _columns(network: "SavedNetwork", names: tuple[str, ...]) -> list[int]:
    """Returns the position of each class among those of a network.

    Raises:
        WeightsError: It has other classes.
    """
    if {*network.class_names} != {*names}:
        raise WeightsError(
            f"The networks have different classes: {', '.join(names)}, and {', '.join(network.class_names)}.",
            expected="networks with the same classes, whose probabilities can be averaged",
            remedy="apply them one by one",
        )
    return [network.class_names.index(name) for name in names]


def _compared(
    networks: "Sequence[SavedNetwork]", images: list[np.ndarray], digests: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `unlikeness` and `seen` of a batch, see `Answers`."""
    distances, known = [], []
    for network, prepared in zip(networks, images, strict=True):
        of = network.training_set
        nothing = np.full(len(digests), np.nan)
        known.append(nothing if of is None else of.knows(digests).astype(np.float64))
        if of is not None and of.colour is not None:
            distances.append(of.colour.relative_distances(colour_features(prepared)))
    seen = np.max(known, axis=0)  # NaN if any is NaN
    seen[(np.array(known) == 1).any(axis=0)] = 1
    return np.max(distances, axis=0) if distances else np.full(len(digests), np.nan), seen


class _Read(NamedTuple):
    """A file that was read: its images as each network sees them, or the fault."""

    images: list[np.ndarray]
    digest: int
    notes: list[str]
    fault: str


def _read_batches(
    files: Sequence[Path],
    steps: Sequence[Preprocessing],
    on_note: Callable[[str], None],
    fail: Callable[[int, str], None],
) -> Iterator[tuple[np.ndarray, list[np.ndarray], list[int], int]]:
    """Yields positions, images for each network, digests, and the number of files that were read so far.

    All batches but the last are full.
    """
    held: list[tuple[int, _Read]] = []
    for start in range(0, len(files), _BATCH):
        chunk = files[start : start + _BATCH]
        for position, read in enumerate(in_threads(lambda path: _read(path, steps), chunk), start):
            for note in read.notes:
                on_note(note)
            if read.fault:
                fail(position, read.fault)
            else:
                held.append((position, read))
        done = start + len(chunk)
        while len(held) >= _BATCH or done == len(files):
            batch, held = held[:_BATCH], held[_BATCH:]
            yield (
                np.array([position for position, _ in batch], dtype=np.int64),
                [np.stack(images) for images in zip(*(read.images for _, read in batch), strict=True)],
                [read.digest for _, read in batch],
                done,
            )
            if not held:
                break


def _read(path: Path, steps: Sequence[Preprocessing]) -> _Read:
    """Reads an image and applies the preprocessing of each network."""
    try:
        content, sha256 = hashed_bytes(path)
        image, converted = decode_image(content)
    except BrokenImage as error:
        return _Read([], 0, [], f"{printable(str(path))} {error.detail}.")
    try:
        images = [prepare(image, one) for one in steps]
    except DataError as error:
        return _Read([], 0, [], f"{printable(str(path))}: {error.found}")
    notes = [f"{path}: {converted}"] if converted else []
    black = (one.threshold != "none" and shows_nothing(seen) for one, seen in zip(steps, images, strict=True))
    if any(black):
        notes.append(f"{path}: thresholding leaves no cell, so the network sees a black image")
    return _Read(images, digest_of(sha256), notes, "")
