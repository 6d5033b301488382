"""Trials as trackers see them: their parameters before, their metrics after."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from leukcnn import __version__, spec
from leukcnn.experiment.session import Session
from leukcnn.fields import to_plain
from leukcnn.records import PlannedTrial
from leukcnn.results.measure import measure_run
from leukcnn.results.results import main_predictions
from leukcnn.runs import Trial
from leukcnn.tracking import TrackedTrial

_METRICS = ("accuracy", "macro_f1", "kappa", "log_loss", "macro_auroc")
_SUBSETS = ("test", "external")


@contextlib.contextmanager
def tracked(
    session: Session, paper: spec.Paper, planned: PlannedTrial, title: str, setup: spec.Setup | None = None
) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Reports a trial to the run's trackers: yields what is called after each epoch with its metrics.

    Args:
        session: The session, whose store has the finished trial after the block.
        paper: The paper.
        planned: The trial.
        title: Its title.
        setup: Its setup; None for a control.
    """
    if not session.tracking.names:
        yield lambda epoch, metrics: None
        return
    known: dict[str, Any] = {
        "paper": paper.key,
        "row": planned.row,
        "split": planned.split,
        "tested": "+".join(planned.tested),
        "run": planned.run,
        "fold": planned.fold,
        "seed": planned.seed,
        "backend": keras.backend.backend(),
        "leukcnn": __version__,
        **(_flat(to_plain(setup)) if setup else {}),
    }
    folder = session.store.root / "trials" / planned.name
    trial = TrackedTrial(planned.name, title, session.tracking.group, folder, known)
    with session.tracking.trial(trial) as report:
        yield report
        finished = session.store.finished_trial(planned.name)
        if finished is not None:
            report(None, _final_metrics(finished))


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, str | int | float | bool]:
    """Returns nested settings as name.of.setting -> value."""
    flat: dict[str, str | int | float | bool] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = value if isinstance(value, str | int | float | bool) else str(value)
    return flat


def _final_metrics(trial: Trial) -> dict[str, float]:
    predictions, found = main_predictions(trial), {}
    for subset in _SUBSETS:
        own = predictions.select((predictions.subset == subset) & (predictions.label >= 0))
        for metric in _METRICS if len(own) else ():
            (value,) = measure_run(own, metric).values
            found[f"{subset}_{metric}"] = value
    # A value that these images don't define is NaN, which trackers refuse.
    return {name: value for name, value in found.items() if value == value}
