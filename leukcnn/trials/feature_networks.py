"""Networks whose penultimate layer gives features, and are never trained."""

import keras

from leukcnn.distribution import Devices
from leukcnn.fields import to_plain
from leukcnn.models import build
from leukcnn.models.bases import penultimate
from leukcnn.seeding import child_seed
from leukcnn.spec import Model, Setup


class FeatureNetworks:
    """Keeps the networks of the last row and seed, which all folds share; they take long to build."""

    def __init__(self):
        self._key, self._bases = None, []

    def get(self, setup: Setup, *, seed: int, devices: Devices) -> list[tuple[Model, keras.Model]]:
        """Returns the networks of a setup, each cut behind its penultimate layer.

        Raises:
            WeightsError: The weights of one can't be had.
        """
        key = (to_plain(setup.models), setup.preprocessing.image_size, seed, devices.names)
        if key != self._key:
            self._key, self._bases = None, []
            keras.utils.clear_session()
            self._bases = [
                penultimate(feature_network(model, setup, seed=seed, devices=devices))
                for model in setup.models
            ]
            self._key = key
        return list(zip(setup.models, self._bases, strict=True))


def feature_network(model: Model, setup: Setup, *, seed: int, devices: Devices) -> keras.Model:
    """Builds a network whose penultimate layer gives features: with its own top, and not compiled.

    Args:
        model: Builder and arguments; where they have no `input_shape`, the setup's size is taken.
        setup: Size of the images.
        seed: Seed of weights that aren't published.
        devices: Where it runs.

    Raises:
        WeightsError: Its weights can't be had.
    """
    image_size = setup.preprocessing.image_size
    keras.utils.set_random_seed(child_seed(seed, "network", model.name) % 2**32)
    with devices.scope():
        return build(model.name, **{"input_shape": (image_size, image_size, 3), **model.arguments})
