"""Preprocessing: pure functions of RGB pictures (H, W, C) and batches (N, H, W, C)."""

from leukcnn.preprocessing.geometry import center_crop, resize, square_crop
from leukcnn.preprocessing.intensity import rescale, subtract_channel_mean
from leukcnn.preprocessing.masks import blank
from leukcnn.preprocessing.segmentation import hsv_segment

__all__ = [
    "blank",
    "center_crop",
    "hsv_segment",
    "rescale",
    "resize",
    "square_crop",
    "subtract_channel_mean",
]
