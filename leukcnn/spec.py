"""What a paper is: frozen dataclasses that check themselves.

A paper's module in `leukcnn.papers` holds values of these classes and nothing else. A `Setup` says all that
one trial does; a profile, an assumption or a command-line option changes it by the path of a field
(`training.batch_size`), so that every value stands in one place only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.errors import SpecError
from leukcnn.fields import find_named, read_like, replace_at, value_at


def _require(condition: bool, found: str, expected: str) -> None:
    if not condition:
        raise SpecError(found, expected=expected, remedy="change this value of the paper or of --assume")


@dataclass(frozen=True)
class Model:
    """A network: the name of its builder in `leukcnn.models`, and the builder's arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preprocessing:
    """From the picture in its file to the network's input.

    Attributes:
        crop: Side of the central square that is kept, in pixels; None keeps the whole picture.
        resize: Side to which that square is resized, in pixels; None leaves it.
        scale: Factor on the grey levels 0..255.
        subtract_channel_mean: Whether each picture loses its own mean of each channel.
    """

    crop: int | None = None
    resize: int | None = None
    scale: float = 1 / 255
    subtract_channel_mean: bool = False

    def __post_init__(self):
        for name in ("crop", "resize"):
            side = getattr(self, name)
            _require(
                side is None or (isinstance(side, int) and side > 0), f"{name} = {side!r}.", "pixels > 0"
            )
        _require(
            self.crop or self.resize, "Neither crop nor resize is given.", "one of them sets the input size"
        )
        _require(self.scale > 0, f"scale = {self.scale!r}.", "a number above 0")

    @property
    def side(self) -> int:
        """Side of the network's square input, in pixels."""
        return self.resize or self.crop


@dataclass(frozen=True)
class Augmentation:
    """How pictures are multiplied.

    Attributes:
        arguments: Arguments of `leukcnn.augmentation.ImageAugmenter`.
        train_per_class: Pictures a class to which the training part is topped up; None adds none.
        validation_per_class: The same for the validation part.
        variants: "once" draws each new picture once, the same in every epoch; "fresh" draws it anew in each.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    train_per_class: int | None = None
    validation_per_class: int | None = None
    variants: str = "once"

    def __post_init__(self):
        _require(self.variants in ("once", "fresh"), f"augmentation = {self.variants!r}.", "once or fresh")
        for name in ("train_per_class", "validation_per_class"):
            count = getattr(self, name)
            _require(count is None or count > 0, f"{name} = {count!r}.", "a whole number above 0")


@dataclass(frozen=True)
class Split:
    """Who trains, who validates, who tests.

    Attributes:
        kind: "cell" (at random by picture), "subject" (no subject in two parts) or "fold" (the dataset
            makers' own folds, each tested once).
        fractions: Shares of training, validation and test in "cell" and "subject".
        limit_per_class: At most so many pictures a class take part; None takes all.
    """

    kind: str = "cell"
    fractions: tuple[float, float, float] = (0.6, 0.3, 0.1)
    limit_per_class: int | None = None

    def __post_init__(self):
        _require(self.kind in SPLIT_KINDS, f"split = {self.kind!r}.", " or ".join(SPLIT_KINDS))
        _require(
            len(self.fractions) == 3
            and all(isinstance(share, int | float) and share > 0 for share in self.fractions)
            and abs(sum(self.fractions) - 1) < 1e-9,
            f"fractions = {self.fractions!r}.",
            "three numbers above 0 that add up to 1",
        )


SPLIT_KINDS = ("cell", "subject", "fold")


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training part.
        batch_size: Pictures a step, over all devices together.
        initial_learning_rate: Learning rate of the first epoch.
        final_learning_rate: The rate that the exponential schedule reaches after the last epoch.
        optimizer: Name of a Keras optimizer.
        optimizer_arguments: Its arguments besides the learning rate.
        loss: Name of a Keras loss.
        deterministic: Whether the same command gives the same bytes.
        precision: Keras' dtype policy, "float32", "mixed_float16" or "mixed_bfloat16".
    """

    epochs: int
    batch_size: int
    initial_learning_rate: float
    final_learning_rate: float
    optimizer: str = "adam"
    optimizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "categorical_crossentropy"
    deterministic: bool = False
    precision: str = "float32"

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            _require(isinstance(value, int) and value > 0, f"{name} = {value!r}.", "a whole number above 0")
        for name in ("initial_learning_rate", "final_learning_rate"):
            _require(getattr(self, name) > 0, f"{name} = {getattr(self, name)!r}.", "a number above 0")
        _require(self.precision in PRECISIONS, f"precision = {self.precision!r}.", " or ".join(PRECISIONS))


PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Setup:
    """All that one trial does."""

    model: Model
    preprocessing: Preprocessing
    augmentation: Augmentation
    split: Split
    training: Training


@dataclass(frozen=True)
class Row:
    """One row of the paper's tables: a network and its setup."""

    id: str
    label: str
    setup: Setup


@dataclass(frozen=True)
class Profile:
    """A named set of changes to every row.

    Attributes:
        name: "paper" or "smoke".
        description: What it is for, in a sentence.
        changes: Field path -> value, for every row.
        row_changes: Row id -> the same, for that row alone.
        not_comparable: Why its figures can't be held against the paper's; "" where they can.
    """

    name: str
    description: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    row_changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    not_comparable: str = ""


@dataclass(frozen=True)
class Assumption:
    """A detail that the paper leaves open.

    Attributes:
        name: Name for `--assume NAME=VALUE`.
        sets: Path of the field that holds its value.
        reason: Why this value.
        where: Where the paper is silent, or what else states it.
        choices: Values it can take; empty where any of the field's type will do.
    """

    name: str
    sets: str
    reason: str
    where: str
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Published:
    """One published figure: `value` of `metric` for a row, in percent as the paper prints it."""

    row: str
    metric: str
    value: float


@dataclass(frozen=True)
class Table:
    """A table of the paper, or one that stands beside them.

    Attributes:
        id: "table1", "table2" ...
        title: What it shows.
        kind: How it is filled: "counts", "scores", "confusion", "external", "subjects", "leaderboard" or
            "reference".
        where: Its place in the paper; "" for a table that the paper doesn't have.
        published: Published figures of the rows.
        columns: Headings of a table that the paper prints as it stands in `reference`.
        reference: Its rows.
        measured: First cell of a row of `reference`, id of the paper's row and metric that it stands for.
        notes: Remarks that stand under it.
    """

    id: str
    title: str
    kind: str
    where: str
    published: tuple[Published, ...] = ()
    columns: tuple[str, ...] = ()
    reference: tuple[tuple[Any, ...], ...] = ()
    measured: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def value(self, row: str, metric: str) -> float | None:
        """Returns the published figure of a row, or None where the paper prints none."""
        return next((p.value for p in self.published if (p.row, p.metric) == (row, metric)), None)


@dataclass(frozen=True)
class Figure:
    """A figure of the paper.

    Attributes:
        id: "figure2", "figure3" ...
        title: What it shows.
        kind: How it is drawn: "samples", "augmentations", "topology", "history" or "confusion".
        where: Its place in the paper; "" for a figure that the paper doesn't have.
        rows: The rows whose "history" it shows.
        variants: Title and parameters of `ImageAugmenter.apply_transform`, of "augmentations".
        networks: Title and builder (of leukcnn or Keras Applications), of "topology".
    """

    id: str
    title: str
    kind: str
    where: str
    rows: tuple[str, ...] = ()
    variants: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    networks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """Where the paper's own text can't be right, or leaves out what matters."""

    text: str
    where: str


@dataclass(frozen=True)
class Paper:
    """A paper as data."""

    key: str
    title: str
    authors: str
    year: int
    citation: str
    task: str
    dataset: str
    rows: tuple[Row, ...]
    profiles: tuple[Profile, ...]
    assumptions: tuple[Assumption, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]

    def __post_init__(self):
        ids = [*self.row_ids, *(t.id for t in self.tables), *(f.id for f in self.figures)]
        _require(
            len(set(ids)) == len(ids), f"Ids occur twice in {ids}.", "unique ids of rows, tables and figures"
        )
        for table in self.tables:
            unknown = {p.row for p in table.published} - set(self.row_ids)
            _require(not unknown, f"{table.id} publishes rows {sorted(unknown)}.", f"rows {self.row_ids}")
        for figure in self.figures:
            unknown = set(figure.rows) - set(self.row_ids)
            _require(not unknown, f"{figure.id} shows rows {sorted(unknown)}.", f"rows {self.row_ids}")
        for profile in self.profiles:
            unknown = set(profile.row_changes) - set(self.row_ids)
            _require(
                not unknown, f"Profile {profile.name} changes rows {sorted(unknown)}.", f"rows {self.row_ids}"
            )
            for row in self.rows:
                setup = self.setup(row.id, profile=profile.name)
                for assumption in self.assumptions:
                    value_at(setup, assumption.sets)

    @property
    def row_ids(self) -> tuple[str, ...]:
        """Ids of the rows, in the paper's order."""
        return tuple(row.id for row in self.rows)

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
        every += [(self.assumption(name).sets, value) for name, value in (assumed or {}).items()]
        for path, value in [*every, *(changes or {}).items()]:
            setup = replace_at(setup, path, value)
        return setup

    def assumed_value(
        self, name: str, *, profile: str = "paper", assumed: Mapping[str, Any] | None = None
    ) -> str:
        """Returns the value of an assumption in words, by row where the rows differ."""
        path = self.assumption(name).sets
        values = [value_at(self.setup(row, profile=profile, assumed=assumed), path) for row in self.row_ids]
        if all(value == values[0] for value in values):
            return str(values[0])
        return ", ".join(f"{row} {value}" for row, value in zip(self.row_ids, values, strict=True))

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
        value = read_like(word.strip(), value_at(self.rows[0].setup, assumption.sets), name)
        if assumption.choices and value not in assumption.choices:
            raise SpecError(
                f"--assume {name} got {word!r}.", expected=" or ".join(str(c) for c in assumption.choices)
            )
        return assumption.name, value
