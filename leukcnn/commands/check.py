"""`leukcnn check`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from leukcnn import papers
from leukcnn.commands.options import CLASSES, DATA, with_output
from leukcnn.commands.printing import Output
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean
from leukcnn.start import data_folder, find_paper

if TYPE_CHECKING:
    from leukcnn.datasets import Report
    from leukcnn.spec import Paper


@click.command()
@click.argument("name", metavar="DATASET|PAPER|FILE.py")
@DATA
@CLASSES
@with_output
def check(name: str, data: str | None, classes: tuple[str, ...], output: Output) -> None:
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault.
    """
    check_data(name, data, classes, output)


def check_data(name: str, data: str | None, classes: tuple[str, ...], output: Output) -> None:
    """Does what `leukcnn check` does, also for data that were just downloaded."""
    say, paper = output.note, _paper_of(name)
    names = paper.datasets if paper else (name,)
    own = {folder.key: folder for folder in paper.folders} if paper else {}
    place = data_folder(data, names, folders=[*own.values()])

    from leukcnn.datasets import verify
    from leukcnn.datasets.many import find_present
    from leukcnn.datasets.own_folders import places_of, verify_folder
    from leukcnn.experiment import loading

    root = loading.data_folder(place, names, say=say, paper=paper)
    places = places_of([*own.values()], names, place)
    if published := [key for key in names if key not in own] if len(names) > 1 else []:
        here = {**find_present(published, root, classes=classes), **places}
        for absent in (key for key in names if key not in here):
            output.result(f"{absent}: not there")
        names = tuple(here)
    reports, unchecked = [], []
    for key in names:
        try:
            count = loading.count_files(say)
            if key in own:
                reports.append(verify_folder(own[key], places[key], progress=count))
            else:
                reports.append(verify(key, root, classes=classes, progress=count))
        except DataError as error:
            if len(names) == 1:
                raise
            unchecked.append(f"{key} can't be checked, and isn't searched for duplicates: {error}")
    ok = not unchecked and all(report.ok for report in reports)
    duplicates = None
    if output.quiet:
        lines = [f"{one.card.key}: {'as published' if one.ok else 'not as published'}" for one in reports]
    else:
        lines = [line for report in reports for line in report.lines()]
    if lines or unchecked:
        output.result("\n".join([*lines, *unchecked]))
    if reports:
        duplicates = _search(reports, paper, output)
    output.document = {
        "ok": ok,
        "datasets": [
            {"key": one.card.key, "ok": one.ok, "images": one.images_here, "lines": one.lines()}
            for one in reports
        ],
        "unchecked": unchecked,
        "duplicates": duplicates,
    }
    if not ok:
        sys.exit(1)


def _paper_of(name: str) -> "Paper | None":
    """Returns the paper of that name; None if it is a dataset's."""
    from leukcnn.datasets import CATALOG

    if name in CATALOG:
        # The key of a paper with one dataset is that dataset's key.
        return None
    if name in papers.list_papers() or papers.is_file_name(name):
        return find_paper(name)
    known = sorted({*CATALOG, *papers.list_papers()})
    raise DataError(
        f"There is no dataset and no paper named {name!r}.",
        expected=f"one of {', '.join(known)}, or a paper's file",
        remedy=did_you_mean(name, known) or "`leukcnn datasets` and `leukcnn papers` list them",
    )


def _search(reports: "Sequence[Report]", paper: "Paper | None", output: Output) -> dict[str, Any]:
    """Shows images that occur twice; returns the ids of all identical and all nearly identical pairs."""
    # It loads scikit-learn, which an empty folder doesn't need.
    from leukcnn.duplicate_scan import scan_reports

    found = scan_reports(reports, paper=paper)
    for line in found.lines()[: 1 if output.quiet else None]:
        output.result(line)
    ids = found.index.ids
    return {"identical": ids[found.identical].tolist(), "near": ids[found.near].tolist()}
