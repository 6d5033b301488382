"""A paper as data, checked when it is created."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean, find_named, read_like, replace_at, value_at
from leukcnn.spec.checks import check_types, name_of, require, require_known, require_once
from leukcnn.spec.contents import Assumption, Figure, Profile, Row, Table
from leukcnn.spec.folders import Folder
from leukcnn.spec.kinds import FIGURES, TABLES
from leukcnn.spec.names import APPLICATIONS, CONTROLS, DATASETS
from leukcnn.spec.printed import Claim, Finding
from leukcnn.spec.setups import Preprocessing, Setup
from leukcnn.spec.splits import SPLIT_KINDS

DEFAULT_CONTROLS = ("majority", "border", "colour", "size")
MIN_SIZE_FOR_BORDER = 32
"""Smallest image size in pixels for controls that see only the border: twice its width."""


@dataclass(frozen=True)
class Paper:
    """A paper as data. All values are checked when it is created.

    Attributes:
        key: Name of the paper in commands and folders, such as "cnmc2019": letters, digits, "_" and "-".
        title: Its title.
        authors: Its authors, separated by commas.
        year: Year of publication.
        citation: Where it was published, with its DOI or ISBN.
        task: The classes that its networks distinguish, in words, such as "malignant or healthy cell".
        datasets: Keys of its datasets in its own order, such as ("cnmc2019",). `leukcnn datasets` lists all.
        classes: Its classes, in the order of the networks' outputs.
        positive_class: The positive class of a paper with two classes; "" if there are more than two.
        splits: Kinds of split that `--split` accepts, see `Split`; the first is the paper's own.
        rows: The networks of its tables.
        profiles: Named settings; one is named "paper".
        assumptions: Details that the paper leaves open.
        tables: Its tables, and additional ones.
        figures: Its figures, and additional ones.
        findings: Errors in its text and important things that it leaves out.
        claims: What its text states and the audit checks; most claims follow from its tables.
        runs: Number of runs with different seeds over which the published means are taken.
        class_of: Class of a dataset -> class of the paper, such as {"benign": "healthy"}. Images of other
            classes are left out. Empty if the datasets have the paper's own classes.
        synthetic_images: Dataset -> class of the dataset -> number of images that `--data synthetic` makes.
            `leukcnn.synthetic.folders` sets the numbers of datasets that aren't listed.
        controls: Keys of `leukcnn.evaluation.controls.CONTROLS`: classifiers without a network whose results
            are shown next to those of the rows.
        folders: Datasets of the user's own, which `datasets` names by their keys.
        control_image_size: Height and width in pixels to which images are resized for the controls; None for
            the input size of the first row.
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
    claims: tuple[Claim, ...] = ()
    runs: int = 1
    class_of: Mapping[str, str] = field(default_factory=dict)
    synthetic_images: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    controls: tuple[str, ...] = DEFAULT_CONTROLS
    folders: tuple[Folder, ...] = ()
    control_image_size: int | None = None

    def __repr__(self) -> str:
        contents = f"{len(self.rows)} rows, {len(self.tables)} tables, {len(self.figures)} figures"
        return f"<Paper {self.key}: {self.title!r} ({self.year}), {contents}>"

    def __post_init__(self) -> None:
        check_types(self)
        self._check_values()
        self._check_rows()
        self._check_tables_and_figures()
        self._check_profiles_and_assumptions()
        self.whole_image_preprocessing()

    def _check_values(self) -> None:
        """Checks the fields of the paper itself."""
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
        own = tuple(folder.key for folder in self.folders)
        require_once(owner, "folders", own)
        require_known(owner, "datasets", self.datasets, (*DATASETS, *own))
        require_known(owner, "folders", own, self.datasets)
        require_known(owner, "splits", self.splits, SPLIT_KINDS)
        require_known(owner, "controls", self.controls, CONTROLS)
        require_known(owner, "positive_class", self.positive_class, ("", *self.classes))
        require_once(owner, "claims", [claim.id for claim in self.claims])
        require_known(owner, "class_of", tuple(self.class_of.values()), self.classes)
        require_known(owner, "synthetic_images", tuple(self.synthetic_images), self.datasets)
        require(self.runs > 0, f"{owner}: runs = {self.runs}.", "1 or more")

    def _check_rows(self) -> None:
        ids = [*self.row_ids, *(t.id for t in self.tables), *(f.id for f in self.figures)]
        require_once(name_of(self), "rows, tables and figures", ids)
        for place, row in enumerate(self.rows):
            owner = name_of(row)
            if source := self.feature_source(row.id):
                require_known(owner, "features.row", source, self.row_ids[:place])
            require_known(owner, "split.kind", row.setup.split.kind, self.splits)
            require_known(owner, "extra_splits", row.extra_splits, self.splits)

    def _check_tables_and_figures(self) -> None:
        items: tuple[Table | Figure, ...] = (*self.tables, *self.figures)
        for item in items:
            owner = name_of(item)
            require_known(owner, "rows", item.rows, self.row_ids)
            self._check_rows_of(item)
            own = dict.fromkeys(row.setup.model.name for row in self.rows)
            require_known(owner, "networks", tuple(n for _, n in item.networks), (*own, *APPLICATIONS))
            if isinstance(item, Figure):
                require_known(owner, "dataset", item.dataset, ("", *self.datasets))
                continue
            if not self.positive_class:
                item.require_positive_class()
            require_known(owner, "published", tuple(p.row for p in item.published), self.row_ids)
            for sample in item.samples:
                require(
                    len(sample.sizes) in (0, len(self.classes)),
                    f"{owner}: a sample has sizes = {sample.sizes}.",
                    f"one number for each of {', '.join(self.classes)}",
                )
            require_known(owner, "measured", tuple(row for _, row, _ in item.measured), self.row_ids)
            tested = tuple(p.dataset for p in item.published)
            require_known(owner, "dataset of a published value", tested, ("", *self.datasets))
            for name in ("split", "compared_split"):
                require_known(owner, name, getattr(item, name), ("", *self.splits))

    def _check_rows_of(self, item: Table | Figure) -> None:
        """Checks that the rows of a table or figure can provide what its kind shows."""
        kind = (TABLES if isinstance(item, Table) else FIGURES)[item.kind]
        untrained = [row for row in item.rows if kind.needs_trained_rows and self.feature_source(row)]
        require(
            not untrained,
            f"{name_of(item)} of kind {item.kind!r}: {', '.join(untrained)} train no network.",
            "rows that train a network",
        )
        allowed = [fixed + for_each * len(self.classes) for fixed, for_each in kind.reference_cells]
        wrong = {len(line) for line in getattr(item, "reference", ())}.difference(allowed)
        require(
            not (allowed and wrong),
            f"{name_of(item)} of kind {item.kind!r}: reference has lines of {sorted(wrong)} cells.",
            f"{' or '.join(map(str, allowed))} cells, for {len(self.classes)} classes",
        )
        measured = [row for _, row, _ in getattr(item, "measured", ())]
        separate = [row for row in measured if row in self.row_ids and self.row(row).setup.split.per_dataset]
        require(
            not separate,
            f"{name_of(item)}: measured names {', '.join(separate)}, cross-validated dataset by dataset.",
            "rows whose datasets are tested together, or a table of kind 'metrics' with the axis 'dataset'",
        )

    def _check_profiles_and_assumptions(self) -> None:
        """Checks that every change of a setup names an existing field and an allowed value."""
        owner = name_of(self)
        require_once(owner, "profiles", (profile.name for profile in self.profiles))
        require_once(owner, "assumptions", (assumption.name for assumption in self.assumptions))
        names, setups = [profile.name for profile in self.profiles], {}
        require(
            "paper" in names, f"{owner}: profiles are {names}.", "one named 'paper', the paper's own setting"
        )
        for profile in self.profiles:
            require_known(name_of(profile), "rows", (*profile.rows, *profile.row_changes), self.row_ids)
            for row in self.row_ids:
                with _named(f"{name_of(profile)}, {name_of(self.row(row))}"):
                    setup = setups[row, profile.name] = self.setup(row, profile=profile.name)
                for kind in self.row(row).extra_splits:
                    with _named(f"{name_of(profile)}, {name_of(self.row(row))}, extra_splits = {kind!r}"):
                        replace_at(setup, "split.kind", kind)
        for assumption in self.assumptions:
            require_known(name_of(assumption), "rows", assumption.rows, self.row_ids)
            for row in self.rows_of(assumption):
                with _named(f"{name_of(assumption)}, {name_of(self.row(row))}"):
                    for profile in self.profiles:
                        value_at(setups[row, profile.name], assumption.field)
                    for choice in assumption.choices:
                        replace_at(self.row(row).setup, assumption.field, choice)

    @property
    def row_ids(self) -> tuple[str, ...]:
        """Ids of the rows, in the paper's order."""
        return tuple(row.id for row in self.rows)

    @property
    def prints_values(self) -> bool:
        """Whether the paper prints values, which a run can be compared with."""
        return any(table.published or table.reference for table in self.tables)

    @property
    def substitutes(self) -> dict[str, str]:
        """NAME of `--base scratch=NAME` -> id of its row, the default first; empty if there is none."""
        return {row.scratch_name: row.id for row in self.rows if row.scratch_name}

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
        """Returns the ids of the rows that an assumption applies to."""
        return assumption.rows or self.row_ids

    def feature_source(self, row_id: str) -> str:
        """Returns the id of the row whose trained networks compute a row's features; "" if there is none."""
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
        """Returns the setup of a row under a profile, with overridden assumptions and fields.

        Args:
            row_id: Id of the row.
            profile: Name of the profile.
            assumed: Name of an assumption -> its value. Assumptions that don't apply to the row are ignored.
            changes: Path of a field -> its value, such as `{"training.epochs": 2}`. Applied last.

        Raises:
            SpecError: A name or path is unknown, or a value isn't allowed.
        """
        chosen = self.profile(profile)
        setup = self.row(row_id).setup
        every = [*chosen.changes.items(), *chosen.row_changes.get(row_id, {}).items()]
        for name, value in (assumed or {}).items():
            assumption = self.assumption(name)
            if row_id in self.rows_of(assumption):
                every.append((assumption.field, value))
        for path, value in [*every, *(changes or {}).items()]:
            setup = replace_at(setup, path, value)
        return setup

    def whole_image_preprocessing(
        self, *, assumed: Mapping[str, Any] | None = None, mask: str | None = None
    ) -> Preprocessing:
        """Returns the preprocessing of whole images, in the paper's own size under every profile.

        Controls that classify by colour see whole images, without the threshold that networks may use.

        Args:
            assumed: Name of an assumption -> its value.
            mask: Part of the images that is blanked; the paper's own mask if None or "".

        Raises:
            SpecError: The images are too small for the paper's control "border".
        """
        own = self.setup(self.row_ids[0], assumed=assumed).preprocessing
        if self.control_image_size is not None:
            own = replace(own, resize=self.control_image_size)
        if "border" in self.controls:
            require_border(f"{name_of(self)}, the control 'border'", own)
        return replace(own, mask=mask or own.mask, region="image", threshold="none")

    def assumed_value(
        self, name: str, *, profile: str = "paper", assumed: Mapping[str, Any] | None = None
    ) -> str:
        """Returns the value of an assumption as text, for each row if the rows differ."""
        path, rows = self.assumption(name).field, self.rows_of(self.assumption(name))
        values = [value_at(self.setup(row, profile=profile, assumed=assumed), path) for row in rows]
        if all(value == values[0] for value in values):
            return str(values[0])
        return ", ".join(f"{row} {value}" for row, value in zip(rows, values, strict=True))

    def needs_networks(self, item: Table | Figure) -> bool:
        """Returns whether a table or figure needs trained networks, and not the paper or images alone."""
        return (TABLES if isinstance(item, Table) else FIGURES)[item.kind].needs_networks

    def parse_assumption(self, text: str) -> tuple[str, Any]:
        """Parses `NAME=VALUE` into the name and a value of the field's type.

        Raises:
            SpecError: The text has another form, the name is unknown or the value isn't allowed.
        """
        name, equals, word = text.partition("=")
        if not equals:
            raise SpecError(
                f"assume (--assume) got {text!r}.",
                expected="NAME=VALUE",
                remedy=f"choose NAME among {', '.join(a.name for a in self.assumptions)}",
            )
        return name.strip(), self.read_assumption(name.strip(), word.strip())

    def read_assumption(self, name: str, given: Any) -> Any:
        """Returns a value for an assumption in the type of its field.

        Args:
            name: Name of the assumption.
            given: The value, or the word for it as the command line takes it.

        Raises:
            SpecError: The name is unknown or the value isn't allowed.
        """
        assumption = self.assumption(name)
        example = value_at(self.row(self.rows_of(assumption)[0]).setup, assumption.field)
        value = read_like(given, example, name)
        if assumption.choices and value not in assumption.choices:
            choices = [str(choice) for choice in assumption.choices]
            raise SpecError(
                f"--assume {name} got {given!r}.",
                expected=" or ".join(choices),
                remedy=did_you_mean(str(given), choices),
            )
        return value


def require_border(owner: str, preprocessing: Preprocessing) -> None:
    """Checks that images are large enough to be classified by their border alone.

    Args:
        owner: What classifies them, for the error message.
        preprocessing: How the images are prepared.

    Raises:
        SpecError: They are too small.
    """
    if preprocessing.image_size < MIN_SIZE_FOR_BORDER:
        field = "resize" if preprocessing.resize else "crop"
        raise SpecError(
            f"{owner}: preprocessing.{field} = {preprocessing.image_size} of the paper's first row.",
            expected=f"at least {MIN_SIZE_FOR_BORDER} pixels, {MIN_SIZE_FOR_BORDER // 2} for each border",
            remedy="use larger images, or controls=('majority', 'colour') and no table of kind 'shortcut'",
        )


@contextmanager
def _named(owner: str) -> Iterator[None]:
    """Adds an owner's name to the message of a `SpecError` that is raised inside."""
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{owner}: {error.found}", expected=error.expected, remedy=error.remedy) from error
