"""Preprocessing: pure functions of RGB images (H, W, C) and batches (N, H, W, C).

Two functions find white cells. `wbc_mask` works by grey level, needs no settings and finds nuclei only.
`hsv_segment` works by colour, finds nuclei with cytoplasm, and has thresholds that must fit the stain.
`cell_crops` cuts single cells out of either mask.
"""

from leukcnn.preprocessing.components import CellCrop, cell_crops, component_montage, label_cells
from leukcnn.preprocessing.geometry import center_crop, resize, square_crop
from leukcnn.preprocessing.intensity import rescale, subtract_channel_mean
from leukcnn.preprocessing.masks import blank
from leukcnn.preprocessing.segmentation import hsv_segment
from leukcnn.preprocessing.thresholding import grey_histogram, three_means, wbc_mask, wbc_threshold

__all__ = [
    "CellCrop",
    "blank",
    "cell_crops",
    "center_crop",
    "component_montage",
    "grey_histogram",
    "hsv_segment",
    "label_cells",
    "rescale",
    "resize",
    "square_crop",
    "subtract_channel_mean",
    "three_means",
    "wbc_mask",
    "wbc_threshold",
]


def __dir__() -> list[str]:
    return sorted(__all__)
