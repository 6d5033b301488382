"""Plots accuracy with its 95 % interval for the networks and controls of a stored run's table.

    leukcnn reproduce taleghani_resnet50 --base scratch --split random --data DIR
    python docs/images/networks_and_controls.py runs/taleghani_resnet50/experiments/NAME/tables/splits.csv

It writes networks_and_controls.png next to this file.
"""

import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

METRIC = "Accuracy (%)"
NETWORK = {"color": "#1f5f8b", "fmt": "o", "label": "network"}
CONTROL = {"color": "#b3541e", "fmt": "s", "label": "controls, without a network"}


def main(path: str) -> None:
    """Plots the measured lines of a table."""
    with Path(path).open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["Metric"] == METRIC and line["Measured"]]
    lines.sort(key=lambda line: float(line["Measured"]))
    figure, axes = plt.subplots(figsize=(7.2, 2.4), dpi=150, layout="constrained")
    for place, line in enumerate(lines):
        value, low, high = (float(line[name]) for name in _VALUES)
        is_control = line["Network"].startswith(("Majority", "Random forest"))
        look = CONTROL if is_control else NETWORK
        axes.errorbar(value, place, xerr=[[value - low], [high - value]], capsize=3, **look)
        axes.annotate(f"{value:.1f} %", (value, place), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(lines)), [line["Network"] for line in lines])
    axes.set_ylim(-0.5, len(lines) - 0.3)
    axes.set_xlim(0, 104)
    axes.set_xlabel("Accuracy in %, 95 % interval")
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(named.values(), named.keys(), loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(Path(__file__).with_suffix(".png"), metadata={"Software": None})


_VALUES = ("Measured", "95 % interval low", "95 % interval high")

if __name__ == "__main__":
    main(sys.argv[1])
