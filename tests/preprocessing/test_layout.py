import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.layout import check_layout


@pytest.mark.parametrize("shape", [(2, 3, 1), (2, 3, 7), (5, 2, 3, 3)])
def test_images_and_batches_are_accepted(shape):
    check_layout(np.zeros(shape, np.float64))


@pytest.mark.parametrize(
    "image", [None, [[1]], np.zeros((2, 3)), np.zeros((1, 1, 2, 3, 3)), np.zeros((0, 3, 3))]
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ArgumentError, match=r"\(H, W, C\)"):
        check_layout(image)


@pytest.mark.parametrize("image", [np.zeros((2, 3, 3)), np.zeros((2, 3, 5), np.uint8)])
def test_opencv_needs_its_dtypes_and_channels(image):
    check_layout(image)
    with pytest.raises(ArgumentError, match="uint8 or float32"):
        check_layout(image, for_opencv=True)
