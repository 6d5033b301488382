"""Fixtures that these tests share: experiments in hand-written stores, and images."""

from tests.outputs.png import cells, plotted, smears, thresholded  # noqa: F401
from tests.outputs.trained import three_classes, two_classes  # noqa: F401
from tests.stores import (  # noqa: F401
    alertnet,
    experiment,
    left_out,
    make_final_phase,
    make_fold,
    make_predictions,
    make_stages,
    separate_datasets,
    staged,
    tested,
)
