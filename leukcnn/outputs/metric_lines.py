"""The lines of a table of metrics: one for each metric at each place that the table's axes give."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.challenge import why_no_final_scores
from leukcnn.outputs.titles import classes_here, dataset_title, table_lines, why_no_runs
from leukcnn.results.comparisons import COMPARED_SUBSETS, Comparison, best_control
from leukcnn.results.measure import Measured, is_over_folds, measure, why_no_folds
from leukcnn.results.results import Results
from leukcnn.spec.metrics import AVERAGED, AXES, CALIBRATION, RANKING, SUBSETS

FINAL = "final"
SUBSET_TITLES = {
    "test": "full",
    "within": "within",
    "balanced": "balanced",
    "external": "external",
    FINAL: FINAL,
}
_AVERAGES = {"macro_": "macro avg", "weighted_": "weighted avg"}
_FILES = {"network": "network alone", "network and optimizer": "network and optimizer"}
_DEFAULT_METRICS = ("accuracy", "macro_f1")
# The metrics shown for controls; more lines would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "error_rate", "f1", "macro_f1", "auroc", "macro_auroc")
_CONTROL_METRICS_WITHOUT_F1 = ("macro_recall", "kappa")


class Place(NamedTuple):
    """The place of a line in a table: a value for each axis; `of_class` is the position of a class."""

    row: str = ""
    dataset: str = ""
    subset: str = "test"
    split: str = ""
    mask: str = ""
    of_class: int | None = None


class Printed(NamedTuple):
    """A published value and its standard deviation as shown.

    `fraction` is the value in the unit of measured values, e.g. .97 for a published 97 %. `source` is the
    paper's value; None for lines of scikit-learn's report.
    """

    value: float
    std: float | None
    fraction: float
    source: spec.Published | None = None


class Line(NamedTuple):
    """A line of a table: a metric, or the size of a network, at a place.

    Attributes:
        place: The place.
        metric: One of `spec.METRICS`. In a line that shows a size or why nothing was measured, its title.
        printed: The published value, None if there is none.
        found: The measured value, None if there is none.
        compared: The value measured under the table's `compared_split`, None if there is none.
        why: Why nothing was measured; "" if something was.
        size: Number of parameters or file size in MiB, None in other lines.
    """

    place: Place
    metric: str
    printed: Printed | None = None
    found: Measured | None = None
    compared: Measured | None = None
    why: str = ""
    size: int | float | None = None


class TableContent:
    """The content of a table of metrics: its lines, metrics and axes, and the results that they come from.

    Attributes:
        results: The results.
        table: The paper's table.
        shown: The results under the table's own split.
        compared: The results under its `compared_split`; None if it has none.
        in_whole_percent: Whether all published values are printed without decimals: 96, not 96.0.
    """

    def __init__(self, results: Results, table: spec.Table):
        self.results, self.table = results, table
        self.shown = results.under(table.split)
        self.compared = results.under(table.compared_split) if table.compared_split else None
        values = [printed.value for printed in table.published]
        self.in_whole_percent = bool(values) and all(isinstance(value, int) for value in values)
        self._named = table.metrics or tuple(p.metric for p in table.published) or _DEFAULT_METRICS
        # The row whose values by class `reference` lists.
        self._report_row = (table.rows or results.paper.row_ids)[0]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics: the table's own, else those of its published values."""
        by_class = "class" in self.table.axes
        found: dict[str, None] = {}
        if by_class and not self.table.metrics:
            return (*AVERAGED, "accuracy", *(average + name for average in _AVERAGES for name in AVERAGED))
        for name in self._named:
            # Without a positive class, a published value is shown next to the averages over the classes.
            averaged = [both for both in (f"weighted_{name}", f"macro_{name}") if both in spec.METRICS]
            of_one = name in (*AVERAGED, *RANKING)
            both_ways = not self.results.paper.positive_class and not by_class and of_one
            found |= dict.fromkeys(averaged if both_ways else [name])
        return tuple(name for name in found if name in spec.METRICS)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Row or control -> its label, in order.

        For the final phase: the rows with published values or, if there are none, all rows; no controls.
        """
        lines = dict(table_lines(self.results, self.table.rows))
        if self.table.subsets != (FINAL,):
            return lines
        published = {p.row: self.results.paper.row(p.row).label for p in self.table.published}
        return published or {row: label for row, label in lines.items() if row not in CONTROLS}

    @cached_property
    def over(self) -> str:
        """Whether means are over "runs" or "folds", or "auto", as in `spec.Table`.

        It is the same for all values of the table, to make them comparable.
        """
        subsets = {*self.values["subset"], *(name.removeprefix("less_") for name in self.table.show)}
        unlike = self.compared and is_over_folds(self.compared) != is_over_folds(self.shown)
        of_runs = "class" in self.table.axes or unlike or subsets.intersection(SUBSETS) - {"test"}
        return "runs" if self.table.over == "auto" and of_runs else self.table.over

    @property
    def over_folds(self) -> bool:
        """Whether the values under the table's own split are means over folds."""
        without_folds = self.over == "folds" and why_no_folds(self.shown)
        return not without_folds and is_over_folds(self.shown, self.over)

    @cached_property
    def values(self) -> dict[str, Sequence[Any]]:
        """Axis -> its values; a single one if the table doesn't have the axis."""
        record, paper, table = self.results.record, self.results.paper, self.table
        planned = {trial.split for trial in record.trials}
        every = {
            "row": tuple(self.labels),
            "dataset": self._datasets,
            "subset": table.subsets or tuple(dict.fromkeys(p.subset for p in table.published)) or ("test",),
            "split": [kind for kind in dict.fromkeys((record.split, *paper.splits)) if kind in planned],
            "mask": ("", *spec.MASKS),
            "class": (*range(len(paper.classes)), None),
        }
        alone = {"dataset": ("",), "split": (table.split,), "mask": ("",), "class": (None,)}
        return every | {axis: value for axis, value in alone.items() if axis not in table.axes}

    @property
    def _datasets(self) -> tuple[str, ...]:
        """Datasets with published values, then other tested ones.

        If all published values are of one dataset, it is the only one. A value that is published for all
        datasets together has a line ("") if they are tested together. Without published values, datasets that
        are tested together have a line each.
        """
        here = tuple(name for name in self.results.record.datasets if classes_here(self.results, name))
        if not self.table.published and not self.shown.tested and "classes" not in self.table.show:
            return here if len(here) > 1 else ("",)
        datasets = dict.fromkeys(published.dataset for published in self.table.published)
        together = ("",) if "" in datasets and len(self.shown.tasks) < 2 else ()
        printed = tuple(dataset for dataset in datasets if dataset)
        if "classes" in self.table.show or (len(printed) == 1 and not together):
            return printed if len(printed) == 1 else self.shown.tested
        compared = self.compared.tested if self.compared else ()
        return tuple(dict.fromkeys((*together, *printed, *self.shown.tested))) or compared or ("",)

    def title(self, place: Place, axis: str) -> str:
        """Returns what a place is called on the axis "dataset", "subset", "split" or "mask"."""
        if axis == "dataset":
            return dataset_title(self.shown, place.dataset)
        if axis == "subset":
            left_out = place.subset == "test" and "dataset" in self.table.axes
            return "left out" if left_out else SUBSET_TITLES[place.subset]
        if axis == "split":
            return spec.SPLITS[place.split or self.results.split_kind].title
        return place.mask or "nothing"

    def why_not_comparable(self, line: Line) -> str:
        """Returns why a line's values can't be compared with the paper's; "" if they can."""
        return self.results.under(line.place.split).why_not_comparable(line.place.dataset)

    def unverified(self, line: Line) -> bool:
        """Returns whether some images that a line's values rest on can't be verified."""
        names = self.results.under(line.place.split).datasets_of(line.place.dataset)
        return any(self.results.record.published_images[name].unverified for name in names)

    def _under(self, place: Place) -> Results | None:
        """Returns the results under a place's split or mask; None if no trials have the mask."""
        masked = "mask" in self.table.axes
        return self.results.masked(place.mask) if masked else self.results.under(place.split)

    def measured(self, place: Place, metric: str, under: Results | None = None) -> Measured | None:
        """Returns the value measured at a place, under the place's own split unless others are given."""
        under = under or self._under(place)
        if metric in CALIBRATION and place.row in self.without_probabilities:
            return None
        if under is None or (self.over == "folds" and why_no_folds(under)):
            return None
        # An external set isn't in folds, also in a table of means over folds.
        over = "runs" if place.subset != "test" and self.over == "folds" else self.over
        return measure(
            under,
            place.row,
            metric,
            dataset=place.dataset,
            subset=place.subset,
            of_class=place.of_class,
            over=over,
        )

    @cached_property
    def without_probabilities(self) -> dict[str, str]:
        """Rows that are support vector machines -> their labels."""
        rows = [row for row in self.labels if row not in CONTROLS]
        return {row: self.labels[row] for row in rows if self.results.setup(row).features}

    def against_controls(self) -> dict[Place, tuple[str, Comparison]]:
        """Returns each place with a measured row -> the best control there, and the row compared with it."""
        found: dict[Place, tuple[str, Comparison]] = {}
        shown = (line.place for line in self.lines if line.found and line.place.row not in CONTROLS)
        for place in dict.fromkeys(place._replace(of_class=None) for place in shown):
            under = self._under(place)
            if under is None or place.subset not in COMPARED_SUBSETS:
                continue
            best = best_control(under, place.row, dataset=place.dataset, subset=place.subset)
            if best:
                found[place] = best
        return found

    @cached_property
    def trained(self) -> set[str]:
        """Rows and controls with a finished run under any split or mask of the table."""
        places = [Place(split=s, mask=m) for s in self.values["split"] for m in self.values["mask"]]
        every = [*map(self._under, places), self.compared]
        return {row for row in self.labels for one in every if one is not None and one.has_values(row)}

    @cached_property
    def lines(self) -> list[Line]:
        """The lines of the table, in its order."""
        axes = dict.fromkeys((*self.table.axes, *AXES))
        fields = ["of_class" if axis == "class" else axis for axis in axes]
        found: list[Line] = []
        for values in product(*(self.values[axis] for axis in axes)):
            found += self._at(Place(**dict(zip(fields, values, strict=True))))
        return found

    def _at(self, place: Place) -> list[Line]:
        control, by_class = place.row in CONTROLS, "class" in self.table.axes
        if control and place.subset in ("within", FINAL):
            return []
        lines = [self.line(place, metric) for metric in self._metrics_at(place)]
        lines = [line for line in lines if self._is_shown(line)]
        nothing = not any(line.found or line.compared for line in lines)
        if nothing and len(lines) > 1 and not self.table.published and not by_class:
            lines = [lines[0]._replace(metric="all")]
        return lines if control or {*spec.SIZES}.isdisjoint(self._named) else [*lines, *self._sizes(place)]

    def _sizes(self, place: Place) -> Iterator[Line]:
        """Yields lines of a network's parameters and file sizes, which are the same in every fold and run."""
        trials = self.shown.trials[place.row]
        result = trials[0][2].result if trials else None
        why = "" if trials else self.shown.why_missing(place.row, "test")
        sizes: list[tuple[str, str, int | float | None]] = []
        sizes.append(("parameters", spec.SIZES["parameters"], result["parameters"] if result else None))
        for key, content in _FILES.items():
            title = f"{spec.SIZES['file_mb']}, {content} (MiB)"
            sizes.append(("file_mb", title, result["file_bytes"][key] / 2**20 if result else None))
        for name, title, size in sizes:
            published, printed = self.table.printed(place.row, name), None
            if published is not None:
                number = int(published.value) if name == "parameters" else float(published.value)
                printed = Printed(number, None, number)
            if name in self._named and not (printed is None and size is None):
                yield Line(place, title, printed, why=why, size=size)

    def _metrics_at(self, place: Place) -> list[str]:
        of_class, by_class = place.of_class is not None, "class" in self.table.axes
        wanted = [n for n in self.metrics if not by_class or spec.METRICS[n].of_class == of_class]
        if place.row not in CONTROLS or self._controls_alone:
            return wanted
        with_f1 = self.results.paper.positive_class or {"f1", "macro_f1"}.intersection(wanted)
        few = _CONTROL_METRICS if with_f1 else (*_CONTROL_METRICS, *_CONTROL_METRICS_WITHOUT_F1)
        return [] if of_class else [name for name in wanted if name in few] or wanted[:1]

    @cached_property
    def _controls_alone(self) -> bool:
        """Whether a table of classes has values of controls and none of networks, published or measured."""
        by_class = "class" in self.table.axes and not self.table.published
        return by_class and bool(self.trained) and {*self.trained} <= {*CONTROLS}

    def line(self, place: Place, metric: str) -> Line:
        """Returns the line of a metric at a place, whether the table shows it or not."""
        found = self.measured(place, metric)
        compared = self.measured(place, metric, self.compared) if self.compared else None
        why = self._why_not_measured(place) if found is None else ""
        return Line(place, metric, self._printed(place, metric), found, compared, why)

    def _why_not_measured(self, place: Place) -> str:
        under = self._under(place)
        if under is None or ("mask" in self.table.axes and not under.has_values(place.row)):
            option = f"add --mask {place.mask}" if place.mask else "without --mask"
            return (under and under.why_diverged(place.row)) or f"not run{';' * bool(place.mask)} {option}"
        if place.subset == FINAL:
            return why_no_final_scores(under, place.row)
        if self.over == "folds" and (why := why_no_folds(under)):
            return why
        return why_no_runs(under, place.row, dataset=place.dataset, subset=place.subset)

    def _printed(self, place: Place, metric: str) -> Printed | None:
        table, paper = self.table, self.results.paper
        if place.mask or ("split" in table.axes and place.split != paper.splits[0]):
            return None
        if "class" in table.axes:
            value = self.report.get((place.row, *self.class_and_metric(place, metric)))
            return None if value is None else Printed(value, None, value)
        subset = "test" if place.subset == "balanced" else place.subset
        base = metric.removeprefix("macro_").removeprefix("weighted_")
        for name in [metric] if paper.positive_class else [metric, base]:
            if published := table.printed(place.row, name, dataset=place.dataset, subset=subset):
                fraction = published.value / (100 if spec.METRICS[metric].percent else 1)
                shown = float(published.value) if table.values_as == "mean" else fraction
                return Printed(shown, published.std, fraction, published)
        return None

    @cached_property
    def report(self) -> dict[tuple[str, str, str], float | int | None]:
        """Row, class or average, and metric or "support" -> printed value of scikit-learn's report."""
        found, classes = {}, self.results.paper.classes
        for first, *values in self.table.reference if "class" in self.table.axes else ():
            name = classes[int(first)] if first.isdecimal() else first
            columns = (*AVERAGED, "support") if name != "accuracy" else ("", "", "accuracy", "support")
            for column, value in zip(columns, values, strict=True):
                found[self._report_row, name, column] = value
        return found

    def support(self, line: Line) -> tuple[float | int | None, int | None]:
        """Returns the number of images of a line's class, printed and here."""
        place, here = line.place, None
        name, _ = self.class_and_metric(place, line.metric)
        under = self._under(place) if line.found else None
        if under and (runs := under.runs(place.row, dataset=place.dataset, subset=place.subset)):
            sizes = np.bincount(runs[0].label, minlength=len(runs[0].class_names))
            if place.subset == "balanced":
                sizes = np.where(sizes > 0, sizes[sizes > 0].min(), 0)
            here = int(sizes.sum() if place.of_class is None else sizes[place.of_class])
        return self.report.get((place.row, name, "support")), here

    def class_and_metric(self, place: Place, metric: str) -> tuple[str, str]:
        """Returns the title of a line by class (a class, an average or "accuracy") and its base metric."""
        average, classes = metric.partition("_")[0] + "_", self.results.paper.classes
        name = _AVERAGES.get(average, "accuracy" if metric == "accuracy" else "all")
        name = name if place.of_class is None else classes[place.of_class]
        return name, metric.removeprefix(average) if average in _AVERAGES else metric

    def _is_shown(self, line: Line) -> bool:
        """Whether a line is shown; a line without values may be shown to say why it has none."""
        axes, place, record = self.table.axes, line.place, self.results.record
        split = place.split or self.results.split_kind
        planned = any((t.row, t.split) == (place.row, split) for t in (*record.trials, *record.controls))
        trained, control = place.row in self.trained, place.row in CONTROLS
        if "split" in axes:
            return planned and (trained or line.printed is not None)
        if "mask" in axes:
            return trained or control
        # A value that can never be measured has a line that says why.
        never = place.subset == FINAL or (self.over == "folds" and why_no_folds(self.shown))
        if line.printed or line.found or line.compared or never:
            return True
        if "class" in axes:
            return trained or control or (place.row == self._report_row and not self._controls_alone)
        return (
            control or planned if "state" in self.table.show else "subset" in axes and "dataset" not in axes
        )

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Untrained rows -> their labels."""
        trained = {*CONTROLS, *self.trained}
        return {row: label for row, label in self.labels.items() if row not in trained}
