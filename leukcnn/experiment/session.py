"""What a run works with, beside what it is to do: store, images, devices, display, caches."""

from dataclasses import dataclass

from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.progress import TrainingProgress
from leukcnn.records import PlannedTrial
from leukcnn.runs import Store
from leukcnn.trials import TrialContext


@dataclass(frozen=True, eq=False)
class Session:
    """What a run works with.

    Attributes:
        store: Where its trials lie.
        progress: The terminal's display.
        shared: What its trials share: images, devices, caches, networks.
    """

    store: Store
    progress: TrainingProgress
    shared: TrialContext

    @property
    def index(self) -> ImageIndex:
        """The images."""
        return self.shared.index

    @property
    def devices(self) -> Devices:
        """Where networks are trained."""
        return self.shared.devices

    def say(self, text: str) -> None:
        """Shows the user a sentence."""
        self.progress.message(text)

    def unfinished(self, planned: list[PlannedTrial]) -> list[PlannedTrial]:
        """Returns those of some trials that the store doesn't hold as finished."""
        return [trial for trial in planned if self.store.finished_trial(trial.name) is None]
