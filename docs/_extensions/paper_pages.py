"""The directives of a paper's page: what the package, its audit and the measured results say about it.

    .. paper-summary:: cnmc2019
    .. paper-published:: cnmc2019
    .. paper-measured:: C-NMC 2019
    .. paper-assumptions:: cnmc2019
    .. paper-findings:: cnmc2019
    .. paper-audit:: cnmc2019

Each writes reStructuredText from `leukcnn.papers`, from a section of `experiments/RESULTS.rst`, or from
`papers/audit`, which `papers/audit/write.py` makes: all audits take a minute, and a test compares them.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from leukcnn import papers, spec
from leukcnn.spec.metrics import METRICS, SIZES

DOCS = Path(__file__).parents[1]
RESULTS = DOCS.parent / "experiments" / "RESULTS.rst"
AUDITS = DOCS / "papers" / "audit"
# Verdicts of the audit that say something is wrong or unexpected.
SHOWN = ("impossible", "slip", "unique solution")


def escaped(text: object) -> str:
    """Returns text whose signs aren't markup; what is between backticks stays code."""
    parts = re.split(r"(`[^`]+`)", str(text).replace("+-", "±"))
    return "".join(part if part[:1] == "`" else re.sub(r"([\\*|_`])", r"\\\1", part) for part in parts)


def csv_table(headings: Sequence[str], lines: Iterable[Sequence[object]], *, widths: str = "auto") -> str:
    """Returns a table as reStructuredText."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([headings, *([escaped(cell) for cell in line] for line in lines)])
    body = "".join(f"   {line}\n" for line in written.getvalue().splitlines())
    return f".. csv-table::\n   :header-rows: 1\n   :widths: {widths}\n\n{body}\n"


class PaperDirective(SphinxDirective):
    """Replaces itself by what `written` returns."""

    required_arguments = 1
    final_argument_whitespace = True
    sources: ClassVar[tuple[Path, ...]] = ()

    def run(self) -> list[nodes.Node]:
        """Returns the parsed text."""
        for path in self.sources:
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(self.written(self.arguments[0]), allow_section_headings=True)

    def written(self, argument: str) -> str:
        """Returns reStructuredText."""
        raise NotImplementedError


class Summary(PaperDirective):
    """The paper's own data in a list."""

    def written(self, argument: str) -> str:
        """Returns a list of fields."""
        paper = papers.get(argument)
        year = f" ({paper.year})" if paper.year else ""
        fields = {
            "Paper": f"*{escaped(paper.title)}*. {escaped(paper.authors)}{year}. {escaped(paper.citation)}",
            "Task": f"{escaped(paper.task)}; classes {', '.join(map(escaped, paper.classes))}",
            "Datasets": ", ".join(f"``{name}``" for name in paper.datasets),
            "Split": f"``{paper.splits[0]}``; also {', '.join(f'``{name}``' for name in paper.splits[1:])}",
            "Networks": ", ".join(f"{escaped(row.label)} (``{row.id}``)" for row in paper.rows),
            "Tables": ", ".join(f"``{table.id}``" for table in paper.tables),
            "Profiles": "; ".join(
                f"``{p.name}``: {escaped(p.description.removesuffix('.'))}" for p in paper.profiles
            ),
        }
        return "".join(f":{name}: {text}\n" for name, text in fields.items())


class PublishedValues(PaperDirective):
    """The printed values of the tables that a run measures."""

    def written(self, argument: str) -> str:
        """Returns a table for each table of the paper, rows by metrics."""
        paper = papers.get(argument)
        return "\n".join(map(self._table, [paper] * len(paper.tables), paper.tables))

    def _table(self, paper: spec.Paper, table: spec.Table) -> str:
        heading = f"**{escaped(table.where or table.id)}**: {escaped(table.title)}\n\n"
        if table.kind == "metrics" and len(table.published) > 1:
            return heading + _metrics(paper, table)
        if table.kind == "metrics" and table.reference:
            names = ("Class", "Precision", "Recall", "F1", "Support")
            return heading + csv_table(names, [_padded(line, len(names)) for line in table.reference])
        return ""


def _padded(line: Sequence[Any], length: int) -> list[Any]:
    return ["" if cell is None else cell for cell in (*line, *[""] * length)][:length]


def _metrics(paper: spec.Paper, table: spec.Table) -> str:
    names = list(dict.fromkeys(value.metric for value in table.published))
    lines = list(dict.fromkeys((v.row, v.dataset, v.subset) for v in table.published))
    axes = [any(v.dataset for v in table.published), len({v.subset for v in table.published}) > 1]
    cells = {(v.row, v.dataset, v.subset, v.metric): v for v in table.published}
    headings = ["Network", *(h for h, used in zip(("Dataset", "Images"), axes, strict=True) if used)]
    body = [
        [
            paper.row(row).label,
            *(name for name, used in zip((dataset, subset), axes, strict=True) if used),
            *(_printed(cells.get((row, dataset, subset, name))) for name in names),
        ]
        for row, dataset, subset in lines
    ]
    return csv_table([*headings, *map(_title, names)], body)


def _title(name: str) -> str:
    if name in SIZES:
        return f"{SIZES[name]}, MB" if name == "file_mb" else SIZES[name]
    return METRICS[name].title + (", %" if METRICS[name].percent else "")


def _printed(value: spec.Published | None) -> str:
    if value is None:
        return "–"
    if value.metric == "parameters":
        return f"{value.value:,.0f}"
    return f"{value.value:g}" + (f" ± {value.std:g}" if value.std is not None else "")


class Measured(PaperDirective):
    """The section of the measured results that has a title."""

    sources = (RESULTS,)

    def written(self, argument: str) -> str:
        """Returns the section without its title."""
        found = re.search(
            rf"^{re.escape(argument)}\n-+\n\n(.*?)(?=^[^\n]+\n-+\n\n|\Z)",
            RESULTS.read_text(),
            re.MULTILINE | re.DOTALL,
        )
        if not found:
            raise self.error(f"{RESULTS.name} has no section {argument!r}.")
        return found[1]


class Assumptions(PaperDirective):
    """What the paper leaves open."""

    def written(self, argument: str) -> str:
        """Returns a table."""
        assumptions = papers.get(argument).assumptions
        lines = [(f"`{item.name}`", item.reason, item.where) for item in assumptions]
        return csv_table(("Name", "Why this value", "In the paper"), lines, widths="25 50 25")


class Findings(PaperDirective):
    """Errors in the paper's text."""

    def written(self, argument: str) -> str:
        """Returns a list."""
        return "".join(f"- {escaped(f.where)}: {escaped(f.text)}\n" for f in papers.get(argument).findings)


class Audit(PaperDirective):
    """What the audit found."""

    def run(self) -> list[nodes.Node]:
        """Returns the parsed text."""
        self.env.note_dependency(str(AUDITS / f"{self.arguments[0]}.csv"))
        return super().run()

    def written(self, argument: str) -> str:
        """Returns the numbers of verdicts, and a table of those that say that something is wrong."""
        with (AUDITS / f"{argument}.csv").open(newline="") as file:
            claims = list(csv.DictReader(file))
        counts = Counter(claim["Verdict"] for claim in claims)
        summary = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
        found = [[*claim.values()] for claim in claims if claim["Verdict"] in SHOWN]
        table = csv_table([*claims[0]], found, widths="25 15 12 34 14")
        return f"{len(claims)} claims: {summary}.\n\n{table}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the directives."""
    for name, directive in (
        ("summary", Summary),
        ("published", PublishedValues),
        ("measured", Measured),
        ("assumptions", Assumptions),
        ("findings", Findings),
        ("audit", Audit),
    ):
        app.add_directive(f"paper-{name}", directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
