"""Properties of the networks that can be fine-tuned, compared with Keras."""

import inspect
import sys

import keras
import numpy as np
import pytest

from leukcnn import models
from leukcnn.models import bases
from leukcnn.models.backbones import BACKBONES
from leukcnn.models.heads import source_inputs
from leukcnn.models.regnet_designs import DESIGNS
from leukcnn.spec.names import APPLICATIONS


def test_every_network_of_keras_and_every_regnet_can_be_tuned():
    assert set(BACKBONES) == {*APPLICATIONS, *DESIGNS}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_images_are_prepared_as_keras_prepares_them(name, monkeypatch):
    def small(backbone, *, input_tensor, **_):
        # A substitute for the network, which takes long to build: it returns its input.
        return keras.Model(
            source_inputs(input_tensor),
            keras.layers.Identity(name="seen")(input_tensor),
            name=backbone.lower(),
        )

    monkeypatch.setattr(bases, "application", small)
    image_size = BACKBONES[name].min_size
    base = bases.base_network(
        name, weights=None, input_shape=(image_size, image_size, 3), include_preprocessing=True
    )
    module = sys.modules[getattr(keras.applications, name).__module__]
    grey_levels = np.random.default_rng(0).integers(0, 256, (2, image_size, image_size, 3)).astype(np.float32)
    expected = module.preprocess_input(grey_levels.copy())
    np.testing.assert_allclose(
        np.asarray(base(grey_levels / np.float32(255))), expected, atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("name", APPLICATIONS)
def test_smallest_image_size_is_that_of_keras(name):
    module = inspect.getsource(sys.modules[getattr(keras.applications, name).__module__])
    image_size = BACKBONES[name].min_size
    of_keras = f"min_size={image_size}" in module
    # MobileNetV3 writes it in another way, and the ResNetV2s use ResNet.
    assert (
        of_keras
        or f"rows and cols and (rows < {image_size} or cols < {image_size})" in module
        or "resnet.ResNet(" in module
    )


@pytest.mark.parametrize(
    ("backbone", "mode", "units"),
    [("MobileNet", "SFT", []), ("DenseNet121", "mSFT", [1024]), ("EfficientNetB0", "mDFT", [1024])],
)
def test_networks_of_no_paper_are_built_averaged_and_frozen(backbone, mode, units):
    model = models.build(
        "FineTuned", backbone=backbone, mode=mode, weights=None, classes=2, input_shape=(32, 32, 3)
    )
    names = [layer.name for layer in model.layers]
    top = model.layers[names.index("gap") + 1 :]
    assert [layer.units for layer in top] == [*units, 2]
    assert {layer.trainable for layer in model.layers[: names.index("gap")]} == {mode == "mDFT"}
    outputs = np.asarray(model(np.zeros((2, 32, 32, 3), np.float32)))
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)
