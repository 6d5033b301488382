import numpy as np
import pytest

from leukcnn.augmentation.checks import as_opencv, check_image, output_like
from leukcnn.errors import ArgumentError

IMAGE = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_are_accepted(dtype, channels):
    check_image(np.zeros((2, 3, channels), dtype))
    check_image(np.zeros((7, 2, 3, channels), dtype), batch=True)


@pytest.mark.parametrize(
    "image",
    [
        None,
        [[[1]]],
        np.zeros((4, 5), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
        np.zeros((4, 5, 3)),
        np.zeros((4, 5, 3), np.uint16),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_other_values_are_refused(image):
    with pytest.raises(ArgumentError, match="What to do"):
        check_image(image)


def test_without_an_output_there_is_a_new_one():
    out = output_like(IMAGE, None)
    assert out.shape == IMAGE.shape
    assert out.dtype == IMAGE.dtype


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((5, 4, 3), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 6), np.uint8)[..., ::2],
        IMAGE,
        IMAGE[:],
        "out",
    ],
)
def test_outputs_that_do_not_fit_are_refused(out):
    with pytest.raises(ArgumentError, match="out"):
        output_like(IMAGE, out)


def test_the_image_itself_is_an_output_in_place():
    assert output_like(IMAGE, IMAGE, in_place=True) is IMAGE


def test_one_channel_is_a_view_without_the_last_axis():
    grey = np.zeros((4, 5, 1), np.uint8)
    assert as_opencv(grey).shape == (4, 5)
    assert np.shares_memory(as_opencv(grey), grey)
    assert as_opencv(IMAGE) is IMAGE
