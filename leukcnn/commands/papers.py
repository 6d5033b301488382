"""`leukcnn papers`."""

import click

from leukcnn import papers
from leukcnn.commands.options import with_output
from leukcnn.commands.printing import Output
from leukcnn.start import find_paper, paper_lines, paper_values


@click.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False)
@with_output
def list_papers(name: str | None, output: Output) -> None:
    """Lists the papers, or shows one: profiles, rows and assumptions."""
    found = [papers.get(key) for key in papers.list_papers()] if name is None else [find_paper(name)]
    output.document = {"papers": [paper_values(paper) for paper in found]}
    for paper in found:
        for line in [f"{paper.key}: {paper.title}"] if output.quiet else paper_lines(paper):
            output.result(line)
