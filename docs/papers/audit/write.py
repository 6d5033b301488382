"""Writes what the audit says about each paper, for the pages of the papers; it takes a minute.

python docs/papers/audit/write.py
"""

import csv
from pathlib import Path

import leukcnn

HEADINGS = ("The paper", "Where", "Verdict", "What follows", "Corrected")


def lines(audit) -> list[tuple[str, ...]]:
    """Returns a line for each claim, the errors first."""
    return [(a.claim.text, a.claim.where, a.verdict, a.detail, a.corrected) for a in audit.answers]


def main() -> None:
    """Writes a file for each paper."""
    for key in leukcnn.papers.list_papers():
        with (Path(__file__).parent / f"{key}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([HEADINGS, *lines(leukcnn.audit(key))])


if __name__ == "__main__":
    main()
