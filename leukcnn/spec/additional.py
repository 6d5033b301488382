"""Tables that every paper has: the ranking and calibration of its networks, and comparisons with controls."""

from leukcnn.spec.contents import Table
from leukcnn.spec.metrics import CALIBRATION, RANKING


def additional_tables(
    *,
    axes: tuple[str, ...] = ("row",),
    rows: tuple[str, ...] = (),
    split: str = "",
    subsets: tuple[str, ...] = (),
) -> tuple[Table, Table]:
    """Returns the tables "more" and "controls", which a paper lists after its own.

    - "more": AUROC, average precision, sensitivity at 95 % specificity, loss, Brier score and calibration
      error. Without a positive class, those of one class are macro averages.
    - "controls": each row against each control, on the same images.

    Args:
        axes: As in `Table`, those of the paper's main table: "row", and "dataset" or "subset".
        rows: Rows of the main table; empty for all.
        split: Kind of split of the main table; "" for the main split of the run.
        subsets: Tested images of "more", as in `Table`; empty for the test set.
    """
    more = Table(
        "more",
        "Ranking and calibration of the networks' probabilities",
        "metrics",
        axes=axes,
        rows=rows,
        split=split,
        subsets=subsets,
        metrics=(*RANKING, *CALIBRATION),
        show=("metric", "measured", "interval", *(("state",) if "subset" in axes else ())),
    )
    controls = Table(
        "controls", "Networks against controls on the same images", "controls", rows=rows, split=split
    )
    return more, controls
