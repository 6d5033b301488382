"""`leukcnn papers`."""

import click

from leukcnn import completion, papers
from leukcnn.commands.options import with_output
from leukcnn.commands.printing import Output
from leukcnn.start import find_paper


@click.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False, shell_complete=completion.paper)
@with_output
def list_papers(name: str | None, output: Output) -> None:
    """Lists the papers, or shows one: data sets, rows, tables, figures, profiles and assumptions."""
    from leukcnn.commands.describing import paper_lines, paper_values, summary_lines

    found = [papers.get(key) for key in papers.list_papers()] if name is None else [find_paper(name)]
    output.document = {"papers": [paper_values(paper) for paper in found]}
    if output.quiet:
        lines = [f"{paper.key}: {paper.title}" for paper in found]
    elif name is not None:
        lines = paper_lines(found[0], name=name)
    else:
        lines = [line for paper in found for line in summary_lines(paper)]
        lines.append("leukcnn papers PAPER shows its rows, tables, figures, profiles and assumptions.")
    output.result("\n".join(lines))
