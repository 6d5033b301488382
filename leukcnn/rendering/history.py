"""How trainings went: accuracy and loss by epoch, on the training and on the validation part."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, sheet, wrapped

# Up to so many trainings stand below each other; more would make a strip.
_MOST_IN_A_COLUMN = 3


def plot_history(
    trainings: Sequence[tuple[str, Mapping[str, Sequence[float]], int | None]], path: Path, **face: str
) -> Path:
    """Draws training and validation accuracy by epoch, and the loss beside it, each on a common scale.

    Of each training the title; "accuracy" and "loss", (E,) each, and, where it was validated, "val_accuracy"
    and "val_loss"; and the epoch whose weights were kept, from 1, None where none was chosen.
    """
    n_columns = 2 if len(trainings) <= _MOST_IN_A_COLUMN else 4
    n_rows = math.ceil(2 * len(trainings) / n_columns)
    with sheet(path, width=3.6 * n_columns, height=3.6 * n_rows, **face) as figure:
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes in panels[2 * len(trainings) :]:
            axes.set_axis_off()
        for i, (title, history, chosen) in enumerate(trainings):
            for axes, first, name in zip(panels[2 * i :], panels, ("accuracy", "loss"), strict=False):
                if i:
                    axes.sharey(first)
                _plot_curves(axes, history, name, chosen)
                axes.set_title(wrapped(title, 2.8))
        # Once all are drawn: a bound that is set ends the search for the other.
        panels[1].set_ylim(bottom=0)
    return path


def _plot_curves(axes: Axes, history: Mapping[str, Sequence[float]], name: str, chosen: int | None) -> None:
    training, validation = np.asarray(history[name], float), history.get(f"val_{name}")
    n = len(training)
    epochs = np.arange(1, n + 1)
    # Points and dashes help where there are few epochs; hundreds of them would blur into each other.
    few = n <= 30
    line = {"marker": "o", "markersize": 4, "linewidth": 1.4} if few else {"linewidth": 1.0}
    axes.plot(epochs, training, color=BLUE, label="training", **line)
    if validation is not None:
        dashes = "--" if few else "-"
        axes.plot(epochs, validation, color=ORANGE, label="validation", linestyle=dashes, **line)
    if chosen is not None:
        value = (training if validation is None else validation)[chosen - 1]
        shown = f"{100 * value:.2f} %" if name == "accuracy" else f"{value:.4f}"
        axes.axvline(chosen, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        # Not clipped: a loss of nearly 0 lies on the axis.
        diamond = {"linestyle": "none", "markersize": 9, "markerfacecolor": "none", "clip_on": False}
        axes.plot(chosen, value, "kD", label=f"chosen: epoch {chosen}, {shown}", **diamond)
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set(xlabel="Epoch", ylabel=name.capitalize(), xlim=(1 - max(0.5, 0.02 * n), n + max(0.5, 0.02 * n)))
    axes.tick_params(labelleft=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
