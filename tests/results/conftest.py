"""Stores written by hand, which these tests share."""

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
