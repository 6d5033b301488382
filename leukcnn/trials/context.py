"""The context of a run's trials: the images, the devices, the observer, and what is reused between trials."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.evaluation.controls import KnownFeatures
from leukcnn.image_cache import prepare_together, prepared_images
from leukcnn.prediction import SavedNetwork
from leukcnn.spec import Preprocessing
from leukcnn.training import Networks
from leukcnn.trials.feature_networks import FeatureNetworks


@dataclass(frozen=True, eq=False)
class TrialContext:
    """The context that all trials of a run share.

    Attributes:
        index: The images.
        devices: The devices on which networks are trained.
        observer: Receives each step and epoch.
        cache: Folder of the decoded images and the features; the user's cache folder if None.
        workers: Threads that prepare batches; they don't change the result.
        on_epoch: Called after each epoch with its number, from 1, and its metrics.
        networks: Builds the networks, and reuses the last one.
        feature_networks: Builds the networks that compute features, and reuses the last ones.
        applied_networks: File -> the trained network in it that has been read.
        control_features: Preprocessing -> features of images that controls have computed with it so far.
    """

    index: ImageIndex
    devices: Devices
    observer: ProgressObserver
    cache: Path | None = None
    workers: int = 1
    on_epoch: Callable[[int, Mapping[str, float]], None] | None = None
    networks: Networks = field(default_factory=Networks)
    feature_networks: FeatureNetworks = field(default_factory=FeatureNetworks)
    applied_networks: dict[str, SavedNetwork] = field(default_factory=dict)
    control_features: dict[Preprocessing, KnownFeatures] = field(default_factory=dict)

    def prepared(self, preprocessing: Preprocessing) -> np.ndarray:
        """Returns the images as `prepared_images` prepares them; shows how many are decoded."""
        return prepared_images(
            self.index,
            preprocessing,
            folder=self.cache,
            on_note=self.observer.message,
            counting=self.observer.counting,
        )

    def prepare_together(self, preprocessings: Iterable[Preprocessing]) -> None:
        """Prepares the images in several ways, each decoded once; see `image_cache.prepare_together`."""
        prepare_together(
            self.index,
            preprocessings,
            folder=self.cache,
            on_note=self.observer.message,
            counting=self.observer.counting,
        )
