"""Preprocessing: pure functions of RGB images (H, W, C) and batches (N, H, W, C).

White cells are found in two ways: `wbc_mask` by grey level, without a setting, nuclei only; `hsv_segment` by
colour, nuclei with cytoplasm, with thresholds that fit a stain. `cell_crops` cuts single cells out of either
mask.
"""

from leukcnn.preprocessing.components import CellCrop, cell_crops, label_cells
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
