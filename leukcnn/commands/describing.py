"""A paper in words, as lines that fit the terminal."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from leukcnn import spec
from leukcnn.commands.printing import columns
from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.headers import counted
from leukcnn.experiment.request import open_choice
from leukcnn.fields import to_plain, value_at

_WIDEST_NAME = 24  # columns for the names of a list


def summary_lines(paper: spec.Paper) -> list[str]:
    """Returns what a list of papers says of one: its key, title, task and data sets."""
    return [
        *_wrapped(f"{paper.key}: {paper.title}", indent="", hanging="    "),
        *_wrapped(f"{paper.authors}, {paper.citation}", indent="    "),
        *_wrapped(f"Task: {paper.task}", indent="    "),
        *_wrapped(f"Datasets: {', '.join(paper.datasets)}", indent="    "),
    ]


def paper_values(paper: spec.Paper) -> dict[str, Any]:
    """Returns a paper as plain JSON values."""
    of_paper = ("key", "title", "authors", "year", "citation", "task", "datasets", "classes", "splits")
    return {
        **{name: to_plain(getattr(paper, name)) for name in of_paper},
        "rows": [{"id": row.id, "label": row.label} for row in paper.rows if not row.scratch_name],
        "controls": [*paper.controls],
        "tables": [{"id": table.id, "title": table.title} for table in paper.tables],
        "figures": [{"id": figure.id, "title": figure.title} for figure in paper.figures],
        "networks_from_scratch": [*paper.substitutes],
        "open_datasets": [*open_choice(paper)],
        "profiles": [{"name": one.name, "description": one.description} for one in paper.profiles],
        "assumptions": [
            {
                "name": one.name,
                "value": to_plain(paper.assumed_value(one.name)),
                "reason": one.reason,
                "where": one.where,
            }
            for one in paper.assumptions
        ],
    }


def paper_lines(paper: spec.Paper, *, name: str = "") -> list[str]:
    """Returns all that can be asked for of a paper, as lines of plain text, grouped.

    Args:
        paper: The paper.
        name: What commands call it, if not by its key: the path of its file.
    """
    name = name or paper.key
    findings = [finding for finding in paper.findings if finding.claims]
    lines = [
        *_wrapped(f"{paper.key}: {paper.title}", indent="", hanging="    "),
        *_wrapped(f"{paper.authors}, {paper.citation}"),
        *_listed("Task", [(paper.task, ""), (f"classes: {', '.join(paper.classes)}", "")]),
        *_listed("Datasets, for --datasets", _datasets(paper)),
        *_listed("Splits, for --split", [(kind, spec.SPLITS[kind].title) for kind in paper.splits]),
        *_listed("Rows, for --only", _rows(paper)),
        *_listed("Networks, for --base scratch=NAME", _substitutes(paper)),
        *_listed("Controls, without a network", [(", ".join(paper.controls), "")]),
        *_listed("Tables, for --only", map(_item, paper.tables)),
        *_listed("Figures, for --only", map(_item, paper.figures)),
        *_listed("Profiles, for --profile", _profiles(paper)),
        *_listed("Assumptions, for --assume NAME=VALUE", _assumptions(paper)),
    ]
    if paper.findings:
        proved = f", {len(findings)} of them proved by arithmetic: leukcnn audit {name}" if findings else ""
        text = f"{counted(len(paper.findings), 'errors')} or omissions{proved}"
        lines += _listed("Findings in its text", [(text, "")])
    commands = (
        f"leukcnn reproduce {name} --data synthetic --profile smoke",
        f"leukcnn check {name} --data DIR",
        f"leukcnn reproduce {name} --data DIR",
        f"leukcnn table {name}",
    )
    return [*lines, "", "Commands", *(f"  {command}" for command in commands)]


def wrapped(line: str) -> str:
    """Returns a line, broken at the width of the terminal; what follows is indented by four blanks more."""
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(_wrapped(line.strip(), indent=indent, hanging=f"{indent}    ")) or line


def _wrapped(text: str, *, indent: str = "  ", hanging: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        columns(),
        initial_indent=indent,
        subsequent_indent=hanging or indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _listed(title: str, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yields a heading and a line for each entry: its name, and its text next to it or below."""
    every = [*entries]
    if not every:
        return
    yield from ("", title)
    width = min(_WIDEST_NAME, max((len(name) for name, text in every if text), default=0))
    for name, text in every:
        if text and len(name) <= width:
            yield from _wrapped(text, indent=f"  {name:<{width}}  ", hanging=" " * (width + 4))
        else:
            yield from _wrapped(name, hanging="    ")
            yield from _wrapped(text, indent=" " * (width + 4))


def _datasets(paper: spec.Paper) -> Iterator[tuple[str, str]]:
    for key in paper.datasets:
        card = CATALOG.get(key)
        access = ", open to everyone" if card and card.open_access else ""
        yield key, f"{card.name}, {counted(card.total, 'images')}{access}" if card else ""
    if keys := open_choice(paper):
        yield "open", f"instead of these, for --datasets open: {', '.join(keys)}"


def _rows(paper: spec.Paper) -> Iterator[tuple[str, str]]:
    published = {
        one.row: f", {one.value:,.0f} parameters"
        for table in paper.tables
        for one in table.published
        if one.metric == "parameters"
    }
    for row in paper.rows:
        if not row.scratch_name:
            source = paper.feature_source(row.id)
            what = f"features of {source}" if source else ", ".join(m.name for m in row.setup.models)
            yield row.id, f"{row.label}: {what}{published.get(row.id, '')}"


def _substitutes(paper: spec.Paper) -> Iterator[tuple[str, str]]:
    for name, row in paper.substitutes.items():
        yield name, paper.row(row).label


def _item(item: spec.Table | spec.Figure) -> tuple[str, str]:
    return item.id, f"{item.where or 'additional'}: {item.title}"


def _profiles(paper: spec.Paper) -> Iterator[tuple[str, str]]:
    for profile in paper.profiles:
        rows = profile.rows or tuple(row.id for row in paper.rows if not row.scratch_name)
        setups = [paper.setup(row, profile=profile.name) for row in rows]
        epochs = sorted({setup.training.epochs for setup in setups if not setup.features})
        cost = [counted(len(rows), "rows"), counted(profile.runs or paper.runs, "runs")]
        if epochs:
            cost.append(f"{' to '.join(map(str, dict.fromkeys((epochs[0], epochs[-1]))))} epochs")
        if folds := sorted({s.split.n_splits for s in setups if s.split.kind in spec.KFOLD_KINDS}):
            cost.append(f"{folds[-1]} folds")
        doubt = f" Not comparable: {profile.not_comparable}." if profile.not_comparable else ""
        yield profile.name, f"{profile.description} Trains {', '.join(cost)}.{doubt}"


def _assumptions(paper: spec.Paper) -> Iterator[tuple[str, str]]:
    for one in paper.assumptions:
        first = value_at(paper.setup(paper.rows_of(one)[0]), one.field)
        others = [str(choice) for choice in one.choices if choice != first]
        choices = f" (or {', '.join(others)})" if others else ""
        yield f"{one.name}", f"{paper.assumed_value(one.name)}{choices}: {one.reason} [{one.where}]"
