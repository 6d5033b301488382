"""`leukcnn papers`."""

import click

from leukcnn import completion, papers
from leukcnn.start import find_paper, paper_lines


@click.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False, shell_complete=completion.paper)
def list_papers(name: str | None) -> None:
    """Lists the papers, or shows one: profiles, rows and assumptions."""
    for key in papers.list_papers() if name is None else (name,):
        for line in paper_lines(papers.get(key) if name is None else find_paper(name)):
            click.echo(line)
