"""How trainings went: accuracy and loss by epoch, on the training and on the validation part."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, require, sheet, wrapped

# Up to so many trainings stand below each other; more would make a strip.
_MOST_IN_A_COLUMN = 3


@dataclass(frozen=True)
class TrainingCurve:
    """How one training went.

    Attributes:
        title: What was trained.
        accuracy: (E,) training accuracy after each epoch, fractions.
        val_accuracy: (E,) validation accuracy after each epoch, fractions.
        chosen_epoch: The epoch whose weights were kept, counted from 1; None where none was chosen.
        loss: (E,) training loss after each epoch, at least 0; empty where it isn't shown.
        val_loss: (E,) validation loss after each epoch; empty where the training loss is.
    """

    title: str
    accuracy: Sequence[float]
    val_accuracy: Sequence[float]
    chosen_epoch: int | None = None
    loss: Sequence[float] = ()
    val_loss: Sequence[float] = ()

    def __post_init__(self):
        n = len(self.accuracy)
        if not n or len(self.val_accuracy) != n:
            raise ArgumentError(
                f"{self.title!r} has {n} training and {len(self.val_accuracy)} validation accuracies.",
                expected="at least one epoch, and both after each",
            )
        if {len(self.loss), len(self.val_loss)} not in ({0}, {n}):
            raise ArgumentError(
                f"{self.title!r} has {len(self.loss)} training and {len(self.val_loss)} validation losses.",
                expected=f"{n} of each, one an epoch, or none at all",
            )
        if self.chosen_epoch is not None and not 1 <= self.chosen_epoch <= n:
            raise ArgumentError(
                f"The chosen epoch of {self.title!r} is {self.chosen_epoch}.", expected=f"1 to {n}, or None"
            )


def draw_history(histories: Sequence[TrainingCurve], path: str | os.PathLike, **face: str) -> Path:
    """Draws training and validation accuracy by epoch, and the loss beside it, on common scales.

    Args:
        histories: The trainings, at least one; each has a panel, or two where all have losses.
        path: PNG file to write.
        **face: Mark and caption.
    """
    require(histories, "training")
    n, n_kinds = len(histories), 2 if all(len(curve.loss) for curve in histories) else 1
    n_columns = {1: min(n, 3), 2: 2 if n <= _MOST_IN_A_COLUMN else 4}[n_kinds]
    n_rows = math.ceil(n_kinds * n / n_columns)
    width = 6.0 if n_columns == 1 else 3.6 * n_columns
    with sheet(path, width=width, height=3.6 * n_rows, **face) as figure:
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
        for axes in panels[n_kinds * n :]:
            axes.set_axis_off()
        for kind, draw in enumerate((_draw_accuracy, _draw_loss)[:n_kinds]):
            of_kind = panels[kind : n_kinds * n : n_kinds]
            for axes in of_kind[1:]:
                axes.sharey(of_kind[0])
            for axes, curve in zip(of_kind, histories, strict=True):
                draw(axes, curve)
        if n_kinds == 2:
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
