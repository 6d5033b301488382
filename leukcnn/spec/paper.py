"""A paper as data, checked when it is made."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from leukcnn.errors import SpecError
from leukcnn.fields import find_named, read_like, replace_at, value_at
from leukcnn.spec.checks import check_types, name_of, require, require_known, require_once
from leukcnn.spec.contents import Assumption, Figure, Finding, Profile, Row, Table
from leukcnn.spec.kinds import FIGURES, TABLES
from leukcnn.spec.names import APPLICATIONS, CONTROLS, DATASETS
from leukcnn.spec.setups import SPLIT_KINDS, Preprocessing, Setup

DEFAULT_CONTROLS = ("majority", "border", "colour")
SMALLEST_BORDERED = 32
"""Least side in pixels of images whose border tells something: twice the border that controls see."""


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
        class_of: Class of the paper for each class that a dataset's card names; images of other classes
            are left out. Empty where the dataset has the paper's own classes.
        synthetic_images: Dataset -> class of its card -> number of synthetic images that the paper needs; one
            that isn't named has the number that `leukcnn.synthetic.folders` gives it.
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
    synthetic_images: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    controls: tuple[str, ...] = DEFAULT_CONTROLS

    def __post_init__(self):
        check_types(self)
        self._check_values()
        self._check_rows()
        self._check_tables_and_figures()
        self._check_profiles_and_assumptions()
        self.whole()

    def _check_values(self) -> None:
        """Checks what the paper says of itself."""
        owner = name_of(self)
        require(
            re.fullmatch(r"\w[\w-]*", self.key, re.ASCII) is not None,
            f"{owner}: key = {self.key!r}.",
            "a name for folders: letters, digits, _ and -",
        )
        for name in ("datasets", "classes", "splits", "rows", "profiles"):
            require(bool(getattr(self, name)), f"{owner}: {name} is empty.", "at least one")
        require(len(self.classes) > 1, f"{owner}: classes = {self.classes}.", "at least two classes")
        for name in ("datasets", "classes", "splits", "controls"):
            require_once(owner, name, getattr(self, name))
        require_known(owner, "datasets", self.datasets, DATASETS)
        require_known(owner, "splits", self.splits, SPLIT_KINDS)
        require_known(owner, "controls", self.controls, CONTROLS)
        require_known(owner, "positive_class", self.positive_class, ("", *self.classes))
        require_known(owner, "class_of", tuple(self.class_of.values()), self.classes)
        require_known(owner, "synthetic_images", tuple(self.synthetic_images), self.datasets)
        require(self.runs > 0, f"{owner}: runs = {self.runs}.", "1 or more")

    def _check_rows(self) -> None:
        ids = [*self.row_ids, *(t.id for t in self.tables), *(f.id for f in self.figures)]
        require_once(name_of(self), "rows, tables and figures", ids)
        for place, row in enumerate(self.rows):
            owner = name_of(row)
            if source := self.source(row.id):
                require_known(owner, "features.row", source, self.row_ids[:place])
            require_known(owner, "split.kind", row.setup.split.kind, self.splits)
            require_known(owner, "extra_splits", row.extra_splits, self.splits)

    def _check_tables_and_figures(self) -> None:
        for item in (*self.tables, *self.figures):
            owner = name_of(item)
            require_known(owner, "rows", item.rows, self.row_ids)
            self._check_rows_of(item)
            if isinstance(item, Figure):
                require_known(owner, "dataset", item.dataset, ("", *self.datasets))
                own = dict.fromkeys(row.setup.model.name for row in self.rows)
                require_known(owner, "networks", tuple(n for _, n in item.networks), (*own, *APPLICATIONS))
                continue
            if not self.positive_class:
                item.require_positive_class()
            require_known(owner, "published", tuple(p.row for p in item.published), self.row_ids)
            require_known(owner, "measured", tuple(row for _, row, _ in item.measured), self.row_ids)
            tested = tuple(p.dataset for p in item.published)
            require_known(owner, "dataset of a published value", tested, ("", *self.datasets))
            for name in ("split", "compared_split"):
                require_known(owner, name, getattr(item, name), ("", *self.splits))

    def _check_rows_of(self, item: Table | Figure) -> None:
        """Checks that rows which an item names can give what its kind shows."""
        kind = (TABLES if isinstance(item, Table) else FIGURES)[item.kind]
        idle = [row for row in item.rows if kind.trains and self.source(row)]
        require(
            not idle,
            f"{name_of(item)} of kind {item.kind!r}: rows = {item.rows}; {', '.join(idle)} train no network.",
            "rows that train one",
        )
        able = [own + of_class * len(self.classes) for own, of_class in kind.cells]
        odd = {len(line) for line in getattr(item, "reference", ())}.difference(able)
        require(
            not (able and odd),
            f"{name_of(item)} of kind {item.kind!r}: reference has lines of {sorted(odd)} cells.",
            f"{' or '.join(map(str, able))} cells, for {len(self.classes)} classes",
        )
        measured = [row for _, row, _ in getattr(item, "measured", ())]
        apart = [row for row in measured if row in self.row_ids and self.row(row).setup.split.per_dataset]
        require(
            not apart,
            f"{name_of(item)}: measured names {', '.join(apart)}, cross-validated on datasets by themselves.",
            "rows whose datasets are tested together, or a table of kind 'metrics' with the axis 'dataset'",
        )

    def _check_profiles_and_assumptions(self) -> None:
        """Checks that every change of a setup finds its field and gives what is allowed there."""
        owner = name_of(self)
        require_once(owner, "profiles", (profile.name for profile in self.profiles))
        require_once(owner, "assumptions", (assumption.name for assumption in self.assumptions))
        names = [profile.name for profile in self.profiles]
        require("paper" in names, f"{owner}: profiles are {names}.", "one named 'paper', its own setting")
        for profile in self.profiles:
            require_known(name_of(profile), "rows", (*profile.rows, *profile.row_changes), self.row_ids)
            for row in self.row_ids:
                with _named(f"{name_of(profile)}, {name_of(self.row(row))}"):
                    setup = self.setup(row, profile=profile.name)
                for kind in self.row(row).extra_splits:
                    with _named(f"{name_of(profile)}, {name_of(self.row(row))}, also = {kind!r}"):
                        replace_at(setup, "split.kind", kind)
        for assumption in self.assumptions:
            require_known(name_of(assumption), "rows", assumption.rows, self.row_ids)
            for row in self.rows_of(assumption):
                with _named(f"{name_of(assumption)}, {name_of(self.row(row))}"):
                    for profile in self.profiles:
                        value_at(self.setup(row, profile=profile.name), assumption.sets)
                    for choice in assumption.choices:
                        replace_at(self.row(row).setup, assumption.sets, choice)

    @property
    def row_ids(self) -> tuple[str, ...]:
        """Ids of the rows, in the paper's order."""
        return tuple(row.id for row in self.rows)

    @property
    def substitutes(self) -> dict[str, str]:
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

    def whole(self, *, assumed: Mapping[str, Any] | None = None, mask: str | None = None) -> Preprocessing:
        """Returns how whole images are prepared, whatever the profile: in the paper's own size.

        What colour alone tells is asked of them, not of the cells that a network is shown.

        Args:
            assumed: Assumptions overridden by name.
            mask: The part that is blanked; the paper's own if None or "".

        Raises:
            SpecError: They are too small for the paper's control "border".
        """
        own = self.setup(self.row_ids[0], assumed=assumed).preprocessing
        if "border" in self.controls:
            require_border(f"{name_of(self)}, the control 'border'", own)
        return replace(own, mask=mask or own.mask, threshold="none")

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


def require_border(owner: str, preprocessing: Preprocessing) -> None:
    """Makes sure that images are large enough to be told by their border.

    Args:
        owner: What tells them so.
        preprocessing: How it sees them.

    Raises:
        SpecError: They aren't.
    """
    if preprocessing.image_size < SMALLEST_BORDERED:
        field = "resize" if preprocessing.resize else "crop"
        raise SpecError(
            f"{owner}: preprocessing.{field} = {preprocessing.image_size} of the paper's first row.",
            expected=f"at least {SMALLEST_BORDERED} pixels, {SMALLEST_BORDERED // 2} for each border",
            remedy="take larger images, or do without it: controls=('majority', 'colour'), and no such table",
        )


@contextmanager
def _named(owner: str) -> Iterator[None]:
    """Lets a refusal of what is inside say whose value it is."""
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{owner}: {error.found}", expected=error.expected, remedy=error.remedy) from error
