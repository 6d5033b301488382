"""Collects what the page of a run shows, from the store alone, and fills the templates."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leukcnn import spec
from leukcnn.errors import StoreError
from leukcnn.files import replace_file
from leukcnn.html_report import networks, origin
from leukcnn.html_report.images import figure_uri, jpeg_uri
from leukcnn.html_report.tables import grid_of
from leukcnn.outputs.captures import COPIES, MISTAKES, Captured
from leukcnn.outputs.shape import LEGEND
from leukcnn.outputs.titles import file_stem, mark_and_caption
from leukcnn.rendering.tables import Column, Table, one_line
from leukcnn.results.results import Results

PAGE = "report.html"
"""Name of the file in an experiment's folder."""

_MOST_FIGURE_BYTES = 6_000_000
_LONG_TABLE = 40
# Kinds of figures whose content the part on each network shows, too.
_SHOWN_ABOVE = ("confusion", "history", "misclassified")


class Plot(NamedTuple):
    """A figure of the paper, as one of its files.

    Attributes:
        title: Its title.
        where: Its place in the paper.
        variant: What the file shows of it; "" if it is the only one.
        mark: Why it can't be compared with the paper; "" if it can.
        uri: The image; "" if it would make the page too large.
        name: Name of its file.
        width, height: Size in pixels.
        shown_above: Whether the networks' part of the page shows the same.
    """

    title: str
    where: str
    variant: str
    mark: str
    uri: str
    name: str
    width: int
    height: int
    shown_above: bool


@dataclass(frozen=True)
class Contents:
    """What `write` gets from the run's report.

    Attributes:
        answer: The lines of the answer.
        tables: The paper's tables.
        assumptions: The table of assumptions.
        faults: What is damaged or couldn't be built.
        diverged: Trials whose training diverged, and how.
        audit: The table of the audit of the printed values; None if it wasn't asked for.
    """

    answer: Sequence[str]
    tables: Sequence[Table]
    assumptions: Table
    faults: Sequence[str] = ()
    diverged: Sequence[str] = ()
    audit: Table | None = None


def write(results: Results, folder: Path, contents: Contents) -> Path:
    """Writes the page of a run into its experiment's folder.

    The same store gives the same bytes.

    Args:
        results: The experiment.
        folder: Its folder.
        contents: Its tables, faults and audit.

    Returns:
        The path of `report.html`.

    Raises:
        StoreError: The folder can't be written to.
    """
    environment = Environment(
        loader=PackageLoader("leukcnn.html_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": one_line, "grid": grid_of, "jpeg_uri": jpeg_uri, "stem": file_stem}
    source = environment.loader
    assert source is not None
    script, style = (source.get_source(environment, name)[0] for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.get_template("page.html").render(
        **_values(results, folder, contents),
        script=Markup(script),
        style=Markup(style),
        script_digest=digest,
    )
    path = folder / PAGE
    with replace_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    return path


def _values(results: Results, folder: Path, contents: Contents) -> dict[str, Any]:
    faults = [*contents.faults]
    captured = Captured(folder)
    panels, others = networks.panels(results)
    shown = [replace(panel, mistakes=_kept(captured, f"{MISTAKES}_{panel.row}", faults)) for panel in panels]
    marks = [mark for table in contents.tables for mark in table.every_mark]
    about = ["assumptions"] * bool(contents.assumptions.rows) + ["findings"] * bool(results.paper.findings)
    return {
        "paper": results.paper,
        "record": results.record,
        "name": folder.name,
        "split": spec.SPLITS[results.record.split].title,
        "is_study": bool(results.paper.folders) and not results.paper.prints_values,
        "answer": contents.answer,
        "marks": [*dict.fromkeys(marks)],
        "against": [*networks.against_controls(results)],
        "panels": _first_of_each_row(shown),
        "other_panels": others,
        "tables": contents.tables,
        "shared_notes": shared_notes(contents.tables),
        "long_table": _LONG_TABLE,
        "plots": [*_plots(results, folder, faults)],
        "copies": _kept(captured, COPIES, faults),
        "copies_table": copies_table(_kept(captured, COPIES, faults)),
        "assumptions": replace_notes(contents.assumptions),
        "about_assumptions": " and ".join(about).capitalize(),
        "audit": contents.audit,
        "command": origin.command_of(results, folder),
        "origin": [build(results) for build in (origin.options_table, origin.software_table)],
        "data": origin.data_table(results),
        "faults": [*dict.fromkeys(fault.replace(f"{results.store.root}/", "") for fault in faults)],
        "diverged": contents.diverged,
    }


def replace_notes(table: Table) -> Table:
    """Returns a table without notes: the page shows findings in a list of their own."""
    return Table(table.id, table.title, table.columns, table.rows)


def shared_notes(tables: Sequence[Table]) -> list[str]:
    """Returns the notes of several tables, which the page shows once; legends stay with their tables."""
    counts = Counter(note for table in tables for note in dict.fromkeys(table.notes))
    return [note for note, n in counts.items() if n > 1 and not note.startswith(LEGEND)]


def _first_of_each_row(panels: Sequence[networks.Panel]) -> list[networks.Panel]:
    """Keeps the mistakes of a row, which are kept once, with its first panel alone."""
    seen: set[str] = set()
    kept = []
    for panel in panels:
        kept.append(replace(panel, mistakes=None) if panel.row in seen else panel)
        seen.add(panel.row)
    return kept


def _kept(captured: Captured, name: str, faults: list[str]) -> Any:
    """Returns a capture; None if there is none or it is damaged, which is then in `faults`."""
    try:
        return captured.get(name)
    except StoreError as error:
        faults.append(str(error))
        return None


def copies_table(copies: Any) -> Table | None:
    """Returns the pairs of copies that were kept as a table; None if there are none."""
    if not copies or not copies["pairs"]:
        return None
    rows = [
        (*pair["images"], *pair["classes"], "identical" if pair["identical"] else "nearly identical")
        for pair in copies["pairs"]
    ]
    columns = [Column(name) for name in ("Image", "Its copy", "Class", "Class of the copy", "Kind")]
    return Table("copies", "Pairs of copies", columns, rows)


def _plots(results: Results, folder: Path, faults: list[str]) -> Iterator[Plot]:
    """Yields the figures' files in the paper's order, as long as the page stays small."""
    paths = sorted((folder / "figures").glob("*.png"))
    total = 0
    for figure in results.paper.figures:
        for path in [path for path in paths if _is_of(path, figure, results.paper)]:
            try:
                uri, width, height = figure_uri(path)
            except (OSError, ValueError) as error:
                faults.append(f"{path.name} can't be read: {type(error).__name__}")
                continue
            total += len(uri)
            if total > _MOST_FIGURE_BYTES:
                uri = ""
            variant = path.stem.removeprefix(figure.id).removeprefix(figure.kind).replace("_", " ").strip()
            mark = mark_and_caption(results, figure)["mark"]
            above = figure.kind in _SHOWN_ABOVE
            yield Plot(figure.title, figure.where, variant, mark, uri, path.name, width, height, above)


def _is_of(path: Path, figure: spec.Figure, paper: spec.Paper) -> bool:
    """Returns whether a file is of a figure: that with the longest id that its name begins with."""
    begins = [
        other for other in paper.figures if f"{path.stem}_".startswith((f"{other.id}_", f"{other.kind}_"))
    ]
    return bool(begins) and max(begins, key=lambda other: len(other.id)) == figure
