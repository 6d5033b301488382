"""`leukcnn check`."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leukcnn import completion, papers
from leukcnn.command_group import Place
from leukcnn.commands.options import CLASSES, DATA, with_output
from leukcnn.commands.printing import Output
from leukcnn.datasets.headers import counted
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean
from leukcnn.start import data_folder, find_paper

if TYPE_CHECKING:
    from leukcnn.datasets import Report
    from leukcnn.image_cache import Kept
    from leukcnn.spec import Paper


@click.command()
@click.argument("name", metavar="DATASET|PAPER|FILE.py", shell_complete=completion.checked)
@DATA
@CLASSES
@click.option(
    "--pairs",
    metavar="FILE.csv",
    type=Place(path_type=Path, dir_okay=False),
    help="Also write all pairs of duplicates into a CSV file; an earlier one is replaced.",
)
@with_output
def check(name: str, data: str | None, classes: tuple[str, ...], pairs: Path | None, output: Output) -> None:
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault. The last
    line is the verdict: OK or FAULTS, with the numbers.
    """
    if pairs is not None:
        from leukcnn.paths import check_pairs_file

        check_pairs_file(pairs)
    check_data(name, data, classes, output, pairs=pairs)


def check_data(
    name: str, data: str | None, classes: tuple[str, ...], output: Output, *, pairs: Path | None = None
) -> None:
    """Does what `leukcnn check` does, also for data that were just downloaded."""
    say, paper = output.note, _paper_of(name)
    names = paper.datasets if paper else (name,)
    own = {folder.key: folder for folder in paper.folders} if paper else {}
    place = data_folder(data, names, folders=[*own.values()])

    from leukcnn.datasets import verify
    from leukcnn.datasets.copies import COMPARED
    from leukcnn.datasets.many import find_present
    from leukcnn.datasets.own_folders import places_of, verify_folder
    from leukcnn.experiment import loading
    from leukcnn.fresh_images import fresh_images

    root = loading.data_folder(place, names, say=say, paper=paper)
    places = places_of([*own.values()], names, place)
    if published := [key for key in names if key not in own] if len(names) > 1 else []:
        here = {**find_present(published, root, classes=classes), **places}
        for absent in (key for key in names if key not in here):
            output.result(f"{absent}: not there")
        names = tuple(here)
    reports, unchecked, duplicates = [], [], None
    with fresh_images(COMPARED) as fresh:
        for key in names:
            try:
                with output.counting("Reading files") as count:
                    if key in own:
                        report = verify_folder(own[key], places[key], progress=count)
                    else:
                        report = verify(key, root, classes=classes, progress=count, on_image=fresh.take)
                reports.append(report)
            except DataError as error:
                if len(names) == 1:
                    raise
                unchecked.append(f"{key} can't be checked, and isn't searched for duplicates: {error}")
        _show(reports, unchecked, output)
        if reports:
            duplicates = _search(reports, paper, output, pairs, fresh.get)
    ok = not unchecked and all(report.ok for report in reports)
    output.document = {
        "ok": ok,
        "datasets": [
            {"key": one.card.key, "ok": one.ok, "images": one.images_here, "lines": one.lines()}
            for one in reports
        ],
        "unchecked": unchecked,
        "duplicates": duplicates,
        "verdict": verdict(reports, unchecked),
    }
    output.result(verdict(reports, unchecked))
    if not ok:
        sys.exit(1)


def _show(reports: "Sequence[Report]", unchecked: Sequence[str], output: Output) -> None:
    if output.quiet:
        lines = [f"{one.card.key}: {'as published' if one.ok else 'not as published'}" for one in reports]
    else:
        lines = [line for report in reports for line in report.lines()]
    if lines or unchecked:
        output.result("\n".join([*lines, *unchecked]))


def verdict(reports: "Sequence[Report]", unchecked: Sequence[str]) -> str:
    """Returns the last line of `leukcnn check`: OK or FAULTS, and how many.

    Args:
        reports: What was found in the datasets that could be checked.
        unchecked: A line for each of the others.
    """
    kinds = Counter(fault.kind for report in reports for fault in report.faults)
    datasets = reports[0].card.key if len(reports) == 1 else counted(len(reports), "datasets")
    checked = f"{counted(sum(report.images_here for report in reports), 'images')} of {datasets} checked"
    if not (kinds or unchecked):
        return f"OK: {checked}, no fault."
    parts = [checked] * bool(reports)
    if kinds:
        found = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
        parts.insert(0, f"{counted(kinds.total(), 'faults')} ({found})")
    if unchecked:
        parts.append(f"{counted(len(unchecked), 'datasets')} can't be checked")
    return f"FAULTS: {', '.join(parts)}."


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


def _search(
    reports: "Sequence[Report]", paper: "Paper | None", output: Output, pairs: Path | None, kept: "Kept"
) -> dict[str, Any]:
    """Shows images that occur twice, and writes the pairs; returns the ids of all pairs by kind."""
    # It loads scikit-learn, which an empty folder doesn't need.
    from leukcnn.duplicate_scan import scan_reports

    found = scan_reports(reports, paper=paper, counting=output.counting, kept=kept)
    for line in found.lines()[: 1 if output.quiet else None]:
        output.result(line)
    n = len(found.pairs) + len(found.named)
    if pairs is not None:
        found.write(pairs)
        output.result(f"{counted(n, 'pairs')} in {pairs}")
    elif n and not output.quiet:
        output.result(f"The same command with --pairs FILE.csv writes {'it' if n == 1 else f'all {n:,}'}.")
    ids = found.index.ids
    return {
        kind: ids[rows].tolist()
        for kind, rows in (("identical", found.identical), ("near", found.near), ("named", found.named))
    }
