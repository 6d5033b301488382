"""Grey histograms with the clusters of thresholding, drawn as `leukcnn.rendering.canvas` says."""

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
    **face: str,
) -> Path:
    """Draws images beside the histograms of their grey levels, with the three clusters in colours.

    Args:
        panels: Title; image, uint8 (H, W, 3); pixels of each grey level, (256,); of the clusters, from dark
            to bright, what is said and the levels (n,), none where there are fewer than three levels; and
            the highest grey level of a cell.
        rule: What the rule is called whose threshold is drawn.
    """
    with sheet(path, width=9.8, height=2.6 * len(panels), **face) as figure:
        grid = figure.subplots(len(panels), 2, squeeze=False, width_ratios=[1, 1.75])
        for (left, axes), (title, image, histogram, clusters, threshold) in zip(grid, panels, strict=True):
            left.imshow(image)
            left.set_title(wrapped(title, 2))
            left.set_axis_off()
            for colour, (label, levels) in zip(_COLOURS, clusters, strict=False):
                axes.bar(levels, histogram[levels], width=1.0, color=colour, label=label)
            if clusters:
                line = {"color": "black", "linewidth": 1.2, "linestyle": "--"}
                axes.axvline(threshold + 0.5, label=f'threshold of "{rule}": {threshold}', **line)
            else:
                label = "fewer than three grey levels:\nno clusters, an empty mask"
                axes.bar(np.arange(256), histogram, width=1.0, color=GREY, label=label)
            axes.set(xlim=(-1, 256), xticks=[0, 64, 128, 192, 255], ylabel="Pixels (square-root scale)")
            # On a linear scale the background is all that can be seen of many images.
            axes.set_yscale("function", functions=(np.sqrt, np.square))
            axes.set_ylim(0, 1.05 * histogram.max())
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelspacing=0.9)
        grid[-1, 1].set_xlabel("Grey level")
    return path
