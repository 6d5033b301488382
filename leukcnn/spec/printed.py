"""What a paper prints: its values, the tested images, its claims and its errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from leukcnn.spec import metrics
from leukcnn.spec.checks import check_id, check_types, name_of, require, require_known
from leukcnn.spec.kinds import CLAIMS
from leukcnn.spec.names import METRICS, known_datasets

PUBLISHED_SUBSETS = tuple(name for name in metrics.SUBSETS if name != "balanced")
STD_UNITS = ("same", "fraction")


@dataclass(frozen=True)
class Published:
    """One published value, as the paper prints it.

    Attributes:
        row: Id of the row.
        metric: One of `leukcnn.spec.names.METRICS`, such as "accuracy".
        value: The value. Metrics that are fractions, such as accuracy or F1-scores, are in percent (92.48);
            kappa, AUROC and losses are in their own unit (0.93); "parameters" is a count; "file_mb" is in MB.
        std: Standard deviation over folds or runs, in the same unit; None if the paper prints none.
        dataset: Key of the tested dataset; "" for all datasets together.
        subset: Tested images: "test" (also compared with the measured value on the balanced test set),
            "external" (other subjects), "within" (a cross-validation within the tested dataset) or "final" (a
            challenge's final phase).
    """

    row: str
    metric: str
    value: float
    std: float | None = None
    dataset: str = ""
    subset: str = "test"

    def __post_init__(self) -> None:
        check_types(self)
        require_known(name_of(self), "metric", self.metric, METRICS)
        require_known(name_of(self), "dataset", self.dataset, ("", *known_datasets()))
        require_known(name_of(self), "subset", self.subset, PUBLISHED_SUBSETS)


@dataclass(frozen=True)
class Sample:
    """The tested images that published values are computed from, as the paper states them.

    LeukNet's values on ALL-IDB 1 are means over five runs on 59 healthy and 49 pathological images::

        Sample((59, 49), dataset="allidb1", runs=5)

    Attributes:
        sizes: Number of tested images of each class, in the order of the paper's classes; empty if only their
            sum is known, which is `total`, as in a challenge whose labels are secret.
        dataset: Key of the tested dataset, as in `Published`.
        subset: Tested images, as in `Published`.
        rows: Ids of the rows whose values it gives; empty for all.
        runs: Number of runs over which the published means are taken.
        folds: Number of folds of a run over which they are taken; 1 if the folds are pooled, or there are
            none. Folds are stratified.
        std_unit: Unit of the printed standard deviations: "same" as the value's, or "fraction" where the
            value is in percent.
        total: Number of tested images of a run if `sizes` is empty.
    """

    sizes: tuple[int, ...] = ()
    dataset: str = ""
    subset: str = "test"
    rows: tuple[str, ...] = ()
    runs: int = 1
    folds: int = 1
    std_unit: str = "same"
    total: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        owner = name_of(self)
        require_known(owner, "dataset", self.dataset, ("", *known_datasets()))
        require_known(owner, "subset", self.subset, PUBLISHED_SUBSETS)
        require_known(owner, "std_unit", self.std_unit, STD_UNITS)
        of_classes = len(self.sizes) > 1 and min(self.sizes) >= 0 and sum(self.sizes) > 0 and not self.total
        require(
            of_classes or (not self.sizes and self.total > 0),
            f"{owner}: sizes = {self.sizes}, total = {self.total}.",
            "a number of images for each class, 0 or more, or else only their total",
        )
        for name in ("runs", "folds"):
            require(getattr(self, name) > 0, f"{owner}: {name} = {getattr(self, name)}.", "1 or more")

    @property
    def n(self) -> int:
        """Number of tested images of a run."""
        return sum(self.sizes) or self.total

    def fits(self, published: Published) -> bool:
        """Returns whether a published value is computed from it."""
        same = (self.dataset, self.subset) == (published.dataset, published.subset)
        return same and (not self.rows or published.row in self.rows)


@dataclass(frozen=True)
class Claim:
    """Something that a paper states and that arithmetic can check, without data.

    The audit makes most claims from the paper's tables: `leukcnn.auditing` lists them. A paper states the
    others here, such as a test in its text::

        Claim("equal-sizes", "t_test", "1024-256 and 1024-512 are equivalent", "section IV-A",
              {"first": (97.04, 1.21, 5), "second": (93.14, 3.73, 5), "says": "equivalent"})

    Attributes:
        id: Name of the claim in the audit, unique in a paper: lower-case letters, digits, "_" and "-".
        kind: One of `leukcnn.spec.kinds.CLAIMS`. Each lists there what it checks.
        text: What the paper states, in a few words.
        where: Its place in the paper, such as "Table 2".
        values: What the kind needs, by name: printed values and counts.
    """

    id: str
    kind: str
    text: str
    where: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        check_id(name_of(self), "id", self.id)
        require_known(name_of(self), "kind", self.kind, CLAIMS)


@dataclass(frozen=True)
class Finding:
    """An error in the paper's own text, or something important that it leaves out.

    Attributes:
        text: What is wrong or missing, in one or a few sentences.
        where: The place in the paper, such as "Table 2".
        claims: Ids of the claims whose audit proves it; empty if it isn't a matter of arithmetic.
    """

    text: str
    where: str
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)


def own_decimals(value: float) -> int:
    """Returns the number of decimals of a value, without zeros at its end."""
    return max(0, -int(Decimal(str(value)).normalize().as_tuple().exponent))
