"""Scores masks of white cells against those that JTSC and CellaVision come with.

    python tests/benchmarks/mask_scores.py [--data DIR]

Printed: mean intersection over union and mean Dice coefficient over the pictures, of the nucleus and of the
whole cell, for both rules of thresholding and for the segmentation by colour, with the saturation that suits
these stains. LEUKCNN_DATA is the default of --data. It takes a few seconds.
"""

import argparse
import os
from functools import partial

from leukcnn.datasets import card, load
from leukcnn.evaluation.mask_scores import score_masks
from leukcnn.preprocessing import hsv_segment, wbc_mask

DATASETS = ("jtsc", "cellavision2")
FINDERS = {
    "threshold, darkest": partial(wbc_mask, rule="darkest"),
    "threshold, least frequent": partial(wbc_mask, rule="least_frequent"),
    "colour, saturation 0.4": partial(hsv_segment, saturation=0.4, core_saturation=0.4),
}


def main() -> None:
    """Prints a line for each dataset and way of finding cells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("LEUKCNN_DATA"), help="folder of the datasets")
    options = parser.parse_args()
    if not options.data:
        parser.error("name the folder of the datasets with --data or LEUKCNN_DATA")
    print(f"{'':54}{'nucleus':^12}{'whole cell':^12}")
    print(f"{'dataset':14}{'pictures':>9}  {'found by':29}{'IoU':>6}{'Dice':>6}{'IoU':>6}{'Dice':>6}")
    for name in DATASETS:
        index = load(name, options.data)
        for finder, find in FINDERS.items():
            scores = score_masks(index, find)
            means = [values.mean() for s in scores.values() for values in (s.iou, s.dice)]
            figures = "".join(f"{mean:6.3f}" for mean in means)
            print(f"{card(name).name:14}{len(index):9}  {finder:29}{figures}")


if __name__ == "__main__":
    main()
