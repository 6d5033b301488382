"""Augmentation: parameters are drawn by one function and applied by another; pure kernels stand below."""

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
