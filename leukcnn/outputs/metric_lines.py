"""The lines of a table of metrics: one for each metric at each place that the table's axes give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.challenge import why_no_final_scores
from leukcnn.outputs.titles import dataset_title, table_lines, why_no_runs
from leukcnn.results.measure import Measured, measure
from leukcnn.results.results import Results
from leukcnn.spec.metrics import AVERAGED, AXES

FINAL = "final"
_AVERAGES = {"macro_": "macro avg", "weighted_": "weighted avg"}
_DEFAULT_METRICS = ("accuracy", "macro_f1")
# What is shown of a control; more would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "error_rate", "f1", "macro_f1", "auroc", "macro_auroc")
_CONTROL_METRICS_WITHOUT_F1 = ("macro_recall", "kappa")


class Place(NamedTuple):
    """Where a line stands: a value of each axis."""

    row: str = ""
    dataset: str = ""
    set: str = "test"
    split: str = ""
    mask: str = ""
    of_class: int | None = None


class Printed(NamedTuple):
    """A published figure.

    Attributes:
        value: In the unit in which the table shows it.
        sd: Its standard deviation, None where none is printed.
        fraction: In the unit of the measured ones.
    """

    value: float
    sd: float | None
    fraction: float


class Size(NamedTuple):
    """How large a row's network is: a title, and the number, None where it isn't known."""

    title: str
    value: int | float | None


class Line(NamedTuple):
    """A line of a table.

    Attributes:
        place: Where it stands.
        metric: What it shows: one of `spec.METRICS` or `spec.SIZES`, or "all" of which nothing is measured.
        printed: The published figure; None where the paper prints none.
        found: The measured one; None where nothing was measured.
        beside: The one under the split that stands beside.
        why: Why nothing was measured; "" where something was.
        size: What is shown of the network itself; None for a metric.
    """

    place: Place
    metric: str
    printed: Printed | None
    found: Measured | None
    beside: Measured | None
    why: str
    size: Size | None = None


@dataclass(frozen=True, eq=False)
class Asked:
    """What a table of metrics shows of an experiment."""

    results: Results
    table: spec.Table

    @cached_property
    def shown(self) -> Results:
        """The results under the table's own split."""
        return self.results.under(self.table.split)

    @cached_property
    def beside(self) -> Results | None:
        """The results under the split that stands beside; None for none."""
        return self.results.under(self.table.beside) if self.table.beside else None

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics: those that are named, else those that are published."""
        several = not self.results.paper.positive_class
        if not self.table.metrics and "class" in self.table.axes:
            averages = (f"{average}{name}" for average in _AVERAGES for name in AVERAGED)
            return (*AVERAGED, "accuracy", *averages)
        found = {}
        for name in self._named:
            # Of several classes no one is positive: what is printed stands beside both ways to average.
            averaged = [both for both in (f"weighted_{name}", f"macro_{name}") if both in spec.METRICS]
            apart = several and "class" not in self.table.axes and name in AVERAGED
            found |= dict.fromkeys(averaged if apart else [name])
        return tuple(name for name in found if name in spec.METRICS)

    @cached_property
    def _named(self) -> tuple[str, ...]:
        return self.table.metrics or tuple(p.metric for p in self.table.published) or _DEFAULT_METRICS

    @cached_property
    def labels(self) -> dict[str, str]:
        """Row or control -> what the table calls it, in its order; a leaderboard has its own."""
        if self.table.sets == (FINAL,):
            rows = dict.fromkeys(figure.row for figure in self.table.published)
            return {row: self.results.paper.row(row).label for row in rows}
        return dict(table_lines(self.results, self.table.rows))

    def values(self, axis: str) -> Sequence[Any]:
        """Returns the values of an axis; one where the table doesn't have it."""
        record, paper = self.results.record, self.results.paper
        if axis == "row":
            return tuple(self.labels)
        if axis == "set":
            return self.table.sets or tuple(dict.fromkeys(p.part for p in self.table.published)) or ("test",)
        if axis not in self.table.axes:
            return {"split": (self.table.split,), "class": (None,)}.get(axis, ("",))
        if axis == "dataset":
            return self._datasets
        if axis == "split":
            planned = {trial.split for trial in record.trials}
            return [kind for kind in dict.fromkeys((record.split, *paper.splits)) if kind in planned]
        return ("", *spec.MASKS) if axis == "mask" else (*range(len(paper.classes)), None)

    @cached_property
    def _datasets(self) -> tuple[str, ...]:
        """Those with published figures, then others tested; a table that prints those of one is about it."""
        printed = tuple(dict.fromkeys(figure.dataset for figure in self.table.published))
        if len(printed) == 1:
            return printed
        if "classes" in self.table.show:
            return self.shown.tested
        beside = self.beside.tested if self.beside else ()
        return tuple(dict.fromkeys((*printed, *self.shown.tested))) or beside or ("",)

    def under(self, place: Place) -> Results | None:
        """Returns the results that a place is about; None where nothing was run there."""
        return (
            self.results.masked(place.mask) if "mask" in self.table.axes else self.results.under(place.split)
        )

    @cached_property
    def trained(self) -> set[str]:
        """Rows and controls of which some run is finished, wherever the table looks."""
        places = [Place(split=s, mask=m) for s in self.values("split") for m in self.values("mask")]
        every = [*map(self.under, places), self.beside]
        return {row for row in self.labels for one in every if one is not None and one.predictions[row]}

    @cached_property
    def lines(self) -> list[Line]:
        """The lines."""
        axes = self.table.axes
        names = [
            *axes,
            *(axis for axis in AXES if axis not in axes),
        ]
        fields = ["of_class" if axis == "class" else axis for axis in names]
        found = []
        for values in product(*map(self.values, names)):
            found += self._at(Place(**dict(zip(fields, values, strict=True))))
        return found

    def _at(self, place: Place) -> Iterator[Line]:
        if place.row in CONTROLS and place.set == "within":
            return
        lines = [self._line(place, metric) for metric in self._metrics_at(place)]
        lines = [line for line in lines if self._stands(line)]
        nothing = not any(line.found or line.beside for line in lines)
        if nothing and len(lines) > 1 and not self.table.published and "class" not in self.table.axes:
            lines = [lines[0]._replace(metric="all")]
        yield from (*lines, *(self._sizes(place) if place.row not in CONTROLS else ()))

    def _sizes(self, place: Place) -> Iterator[Line]:
        """Yields lines of a network's parameters and file sizes, the same in every fold and run."""
        if not {*spec.SIZES}.intersection(self._named):
            return
        trials = self.shown.trials[place.row]
        result = trials[0][2].result if trials else None
        sizes = [("parameters", Size(spec.SIZES["parameters"], result and result["parameters"]))]
        for key, of in (("network", "network alone"), ("network and optimizer", "network and optimizer")):
            size = result and result["file_bytes"][key] / 2**20
            sizes.append(("file_mb", Size(f"{spec.SIZES['file_mb']}, {of} (MiB)", size)))
        for metric, size in sizes:
            figure = self.table.printed(place.row, metric)
            if metric in self._named and not (figure is None and size.value is None):
                number = figure and (int if metric == "parameters" else float)(figure.value)
                printed = figure and Printed(number, None, number)
                why = "" if trials else self.shown.why_missing(place.row, "test")
                yield Line(place, metric, printed, None, None, why, size)

    def _metrics_at(self, place: Place) -> list[str]:
        wanted = list(self.metrics)
        if "class" in self.table.axes:
            wanted = [name for name in wanted if spec.METRICS[name].of_class == (place.of_class is not None)]
        if place.row not in CONTROLS:
            return wanted
        if place.of_class is not None:
            return []
        with_f1 = self.results.paper.positive_class or {"f1", "macro_f1"}.intersection(wanted)
        few = _CONTROL_METRICS if with_f1 else (*_CONTROL_METRICS, *_CONTROL_METRICS_WITHOUT_F1)
        return [name for name in wanted if name in few] or wanted[:1]

    def _line(self, place: Place, metric: str) -> Line:
        where = {"dataset": place.dataset, "part": place.set, "of_class": place.of_class}
        where["over"] = "runs" if "class" in self.table.axes else self.table.over
        under = self.under(place)
        found = measure(under, place.row, metric, **where) if under else None
        beside = measure(self.beside, place.row, metric, **where) if self.beside else None
        why = "" if found else self._why(place)
        return Line(place, metric, self._printed(place, metric), found, beside, why)

    def _why(self, place: Place) -> str:
        under = self.under(place)
        if "mask" in self.table.axes and (under is None or not under.predictions[place.row]):
            return f"not run; add --mask {place.mask}" if place.mask else "not run without --mask"
        if place.set == FINAL:
            return why_no_final_scores(under, place.row)
        return why_no_runs(under, place.row, dataset=place.dataset, part=place.set)

    def _printed(self, place: Place, metric: str) -> Printed | None:
        table, paper = self.table, self.results.paper
        if place.mask or ("split" in table.axes and place.split != paper.splits[0]):
            return None
        if "class" in table.axes:
            return self._printed_in_report(place, metric)
        part = place.set if place.set == "within" else "test"
        names = [metric] if paper.positive_class else [metric, metric.split("_")[-1]]
        for name in names:
            if figure := table.printed(place.row, name, dataset=place.dataset, part=part):
                unit = 100 if spec.METRICS[metric].percent else 1
                shown = float(figure.value) if table.figures == "mean" else figure.value / unit
                return Printed(shown, figure.sd, figure.value / unit)
        return None

    def _printed_in_report(self, place: Place, metric: str) -> Printed | None:
        figure = self.report.get((self.class_name(place, metric), self.base(metric)))
        return None if place.row != self.report_row or figure is None else Printed(figure, None, figure)

    @property
    def report_row(self) -> str:
        """The row whose figures by class `reference` prints."""
        return (self.table.rows or self.results.paper.row_ids)[0]

    @cached_property
    def report(self) -> dict[tuple[str, str], float | int | None]:
        """Class or average, and metric or "support" -> what is printed, in scikit-learn's report's form."""
        found, classes = {}, self.results.paper.classes
        for first, *figures in self.table.reference if "class" in self.table.axes else ():
            name = classes[int(first)] if first.isdecimal() else first
            columns = (*AVERAGED, "support") if name != "accuracy" else ("", "", "accuracy", "support")
            found |= {(name, column): figure for column, figure in zip(columns, figures, strict=True)}
        return found

    def support(self, line: Line) -> tuple[int | None, int | None]:
        """Returns how many pictures a line is of, as printed and here."""
        name, runs = self.class_name(line.place, line.metric), self.shown.runs(line.place.row)
        printed = self.report.get((name, "support")) if line.place.row == self.report_row else None
        if not runs:
            return printed, None
        labels, of_class = runs[0].label.tolist(), line.place.of_class
        return printed, len(labels) if of_class is None else labels.count(of_class)

    def class_name(self, place: Place, metric: str) -> str:
        """Returns what a line of a table by class is of: a class, an average or "accuracy"."""
        if place.of_class is not None:
            return self.results.paper.classes[place.of_class]
        averages = (name for prefix, name in _AVERAGES.items() if metric.startswith(prefix))
        return next(averages, "accuracy" if metric == "accuracy" else "all")

    def base(self, metric: str) -> str:
        """Returns the metric of which another is the average over the classes, else itself."""
        for prefix in _AVERAGES:
            metric = metric.removeprefix(prefix)
        return metric

    def _stands(self, line: Line) -> bool:
        """Whether a line is shown; one without a figure may say why there is none."""
        axes, place, record = self.table.axes, line.place, self.results.record
        some, split = place.row in self.trained, place.split or self.results.split_kind
        held = {t.row for t in (*record.trials, *record.controls) if t.split == split}
        if "split" in axes:
            return place.row in held and (some or line.printed is not None)
        if "mask" in axes:
            return some or place.row in CONTROLS
        if line.printed or line.found or line.beside:
            return True
        if "class" in axes:
            return some or place.row in (*CONTROLS, self.report_row)
        if "state" in self.table.show:
            return place.row in (*CONTROLS, *held)
        return "set" in axes and "dataset" not in axes

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Label of a row that has no line -> why it was not trained; "" where it was not asked for."""
        with_lines = {*(line.place.row for line in self.lines), *CONTROLS, *self.trained}
        missing = self.results.record.missing
        return {label: missing.get(row, "") for row, label in self.labels.items() if row not in with_lines}

    def classes_of(self, dataset: str) -> list[str]:
        """Returns the classes of which a dataset has pictures here."""
        return [name for name, n in self.results.record.datasets.get(dataset, {}).items() if n]

    def dataset_title(self, dataset: str) -> str:
        """Returns what the table calls a dataset."""
        return dataset_title(self.shown, dataset)
