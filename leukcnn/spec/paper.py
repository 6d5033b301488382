"""A paper as data, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.errors import SpecError
from leukcnn.fields import find_named, read_like, replace_at, value_at
from leukcnn.spec.contents import Assumption, Figure, Finding, Profile, Row, Table
from leukcnn.spec.setups import SPLIT_KINDS, Setup, require

DEFAULT_CONTROLS = ("majority", "border", "colour")


@dataclass(frozen=True)
class Paper:
    """A paper as data.

    Attributes:
        key: Name of the paper in commands, modules and scripts.
        title: Its title.
        authors: Its authors.
        year: Year of publication.
        citation: Where it appeared.
        task: What its networks tell apart.
        datasets: Keys of the datasets it uses, in its own order.
        classes: Its classes in the order of the networks' outputs.
        positive_class: The class that counts as positive where there are two; "" where there are more.
        splits: Kinds of split that make sense for it, its own first.
        rows: The networks of its tables.
        profiles: Named sets of changes to every row.
        assumptions: What it leaves open.
        tables: Its tables, and those that stand beside them.
        figures: Its figures.
        findings: What is amiss in it.
        runs: Repetitions with other seeds over which its figures are means.
        class_of: Class of the paper for each class that a dataset's card names; pictures of other classes
            are left out. Empty where the dataset has the paper's own classes.
        drawn: Dataset -> class of its card -> pictures that are drawn of it for the paper; of datasets that
            aren't named, as many as `leukcnn.synthetic.folders` has by itself.
        controls: Keys of `leukcnn.evaluation.controls.CONTROLS`: the classifiers without a network whose
            figures stand beside its rows'.
    """

    key: str
    title: str
    authors: str
    year: int
    citation: str
    task: str
    datasets: tuple[str, ...]
    classes: tuple[str, ...]
    positive_class: str
    splits: tuple[str, ...]
    rows: tuple[Row, ...]
    profiles: tuple[Profile, ...]
    assumptions: tuple[Assumption, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    runs: int = 1
    class_of: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    controls: tuple[str, ...] = DEFAULT_CONTROLS

    def __post_init__(self):
        ids = [*self.row_ids, *(t.id for t in self.tables), *(f.id for f in self.figures)]
        require(
            len(set(ids)) == len(ids), f"Ids occur twice in {ids}.", "unique ids of rows, tables and figures"
        )
        require(
            set(self.class_of.values()) <= set(self.classes),
            f"class_of names {sorted(set(self.class_of.values()))}.",
            f"classes {self.classes}",
        )
        require(
            self.positive_class in ("", *self.classes),
            f"positive_class = {self.positive_class!r}.",
            f"one of {self.classes}, or nothing where there are more than two",
        )
        require(set(self.splits) <= set(SPLIT_KINDS), f"splits = {self.splits}.", " or ".join(SPLIT_KINDS))
        for place, row in enumerate(self.rows):
            source, earlier = self.source(row.id), self.row_ids[:place]
            require(
                not source or source in earlier, f"{row.id} has features of {source!r}.", f"one of {earlier}"
            )
            unknown = set(row.also) - set(self.splits)
            require(not unknown, f"{row.id} has the splits {sorted(unknown)}.", f"splits {self.splits}")
        for table in self.tables:
            unknown = {*table.rows, *(p.row for p in table.published)} - set(self.row_ids)
            require(not unknown, f"{table.id} shows rows {sorted(unknown)}.", f"rows {self.row_ids}")
        for assumption in self.assumptions:
            unknown = set(assumption.rows) - set(self.row_ids)
            require(not unknown, f"{assumption.name} has rows {sorted(unknown)}.", f"rows {self.row_ids}")
        for figure in self.figures:
            unknown = set(figure.rows) - set(self.row_ids)
            require(not unknown, f"{figure.id} shows rows {sorted(unknown)}.", f"rows {self.row_ids}")
        for profile in self.profiles:
            unknown = {*profile.row_changes, *profile.rows} - set(self.row_ids)
            require(
                not unknown, f"Profile {profile.name} changes rows {sorted(unknown)}.", f"rows {self.row_ids}"
            )
            for row in self.rows:
                setup = self.setup(row.id, profile=profile.name)
                for assumption in self.assumptions:
                    if row.id in self.rows_of(assumption):
                        value_at(setup, assumption.sets)

    @property
    def row_ids(self) -> tuple[str, ...]:
        """Ids of the rows, in the paper's order."""
        return tuple(row.id for row in self.rows)

    @property
    def stand_ins(self) -> dict[str, str]:
        """NAME of `--base scratch=NAME` -> id of its row, the default first; empty where there is none."""
        return {row.scratch: row.id for row in self.rows if row.scratch}

    def row(self, row_id: str) -> Row:
        """Returns a row.

        Raises:
            SpecError: There is no such row.
        """
        return find_named(self.rows, row_id, "id", f"row of {self.key}")

    def profile(self, name: str) -> Profile:
        """Returns a profile.

        Raises:
            SpecError: There is no such profile.
        """
        return find_named(self.profiles, name, "name", f"profile of {self.key}")

    def assumption(self, name: str) -> Assumption:
        """Returns an assumption.

        Raises:
            SpecError: There is no such assumption.
        """
        return find_named(self.assumptions, name, "name", f"assumption of {self.key}")

    def rows_of(self, assumption: Assumption) -> tuple[str, ...]:
        """Returns the ids of the rows that an assumption speaks of."""
        return assumption.rows or self.row_ids

    def source(self, row_id: str) -> str:
        """Returns the id of the row whose trained networks a row's features come from; "" where none is."""
        features = self.row(row_id).setup.features
        return features.row if features else ""

    def setup(
        self,
        row_id: str,
        *,
        profile: str = "paper",
        assumed: Mapping[str, Any] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Setup:
        """Returns what a row does under a profile, with assumptions overridden by name and fields by path.

        Raises:
            SpecError: A name or path is unknown or a value isn't allowed.
        """
        chosen = self.profile(profile)
        setup = self.row(row_id).setup
        every = [*chosen.changes.items(), *chosen.row_changes.get(row_id, {}).items()]
        for name, value in (assumed or {}).items():
            assumption = self.assumption(name)
            if row_id in self.rows_of(assumption):
                every.append((assumption.sets, value))
        for path, value in [*every, *(changes or {}).items()]:
            setup = replace_at(setup, path, value)
        return setup

    def assumed_value(
        self, name: str, *, profile: str = "paper", assumed: Mapping[str, Any] | None = None
    ) -> str:
        """Returns the value of an assumption in words, by row where the rows differ."""
        path, rows = self.assumption(name).sets, self.rows_of(self.assumption(name))
        values = [value_at(self.setup(row, profile=profile, assumed=assumed), path) for row in rows]
        if all(value == values[0] for value in values):
            return str(values[0])
        return ", ".join(f"{row} {value}" for row, value in zip(rows, values, strict=True))

    def parse_assumption(self, text: str) -> tuple[str, Any]:
        """Reads `NAME=VALUE` into a name and a value of the type that the field has.

        Raises:
            SpecError: The text isn't of that form, the name is unknown or the value isn't allowed.
        """
        name, equals, word = text.partition("=")
        if not equals:
            raise SpecError(
                f"--assume got {text!r}.",
                expected="NAME=VALUE",
                remedy=f"choose NAME among {', '.join(a.name for a in self.assumptions)}",
            )
        assumption = self.assumption(name.strip())
        value = read_like(
            word.strip(), value_at(self.row(self.rows_of(assumption)[0]).setup, assumption.sets), name
        )
        if assumption.choices and value not in assumption.choices:
            raise SpecError(
                f"--assume {name} got {word!r}.", expected=" or ".join(str(c) for c in assumption.choices)
            )
        return assumption.name, value
