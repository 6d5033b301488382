"""`leukcnn audit`."""

from pathlib import Path

import click

from leukcnn.command_group import Place
from leukcnn.commands.options import PAPER, with_output
from leukcnn.commands.printing import Output, console


@click.command("audit")
@PAPER
@click.option(
    "--out",
    metavar="DIR",
    type=Place(path_type=Path),
    help="Also write the tables into this folder: CSV, Markdown, LaTeX, text, HTML and audit.json.",
)
@with_output
def audit_paper(paper: str, out: Path | None, output: Output) -> None:
    """Checks what a paper's printed values prove by themselves, without data.

    Each claim gets a verdict: consistent, impossible, unique solution, slip (with the corrected value) or
    undecidable.
    """
    from leukcnn.files import check_writable
    from leukcnn.reproduction import audit

    if out is not None:
        # Before the audit, which takes seconds.
        check_writable(out)
    done = audit(paper)
    files = done.write(out) if out is not None else []
    output.document = done.to_json()
    if output.as_json:
        return
    if output.quiet:
        output.result(done.summary)
        return

    from leukcnn.rendering.renderings import to_rich

    screen = console()
    screen.print(to_rich(done.short_table))
    if done.not_covered:
        shown = done.not_covered if output.verbose else done.not_covered[:20]
        names = ", ".join(shown) + " ..." * (len(shown) < len(done.not_covered))
        screen.print(f"Not checked: {names}", markup=False, highlight=False)
    if files:
        screen.print(f"{len(files)} files in {out}", markup=False, highlight=False)
