"""The resources of a run: store, images, devices, display and caches."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.records import PlannedTrial
from leukcnn.runs import Store
from leukcnn.tracking import Tracking
from leukcnn.trials import TrialContext


class RunProgress(ProgressObserver, Protocol):
    """Shows the trials of a run, such as `leukcnn.progress.TrainingProgress`."""

    def start_trial(
        self, label: str, index: int, total: int, epochs: int, steps: int, *, first_epoch: int = 1
    ) -> None:
        """Called before a network's trial; see `TrainingProgress.start_trial`."""

    def place(self, *, finished: int) -> str:
        """Returns where the current trial is, if so many of its epochs are finished."""

    def end_trial(self) -> None:
        """Called after the trial."""


@dataclass(frozen=True, eq=False)
class Session:
    """The resources of a run.

    Attributes:
        store: Where its trials are stored.
        progress: The terminal's display.
        shared: What its trials share: images, devices, caches, networks.
        tracking: The trackers that trials are reported to.
    """

    store: Store
    progress: RunProgress
    shared: TrialContext
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def index(self) -> ImageIndex:
        """The images."""
        return self.shared.index

    @property
    def devices(self) -> Devices:
        """The devices that train networks."""
        return self.shared.devices

    @property
    def alone(self) -> TrialContext:
        """What trials share that host 0 runs by itself."""
        if self.devices.hosts.count == 1:
            return self.shared
        return replace(self.shared, devices=self.devices.alone)

    def say(self, text: str) -> None:
        """Shows a message to the user."""
        self.progress.message(text)

    def unfinished(self, planned: list[PlannedTrial]) -> list[PlannedTrial]:
        """Returns those of the planned trials that aren't finished in the store, each trial once.

        Damaged trials are left out and named: only the user may remove their files.
        """
        named = {*self.store.damaged}
        # A trial may serve two kinds of split; its first entry represents both.
        each = {trial.name: trial for trial in reversed(planned)}.values()
        waiting = [trial for trial in reversed(each) if self.store.finished_trial(trial.name) is None]
        for name in self.store.damaged.keys() - named:
            self.say(str(self.store.damage(name)))
        return [trial for trial in waiting if trial.name not in self.store.damaged]
