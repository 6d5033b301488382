"""Tables of metrics in the paper's own shape: its rows and columns, each cell published over measured.

The metrics are the columns. Of the axes, those before "row" are sections, "row" and those after it name the
rows; `spec.Table.shape` says otherwise. Controls have a section of their own. Networks that weren't trained
have no row: a note names them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.metric_lines import FINAL, Line, TableContent
from leukcnn.outputs.metric_verdicts import verdict_of
from leukcnn.rendering.formats import NO_VALUE, PERCENT_UNIT, Cell
from leukcnn.rendering.tables import Column, Layout, Section
from leukcnn.results.verdicts import AGREES, DIFFERS, SMALL, UNDECIDED

SIGNS: Mapping[str, str] = {
    AGREES: "=",
    SMALL: "≈",
    DIFFERS: "≠",
    UNDECIDED: "?",
    "not comparable": "×",
}
"""Verdict -> its sign after a measured value."""
UNVERIFIED = "°"
"""Sign of a verdict that rests on images that can't be verified."""
LEGEND = "Cells: "
"""Begin of the note that explains the cells of a table."""
EQUAL = "equal"
"""Verdict on a size of a network that is the published one; its sign is that of `AGREES`."""


class Value(NamedTuple):
    """A value that a line shows: its title, its format, and the function that returns it."""

    title: str
    format: str
    of: Callable[[Line], Cell]


class Values(NamedTuple):
    """What the lines of a table hold, in the formats in which it shows them.

    Attributes:
        titles: Axis -> heading, and the function that returns a line's title on it.
        metric: Returns the title of a line's metric.
        in_percent: Whether a line's values are in percent.
        published: The published value.
        measured: The measured value.
        interval: Its interval.
        others: Further values, each in a row of its own: of another average, subset or split.
        counts: Values that a row has once, such as its number of images.
    """

    titles: Mapping[str, tuple[str, Callable[[Line], str]]]
    metric: Callable[[Line], str]
    in_percent: Callable[[Line], bool]
    published: Value
    measured: Value
    interval: Value
    others: Sequence[Value] = ()
    counts: Sequence[Value] = ()


_Row = tuple[tuple[str, str], tuple[str, ...]]
"""The title of a row's section, that of its part for controls, and the row's labels."""


class _Heading(NamedTuple):
    """Heading of a column: the group's and its own."""

    group: str
    title: str


def paper_shape(content: TableContent, values: Values) -> tuple[Layout | None, list[str], list[str]]:
    """Returns a table of metrics in the paper's own shape, and the notes that explain it.

    Returns:
        The layout, None if the table has no line; the note with the legend; notes on what isn't measured.
    """
    shape = _Shape(content, values)
    if not shape.headings:
        return None, [], []
    return shape.layout(), shape.legend(), shape.not_measured()


class _Shape:
    def __init__(self, content: TableContent, values: Values):
        self.content, self.values, self.table = content, values, content.table
        axes = content.table.axes
        default = {
            axis: "section" if i < axes.index("row") or (axis == "row" and "class" in axes) else "label"
            for i, axis in enumerate(axes)
        }
        self.placed = {axis: content.table.shape.get(axis, place) for axis, place in default.items()}
        self.signs: dict[str, None] = {}

    def _titles(self, line: Line, place: str) -> tuple[str, ...]:
        """Returns a line's titles on the axes of a place: "section", "label" or "columns"."""
        named = [axis for axis, where in self.placed.items() if where == place]
        titles = []
        for axis in named:
            heading, of = self.values.titles[axis]
            prefix = f"{heading}: " if place == "section" and axis not in ("dataset", "row") else ""
            titles.append(prefix + of(line))
        return tuple(titles)

    def _section(self, line: Line) -> tuple[str, str]:
        """Returns the title of a line's section, and that of its part for controls."""
        title = ", ".join(self._titles(line, "section"))
        if line.place.row not in CONTROLS:
            return title, ""
        return (f"Control: {title}", "") if self.placed["row"] == "section" else (title, "Controls")

    def _rank(self, line: Line) -> int:
        """Returns the position of a line's row in the paper's own table."""
        rows = [*(self.table.rows if self.content.values["subset"] != (FINAL,) else ()), *self.content.labels]
        return rows.index(line.place.row)

    @cached_property
    def _networks_trained(self) -> bool:
        return not self.content.trained <= {*CONTROLS}

    def _is_shown(self, lines: Sequence[Line]) -> bool:
        """Whether lines of one row are shown: measured ones, and published ones of trained networks.

        If no network is trained, the published values are shown alone.
        """
        if any(map(_is_measured, lines)):
            return True
        row = lines[0].place.row
        known = row in self.content.trained or not self._networks_trained
        return known and any(line.printed for line in lines)

    @cached_property
    def _rows(self) -> dict[_Row, list[Line]]:
        """Section and labels of a row -> its lines, those of networks first in each section."""
        rows: dict[_Row, list[Line]] = {}
        for line in self.content.lines:
            rows.setdefault((self._section(line), self._titles(line, "label")), []).append(line)
        order = [*dict.fromkeys(title for (title, _), _ in rows)]
        return dict(
            sorted(
                rows.items(),
                key=lambda row: (order.index(row[0][0][0]), bool(row[0][0][1]), self._rank(row[1][0])),
            )
        )

    @cached_property
    def shown(self) -> dict[_Row, list[Line]]:
        """The rows that are shown."""
        return {key: lines for key, lines in self._rows.items() if self._is_shown(lines)}

    @cached_property
    def headings(self) -> dict[_Heading, None]:
        """The headings of the columns, in order."""
        lines = [line for lines in self.shown.values() or self._rows.values() for line in lines]
        metrics = [*self.content.metrics, *dict.fromkeys(line.metric for line in lines)]
        lines = [line for line in lines if line.metric != "all"]
        across = {self._titles(line, "columns"): None for line in lines}
        by_place = {titles: i for i, titles in enumerate(across)}
        ordered = sorted(
            lines,
            key=lambda line: (by_place[self._titles(line, "columns")], metrics.index(line.metric)),
        )
        return dict.fromkeys(map(self._heading, ordered))

    def _heading(self, line: Line) -> _Heading:
        group, title = self._of_metric(line)
        across = ", ".join(self._titles(line, "columns"))
        if not across:
            return _Heading(group, title)
        return _Heading(across, f"{group}, {title}" if group else title)

    def _of_metric(self, line: Line) -> tuple[str, str]:
        """Returns the heading of a metric's group, such as its two averages, and its own."""
        name = line.metric
        if "class" in self.table.axes and name == "accuracy" and "f1" in self.content.metrics:
            # As in scikit-learn's report.
            name = "f1"
            line = line._replace(metric=name)
        title = self.values.metric(line)
        unit = f" {PERCENT_UNIT}" if self.values.in_percent(line) else ""
        base, _, average = title.removesuffix(unit).partition(", ")
        sizes = [key for key, shown in spec.SIZES.items() if name.startswith(shown)]
        plain = sizes[0] if sizes else name.removeprefix("weighted_").removeprefix("macro_")
        own = [given for given in (name, plain) if given in self.table.headings]
        heading = self.table.headings[own[0]] if own else base + unit
        if not average or (own and own[0] == name) or self._is_merged(name):
            return "", heading
        return heading, average

    def _is_merged(self, metric: str) -> bool:
        """Whether a metric shares its column: each row has a published value of one of the averages."""
        plain = metric.removeprefix("weighted_").removeprefix("macro_")
        kinds = [name for name in self.content.metrics if name.endswith(plain)]
        places = [(p.row, p.dataset, p.subset) for p in self.table.published if p.metric in kinds]
        every = {*kinds} <= {p.metric for p in self.table.published}
        return len(kinds) > 1 and every and len({*places}) == len(places)

    def _column(self, heading: _Heading) -> Column:
        """Returns a column; one that is alone in its group has the group's title before its own."""
        alone = [one.group for one in self.headings].count(heading.group) == 1
        if heading.group and alone:
            base = heading.group.removesuffix(f" {PERCENT_UNIT}")
            unit = heading.group.removeprefix(base)
            return Column(f"{base}, {heading.title}{unit}", "cell")
        return Column(heading.title, "cell", group=heading.group)

    def layout(self) -> Layout:
        """Returns the table's columns, rows and sections."""
        labels = [self.values.titles[axis][0] for axis, place in self.placed.items() if place == "label"]
        others = [one for one in self.values.others if self._has(one)]
        counts = [one for one in self.values.counts if self._has(one)]
        columns = [
            *map(Column, labels),
            *([Column("Value")] if others else []),
            *(Column(one.title, one.format) for one in counts),
            *map(self._column, self.headings),
        ]
        rows: list[list[str]] = []
        sections: list[Section] = []
        above = ("", "")
        for (section, titles), lines in self.shown.items():
            if section != above:
                # Below the networks of a section, "Controls" says enough.
                named = [part for part in section if part and (part != above[0] or not section[1])]
                sections.append(Section(len(rows), ": ".join(named)))
                above = section
            first = [_show(one, _first(one, lines)) for one in counts]
            label = [self.values.measured.title] if others else []
            rows.append([*titles, *label, *first, *self._cells(lines)])
            for other in others:
                cells = [self._other(other, lines, heading) for heading in self.headings]
                if any(cells):
                    rows.append([*titles, other.title, *[""] * len(counts), *cells])
        return Layout(columns, rows, sections, n_labels=len(labels) + bool(others))

    def _has(self, value: Value) -> bool:
        return any(value.of(line) is not None for lines in self.shown.values() for line in lines)

    def _at(self, lines: Sequence[Line], heading: _Heading) -> Line | None:
        """Returns the line of a row that a column shows, None if there is none."""
        under = [line for line in lines if line.metric != "all" and self._heading(line) == heading]
        best = sorted(under, key=lambda line: (line.printed is None, not _is_measured(line)))
        return best[0] if best else None

    def _cells(self, lines: Sequence[Line]) -> Iterator[str]:
        published = "published" in self.table.show and any(line.printed for line in lines)
        for heading in self.headings:
            line = self._at(lines, heading)
            yield "" if line is None else "\n".join(self._cell(line, published=published))

    def _cell(self, line: Line, *, published: bool) -> Iterator[str]:
        """Yields the published value, the measured one with its sign, and its interval."""
        if published:
            yield self._text(self.values.published, line)
        if "measured" not in self.table.show:
            return
        sign, words = self._sign(line)
        yield " ".join(filter(None, (self._text(self.values.measured, line), sign)))
        if "interval" in self.table.show and self.values.interval.of(line) is not None:
            yield f"[{self._text(self.values.interval, line).replace(' to ', ', ')}]"
        yield from words

    def _text(self, value: Value, line: Line) -> str:
        shown = _show(value, value.of(line), in_percent=self.values.in_percent(line))
        # The heading has the unit.
        return shown.removesuffix(" %").replace(" ± ", "±")

    def _other(self, value: Value, lines: Sequence[Line], heading: _Heading) -> str:
        line = self._at(lines, heading)
        return "" if line is None or value.of(line) is None else self._text(value, line)

    def _sign(self, line: Line) -> tuple[str, list[str]]:
        """Returns the sign of a line's verdict, and kappa in words."""
        if "verdict" not in self.table.show:
            return "", []
        verdict = verdict_of(self.content, line)
        in_words = self.table.kappa_words and line.metric == "kappa" and line.found is not None
        words: list[str] = []
        if in_words:
            verdict, _, kappa = verdict.rpartition("; ")
            word, _, own = kappa.partition(" (")
            words = [word, f"({own}"]
        if verdict == EQUAL:
            verdict = AGREES
        known = [name for name in SIGNS if verdict.startswith(name)]
        if not known:
            return "", words
        # "agrees (small difference)" begins with "agrees".
        name = max(known, key=len)
        self.signs[name] = None
        unverified = line.found is not None and self.content.unverified(line)
        return SIGNS[name] + UNVERIFIED * unverified, words

    def legend(self) -> list[str]:
        """Returns the note that explains the cells."""
        lines = [line for lines in self.shown.values() for line in lines]
        show = self.table.show
        if not lines or "measured" not in show:
            return []
        spread = [cell[1] for line in lines if isinstance(cell := self.values.measured.of(line), tuple)]
        parts = [
            *(["± standard deviation"] if any(std is not None for std in spread) else []),
            *(["[95 % interval]"] if "interval" in show and self._has(self.values.interval) else []),
        ]
        measured = "measured value" + (f" ({', '.join(parts)})" if parts else "")
        both = "published" in show and any(line.printed for line in lines)
        of_cell = f"published value over {measured}" if both else measured
        alone = "; in a row without published values, the measured one alone" if both else ""
        signs = ", ".join(f"{SIGNS[name]} {name}" for name in SIGNS if name in self.signs)
        unverified = both and any(line.found and self.content.unverified(line) for line in lines)
        signs += f", {UNVERIFIED} unverified images" if unverified and signs else ""
        few = " Controls have the main metrics alone." if self._controls_lack_metrics else ""
        return [f"{LEGEND}{of_cell}{alone}." + (f" Signs: {signs}." if signs else "") + few]

    @property
    def _controls_lack_metrics(self) -> bool:
        """Whether a control has an empty cell in a column with values of a network."""
        of_controls = [lines for lines in self.shown.values() if lines[0].place.row in CONTROLS]
        return any(self._at(lines, heading) is None for lines in of_controls for heading in self.headings)

    def not_measured(self) -> list[str]:
        """Returns notes on trained networks and controls without values, one for each reason."""
        lacking: dict[str, dict[str, dict[str, None]]] = {}
        places: dict[str, None] = {}
        for lines in self._rows.values():
            row, axes = lines[0].place.row, [axis for axis in self.table.axes if axis not in ("row", "class")]
            where = ", ".join(self.values.titles[axis][1](lines[0]) for axis in axes)
            places[where] = None
            trained = row in CONTROLS or row in self.content.trained
            if trained and not any(map(_is_measured, lines)):
                lacking.setdefault(lines[0].why, {}).setdefault(where, {})[self.content.labels[row]] = None
        notes = []
        for why, by_place in lacking.items():
            titles = [", ".join(rows) for rows in by_place.values()]
            if len({*titles}) == 1 and len(by_place) == len(places):
                titles = titles[:1]
            else:
                titles = [f"{place}: {rows}" for place, rows in zip(by_place, titles, strict=True)]
            notes.append(f"Not measured{f' ({why})' if why else ''}: {'; '.join(titles)}.")
        return notes


def _is_measured(line: Line) -> bool:
    return line.found is not None or line.compared is not None or line.size is not None


def _first(value: Value, lines: Sequence[Line]) -> Any:
    return next((cell for line in lines if (cell := value.of(line)) is not None), None)


def _show(value: Value, cell: Cell, *, in_percent: bool = False) -> str:
    return NO_VALUE if cell is None else Column(value.title, value.format).show(cell, in_percent=in_percent)


def stacked(blocks: Mapping[str, Layout]) -> Layout:
    """Returns layouts below each other, each in a section with its title; they share their columns."""
    columns = list(dict.fromkeys(column for block in blocks.values() for column in block.columns))
    rows: list[list[str]] = []
    sections: list[Section] = []
    for title, block in blocks.items():
        for own, part in block.parts:
            sections.append(Section(len(rows), f"{title}: {own[0].lower()}{own[1:]}" if own else title))
            for row in part:
                cells = dict(zip(block.columns, row, strict=True))
                rows.append([cells.get(column, "") for column in columns])
    return Layout(columns, rows, sections, max(block.n_labels for block in blocks.values()))
