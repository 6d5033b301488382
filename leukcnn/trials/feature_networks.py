"""Networks that compute features with their penultimate layer and aren't trained further."""

from typing import Any

import keras

from leukcnn.distribution import Devices
from leukcnn.fields import to_plain
from leukcnn.models import build
from leukcnn.models.bases import penultimate
from leukcnn.pipeline import fed
from leukcnn.seeding import child_seed
from leukcnn.spec import Model, Setup


class FeatureNetworks:
    """Builds the feature networks of a row and seed once for all its folds, as building them takes long."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._bases: list[keras.Model] = []

    def get(self, setup: Setup, *, seed: int, devices: Devices) -> list[tuple[Model, keras.Model]]:
        """Returns each model of a setup with its network, cut after the penultimate layer; it scales images.

        Raises:
            WeightsError: The weights of a network aren't available.
        """
        key = (to_plain(setup.models), to_plain(setup.preprocessing), seed, devices.names)
        if key != self._key:
            self._key, self._bases = None, []
            keras.utils.clear_session()
            self._bases = [
                fed(
                    penultimate(feature_network(model, setup, seed=seed, devices=devices)),
                    setup.preprocessing,
                )
                for model in setup.models
            ]
            self._key = key
        return list(zip(setup.models, self._bases, strict=True))


def feature_network(model: Model, setup: Setup, *, seed: int, devices: Devices) -> keras.Model:
    """Builds a network whose penultimate layer computes features. It has its top and isn't compiled.

    Args:
        model: Builder and its arguments; without an `input_shape`, the setup's image size is used.
        setup: Setup with the size of the images.
        seed: Seed of weights that aren't loaded from a file.
        devices: The devices to build it on.

    Raises:
        WeightsError: The weights aren't available.
    """
    image_size = setup.preprocessing.image_size
    keras.utils.set_random_seed(child_seed(seed, "network", model.name) % 2**32)
    with devices.scope():
        return build(model.name, **{"input_shape": (image_size, image_size, 3), **model.arguments})
