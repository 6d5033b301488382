"""How trainings went: accuracy and loss by epoch, on the training and on the validation part."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, require, sheet, wrapped

# Up to so many trainings stand below each other; more would make a strip.
_MOST_IN_A_COLUMN = 3


class TrainingCurve(NamedTuple):
    """How one training of E epochs went.

    Attributes:
        title: What was trained.
        accuracy: (E,) training accuracy after each epoch, fractions.
        val_accuracy: (E,) validation accuracy after each epoch, fractions.
        loss: (E,) training loss after each epoch, at least 0.
        val_loss: (E,) validation loss after each epoch.
        chosen_epoch: The epoch whose weights were kept, counted from 1; None where none was chosen.
    """

    title: str
    accuracy: Sequence[float]
    val_accuracy: Sequence[float]
    loss: Sequence[float]
    val_loss: Sequence[float]
    chosen_epoch: int | None = None


def draw_history(histories: Sequence[TrainingCurve], path: str | os.PathLike, **face: str) -> Path:
    """Draws training and validation accuracy by epoch, and the loss beside it, each on a common scale.

    Args:
        histories: The trainings, at least one.
        path: PNG file to write.
        **face: Mark and caption.
    """
    require(histories, "training")
    n_columns = 2 if len(histories) <= _MOST_IN_A_COLUMN else 4
    n_rows = math.ceil(2 * len(histories) / n_columns)
    with sheet(path, width=3.6 * n_columns, height=3.6 * n_rows, **face) as figure:
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
        for axes in panels[2 * len(histories) :]:
            axes.set_axis_off()
        for place, draw in enumerate((_draw_accuracy, _draw_loss)):
            of_kind = panels[place : 2 * len(histories) : 2]
            for axes, curve in zip(of_kind, histories, strict=True):
                if axes is not of_kind[0]:
                    axes.sharey(of_kind[0])
                draw(axes, curve)
        # Once all are drawn: a bound that is set ends the search for the other.
        panels[1].set_ylim(bottom=0)
    return Path(path)


def _draw_accuracy(axes: Axes, curve: TrainingCurve) -> None:
    _draw_curve(axes, curve, curve.accuracy, curve.val_accuracy, shown=lambda value: f"{100 * value:.2f} %")
    axes.set_ylabel("Accuracy")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))


def _draw_loss(axes: Axes, curve: TrainingCurve) -> None:
    _draw_curve(axes, curve, curve.loss, curve.val_loss, shown=lambda value: f"{value:.4f}")
    axes.set_ylabel("Loss")


def _draw_curve(
    axes: Axes,
    curve: TrainingCurve,
    training: Sequence[float],
    validation: Sequence[float],
    *,
    shown: Callable[[float], str],
) -> None:
    epochs = np.arange(1, len(training) + 1)
    # Points and dashes help where there are few epochs; hundreds of them would blur into each other.
    few = len(epochs) <= 30
    line = {"marker": "o", "markersize": 4, "linewidth": 1.4} if few else {"linewidth": 1.0}
    axes.plot(epochs, np.asarray(training, float), color=BLUE, label="training", **line)
    values = np.asarray(validation, float)
    axes.plot(epochs, values, color=ORANGE, label="validation", linestyle="--" if few else "-", **line)
    if curve.chosen_epoch is not None:
        value = values[curve.chosen_epoch - 1]
        axes.axvline(curve.chosen_epoch, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        axes.plot(
            [curve.chosen_epoch],
            [value],
            linestyle="none",
            marker="D",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor="black",
            clip_on=False,  # a loss of nearly 0 lies on the axis
            label=f"chosen: epoch {curve.chosen_epoch}, {shown(value)}",
        )
    axes.set_title(wrapped(curve.title, 2.8, size=10))
    axes.set_xlabel("Epoch")
    axes.tick_params(labelleft=True)
    axes.set_xlim(min(0.5, 1 - 0.02 * len(epochs)), max(len(epochs) + 0.5, 1.02 * len(epochs)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1, frameon=False, fontsize=8.5)
