"""A trained network with its preprocessing, in one file."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.argument_types import require_type, user_path
from leukcnn.errors import SpecError, WeightsError
from leukcnn.fields import to_plain
from leukcnn.files import replace_file
from leukcnn.models.foreign import clean_archive, reason_of
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.weights import load_archive
from leukcnn.paths import NETWORK_FILE, RECORD, network_file
from leukcnn.prediction.answers import apply_networks
from leukcnn.prediction.training_set import TrainingSet
from leukcnn.spec import Preprocessing

NOTICE = "Research software, not for diagnosis. Its results hold at most for the images it was tested on."
_LONGEST_NAME = 255
# Keras doesn't find these by itself in a process that has built no network with them.
_OWN_LAYERS = (GroupedConv2D, LocalResponseNormalization, MeanSubtraction)


@dataclass(frozen=True)
class SavedNetwork:
    """A trained network with everything that is needed to apply it to an image.

    Attributes:
        network: The Keras model: RGB images of the preprocessing's size in, one probability per class out, or
            the probability of the second of two classes. Its weights are finite.
        preprocessing: The steps from an image to the network's input.
        class_names: Names of the classes, as many as the network distinguishes, each once.
        origin: The paper, row, profile, seed and trial that the network comes from. `run_trial` adds split,
            fold, run and tested datasets, "training" (images of each class and dataset, groups, validation
            images, SHA-256 of the sorted ids), and "test" (images and accuracy of its fold).
        training_set: What is kept of the images that it was trained on; None if unknown.

    Raises:
        WeightsError: They don't fit together, or a weight is NaN or infinite.
    """

    network: keras.Model
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    origin: dict[str, Any]
    training_set: TrainingSet | None = None

    def __post_init__(self) -> None:
        require_type(Preprocessing, "a leukcnn.spec.Preprocessing", preprocessing=self.preprocessing)
        kinds = (TrainingSet, type(None))
        require_type(kinds, "a leukcnn.prediction.TrainingSet or None", training_set=self.training_set)
        fault = fault_of_names(self.class_names)
        fault = fault or _fault_of_shapes(self.network, self.preprocessing.image_size, len(self.class_names))
        fault = fault or _fault_of_weights(self.network)
        if fault:
            raise WeightsError(
                f"The network can't be used: {fault}.",
                expected="finite weights, an input of the preprocessing's size, and a name for each class",
                remedy="train it again, with a lower learning rate or another seed if its loss became NaN",
            )

    @property
    def trained_on(self) -> str:
        """What the network was trained on and tested on, in a sentence; "" if the file doesn't say it."""
        origin, training = self.origin, self.origin.get("training")
        named = [origin.get(name) for name in ("row", "paper", "split")]
        if not isinstance(training, dict) or not all(map(_is_name, named)):
            return ""
        classes, datasets = (_counts(training.get(name)) for name in ("classes", "datasets"))
        where = f"fold {max(origin['fold'], 0)}" if _is_number(origin.get("fold")) else "a fold"
        groups = training.get("groups")
        of = f", {groups:,} groups" if _is_number(groups) and groups else ""
        line = f"{named[0]} of {named[1]}: trained on {classes} ({datasets}{of})"
        line += f" in {where} of the split {named[2]!r}"
        test = origin.get("test")
        if (
            isinstance(test, dict)
            and isinstance(test.get("accuracy"), float)
            and _is_number(test.get("images"))
        ):
            line += f"; accuracy {100 * test['accuracy']:.1f} % on its {test['images']:,} test images"
        return f"{line}."

    def save(self, path: str | Path) -> None:
        """Writes the `.keras` file in one step, without the optimizer.

        Args:
            path: The file.

        Raises:
            ArgumentError: No file can have this path.
            StoreError: The folder can't be written to, or the disk is full.
            WeightsError: Keras can't make a network from the configuration of this one.
        """
        path = user_path(path)
        record = {
            "preprocessing": to_plain(self.preprocessing),
            "class_names": list(self.class_names),
            "origin": self.origin,
            "notice": NOTICE,
        }
        if self.training_set is not None:
            record["training_set"] = self.training_set.to_plain()
        try:
            # A rebuilt network isn't compiled, unlike a clone: an optimizer triples the size of the file. And
            # the configuration of the network itself has addresses in memory, which differ each time.
            bare = type(self.network).from_config(self.network.get_config())
        except Exception as error:
            raise WeightsError(
                f"The network can't be saved: {reason_of(error)}.",
                expected="layers that Keras can make again from their configuration",
                remedy="use layers of Keras, or register your own with keras.saving",
            ) from error
        # One by one, so that all values aren't in memory once more.
        for copy, weight in zip(bare.weights, self.network.weights, strict=True):
            copy.assign(keras.ops.convert_to_numpy(weight))
        # HDF5 crashes if the disk fills while one of its files is open, so the file is made in memory.
        made = io.BytesIO()
        # Keras writes an archive into an open file, whatever `zipped` says.
        keras.saving.save_model(bare, made, zipped=False)
        with zipfile.ZipFile(made, "a") as archive:
            archive.writestr(RECORD, json.dumps(record, indent=1))
        with replace_file(path) as draft:
            draft.write_bytes(made.getbuffer())

    @staticmethod
    def load(path: str | Path) -> "SavedNetwork":
        """Reads a file that `save` wrote. No code from the file is run.

        Args:
            path: The `.keras` file.

        Raises:
            WeightsError: The file doesn't exist, isn't a Keras model, holds code, lacks its preprocessing, or
                its parts don't fit together.
        """
        path = network_file(path)
        own = {keras.saving.get_registered_name(layer): layer for layer in _OWN_LAYERS}
        try:
            with clean_archive(path) as (copy, parameters):
                with zipfile.ZipFile(copy) as archive:
                    record = _read_record(archive.read(RECORD))
                network = load_archive(copy, parameters, own)
            return SavedNetwork(network, *record)
        except Exception as error:  # a wrong configuration makes Keras raise errors of any kind
            raise WeightsError(
                f"{path} is not a network that leukcnn saved: {reason_of(error)}",
                expected=NETWORK_FILE,
                remedy="copy or download the file again from where it was trained",
            ) from error

    def predict(
        self,
        paths: Iterable[Path],
        *,
        on_note: Callable[[str], None] = lambda note: None,
        on_fault: Callable[[Path, str], None] | None = None,
    ) -> np.ndarray:
        """Applies the network to images; `apply_networks` says more about them.

        Args:
            paths: N image files.
            on_note: Called with a sentence for each image that was converted or that thresholding made black.
            on_fault: Called with each file that can't be used and a line about it; its row in the result is
                NaN, and the others are answered. None refuses all files if one can't be used.

        Returns:
            float64 (N, classes), probabilities.

        Raises:
            ArgumentError: There is no path.
            DataError: Without `on_fault`, images can't be read or are too small; one message names all of
                them.
            WeightsError: An output isn't finite or no probability.
        """
        return apply_networks((self,), paths, on_note=on_note, on_fault=on_fault).probabilities


def record_of(path: Path) -> tuple[Preprocessing, tuple[str, ...], dict[str, Any], TrainingSet | None]:
    """Reads what leukcnn keeps in a file that `SavedNetwork.save` wrote, without its network.

    Args:
        path: A file whose SHA-256 was checked, such as `Trial.checked` returns.

    Returns:
        The preprocessing, the names of the classes, the origin and the training set.

    Raises:
        WeightsError: Another version of leukcnn wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_record(archive.read(RECORD))
    except (KeyError, ValueError, SpecError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{path} is not a network that leukcnn saved: {reason_of(error)}",
            expected=NETWORK_FILE,
            remedy="train it again, in another folder",
        ) from error


def _read_record(
    content: bytes,
) -> tuple[Preprocessing, tuple[str, ...], dict[str, Any], TrainingSet | None]:
    """Returns the preprocessing, the names of the classes, the origin and the training set.

    Raises:
        ValueError: The content isn't a record that `SavedNetwork.save` wrote.
        SpecError: A value of the preprocessing isn't allowed.
    """
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError(f"its {RECORD} is no JSON object")
    kinds = {"preprocessing": dict, "class_names": list, "origin": dict}
    for name, kind in kinds.items():
        if not isinstance(record.get(name), kind):
            raise ValueError(f"{name} in its {RECORD} is missing or of another type")
    # Files of earlier versions have no region: their networks saw whole images.
    steps, known = (
        {"region": "image", **record["preprocessing"]},
        [field.name for field in fields(Preprocessing)],
    )
    absent, unknown = [name for name in known if name not in steps], [n for n in steps if n not in known]
    if absent or unknown:
        # Defaults would be wrong for a network that saw other images.
        what = f"lacks {', '.join(absent)}" if absent else f"has an unknown {unknown[0]!r}"
        raise ValueError(f"its preprocessing {what}: another version of leukcnn saved it")
    # Files of earlier versions have no training set.
    kept = record.get("training_set")
    training_set = None if kept is None else TrainingSet.from_plain(kept)
    return Preprocessing(**steps), tuple(record["class_names"]), record["origin"], training_set


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_NAME


def _is_number(value: object) -> bool:
    return type(value) is int and -1 <= value < 10**9


def _counts(value: object) -> str:
    """Returns name -> number in words; a stranger's file may hold anything."""
    if not isinstance(value, dict):
        return "unknown images"
    counts = [f"{n:,} {name}" for name, n in value.items() if _is_name(name) and _is_number(n)]
    return ", ".join(counts) or "unknown images"


def _fault_of_shapes(network: keras.Model, image_size: int, n_names: int) -> str:
    """Returns how a network's input or output differs from images and classes; "" if they fit."""
    if not isinstance(network, keras.Model):
        return f"it is a {type(network).__name__} and no keras.Model"
    inputs, outputs = getattr(network, "input_shape", None), getattr(network, "output_shape", None)
    if not isinstance(inputs, tuple) or len(inputs) != 4 or inputs[3] != 3:
        return f"its input has the shape {inputs} instead of (None, {image_size}, {image_size}, 3)"
    if any(size not in (None, image_size) for size in inputs[1:3]):
        return f"its input has {inputs[1]}x{inputs[2]} pixels, but its preprocessing gives {image_size}"
    if not isinstance(outputs, tuple) or len(outputs) != 2 or not outputs[1]:
        return f"its output has the shape {outputs} instead of (None, classes)"
    classes = max(outputs[1], 2)
    return "" if n_names == classes else f"it distinguishes {classes} classes, but {n_names} are named"


def fault_of_names(names: Sequence[str]) -> str:
    """Returns what is wrong with the names of classes; "" if nothing is."""
    if not isinstance(names, tuple | list):
        return f"the class names are {names!r:.80}, neither a tuple nor a list of names"
    for name in names:
        if not isinstance(name, str):
            return f"the class name {name!r} is no string"
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            return f"the class name {name[:40]!r} is empty, very long or can't be printed"
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    return f"the class name {twice[0]!r} occurs twice" if twice else ""


def _fault_of_weights(network: keras.Model) -> str:
    """Returns which weights are NaN or infinite; "" if none is."""
    wrong = [v.path for v in network.weights if not np.isfinite(keras.ops.convert_to_numpy(v.value)).all()]
    if not wrong:
        return ""
    return f"{len(wrong)} of its {len(network.weights)} weights have NaN or infinite values, first {wrong[0]}"
