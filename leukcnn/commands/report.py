"""`leukcnn report`."""

from pathlib import Path

import click

from leukcnn.backend import start_backend
from leukcnn.commands.options import OUT
from leukcnn.commands.printing import exit_with
from leukcnn.errors import StoreError
from leukcnn.start import find_paper


@click.command()
@click.argument("paper", metavar="[PAPER|FILE.py]", required=False)
@OUT
@click.option("--audit", is_flag=True, help="Also audit the paper's printed values; kept for later reports.")
def report(paper: str | None, out: Path, audit: bool) -> None:
    """Writes report.html again for each finished run, without data and without training.

    The page is one file that needs no network: send it, open it on a phone, print it.
    """
    from leukcnn.runs import Store, papers_of

    found = [find_paper(paper)] if paper is not None else [find_paper(key) for key in papers_of(out)]
    stores = [Store(out, one.key) for one in found]
    folders = [store.experiments() for store in stores]
    start_backend()

    from leukcnn.experiment.audits import keep_audit
    from leukcnn.experiment.report import report as write_report
    from leukcnn.html_report import PAGE
    from leukcnn.records import relative

    faults: list[str] = []
    for one, store, of_paper in zip(found, stores, folders, strict=True):
        for folder in of_paper:
            # A run that can't be read is named, and the others are shown.
            try:
                if audit:
                    keep_audit(folder, one)
                done = write_report(store, folder, one)
                click.echo(relative(folder / PAGE))
                faults += done.faults
            except StoreError as error:
                faults.append(str(error))
    exit_with(faults)
