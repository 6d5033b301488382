"""What comes before a run: the paper and the data are found and checked; open data are downloaded."""

import os
import sys
from collections.abc import Callable, Sequence

from leukcnn import papers, quiet, spec
from leukcnn.argument_types import user_path
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.errors import DataError, SpecError, StoreError
from leukcnn.fields import did_you_mean, did_you_mean_folder

Place = str | os.PathLike[str]
"""A file or folder."""

PaperName = str | os.PathLike[str] | spec.Paper
"""Key of a paper, path of a paper's file, or the paper itself."""


def find_paper(paper: PaperName) -> spec.Paper:
    """Returns a paper, and makes sure that everything it names exists.

    Args:
        paper: Key of a paper, path of a paper's file, or the paper itself.

    Raises:
        SpecError: There is no such paper, or it names something unknown.
    """
    from leukcnn.experiment.check import check_names

    # A file of your own may load Keras.
    with quiet.held_stderr():
        found = paper if isinstance(paper, spec.Paper) else papers.get(os.fspath(paper))
        try:
            check_names(found)
        except SpecError as error:
            if isinstance(paper, spec.Paper) or not papers.is_file_name(os.fspath(paper)):
                raise
            raise SpecError(
                f"{paper}: {error.found}", expected=error.expected, remedy=error.remedy
            ) from error
    return found


def download_dataset(name: str, folder: Place, *, accepted: bool, ask: Callable[[str], bool]) -> None:
    """Downloads a dataset, with its licence and the progress on standard error.

    Args:
        name: Key of the dataset.
        folder: Folder that gets the dataset's own folder.
        accepted: Whether the licence is accepted already.
        ask: Asks a question that is answered with yes or no; called if there is a terminal to answer it.

    Raises:
        LeukCNNError: As `leukcnn.datasets.download`.
    """
    from leukcnn.datasets import card, download
    from leukcnn.datasets.downloading import require_archives
    from leukcnn.progress import shown_bytes

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    dataset = card(name)
    require_archives(dataset)
    say(f"{dataset.name}: {dataset.link}\nLicence: {dataset.licence}\nCite: {dataset.citation}")
    accepted = accepted or (sys.stdin.isatty() and ask("Do you accept this licence?"))
    with shown_bytes() as progress:
        download(name, folder, accept_licence=accepted, on_note=say, progress=progress)


def data_folder(data: Place | None, names: Sequence[str]) -> str:
    """Returns "synthetic" or a folder that exists, by default the one that LEUKCNN_DATA names.

    Args:
        data: The folder, "synthetic" or None.
        names: Keys of the datasets that are wanted.

    Raises:
        DataError: Nothing is given, or there is no such folder.
    """
    from leukcnn.datasets import require_root
    from leukcnn.experiment.request import SYNTHETIC

    place = str(data or os.environ.get("LEUKCNN_DATA") or "")
    if not place:
        dataset = names[0] if len(names) == 1 else "NAME"
        raise DataError(
            "No data: --data is not given and LEUKCNN_DATA is not set.",
            expected="a folder with the dataset",
            remedy="pass --data DIR, or --data synthetic for synthetic cells; "
            f"`leukcnn datasets {dataset}` says where to get the real ones",
        )
    if place != SYNTHETIC:
        folder = user_path(place, "data (--data)" if data else "LEUKCNN_DATA")
        near = did_you_mean(place, (SYNTHETIC,)) or did_you_mean_folder(folder)
        if near and not folder.exists():
            raise DataError(
                f"The data folder {folder} doesn't exist.",
                expected="a folder with the dataset, or 'synthetic'",
                remedy=near,
            )
        require_root(names, place)
    return place


def require_images(
    paper: spec.Paper, names: Sequence[str], data: str, *, out: Place, classes: GivenClasses = None
) -> None:
    """Makes sure that a folder holds images of a paper's datasets, before Keras is loaded.

    Args:
        paper: The paper.
        names: Keys of the datasets that are wanted.
        data: The folder, or "synthetic".
        out: Folder of the runs.
        classes: As for `leukcnn.datasets.load`.

    Raises:
        DataError: It holds none of them.
        StoreError: The runs would be written among the images.
    """
    from leukcnn.datasets.many import find_present
    from leukcnn.datasets.scan import scan
    from leukcnn.experiment.request import SYNTHETIC

    if data == SYNTHETIC:
        return
    if paper.class_of:
        folders = [place.folder for place in find_present(names, data, classes=classes).values()]
    else:
        folders = [scan(names[0], data, classes=classes).folder]
    for folder in folders:
        if user_path(out, "out (--out)").resolve().is_relative_to(folder.resolve()):
            raise StoreError(
                f"out (--out) got {out}, which is in a folder of images: {folder}.",
                expected="a folder outside the datasets, whose images its figures would join",
                remedy="name another folder with --out",
            )
