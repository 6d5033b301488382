"""The lines of a table of metrics: one for each metric at each place that the table's axes give."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.challenge import why_no_final_scores
from leukcnn.outputs.titles import table_lines, why_no_runs
from leukcnn.results.measure import Measured, is_over_folds, measure, why_no_folds
from leukcnn.results.results import Results
from leukcnn.spec.metrics import AVERAGED, AXES, SUBSETS

FINAL = "final"
_AVERAGES = {"macro_": "macro avg", "weighted_": "weighted avg"}
_FILES = {"network": "network alone", "network and optimizer": "network and optimizer"}
_DEFAULT_METRICS = ("accuracy", "macro_f1")
# What is shown of a control; more would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "error_rate", "f1", "macro_f1", "auroc", "macro_auroc")
_CONTROL_METRICS_WITHOUT_F1 = ("macro_recall", "kappa")


class Place(NamedTuple):
    """Where a line stands: a value of each axis."""

    row: str = ""
    dataset: str = ""
    subset: str = "test"
    split: str = ""
    mask: str = ""
    of_class: int | None = None


class Printed(NamedTuple):
    """A published figure and its std in the unit in which they are shown, and in that of measured ones."""

    value: float
    std: float | None
    fraction: float


class Line(NamedTuple):
    """A line: a metric, or the size of a network, at a place; None where nothing is printed or measured.

    `metric` is one of `spec.METRICS`, else the line's title. `beside` was measured under the split that
    stands beside. `why` says why nothing was measured, "" where something was.
    """

    place: Place
    metric: str
    printed: Printed | None = None
    found: Measured | None = None
    compared: Measured | None = None
    why: str = ""
    size: int | float | None = None


class Asked:
    """What a table of metrics shows of an experiment.

    `shown` are the results under the table's own split, `beside` those under the one that stands beside; None
    for none. `in_whole_percent` says whether the paper prints no decimals: integers alone, 96 and not 96.0.
    """

    def __init__(self, results: Results, table: spec.Table):
        self.results, self.table = results, table
        self.shown = results.under(table.split)
        self.compared = results.under(table.compared_split) if table.compared_split else None
        values = [printed.value for printed in table.published]
        self.in_whole_percent = bool(values) and all(isinstance(value, int) for value in values)
        self._named = table.metrics or tuple(p.metric for p in table.published) or _DEFAULT_METRICS
        # The row whose figures by class `reference` prints.
        self._report_row = (table.rows or results.paper.row_ids)[0]

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics: those that are named, else those that are published."""
        by_class, found = "class" in self.table.axes, {}
        if by_class and not self.table.metrics:
            return (*AVERAGED, "accuracy", *(average + name for average in _AVERAGES for name in AVERAGED))
        for name in self._named:
            # Of several classes no one is positive: what is printed stands beside both ways to average.
            averaged = [both for both in (f"weighted_{name}", f"macro_{name}") if both in spec.METRICS]
            apart = not self.results.paper.positive_class and not by_class and name in AVERAGED
            found |= dict.fromkeys(averaged if apart else [name])
        return tuple(name for name in found if name in spec.METRICS)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Row or control -> what the table calls it, in its order; a leaderboard has its own."""
        lines = dict(table_lines(self.results, self.table.rows))
        if self.table.subsets != (FINAL,):
            return lines
        published = {p.row: self.results.paper.row(p.row).label for p in self.table.published}
        return published or {row: label for row, label in lines.items() if row not in CONTROLS}

    @cached_property
    def over(self) -> str:
        """What every mean of the table is over, so that all figures of a line rest on the same."""
        sets = {*self.values["subset"], *(name.removeprefix("less_") for name in self.table.show)}
        unlike = self.compared and is_over_folds(self.compared) != is_over_folds(self.shown)
        of_runs = "class" in self.table.axes or unlike or sets.intersection(SUBSETS) - {"test"}
        return "runs" if self.table.over == "auto" and of_runs else self.table.over

    @property
    def over_folds(self) -> bool:
        """Whether the figures under the table's own split are means over folds."""
        lacking = self.over == "folds" and why_no_folds(self.shown)
        return not lacking and is_over_folds(self.shown, self.over)

    @cached_property
    def values(self) -> dict[str, Sequence[Any]]:
        """Axis -> its values; one where the table doesn't have it."""
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
        """Those with published figures, then others tested; a table that prints those of one is about it.

        A figure that is published of all together has its line, where they count together.
        """
        printed = dict.fromkeys(figure.dataset for figure in self.table.published)
        together = ("",) if "" in printed and len(self.shown.tasks) < 2 else ()
        printed = tuple(dataset for dataset in printed if dataset)
        if "classes" in self.table.show or (len(printed) == 1 and not together):
            return printed if len(printed) == 1 else self.shown.tested
        compared = self.compared.tested if self.compared else ()
        return tuple(dict.fromkeys((*together, *printed, *self.shown.tested))) or compared or ("",)

    def _under(self, place: Place) -> Results | None:
        """Returns the results that a place is about; None where nothing was run there."""
        masked = "mask" in self.table.axes
        return self.results.masked(place.mask) if masked else self.results.under(place.split)

    def measured(self, place: Place, metric: str, under: Results | None = None) -> Measured | None:
        """Returns what was measured at a place, if need be under another split than the place's own."""
        under = under or self._under(place)
        where = {"dataset": place.dataset, "subset": place.subset, "of_class": place.of_class}
        if under is None or (self.over == "folds" and why_no_folds(under)):
            return None
        return measure(under, place.row, metric, over=self.over, **where)

    @cached_property
    def trained(self) -> set[str]:
        """Rows and controls of which some run is finished, wherever the table looks."""
        places = [Place(split=s, mask=m) for s in self.values["split"] for m in self.values["mask"]]
        every = [*map(self._under, places), self.compared]
        return {row for row in self.labels for one in every if one is not None and one.predictions[row]}

    @cached_property
    def lines(self) -> list[Line]:
        """The lines."""
        axes = dict.fromkeys((*self.table.axes, *AXES))
        fields, found = ["of_class" if axis == "class" else axis for axis in axes], []
        for values in product(*(self.values[axis] for axis in axes)):
            found += self._at(Place(**dict(zip(fields, values, strict=True))))
        return found

    def _at(self, place: Place) -> list[Line]:
        control, by_class = place.row in CONTROLS, "class" in self.table.axes
        if control and place.subset in ("within", FINAL):
            return []
        lines = [self._line(place, metric) for metric in self._metrics_at(place)]
        lines = [line for line in lines if self._stands(line)]
        nothing = not any(line.found or line.compared for line in lines)
        if nothing and len(lines) > 1 and not self.table.published and not by_class:
            lines = [lines[0]._replace(metric="all")]
        return lines if control or {*spec.SIZES}.isdisjoint(self._named) else [*lines, *self._sizes(place)]

    def _sizes(self, place: Place) -> Iterator[Line]:
        """Yields lines of a network's parameters and file sizes, the same in every fold and run."""
        trials = self.shown.trials[place.row]
        result = trials[0][2].result if trials else None
        why = "" if trials else self.shown.why_missing(place.row, "test")
        sizes = [("parameters", spec.SIZES["parameters"], result and result["parameters"])]
        for key, of in _FILES.items():
            title = f"{spec.SIZES['file_mb']}, {of} (MiB)"
            sizes.append(("file_mb", title, result and result["file_bytes"][key] / 2**20))
        for name, title, size in sizes:
            figure = self.table.printed(place.row, name)
            if name in self._named and (figure, size) != (None, None):
                number = figure and (int if name == "parameters" else float)(figure.value)
                yield Line(place, title, figure and Printed(number, None, number), why=why, size=size)

    def _metrics_at(self, place: Place) -> list[str]:
        of_class, by_class = place.of_class is not None, "class" in self.table.axes
        wanted = [n for n in self.metrics if not by_class or spec.METRICS[n].of_class == of_class]
        if place.row not in CONTROLS:
            return wanted
        with_f1 = self.results.paper.positive_class or {"f1", "macro_f1"}.intersection(wanted)
        few = _CONTROL_METRICS if with_f1 else (*_CONTROL_METRICS, *_CONTROL_METRICS_WITHOUT_F1)
        return [] if of_class else [name for name in wanted if name in few] or wanted[:1]

    def _line(self, place: Place, metric: str) -> Line:
        found, under, why = self.measured(place, metric), self._under(place), ""
        beside = self.measured(place, metric, self.compared) if self.compared else None
        if found is None and "mask" in self.table.axes and not (under and under.predictions[place.row]):
            why = f"not run; add --mask {place.mask}" if place.mask else "not run without --mask"
        elif found is None and place.subset == FINAL:
            why = why_no_final_scores(under, place.row)
        elif found is None and self.over == "folds" and why_no_folds(under):
            why = why_no_folds(under)
        elif found is None:
            why = why_no_runs(under, place.row, dataset=place.dataset, subset=place.subset)
        return Line(place, metric, self._printed(place, metric), found, beside, why)

    def _printed(self, place: Place, metric: str) -> Printed | None:
        table, paper = self.table, self.results.paper
        if place.mask or ("split" in table.axes and place.split != paper.splits[0]):
            return None
        if "class" in table.axes:
            figure = self.report.get((place.row, *self.class_and_metric(place, metric)))
            return None if figure is None else Printed(figure, None, figure)
        subset = "test" if place.subset == "balanced" else place.subset
        base = metric.removeprefix("macro_").removeprefix("weighted_")
        for name in [metric] if paper.positive_class else [metric, base]:
            if figure := table.printed(place.row, name, dataset=place.dataset, subset=subset):
                fraction = figure.value / (100 if spec.METRICS[metric].percent else 1)
                shown = float(figure.value) if table.values_as == "mean" else fraction
                return Printed(shown, figure.std, fraction)
        return None

    @cached_property
    def report(self) -> dict[tuple[str, str, str], float | int | None]:
        """Row, class or average, and metric or "support" -> what is printed, in scikit-learn's report."""
        found, classes = {}, self.results.paper.classes
        for first, *figures in self.table.reference if "class" in self.table.axes else ():
            name = classes[int(first)] if first.isdecimal() else first
            columns = (*AVERAGED, "support") if name != "accuracy" else ("", "", "accuracy", "support")
            for column, figure in zip(columns, figures, strict=True):
                found[self._report_row, name, column] = figure
        return found

    def support(self, line: Line) -> tuple[int | None, int | None]:
        """Returns how many images a line is of, as printed and here."""
        name, _ = self.class_and_metric(line.place, line.metric)
        under, place = self._under(line.place), line.place
        runs = under.runs(place.row, dataset=place.dataset, subset=place.subset) if line.found else []
        labels = [run.label.tolist() for run in runs[:1]]
        here = [len(of) if line.place.of_class is None else of.count(line.place.of_class) for of in labels]
        return self.report.get((line.place.row, name, "support")), here[0] if here else None

    def class_and_metric(self, place: Place, metric: str) -> tuple[str, str]:
        """Returns what a line by class is of: a class, an average or "accuracy"; and what is averaged."""
        average, classes = metric.partition("_")[0] + "_", self.results.paper.classes
        name = _AVERAGES.get(average, "accuracy" if metric == "accuracy" else "all")
        name = name if place.of_class is None else classes[place.of_class]
        return name, metric.removeprefix(average) if average in _AVERAGES else metric

    def _stands(self, line: Line) -> bool:
        """Whether a line is shown; one without a figure may say why there is none."""
        axes, place, record = self.table.axes, line.place, self.results.record
        split = place.split or self.results.split_kind
        held = any((t.row, t.split) == (place.row, split) for t in (*record.trials, *record.controls))
        trained, control = place.row in self.trained, place.row in CONTROLS
        if "split" in axes:
            return held and (trained or line.printed is not None)
        if "mask" in axes:
            return trained or control
        # Of what can't be measured a line says why.
        never = place.subset == FINAL or (self.over == "folds" and why_no_folds(self.shown))
        if line.printed or line.found or line.compared or never:
            return True
        if "class" in axes:
            return trained or control or place.row == self._report_row
        return control or held if "state" in self.table.show else "subset" in axes and "dataset" not in axes

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Rows that have no line -> their labels."""
        with_lines = {*(line.place.row for line in self.lines), *CONTROLS, *self.trained}
        return {row: label for row, label in self.labels.items() if row not in with_lines}
