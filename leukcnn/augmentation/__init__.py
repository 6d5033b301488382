"""Augmentation: one function samples the parameters of a transform, another applies them to an image.

`ImageAugmenter` has both. The functions that it applies can be called by themselves.
"""

from leukcnn.augmentation.augmenter import ImageAugmenter
from leukcnn.augmentation.geometry import FILL_MODES, affine_matrix, quarter_turned, warp
from leukcnn.augmentation.noise import gaussian_blur, salt_and_pepper

__all__ = [
    "FILL_MODES",
    "ImageAugmenter",
    "affine_matrix",
    "gaussian_blur",
    "quarter_turned",
    "salt_and_pepper",
    "warp",
]


def __dir__() -> list[str]:
    return sorted(__all__)
