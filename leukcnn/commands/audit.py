"""`leukcnn audit`."""

import json
import sys
from pathlib import Path

import click

from leukcnn.command_group import Place


@click.command("audit")
@click.argument("paper", metavar="PAPER|FILE.py")
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
    from leukcnn.reproduction import audit

    done = audit(paper)
    files = done.write(out) if out is not None else []
    if as_json:
        click.echo(json.dumps(done.to_json(), indent=1))
        return

    from rich.console import Console

    from leukcnn.rendering.renderings import to_rich

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(to_rich(done.short_table))
    if done.not_covered:
        names = ", ".join(done.not_covered[:20]) + " ..." * (len(done.not_covered) > 20)
        console.print(f"Not checked: {names}", markup=False, highlight=False)
    if files:
        console.print(f"{len(files)} files in {out}", markup=False, highlight=False)
