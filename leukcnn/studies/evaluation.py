"""`evaluate` tests networks and controls on a user's own images."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

from leukcnn.argument_types import require_type, require_types, user_path
from leukcnn.datasets.class_words import GivenClasses, given_classes
from leukcnn.errors import ArgumentError, DataError, SpecError
from leukcnn.reproduction import OPTION_TYPES, run_request
from leukcnn.run import Run
from leukcnn.spec import Paper
from leukcnn.splits.checks import TooManyFoldsError
from leukcnn.start import Place, find_paper
from leukcnn.studies.files import check_paper_file, save
from leukcnn.studies.networks import DEFAULT_NETWORKS
from leukcnn.studies.study import Choices, notes_of, study_paper
from leukcnn.studies.surveys import Survey, joined_classes, refuse_own_key, survey
from leukcnn.tracking import read_track

_FILE = (str, os.PathLike)
_COUNT = ((int, NoneType), "a whole number or None")
_RUN_OPTIONS = (
    *("out", "seed", "runs", "split", "weights", "mask", "deterministic", "precision", "augment"),
    *("devices", "hosts", "host_index", "coordinator", "workers", "launcher", "scheduler", "trial"),
    *("track", "controls_only", "figures", "quiet"),
)
# Those that the request takes as they are.
_AS_GIVEN = (
    *("seed", "runs", "mask", "precision", "augment", "host_index", "coordinator", "workers", "launcher"),
    *("scheduler", "trial", "figures", "controls_only"),
)
# Argument of `evaluate` -> its types, and what it should be in words.
TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    **{name: OPTION_TYPES[name] for name in _RUN_OPTIONS},
    "folder": ((*_FILE, NoneType), "a folder with a folder for each class, or None"),
    "datasets": ((Mapping, Sequence, NoneType), 'folders by name, such as {"a": "DIR"} or ["a=DIR"]'),
    "labels": ((*_FILE, NoneType), "a CSV file or None"),
    "groups": ((str, NoneType), "a regular expression or a column of the labels"),
    "networks": (Sequence, "names of networks"),
    "image_size": _COUNT,
    "epochs": _COUNT,
    "batch_size": _COUNT,
    "positive_class": ((str, NoneType), "the name of a class or None"),
    "against": ((*_FILE, Sequence, NoneType), "a trained network's file, several, or None"),
    "classes": OPTION_TYPES["classes"],
    "save_paper": ((*_FILE, NoneType), "a file that ends in .py, or None"),
}


def evaluate(
    folder: Place | None = None,
    *,
    datasets: Mapping[str, Place] | Sequence[str] | None = None,
    labels: Place | None = None,
    groups: str | None = None,
    networks: str | Sequence[str] = DEFAULT_NETWORKS,
    split: str | None = None,
    controls_only: bool = False,
    image_size: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    positive_class: str | None = None,
    against: Place | Sequence[Place] | None = None,
    classes: GivenClasses = None,
    save_paper: Place | None = None,
    weights: Place | None = None,
    out: Place = "runs",
    seed: int = 0,
    runs: int | None = None,
    mask: str | None = None,
    deterministic: bool = True,
    precision: str | None = None,
    augment: str | None = None,
    devices: str | int | None = None,
    hosts: str | int | None = None,
    host_index: int | None = None,
    coordinator: str | None = None,
    workers: int = 2,
    launcher: str | None = None,
    scheduler: str | None = None,
    trial: str | None = None,
    track: str | Sequence[str] | None = None,
    figures: str | None = None,
    quiet: bool = False,
) -> Run | None:
    r"""Tests networks and controls on your own images, as the command `leukcnn evaluate` does.

    The folder becomes a paper (`run.paper`), so that everything is as in `leukcnn.reproduce`: damaged files
    and duplicates are found, controls without a network come first, finished trials are kept in `out`, and
    interrupted ones continue.

        run = leukcnn.evaluate("my_smears", groups=r"patient_(\d+)")
        run["controls"]

    Args:
        folder: Folder with one folder for each class, or with the images that `labels` names.
        datasets: Several such folders by name, in place of `folder`: each is tested after training on the
            others. A mapping, or texts NAME=DIR.
        labels: CSV file with a path, a label and perhaps a group (patient, slide) for each image; see
            `leukcnn.ImageIndex.from_folder`.
        groups: What images of one patient or slide have in common: a regular expression with one group in
            brackets, which is searched in each path below the folder, or a column of `labels`.
        networks: Names of networks, see `leukcnn.studies.networks`; a text with commas or a sequence.
        split: "grouped_kfold" (the default for one folder), "lodocv" (for several), "given" (the default for
            folders train, val and test), "holdout", "kfold", "random" or "block_kfold".
        controls_only: Whether to end after the controls, without training any network.
        image_size: Height and width of the networks' input in pixels.
        epochs: Number of epochs; None for as many as take minutes.
        batch_size: Images in each step.
        positive_class: The class that sensitivity refers to, where there are two.
        against: Trained networks (model.keras of a trial) that are applied to the images. `networks` aren't
            trained then; the controls are cross-validated on the same images.
        classes: For `against`: class of the images -> class of the networks, or texts FOLDER=CLASS, where the
            names differ.
        save_paper: File that the study is written into as a paper, to edit it and to pass it to
            `leukcnn.reproduce`. A file with other content isn't replaced.
        weights: As for `leukcnn.reproduce`.
        out: As for `leukcnn.reproduce`.
        seed: As for `leukcnn.reproduce`.
        runs: As for `leukcnn.reproduce`.
        mask: As for `leukcnn.reproduce`.
        deterministic: Whether the same call gives the same bytes.
        precision: As for `leukcnn.reproduce`.
        augment: As for `leukcnn.reproduce`.
        devices: As for `leukcnn.reproduce`.
        hosts: As for `leukcnn.reproduce`.
        host_index: As for `leukcnn.reproduce`.
        coordinator: As for `leukcnn.reproduce`.
        workers: As for `leukcnn.reproduce`.
        launcher: As for `leukcnn.reproduce`.
        scheduler: As for `leukcnn.reproduce`.
        trial: As for `leukcnn.reproduce`.
        track: As for `leukcnn.reproduce`.
        figures: As for `leukcnn.reproduce`.
        quiet: Whether to show no progress and no notes.

    Raises:
        LeukCNNError: The folder, the labels, an option or the output folder can't be used.
    """
    # This must come first: `locals()` then holds nothing but the arguments.
    given = dict(locals())
    require_types(given, TYPES)
    if save_paper is not None:
        check_paper_file(save_paper)
    choices = Choices(
        networks=_names(networks),
        split=split,
        image_size=image_size,
        epochs=epochs,
        batch_size=batch_size,
        positive_class=positive_class,
        against=_files(against),
        classes=given_classes(classes),
    )
    if choices.classes and not choices.against:
        raise ArgumentError(
            "classes (--classes) is given without against (--against).",
            expected="it together with a trained network, whose classes have other names",
            remedy="leave it out: the classes of a study are those of its folders or labels",
        )
    surveys = surveys_of(folder, datasets, labels=labels, groups=groups)
    paper = study_paper(surveys, choices)

    from leukcnn.experiment.request import Request

    request = Request(
        paper=find_paper(paper),
        data="",
        out=user_path(out, "out (--out)"),
        weights=None if weights is None else str(weights),
        deterministic=None if deterministic else False,
        devices=None if devices is None else str(devices),
        hosts=None if hosts is None else str(hosts),
        track=read_track(track),
        command="evaluate",
        given=given,
        **{name: given[name] for name in _AS_GIVEN},
    )
    # Several hosts may have the same file.
    own_file = None if request.place and request.place.index else save_paper
    if own_file is not None:
        save(paper, own_file)
    _show_notes(paper, quiet=quiet)
    try:
        return run_request(request, quiet=quiet)
    except TooManyFoldsError as error:
        fewer = _with_fewer_folds(surveys, choices, error)
    if own_file is not None:
        save(fewer, own_file, earlier=paper)
    _show_notes(fewer, but=paper, quiet=quiet)
    return run_request(replace(request, paper=find_paper(fewer)), quiet=quiet)


def _show_notes(paper: Paper, *, but: Paper | None = None, quiet: bool) -> None:
    """Shows what was chosen for the user, apart from the notes of another paper."""
    shown = [note for note in notes_of(paper) if but is None or note not in notes_of(but)]
    if shown and not quiet:
        print(*(f"Note: {note}" for note in shown), sep="\n", file=sys.stderr)


def _with_fewer_folds(surveys: list[Survey], choices: Choices, error: TooManyFoldsError) -> Paper:
    """Returns the study with as many folds as copies, which only a search among all images finds, allow."""
    if error.units < 2:
        name = joined_classes(surveys)[error.label]
        raise DataError(
            f"All images of the class {name!r} are of one group, or copies of each other: nothing would be "
            "left to train on when it is tested.",
            expected="at least 2 groups of each class, better 5 and more",
            remedy="add other images, or --split kfold ignores groups and copies",
        ) from error
    return study_paper(surveys, replace(choices, most_folds=error.units))


def surveys_of(
    folder: Place | None,
    datasets: Mapping[str, Place] | Sequence[str] | None = None,
    *,
    labels: Place | None = None,
    groups: str | None = None,
) -> list[Survey]:
    """Looks at the folders that a user names.

    Args:
        folder: As for `evaluate`.
        datasets: As for `evaluate`.
        labels: As for `evaluate`.
        groups: As for `evaluate`.

    Raises:
        ArgumentError: Neither or both of `folder` and `datasets` are given.
        DataError: A folder can't be used.
    """
    places = _places(datasets)
    if (folder is None) == (not places):
        raise ArgumentError(
            "Both a folder and datasets (--datasets) are given." if places else "No folder is given.",
            expected="a folder with a folder for each class, or --datasets a=DIR b=DIR",
        )
    if folder is not None:
        return [survey(folder, labels=labels, groups=groups)]
    if len(places) < 2:
        raise SpecError(
            f"datasets (--datasets) got {', '.join(places)} alone.",
            expected="two or more folders, since each is tested after training on the others",
            remedy=f"pass one folder without a name: {next(iter(places.values()))}",
        )
    found = [
        survey(place, key=key, labels=labels, groups=groups, one_class=True) for key, place in places.items()
    ]
    _require_apart(found)
    return found


def _names(networks: str | Sequence[str]) -> tuple[str, ...]:
    names = networks.split(",") if isinstance(networks, str) else networks
    for name in names:
        require_type(str, "names of networks", networks=name)
    found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not found:
        raise SpecError(f"networks (--networks) got {networks!r}.", expected="at least one network")
    return found


def _files(against: Place | Sequence[Place] | None) -> tuple[str, ...]:
    """Returns the paths of trained networks as they are given."""
    files = (against,) if isinstance(against, str | os.PathLike) else (against or ())
    for file in files:
        require_type(_FILE, "paths of trained networks", against=file)
    return tuple(os.fspath(file) for file in files)


def _places(datasets: Mapping[str, Place] | Sequence[str] | None) -> dict[str, Place]:
    """Returns the folders by name."""
    if isinstance(datasets, Mapping):
        pairs: list[tuple[Any, Any]] = [*datasets.items()]
    else:
        texts = datasets.split(",") if isinstance(datasets, str) else (datasets or ())
        pairs = []
        for text in texts:
            require_type(str, "texts NAME=DIR", datasets=text)
            name, equals, place = text.partition("=")
            if not equals or not name.strip() or not place.strip():
                raise SpecError(
                    f"datasets (--datasets) got {text!r}.",
                    expected="NAME=DIR for each dataset, such as --datasets a=first_lab b=second_lab",
                )
            pairs.append((name.strip(), place.strip()))
    places: dict[str, Place] = {}
    for name, place in pairs:
        require_type(str, "names of datasets", datasets=name)
        refuse_own_key(name)
        if name in places:
            raise SpecError(f"datasets (--datasets) got {name} twice.", expected="each name once")
        places[name] = place
    return places


def _require_apart(surveys: Sequence[Survey]) -> None:
    """Refuses datasets that share files, since no test on one of them would be of other images."""
    for at, one in enumerate(surveys):
        for other in surveys[:at]:
            first, second = (Path(os.path.realpath(two.listing.folder)) for two in (other, one))
            if first.is_relative_to(second) or second.is_relative_to(first):
                raise SpecError(
                    f"datasets (--datasets): {other.folder.key} and {one.folder.key} share a folder: "
                    f"{first} and {second}.",
                    expected="folders apart from each other",
                )
