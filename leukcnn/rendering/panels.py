"""Splits the columns of a table that is wider than a page or a terminal into panels."""

from collections.abc import Sequence

from leukcnn.rendering.tables import Column


def panels(
    columns: Sequence[Column], widths: Sequence[float], *, n_labels: int, gap: float, available: float
) -> list[list[int]]:
    """Returns the positions of each panel's columns.

    Each panel begins with the labels. Columns of one group stay together if a panel has room for them.

    Args:
        columns: The columns.
        widths: Their widths.
        n_labels: Number of first columns that name a row.
        gap: Width between two columns.
        available: Width of a panel. A panel has at least one column next to the labels, even if it is wider.
    """
    labels = list(range(min(n_labels, len(columns) - 1)))
    taken = sum(widths[i] + gap for i in labels)
    groups: list[list[int]] = []
    for i in range(len(labels), len(columns)):
        joined = groups and columns[i].group and columns[i].group == columns[groups[-1][-1]].group
        fits = taken + sum(widths[j] + gap for j in (*(groups[-1] if groups else ()), i)) - gap <= available
        if joined and fits:
            groups[-1].append(i)
        else:
            groups.append([i])
    found: list[list[int]] = []
    for group in groups:
        wanted = [*(found[-1] if found else labels), *group]
        if found and sum(widths[j] + gap for j in wanted) - gap <= available:
            found[-1] = wanted
        else:
            found.append([*labels, *group])
    return found or [labels]
