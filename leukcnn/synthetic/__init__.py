"""Drawn datasets: folders with the names and layout of the real ones, full of drawn cells and smears.

With them everything runs without the real pictures. Their figures say that the programme works, and nothing
of leukaemia.
"""

from leukcnn.synthetic.folders import DrawnCounts, write, write_for, write_many

__all__ = ["DrawnCounts", "write", "write_for", "write_many"]
