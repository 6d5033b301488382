"""The stores written by hand that these tests share."""

from tests.outputs.png import cells, plotted, smears, thresholded  # noqa: F401
from tests.stores import (  # noqa: F401
    alertnet,
    apart,
    experiment,
    left_out,
    make_final_phase,
    make_fold,
    make_predictions,
    make_stages,
    staged,
    tested,
)
