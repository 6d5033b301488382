"""`leukcnn report`."""

from pathlib import Path

import click

from leukcnn import completion
from leukcnn.backend import start_backend
from leukcnn.commands.options import OUT, with_output
from leukcnn.commands.printing import Output, exit_with
from leukcnn.errors import SpecError, StoreError
from leukcnn.start import paper_or_stored, stored_paper


@click.command()
@click.argument("paper", metavar="[PAPER|FILE.py|KEY]", required=False, shell_complete=completion.stored)
@OUT
@click.option("--audit", is_flag=True, help="Also audit the paper's printed values; later reports keep it.")
@with_output
def report(paper: str | None, out: Path, audit: bool, output: Output) -> None:
    """Writes report.html of each run again, without data and without training.

    The page is one file that needs no network: send it, read it on a phone, print it. Without PAPER, it is
    written for the runs of all papers in --out.
    """
    from leukcnn.runs import Store, papers_of

    keys = [paper] if paper is not None else papers_of(out)
    papers = {key: paper_or_stored(key, out) for key in keys}
    stores = {key: Store(out, found.key if found else key) for key, found in papers.items()}
    runs = [(papers[key], store, folder) for key, store in stores.items() for folder in store.experiments()]
    start_backend()

    from leukcnn.experiment.audits import keep_audit
    from leukcnn.experiment.report import report as write_report
    from leukcnn.html_report import PAGE
    from leukcnn.records import relative

    faults: list[str] = []
    pages: list[str] = []
    for known, store, folder in runs:
        # A run that can't be read is named, and the others are shown.
        try:
            one = known or stored_paper(folder)
            if audit:
                keep_audit(folder, one)
            done = write_report(store, folder, one)
            pages.append(relative(folder / PAGE))
            output.result(pages[-1])
            faults += done.faults
        except (SpecError, StoreError) as error:
            faults.append(str(error))
    output.document = {"reports": pages, "faults": [*dict.fromkeys(faults)]}
    exit_with(faults)
