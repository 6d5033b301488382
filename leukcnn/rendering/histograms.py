"""Plots of grey-level histograms with the clusters of thresholding, on `leukcnn.rendering.canvas`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, sheet, wrapped

_COLOURS = (BLUE, ORANGE, "#A6A6A6")


def plot_histograms(
    panels: Sequence[tuple[str, np.ndarray, np.ndarray, Sequence[tuple[str, np.ndarray]], int]],
    path: Path,
    *,
    rule: str,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Plots images next to the histograms of their grey levels, with the three clusters in colours.

    Args:
        panels: For each image: its title; the image, uint8 (H, W, 3); the number of pixels of each grey
            level, (256,); legend and grey levels (n,) of each cluster from dark to bright, empty if there
            are fewer than three grey levels; and the threshold, the highest grey level of a cell.
        path: The PNG file.
        rule: Name of the rule that gave the threshold.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    with sheet(path, width=9.8, height=2.6 * len(panels), mark=mark, caption=caption) as figure:
        grid = figure.subplots(len(panels), 2, squeeze=False, width_ratios=[1, 1.75])
        for (left, axes), (title, image, histogram, clusters, threshold) in zip(grid, panels, strict=True):
            left.imshow(image)
            left.set_title(wrapped(title, 2))
            left.set_axis_off()
            for colour, (label, levels) in zip(_COLOURS, clusters, strict=False):
                axes.bar(levels, histogram[levels], width=1.0, color=colour, label=label)
            if clusters:
                label = f'threshold of "{rule}": {threshold}'
                axes.axvline(threshold + 0.5, label=label, color="black", linewidth=1.2, linestyle="--")
            else:
                label = "fewer than three grey levels:\nno clusters, an empty mask"
                axes.bar(np.arange(256), histogram, width=1.0, color=GREY, label=label)
            axes.set(xlim=(-1, 256), xticks=[0, 64, 128, 192, 255], ylabel="Pixels (square-root scale)")
            # On a linear scale, many images would show nothing but the background.
            axes.set_yscale("function", functions=(np.sqrt, np.square))
            axes.set_ylim(0, 1.05 * histogram.max())
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelspacing=0.9)
        grid[-1, 1].set_xlabel("Grey level")
    return path
