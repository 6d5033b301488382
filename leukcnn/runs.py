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
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.errors import StoreError
from leukcnn.fields import did_you_mean_folder
from leukcnn.files import (
    check_writable,
    content_sha256,
    digest,
    locked_folder,
    parse_json,
    read_bytes,
    read_json,
    read_sealed_json,
    stored_sha256,
    write_json,
    write_sealed_json,
)
from leukcnn.trial_files import (
    AS_WRITTEN,
    KEPT,
    REMEDY,
    Predictions,
    check_result,
    parse_features,
    parse_history,
    parse_predictions,
    parsed,
)

STORE_VERSION = 8


class TrialBusyError(StoreError):
    """Another process works on a trial."""


class _Result(dict[str, Any]):
    """The result of a trial; says which file lacks a field that is asked for."""

    def __init__(self, values: Mapping[str, Any], *, path: Path):
        super().__init__(values)
        self._path = path

    def __missing__(self, name: str) -> Any:
        raise StoreError(f"{self._path} holds no {name!r}.", expected=AS_WRITTEN, remedy=REMEDY)


class Trial:
    """The folder of one trial. Files of a finished trial are used only if they have their SHA-256.

    Args:
        path: The folder.
        identity: The trial's specification, as plain JSON values.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path, self.identity = path, identity

    @property
    def finished(self) -> bool:
        """Whether the trial is done and all its files are on disk."""
        # A link to nowhere is damage, which `result` reports.
        return os.path.lexists(self.path / "done.json")

    @cached_property
    def result(self) -> dict[str, Any]:
        """The result and the files' SHA-256, as `finish` wrote them.

        Raises:
            StoreError: `done.json` isn't as `finish` wrote it.
        """
        path = self.path / "done.json"
        values = read_sealed_json(path)
        try:
            check_result(values)
        except ValueError as error:
            raise StoreError(
                f"{path} holds no result: {error}", expected=AS_WRITTEN, remedy=REMEDY
            ) from error
        return _Result(values, path=path)

    def checked(self, name: str) -> Path:
        """Returns the path of a file of the finished trial after checking its SHA-256.

        Raises:
            StoreError: The trial has no such file, or it is missing or changed.
        """
        path = self.path / name
        if not path.is_file():
            raise StoreError(f"{path}: missing", expected=AS_WRITTEN, remedy=REMEDY)
        self._compare(name, stored_sha256(path))
        return path

    def _read(self, name: str) -> bytes:
        """Returns the content of a file of the finished trial, checked as `checked` does."""
        content = read_bytes(self.path / name)
        self._compare(name, content_sha256(content))
        return content

    def _compare(self, name: str, found: str) -> None:
        expected = self.result["files"].get(name)
        if found != expected:
            what = "changed since the trial was finished" if expected else "no file of this trial"
            raise StoreError(f"{self.path / name}: {what}", expected=AS_WRITTEN, remedy=REMEDY)

    def predictions(self) -> Predictions:
        """Returns the trial's predictions, which are read once.

        Raises:
            StoreError: The file is missing, changed, or holds no predictions.
        """
        return self._predictions

    @cached_property
    def _predictions(self) -> Predictions:
        path = self.path / "predictions.csv"
        return parsed(path, "predictions", parse_predictions, self._read(path.name))

    def history(self) -> dict[str, np.ndarray]:
        """Reads the trial's history: name -> (epochs,) float64.

        Raises:
            StoreError: The file is missing, changed, or holds no history.
        """
        path = self.path / "history.csv"
        return parsed(path, "history", parse_history, self._read(path.name))

    def features(self) -> dict[str, np.ndarray]:
        """Reads the tested images' features: "image", "label" and "features", as in `write_features`.

        Raises:
            StoreError: The file is missing, changed, or holds no features.
        """
        path = self.path / "features.npz"
        return parsed(path, "features", parse_features, self._read(path.name))

    def environment(self) -> dict[str, Any]:
        """Reads the versions, devices and commit that the trial ran with.

        Raises:
            StoreError: The file is missing, changed, or isn't a JSON object.
        """
        path = self.path / "environment.json"
        return parse_json(self._read(path.name), path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from working on this trial; a killed process releases the lock.

        Raises:
            TrialBusyError: Another process works on the trial.
            StoreError: The folder can't be written to.
        """
        busy = TrialBusyError(
            f"Another process works on the trial {self.path}.",
            expected="one process per trial",
            remedy="wait for it, or choose another --out",
        )
        with locked_folder(self.path, busy=busy):
            yield

    def finish(self, result: Mapping[str, Any]) -> None:
        """Marks the trial as done: writes the result and the SHA-256 of each file that is kept."""
        files = {name: stored_sha256(self.path / name) for name in KEPT if (self.path / name).exists()}
        write_sealed_json(self.path / "done.json", {**result, "files": files})

    def faults(self, *, networks: bool = True) -> list[str]:
        """Returns one line for each file of the finished trial that is missing, changed or of another form.

        Args:
            networks: Whether `model.keras`, the largest file, is checked too.
        """
        read = {
            "predictions.csv": self.predictions,
            "history.csv": self.history,
            "environment.json": self.environment,
        }
        try:
            names = [name for name in self.result["files"] if networks or name != "model.keras"]
        except StoreError as error:
            return [error.reason]
        faults = []
        for name in names:
            try:
                read.get(name, partial(self.checked, name))()
            except StoreError as error:
                faults.append(error.reason)
        return faults


def trial_name(identity: Mapping[str, Any]) -> str:
    """Returns the name of a trial's folder: the hash of its specification."""
    return digest({"store_version": STORE_VERSION, **identity})[:16]


def _holds_experiment(folder: Path) -> bool:
    """Returns whether a folder is one of an experiment, or can't be read."""
    try:
        return not {"experiment.json", "written.json"}.isdisjoint(path.name for path in folder.iterdir())
    except OSError:
        return True


def _modified(folder: Path) -> int:
    try:
        return (folder / "experiment.json").stat().st_mtime_ns
    except OSError:
        return 0


class Store:
    """All runs of one paper below an output folder.

    Args:
        out: The output folder; it is created when something is written.
        paper: Key of the paper.

    Attributes:
        root: The paper's folder in it.
        damaged: Name of a damaged trial that was asked for -> what is wrong with its files.
    """

    def __init__(self, out: Path, paper: str):
        self.root = user_path(out, "--out") / paper
        self.damaged: dict[str, str] = {}
        self._sound: dict[str, Trial] = {}

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
                    version = values.get("store_version")
                    if isinstance(version, int) and version != STORE_VERSION:
                        found[version, kind] += 1
        if not found:
            return ""
        counted = [
            f"{n:,} {kind}{'s' * (n != 1)} of store version {v}" for (v, kind), n in sorted(found.items())
        ]
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
        """Returns a trial by the name of its folder; None if it isn't finished or its files are damaged.

        All files but the network are checked, once for each object of this class. What is wrong is then in
        `damaged`.
        """
        if name not in self._sound and name not in self.damaged:
            folder = self.root / "trials" / name
            if not any((folder / file).exists() for file in ("trial.json", "done.json")):
                return None
            try:
                trial = self.open_trial(name)
                if not trial.finished:
                    return None
                faults = trial.faults(networks=False)
            except StoreError as error:
                faults = [error.reason]
            if faults:
                self.damaged[name] = "; ".join(faults)
            else:
                self._sound[name] = trial
        return self._sound.get(name)

    def damage(self, name: str) -> StoreError:
        """Returns the error that names a damaged trial."""
        return StoreError(
            f"The trial {self.root / 'trials' / name} is damaged and left out: {self.damaged[name]}.",
            expected=AS_WRITTEN,
            remedy=f"{REMEDY}; it then computes this trial again",
        )

    def open_trial(self, name: str) -> Trial:
        """Opens a trial by the name of its folder, and checks that its specification has that hash.

        Raises:
            StoreError: There is no such folder, or it holds another specification.
        """
        path = self.root / "trials" / name
        identity = read_json(path / "trial.json")
        if digest(identity)[:16] != name:
            raise StoreError(
                f"{path / 'trial.json'} doesn't match the folder's name.",
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
        # A folder whose record can't even be found is reported when the record is read.
        folders = sorted(self.root.glob("experiments/*/"))
        found = sorted(filter(_holds_experiment, folders), key=_modified)
        if not found:
            out = self.root.parent
            near = "" if out.exists() else did_you_mean_folder(out)
            raise StoreError(
                f"There are no runs in {self.root}.",
                expected="a folder that `leukcnn reproduce` or `leukcnn evaluate` wrote",
                remedy=near
                or f"run `leukcnn reproduce {self.root.name}` first, or name its folder with --out",
            )
        return found


def papers_of(out: Path) -> list[str]:
    """Returns the keys of the papers that have experiments below an output folder.

    Raises:
        StoreError: There are none.
    """
    root = user_path(out, "--out")
    found = sorted(
        {path.parents[1].name for path in root.glob("*/experiments/*/") if _holds_experiment(path)}
    )
    if not found:
        raise StoreError(
            f"There are no runs in {root}.",
            expected="a folder that `leukcnn reproduce` or `leukcnn evaluate` wrote",
            remedy=("" if root.exists() else did_you_mean_folder(root)) or "name its folder with --out",
        )
    return found
