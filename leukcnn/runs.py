"""The store of runs: one folder per trial, named by the hash of the trial's specification.

    <out>/<paper>/trials/<hash>/trial.json        the specification; <hash> is its hash
                                history.csv       one line per epoch; not for controls
                                state.npz         state after the last finished epoch, until the trial is done
                                predictions.csv   one line per image and checkpoint
                                features.npz      features of the tested images, for SVMs on features
                                model.keras       the network with its preprocessing; not for controls
                                environment.json  versions, devices, commit
                                diverged.json     instead of done.json: when and how the training diverged
                                done.json         result, timing and the SHA-256 of each file; written last
    <out>/<paper>/experiments/<name>/             list of a command's trials; its tables and figures

Every file is written in one step (`leukcnn.files`): a killed process leaves a complete file or none.
"""

import contextlib
import csv
import hashlib
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.errors import StoreError
from leukcnn.fields import did_you_mean_folder
from leukcnn.files import check_writable, digest, explained, read_json, replace_file, write_json

STORE_VERSION = 7


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a trial's networks, one row per image and checkpoint.

    Attributes:
        image: (N,) str, ids of the images.
        subset: (N,) str, "test", "external" or "final".
        checkpoint: (N,) str, which weights were used: those of the best "val_accuracy" or "val_loss", or
            those of the "last" epoch; "control" or "svm" if no network was trained.
        group: (N,) str, subject; "" if unknown.
        label: (N,) int64, true class; -1 if unknown.
        probabilities: (N, C) float64, in 0..1.
        class_names: C names.
    """

    image: np.ndarray
    subset: np.ndarray
    checkpoint: np.ndarray
    group: np.ndarray
    label: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def predicted(self) -> np.ndarray:
        """(N,) int64, the class with the highest probability."""
        return self.probabilities.argmax(axis=1)

    def select(self, mask: np.ndarray) -> "Predictions":
        """Returns the rows where `mask`, (N,) bool, is True, or the rows at its positions, (M,) int."""
        columns = {name: getattr(self, name)[mask] for name in _PREDICTION_COLUMNS}
        return Predictions(**columns, probabilities=self.probabilities[mask], class_names=self.class_names)

    @staticmethod
    def join(several: "Sequence[Predictions]") -> "Predictions":
        """Returns the rows of several predictions, one after another; at least one."""
        columns = {
            name: np.concatenate([getattr(p, name) for p in several])
            for name in (*_PREDICTION_COLUMNS, "probabilities")
        }
        return Predictions(**columns, class_names=several[0].class_names)


# Files of a finished trial.
_KEPT = ("trial.json", "history.csv", "predictions.csv", "features.npz", "model.keras", "environment.json")
_PREDICTION_COLUMNS = ("image", "subset", "checkpoint", "group", "label")


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes predictions as CSV: image, subset, checkpoint, group, label, p_<class> ...

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_PREDICTION_COLUMNS, *(f"p_{name}" for name in predictions.class_names)])
        columns = [getattr(predictions, name) for name in _PREDICTION_COLUMNS]
        for *row, probabilities in zip(*columns, predictions.probabilities, strict=True):
            writer.writerow([*row, *(f"{p:.9g}" for p in probabilities)])


def read_predictions(path: Path) -> Predictions:
    """Reads predictions that `write_predictions` wrote.

    Raises:
        StoreError: There is no such file, or it has another form.
    """
    try:
        with path.open(newline="") as file:
            header, *rows = list(csv.reader(file))
        n = len(_PREDICTION_COLUMNS)
        if tuple(header[:n]) != _PREDICTION_COLUMNS:
            raise ValueError(f"its columns are {header}")
        columns = {name: np.array([row[i] for row in rows]) for i, name in enumerate(_PREDICTION_COLUMNS)}
        columns["label"] = columns["label"].astype(np.int64)
        probabilities = np.array([row[n:] for row in rows], dtype=np.float64)
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise StoreError(
            f"{path} holds no predictions: {error}",
            expected=f"the columns {', '.join(_PREDICTION_COLUMNS)}, p_<class> ...",
            remedy="remove the trial's folder and run `leukcnn reproduce` again",
        ) from error
    return Predictions(
        **columns,
        probabilities=probabilities,
        class_names=tuple(name.removeprefix("p_") for name in header[n:]),
    )


def write_features(path: Path, *, image: np.ndarray, label: np.ndarray, features: np.ndarray) -> None:
    """Writes features of images.

    Args:
        path: The NPZ file.
        image: (N,) str, ids of the images.
        label: (N,) int64, true classes.
        features: (N, D) float32.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("wb") as file:
        np.savez(file, image=image, label=label, features=features)


class Trial:
    """The folder of one trial.

    Args:
        path: The folder.
        identity: The trial's specification, as plain JSON values.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path, self.identity = path, identity

    @property
    def finished(self) -> bool:
        """Whether the trial is done and all its files are on disk."""
        return (self.path / "done.json").exists()

    @property
    def result(self) -> dict[str, Any]:
        """The result and the files' SHA-256, as `finish` wrote them."""
        return read_json(self.path / "done.json")

    def predictions(self) -> Predictions:
        """Reads the trial's predictions."""
        return read_predictions(self.path / "predictions.csv")

    def history(self) -> dict[str, np.ndarray]:
        """Reads the trial's history: name -> (epochs,) float64.

        Raises:
            StoreError: There is no such file, or it isn't a history.
        """
        path = self.path / "history.csv"
        try:
            with path.open(newline="") as file:
                header, *rows = list(csv.reader(file))
            return dict(zip(header, np.array(rows, dtype=np.float64).T, strict=True))
        except (OSError, ValueError, csv.Error) as error:
            raise StoreError(
                f"{path} holds no history: {error}",
                expected="one line per epoch with one number per column",
                remedy="remove the trial's folder and run `leukcnn reproduce` again",
            ) from error

    def features(self) -> dict[str, np.ndarray]:
        """Reads the tested images' features: "image", "label" and "features", as in `write_features`.

        Raises:
            StoreError: There is no such file, or it holds no features.
        """
        path = self.path / "features.npz"
        try:
            with np.load(path) as stored:
                return {name: stored[name] for name in ("image", "label", "features")}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"{path} holds no features: {error}",
                expected="the columns image, label and features",
                remedy="remove the trial's folder and run `leukcnn reproduce` again",
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from working on this trial; a killed process releases the lock.

        Raises:
            StoreError: Another process works on the trial, or the folder can't be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / ".lock", timeout=0)
            lock.acquire()
        except filelock.Timeout as error:
            raise StoreError(
                f"Another process works on the trial {self.path}.",
                expected="one process per trial",
                remedy="wait for it, or choose another --out",
            ) from error
        except OSError as error:
            raise explained(error, self.path) from error
        try:
            for leftover in self.path.glob(".draft-*"):
                leftover.unlink()
            yield
        finally:
            lock.release()

    def finish(self, result: Mapping[str, Any]) -> None:
        """Marks the trial as done: writes the result and the SHA-256 of each file that is kept."""
        files = {name: _sha256(self.path / name) for name in _KEPT if (self.path / name).exists()}
        write_json(self.path / "done.json", {**result, "files": files})

    def faults(self) -> list[str]:
        """Returns one line for each file that is missing or changed since `finish`."""
        faults = []
        for name, expected in self.result["files"].items():
            file = self.path / name
            if not file.exists():
                faults.append(f"{file}: missing")
            elif _sha256(file) != expected:
                faults.append(f"{file}: changed since the trial was finished")
        return faults


def trial_name(identity: Mapping[str, Any]) -> str:
    """Returns the name of a trial's folder: the hash of its specification."""
    return digest({"store_version": STORE_VERSION, **identity})[:16]


class Store:
    """All runs of one paper below an output folder.

    Args:
        out: The output folder; it is created when something is written.
        paper: Key of the paper.
    """

    def __init__(self, out: Path, paper: str):
        self.root = user_path(out, "--out") / paper

    def check_writable(self) -> None:
        """Checks that the folder can be written to, before hours of training.

        Raises:
            StoreError: The folder can't be written to.
        """
        check_writable(self.root)

    def of_other_versions(self) -> str:
        """Returns a message about what other versions of leukcnn wrote here; "" if there is nothing."""
        found: Counter[tuple[int, str]] = Counter()
        for kind in ("trial", "experiment"):
            for path in self.root.glob(f"{kind}s/*/{kind}.json"):
                # A file that can't be read is reported when it is needed.
                with contextlib.suppress(StoreError):
                    values = read_json(path)
                    version = values.get("store_version") if isinstance(values, dict) else None
                    if isinstance(version, int) and version != STORE_VERSION:
                        found[version, kind] += 1
        if not found:
            return ""
        counted = [f"{n:,} {kind}(s) of store version {v}" for (v, kind), n in sorted(found.items())]
        return (
            f"{self.root} holds {' and '.join(counted)}; this leukcnn writes version {STORE_VERSION}. "
            "They are left unchanged and aren't used. To use them, install the version of leukcnn that wrote "
            "them; to keep them separate, choose another --out."
        )

    def trial(self, identity: Mapping[str, Any]) -> Trial:
        """Returns the trial with a specification; creates its folder and `trial.json` if needed.

        Raises:
            StoreError: The folder with that hash holds another specification, or can't be written to.
        """
        name = trial_name(identity)
        noted = self.root / "trials" / name / "trial.json"
        if not noted.exists():
            write_json(noted, {"store_version": STORE_VERSION, **identity})
        return self.open_trial(name)

    def finished_trial(self, name: str) -> Trial | None:
        """Returns a trial by the name of its folder, or None if it isn't finished.

        Raises:
            StoreError: The folder's specification doesn't match its name.
        """
        if not (self.root / "trials" / name / "done.json").exists():
            return None
        return self.open_trial(name)

    def open_trial(self, name: str) -> Trial:
        """Opens a trial by the name of its folder, and checks that its specification has that hash.

        Raises:
            StoreError: There is no such folder, or it holds another specification.
        """
        path = self.root / "trials" / name
        identity = read_json(path / "trial.json")
        if not isinstance(identity, dict) or digest(identity)[:16] != name:
            raise StoreError(
                f"The specification of the trial {path} doesn't match the folder's name.",
                expected=f"a trial.json with the hash {name}",
                remedy="remove that folder, or choose another --out",
            )
        return Trial(path, identity)

    def experiment(self, name: str) -> Path:
        """Returns the folder of an experiment, which may not exist yet."""
        return self.root / "experiments" / name

    def experiments(self) -> list[Path]:
        """Returns the folders of all experiments, the latest last.

        Raises:
            StoreError: There are no experiments.
        """
        found = sorted(self.root.glob("experiments/*/experiment.json"), key=lambda p: p.stat().st_mtime_ns)
        if not found:
            out = self.root.parent
            near = "" if out.exists() else did_you_mean_folder(out)
            raise StoreError(
                f"There are no runs in {self.root}.",
                expected="a folder that `leukcnn reproduce` wrote",
                remedy=near
                or f"run `leukcnn reproduce {self.root.name}` first, or name its folder with --out",
            )
        return [path.parent for path in found]


# A file in an experiment's folder that lists its files with their SHA-256.
_WRITTEN = "written.json"


def note_files(folder: Path, paths: Iterable[Path], *, again: Collection[str] = ()) -> None:
    """Adds files below an experiment's folder, with their SHA-256, to its list of files.

    Args:
        folder: The experiment's folder.
        paths: The files.
        again: Names of folders in the experiment's folder whose files were all written again. Of their files,
            the list keeps only those in `paths`.

    Raises:
        StoreError: The folder can't be written to, or the list can't be read.
    """
    new = {path.relative_to(folder).as_posix(): _sha256(path) for path in paths}
    noted = _noted(folder)
    kept = {name: digest for name, digest in noted.items() if name.partition("/")[0] not in again}
    if kept | new != noted:
        write_json(folder / _WRITTEN, kept | new)


def changed_files(folder: Path) -> dict[Path, str]:
    """Returns the files of an experiment's list that were changed or removed: path -> what is wrong.

    Raises:
        StoreError: The list can't be read.
    """
    faults = {}
    for name, expected in _noted(folder).items():
        path = folder / name
        if not path.is_file():
            faults[path] = "missing"
        elif _sha256(path) != expected:
            faults[path] = "changed since it was written"
    return faults


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _noted(folder: Path) -> dict[str, str]:
    path = folder / _WRITTEN
    return read_json(path) if path.exists() else {}
