"""`leukcnn table`."""

from pathlib import Path

import click

from leukcnn import completion
from leukcnn.backend import start_backend
from leukcnn.commands.options import FIGURES, ONLY, OUT, with_output
from leukcnn.commands.printing import Output, exit_with, print_report, without_results
from leukcnn.errors import SpecError, StoreError
from leukcnn.start import paper_or_stored, stored_paper


@click.command()
@click.argument("paper", metavar="PAPER|FILE.py|KEY", shell_complete=completion.stored)
@OUT
@ONLY
@click.option(
    "--margin",
    metavar="POINTS",
    type=float,
    help="Another margin of agreement, kept with the runs, for all of their tables.",
)
@FIGURES
@click.option("--verify", is_flag=True, help="Check the stored files and values instead; exit with 1.")
@with_output
def table(
    paper: str,
    out: Path,
    only: str | None,
    margin: float | None,
    figures: str | None,
    verify: bool,
    output: Output,
) -> None:
    """Builds the tables and figures of finished runs again, without data and without training.

    It prints the tables and the answer of each run; with -q, the answers alone. KEY is that of a paper of
    your own with runs in --out, which keep the paper as it was then.
    """
    given = paper_or_stored(paper, out)

    from leukcnn.experiment.request import check_margin, check_only
    from leukcnn.runs import Store

    if given is not None:
        check_only(given, only)
    store, faults = Store(out, given.key if given else paper), []
    folders, summaries = list(store.experiments()), []
    if only and given is None:
        check_only(stored_paper(folders[-1]), only)
    if margin is not None:
        check_margin(margin)
        if only or verify:
            # The other tables would keep the earlier margin.
            raise click.UsageError(f"--margin is for all tables: leave out --{'only' if only else 'verify'}.")
    start_backend()

    from leukcnn.experiment.report import report, verify_report

    for folder in folders:
        # A run that can't be read, such as another version's, is named, and the others are shown.
        try:
            found = given or stored_paper(folder)
            if verify:
                faults += verify_report(store, folder, found)
            else:
                done = report(
                    store,
                    folder,
                    found,
                    only=only,
                    margin=margin,
                    figures=figures,
                    counting=output.counting,
                )
                summaries.append({"folder": folder.name, "summary": done.summary})
                print_report(done, output, with_tables=not output.quiet)
                faults += [*without_results(done), *done.faults]
        except (SpecError, StoreError) as error:
            faults.append(str(error))
    unchanged = {"unchanged": not faults} if verify else {"runs": summaries}
    output.document = {**unchanged, "faults": [*dict.fromkeys(faults)]}
    exit_with(faults)
    if verify:
        output.result("Every stored file is unchanged and gives the same tables.")
