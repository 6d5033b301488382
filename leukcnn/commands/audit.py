"""`leukcnn audit`."""

import json
from pathlib import Path

import click

from leukcnn.command_group import Place
from leukcnn.commands.options import PAPER
from leukcnn.commands.printing import console


@click.command("audit")
@PAPER
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON instead of tables.")
@click.option(
    "--out",
    metavar="DIR",
    type=Place(path_type=Path),
    help="Also write the tables into this folder: CSV, Markdown, LaTeX, text, HTML and audit.json.",
)
def audit_paper(paper: str, as_json: bool, out: Path | None) -> None:
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
    if as_json:
        click.echo(json.dumps(done.to_json(), indent=1))
        return

    from leukcnn.rendering.renderings import to_rich

    screen = console()
    screen.print(to_rich(done.short_table))
    if done.not_covered:
        names = ", ".join(done.not_covered[:20]) + " ..." * (len(done.not_covered) > 20)
        screen.print(f"Not checked: {names}", markup=False, highlight=False)
    if files:
        screen.print(f"{len(files)} files in {out}", markup=False, highlight=False)
