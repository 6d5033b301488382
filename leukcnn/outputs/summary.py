"""The summary of an experiment: the paper's main metric of each row, published and measured."""

from dataclasses import replace

from leukcnn import spec
from leukcnn.outputs.build import build_tables
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results

_SHOWN = ("published", "measured", "interval", "difference", "verdict")


def summary_table(results: Results) -> Table:
    """Returns a line for each row, tested dataset and control with the main metric on the test set.

    The main metric is the accuracy where the paper prints one, else the first metric that it prints. The
    split and the format are those of the first table that prints it. A paper that prints none has measured
    values alone. Notes name the rows that weren't trained, and why.
    """
    asked = summary_of(results.paper)
    paper = replace(results.paper, tables=(asked,), figures=())
    (table,) = build_tables(replace(results, paper=paper))
    return table


def summary_of(paper: spec.Paper) -> spec.Table:
    """Returns the table that is asked for: the paper's first table of published metrics, cut down to one."""
    tables = [table for table in paper.tables if table.kind == "metrics"]
    first = next(
        (table for table in tables if table.published),
        tables[0] if tables else spec.Table("summary", "", "metrics", metrics=("accuracy",)),
    )
    named = [*(p.metric for p in first.published), *first.metrics]
    main = "accuracy" if "accuracy" in named or not named else named[0]
    return spec.Table(
        id="summary",
        title="Published and measured" if first.published else spec.METRICS[main].title,
        kind="metrics",
        axes=tuple(axis for axis in first.axes if axis in ("dataset", "row")),
        split=first.split,
        metrics=(main,),
        published=tuple(p for p in first.published if p.metric == main and p.subset == "test"),
        values_as=first.values_as,
        over=first.over,
        show=_SHOWN if first.published else ("measured", "interval"),
    )
