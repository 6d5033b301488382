"""`leukcnn papers`."""

import click

from leukcnn import completion, papers
from leukcnn.start import find_paper


@click.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False, shell_complete=completion.paper)
def list_papers(name: str | None) -> None:
    """Lists the papers, or shows one: data sets, rows, tables, figures, profiles and assumptions."""
    from leukcnn.commands.describing import paper_lines, summary_lines

    if name is None:
        lines = [line for key in papers.list_papers() for line in summary_lines(papers.get(key))]
        lines.append("leukcnn papers PAPER shows its rows, tables, figures, profiles and assumptions.")
    else:
        lines = paper_lines(find_paper(name), name=name)
    click.echo("\n".join(lines))
