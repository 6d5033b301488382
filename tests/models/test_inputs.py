"""Conversion of images to a network's input: as in the papers' setups, for arrays and for tensors."""

import inspect

import numpy as np
import pytest
from keras import ops

from leukcnn import models, papers
from leukcnn.errors import ArgumentError
from leukcnn.models.regnet_designs import IMAGENET_MEAN, IMAGENET_STD
from leukcnn.pipeline import scaled
from leukcnn.spec.names import BUILDERS

MODULES = sorted({getattr(models, name).__module__.rpartition(".")[2] for name in BUILDERS})


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)


def preprocess_input(module):
    return getattr(models, module).preprocess_input


@pytest.mark.parametrize("paper", papers.list_papers())
def test_preprocess_input_scales_as_the_papers_rows_do(paper, images):
    for row in papers.get(paper).rows:
        module = inspect.getmodule(getattr(models, row.setup.model.name))
        expected = scaled(images, row.setup.preprocessing)
        np.testing.assert_array_equal(module.preprocess_input(images), expected, err_msg=row.id)


def test_images_for_regnets_are_standardised_by_imagenets_mean_and_std(images):
    found = preprocess_input("regnet")(images)
    expected = (images / 255 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("module", MODULES)
def test_arrays_and_tensors_images_and_batches_agree(module, images):
    batch = preprocess_input(module)(images)
    assert isinstance(batch, np.ndarray)
    assert (batch.dtype, batch.shape) == (np.float32, images.shape)
    np.testing.assert_array_equal(preprocess_input(module)(images[1]), batch[1])
    np.testing.assert_array_equal(preprocess_input(module)(images.astype(np.float64)), batch)
    tensor = preprocess_input(module)(ops.convert_to_tensor(images))
    assert ops.is_tensor(tensor)
    assert ops.convert_to_numpy(tensor).dtype == np.float32
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), batch, atol=1e-6)


@pytest.mark.parametrize("module", MODULES)
def test_preprocess_input_has_a_docstring_and_refuses_what_is_no_image(module):
    function = preprocess_input(module)
    assert function.__module__ == f"leukcnn.models.{module}"
    assert "Args:" in function.__doc__ and "Returns:" in function.__doc__
    with pytest.raises(ArgumentError, match="shape"):
        function(np.zeros((5, 7), np.uint8))
