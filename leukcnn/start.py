"""What comes before a run: the paper and the data are found and checked; open data are downloaded."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from leukcnn import papers, quiet, spec
from leukcnn.argument_types import user_path
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.errors import DataError, SpecError, StoreError
from leukcnn.fields import did_you_mean, did_you_mean_folder

Place = str | os.PathLike[str]
"""A file or folder."""

PaperName = str | os.PathLike[str] | spec.Paper
"""Key of a paper, path of a paper's file, or the paper itself."""


def stored_paper(folder: Path) -> spec.Paper:
    """Returns a paper of the user's own as it was stored with one of its experiments. No code is run.

    A network of the user's own is only named there: tables that build it need its module on Python's path.

    Args:
        folder: Folder of the experiment.

    Raises:
        SpecError: The experiment has no stored paper, or it can't be read.
        StoreError: The stored paper was changed.
    """
    from leukcnn.datasets.own_folders import register_folders
    from leukcnn.papers.source import STORED, read_source
    from leukcnn.records import check_noted

    path, key = folder / STORED, folder.absolute().parents[1].name
    if not path.exists():
        raise SpecError(
            f"{folder} is a run of {key!r}, which isn't one of leukcnn's own papers and isn't stored there.",
            expected="the file of that paper",
            remedy='pass it: open_run(folder, paper="my_paper.py"), or `leukcnn table my_paper.py`',
        )
    check_noted(path, folder)
    paper = read_source(path)
    register_folders(paper.folders)
    return paper


def paper_or_stored(name: str, out: Path) -> spec.Paper | None:
    """Returns a paper by its name for its runs; None if each of its experiments keeps it: `stored_paper`.

    Args:
        name: Key of a paper, also of one that has runs in `out`, or the path of a paper's file.
        out: Folder of the runs.

    Raises:
        SpecError: There is no such paper.
    """
    # No file name with a folder in it, and no longer than file names can be.
    is_key = re.fullmatch(r"\w[\w-]{0,99}", name, re.ASCII) is not None and name not in papers.list_papers()
    return None if is_key and (out / name / "experiments").is_dir() else find_paper(name)


def find_paper(paper: PaperName) -> spec.Paper:
    """Returns a paper, and makes sure that everything it names exists.

    Args:
        paper: Key of a paper, path of a paper's file, or the paper itself.

    Raises:
        SpecError: There is no such paper, or it names something unknown.
    """
    from leukcnn.datasets.own_folders import register_folders
    from leukcnn.experiment.check import check_names

    # A file of your own may load Keras.
    with quiet.held_stderr():
        found = paper if isinstance(paper, spec.Paper) else papers.get(os.fspath(paper))
        register_folders(found.folders)
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


def data_folder(data: Place | None, names: Sequence[str], *, folders: Sequence[spec.Folder] = ()) -> str:
    """Returns "synthetic" or a folder that exists, by default the one that LEUKCNN_DATA names.

    Args:
        data: The folder, "synthetic" or None.
        names: Keys of the datasets that are wanted.
        folders: The user's own folders among them, which may have paths of their own.

    Returns:
        The folder; "" if no dataset needs one, because all are the user's own and have paths.

    Raises:
        DataError: Nothing is given, or there is no such folder; or there are no synthetic images, because a
            dataset is the user's own.
    """
    own = {folder.key: folder for folder in folders if folder.key in names}
    if own and str(data or "") == "synthetic":
        raise DataError(
            f"data (--data) got synthetic, but {', '.join(own)} is a folder of your own.",
            expected="synthetic for published datasets alone, whose layouts are known",
            remedy="leave out --data, or pass the folder",
        )
    if data is None and all(name in own and own[name].path for name in names):
        return ""
    names = [name for name in names if name not in own] or names
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
    from leukcnn.datasets.own_folders import places_of
    from leukcnn.datasets.scan import scan
    from leukcnn.experiment.request import SYNTHETIC

    if data == SYNTHETIC:
        return
    folders = [*places_of(paper.folders, names, data).values()]
    published = [name for name in names if name not in {folder.key for folder in paper.folders}]
    if published and paper.class_of:
        folders += [place.folder for place in find_present(published, data, classes=classes).values()]
    elif published:
        folders.append(scan(published[0], data, classes=classes).folder)
    for folder in folders:
        if user_path(out, "out (--out)").resolve().is_relative_to(folder.resolve()):
            raise StoreError(
                f"out (--out) got {out}, which is in a folder of images: {folder}.",
                expected="a folder outside the datasets, whose images its figures would join",
                remedy="name another folder with --out",
            )
