"""What stands around a figure: its mark, its caption, and what it calls that which was tested."""

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.results.results import Results


def face(results: Results, figure: spec.Figure, more: str = "") -> dict[str, str]:
    """Returns the mark and the caption of a figure, which says `more` behind the title."""
    reason, title = results.record.not_comparable, figure.title + more
    return {
        "mark": f"Not comparable with the paper: {reason}" if reason else "",
        "caption": f"{figure.where}: {title}" if figure.where else title,
    }


def tested_title(results: Results, row: str, dataset: str) -> str:
    """Returns a row's label with the split and the datasets, joined by "+", on which it was tested."""
    title = results.paper.row(row).label
    if dataset:
        names = ", ".join(card(key).name for key in dataset.split("+"))
        title += f", {spec.SPLITS[results.split_kind].title} on {names}"
    if results.record.runs > 1:
        title += f", one of {results.record.runs} runs"
    return title
