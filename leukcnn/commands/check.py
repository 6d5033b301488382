"""`leukcnn check`."""

import functools
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leukcnn import completion, papers
from leukcnn.command_group import Place
from leukcnn.commands.options import CLASSES, DATA
from leukcnn.datasets.headers import counted
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean
from leukcnn.start import data_folder, find_paper

if TYPE_CHECKING:
    from leukcnn.datasets import Report


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
def check(name: str, data: str | None, classes: tuple[str, ...], pairs: Path | None) -> None:
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault. The last
    line is the verdict: OK or FAULTS, with the numbers.
    """
    from leukcnn.datasets import CATALOG

    say = functools.partial(click.echo, err=True)
    is_paper = name not in CATALOG and (name in papers.list_papers() or papers.is_file_name(name))
    if not is_paper and name not in CATALOG:
        # The key of a paper with one dataset is that dataset's key.
        known = sorted({*CATALOG, *papers.list_papers()})
        raise DataError(
            f"There is no dataset and no paper named {name!r}.",
            expected=f"one of {', '.join(known)}, or a paper's file",
            remedy=did_you_mean(name, known) or "`leukcnn datasets` and `leukcnn papers` list them",
        )
    paper = find_paper(name) if is_paper else None
    names = paper.datasets if paper else (name,)
    place = data_folder(data, names)
    if pairs is not None:
        from leukcnn.paths import check_pairs_file

        check_pairs_file(pairs)

    from leukcnn.datasets import verify
    from leukcnn.datasets.many import find_present
    from leukcnn.experiment import loading
    from leukcnn.progress import counting

    root = loading.data_folder(place, names, say=say, paper=paper)
    if len(names) > 1:
        here = find_present(names, root, classes=classes)
        for absent in (key for key in names if key not in here):
            click.echo(f"{absent}: not there")
        names = tuple(here)
    reports, unchecked = [], []
    for key in names:
        try:
            with counting("Reading files") as count:
                reports.append(verify(key, root, classes=classes, progress=count))
        except DataError as error:
            if len(names) == 1:
                raise
            unchecked.append(f"{key} can't be checked, and isn't searched for duplicates: {error}")
    click.echo("\n".join([*(line for report in reports for line in report.lines()), *unchecked]))
    if reports:
        # It loads scikit-learn, which an empty folder doesn't need.
        from leukcnn.duplicate_scan import scan_reports

        scan = scan_reports(reports, paper=paper, counting=counting)
        click.echo("\n".join(scan.lines()))
        n = len(scan.pairs) + len(scan.named)
        if pairs is not None:
            scan.write(pairs)
            click.echo(f"{counted(n, 'pairs')} in {pairs}")
        elif n:
            click.echo(f"The same command with --pairs FILE.csv writes {'it' if n == 1 else f'all {n:,}'}.")
    click.echo(verdict(reports, unchecked))
    if unchecked or not all(report.ok for report in reports):
        sys.exit(1)


def verdict(reports: Sequence["Report"], unchecked: Sequence[str]) -> str:
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
