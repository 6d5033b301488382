"""`leukcnn check`."""

import functools
import sys

import click

from leukcnn import completion, papers
from leukcnn.commands.options import CLASSES, DATA
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean
from leukcnn.start import data_folder, find_paper


@click.command()
@click.argument("name", metavar="DATASET|PAPER|FILE.py", shell_complete=completion.checked)
@DATA
@CLASSES
def check(name: str, data: str | None, classes: tuple[str, ...]) -> None:
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault.
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

    from leukcnn.datasets import verify
    from leukcnn.datasets.many import find_present
    from leukcnn.experiment import loading

    root = loading.data_folder(place, names, say=say, paper=paper)
    if len(names) > 1:
        here = find_present(names, root, classes=classes)
        for absent in (key for key in names if key not in here):
            click.echo(f"{absent}: not there")
        names = tuple(here)
    reports, unchecked = [], []
    for key in names:
        try:
            reports.append(verify(key, root, classes=classes, progress=loading.count_files(say)))
        except DataError as error:
            if len(names) == 1:
                raise
            unchecked.append(f"{key} can't be checked, and isn't searched for duplicates: {error}")
    click.echo("\n".join([*(line for report in reports for line in report.lines()), *unchecked]))
    if reports:
        # It loads scikit-learn, which an empty folder doesn't need.
        from leukcnn.duplicate_scan import scan_reports

        for line in scan_reports(reports, paper=paper).lines():
            click.echo(line)
    if unchecked or not all(report.ok for report in reports):
        sys.exit(1)
