"""Synthetic datasets: folders with the names and layout of the real ones, full of synthetic cells and smears.

With them everything runs without the real images. Their figures say that the programme works, and nothing
of leukaemia.
"""

from leukcnn.synthetic.folders import SyntheticCounts, write, write_for, write_many

__all__ = ["SyntheticCounts", "write", "write_for", "write_many"]
