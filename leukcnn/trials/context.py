"""What the trials of a run share: the images, the devices, who watches, and what is kept between them."""

from dataclasses import dataclass, field
from pathlib import Path

from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.evaluation.controls import KnownFeatures
from leukcnn.spec import Preprocessing
from leukcnn.training import Networks
from leukcnn.trials.feature_networks import FeatureNetworks


@dataclass(frozen=True, eq=False)
class TrialContext:
    """What the trials of a run share.

    Attributes:
        index: The images.
        devices: Where networks are trained.
        observer: Told of each step and epoch.
        cache: Folder of the decoded images and of features; the user's own cache if None.
        workers: Threads that prepare batches; they don't change the result.
        tensorboard: Whether to write TensorBoard's logs into the trials' folders.
        networks: Where networks come from: like trials don't build the same one twice.
        feature_networks: Where networks come from that give features.
        seen: How controls see images -> what they saw of them so far.
    """

    index: ImageIndex
    devices: Devices
    observer: ProgressObserver
    cache: Path | None = None
    workers: int = 1
    tensorboard: bool = False
    networks: Networks = field(default_factory=Networks)
    feature_networks: FeatureNetworks = field(default_factory=FeatureNetworks)
    seen: dict[Preprocessing, KnownFeatures] = field(default_factory=dict)
