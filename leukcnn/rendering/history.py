"""Plots of training histories: accuracy and loss by epoch, on the training and the validation split."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, sheet, wrapped

# With more trainings than this in one column, the figure would be too tall.
_MOST_IN_A_COLUMN = 3


_Curves = Mapping[str, Sequence[float] | np.ndarray]


def plot_history(
    trainings: Sequence[tuple[str, _Curves, int | None]],
    path: Path,
    *,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Plots training and validation accuracy by epoch, with the loss to its right.

    All accuracies have one scale, and so have all losses.

    Args:
        trainings: For each training: its title; its curves "accuracy" and "loss", (E,) each, and, if it was
            validated, "val_accuracy" and "val_loss"; and the epoch whose weights were kept, from 1, or None
            if none was chosen.
        path: The PNG file.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    n_columns = 2 if len(trainings) <= _MOST_IN_A_COLUMN else 4
    n_rows = math.ceil(2 * len(trainings) / n_columns)
    with sheet(path, width=3.6 * n_columns, height=3.6 * n_rows, mark=mark, caption=caption) as figure:
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes in panels[2 * len(trainings) :]:
            axes.set_axis_off()
        for i, (title, history, chosen) in enumerate(trainings):
            for axes, first, name in zip(panels[2 * i :], panels, ("accuracy", "loss"), strict=False):
                if i:
                    axes.sharey(first)
                _plot_curves(axes, history, name, chosen)
                axes.set_title(wrapped(title, 2.8))
        # After all curves are plotted: setting one limit ends the automatic choice of the other.
        panels[1].set_ylim(bottom=0)
    return path


def _plot_curves(axes: Axes, history: _Curves, name: str, chosen: int | None) -> None:
    training, validation = np.asarray(history[name], float), history.get(f"val_{name}")
    n = len(training)
    epochs = np.arange(1, n + 1)
    # Markers and dashes help to read few epochs; hundreds of them would merge.
    few = n <= 30
    marker, dashes, width = ("o", "--", 1.4) if few else ("none", "-", 1.0)
    curves = [("training", training, BLUE, "-"), ("validation", validation, ORANGE, dashes)]
    for label, values, colour, style in curves:
        if values is not None:
            axes.plot(
                epochs,
                values,
                color=colour,
                label=label,
                linestyle=style,
                linewidth=width,
                marker=marker,
                markersize=4,
            )
    if chosen is not None:
        value = (training if validation is None else validation)[chosen - 1]
        shown = f"{100 * value:.2f} %" if name == "accuracy" else f"{value:.4f}"
        axes.axvline(chosen, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        axes.plot(
            chosen,
            value,
            "kD",
            label=f"chosen: epoch {chosen}, {shown}",
            linestyle="none",
            markersize=9,
            markerfacecolor="none",
            clip_on=False,  # a loss near 0 is on the axis
        )
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set(xlabel="Epoch", ylabel=name.capitalize(), xlim=(1 - max(0.5, 0.02 * n), n + max(0.5, 0.02 * n)))
    axes.tick_params(labelleft=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
