"""Synthetic datasets: folders with the names and layout of the real ones, full of synthetic cells and smears.

With them, everything runs without the real images. Results on synthetic images show that the program works;
they say nothing about leukaemia.
"""

from leukcnn.synthetic.folders import SyntheticCounts, write, write_for, write_many

__all__ = ["SyntheticCounts", "write", "write_for", "write_many"]


def __dir__() -> list[str]:
    return sorted(__all__)
