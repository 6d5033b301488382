"""How long a run will take, and how long its stages took."""

import time
from collections.abc import Iterable, Mapping

from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.experiment.plan import Plan
from leukcnn.experiment.request import Request
from leukcnn.progress import TrainingProgress
from leukcnn.records import PlannedTrial
from leukcnn.runs import Trial
from leukcnn.training import time_step
from leukcnn.trials import epoch_entries

# What a trial notes of its own time -> what it is called beside the other stages.
_OF_TRIALS = {
    "pictures": "decoding",
    "features": "networks and features",
    "svm": "support vector machines",
    "training": "training",
    "prediction": "prediction",
}


class Stopwatch:
    """Notes how long the stages of a run take, one after the other, in seconds of wall-clock time."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage that began where the one before it ended."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def lap_of_trials(self, trials: Iterable[Trial]) -> None:
        """Ends the stage of the trials, and parts it by what each noted of its own time.

        What they noted nothing of, such as writing files, is "files".
        """
        self.lap("files")
        for trial in trials:
            for name, seconds in trial.result["seconds"].items():
                self.seconds["files"] -= seconds
                stage = _OF_TRIALS[name]
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def describe_seconds(seconds: Mapping[str, float]) -> str:
    """Returns the stages of a run with their times, and the whole, as one sentence."""
    stages = ", ".join(f"{stage} {taken:,.1f} s" for stage, taken in seconds.items())
    return f"Time: {stages}; {sum(seconds.values()):,.1f} s in all."


def say_how_long(
    request: Request,
    to_do: list[PlannedTrial],
    index: ImageIndex,
    planned: Plan,
    devices: Devices,
    progress: TrainingProgress,
) -> None:
    """Says on a processor, before a long training, how long it will take.

    Args:
        request: What was asked for.
        to_do: The trials to run.
        index: The pictures.
        planned: Who trains and who is predicted in each trial.
        devices: Where they are trained.
        progress: Told of it.
    """
    if devices.accelerated or not to_do or request.paper.profile(request.profile).not_comparable:
        return
    progress.message("There is no GPU; timing one step of each network ...")
    total = 0.0
    for row in dict.fromkeys(trial.row for trial in to_do):
        setup, label = request.setup(row), request.paper.row(row).label
        if setup.features:
            continue
        trials = [trial for trial in to_do if trial.row == row]
        train, validation = epoch_entries(index, setup, planned.parts[trials[0].name], seed=trials[0].seed)
        seconds, frozen = time_step(setup, classes=len(index.class_names), devices=devices)
        # A validation picture goes forward only, about a third of a training step's work.
        epoch = seconds * (len(train) + len(validation) / 3)
        work = f"{setup.training.epochs} epochs, {len(trials)} trial(s)"
        passes = setup.training.epochs * len(trials)
        if frozen and setup.augmentation.variants == "once":
            # Every trial of a run finds there what the first has computed.
            work, passes = "once, since its base is frozen", request.n_runs
        total += epoch * passes
        progress.message(f"{label}: about {in_words(epoch)} an epoch on this processor, {work}")
    progress.message(
        f"All together about {in_words(total)} on this processor. A GPU takes a small part of that; "
        "--profile smoke takes minutes. What is done is kept: the run may be stopped and started again."
    )


def in_words(seconds: float) -> str:
    """Returns a duration, given in seconds, in the largest unit of which it holds more than two."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds > 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
