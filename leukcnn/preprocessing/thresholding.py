"""Binary thresholding of white cells on the grey histogram, as in the paper of Zaiter and Zwiggelaar.

Section 4.1 of "Acute Lymphocytic Leukemia Detection Using Deep Learning Methods": the histogram of a grey
smear has three peaks, for white cells, red cells and glass. The pixels are clustered into three sets, and the
highest grey level of the white cells' set is the threshold. The paper names no algorithm. Here the three sets
are those of 3-means, found exactly.

There are two rules for choosing the cluster of the white cells. "darkest" takes the cluster with the lowest
grey levels. "least_frequent", the paper's words, takes the cluster with the fewest pixels; of two with the
same number, the darker one. In close-ups, where nuclei fill more of the image than cytoplasm and red cells
do, this isn't the cluster of the nuclei.

`wbc_mask` needs no settings. It finds the dark pixels of every image: nuclei and, if the stain is pale or
there is no white cell, red cells. `leukcnn.preprocessing.hsv_segment` works by colour: it finds violet nuclei
and cytoplasm, and nothing in an image without violet. Its saturation thresholds must fit the stain.
"""

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.segmentation import check_rgb
from leukcnn.spec import THRESHOLD_RULES

LEVELS = 256


def wbc_threshold(image: np.ndarray, *, rule: str = "darkest") -> int:
    """Returns the threshold of the white cells: pixels at this grey level or below belong to them.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        rule: How the cluster of the white cells is chosen: "darkest" or "least_frequent".

    Returns:
        The highest grey level in that cluster, 0..255; -1 if the image has fewer than three grey levels and
        can't have three clusters.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits, or the rule is unknown.
    """
    return _threshold(_grey(image), rule)


def wbc_mask(image: np.ndarray, *, rule: str = "darkest") -> np.ndarray:
    """Finds the white cells of a smear: all pixels at or below `wbc_threshold`.

    With "darkest" these are the nuclei. With "least_frequent", the mask includes the clusters darker than the
    chosen one; if the brightest cluster is the least frequent, the mask is the whole image.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        rule: How the cluster of the white cells is chosen: "darkest" or "least_frequent".

    Returns:
        bool (H, W), True in white cells. All False if the image has fewer than three grey levels (black,
        white, or two tones). In an image without a white cell, the mask shows the darkest pixels, e.g. the
        red cells. If the background is black, as in C-NMC, the mask shows the background.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits, or the rule is unknown.
    """
    grey = _grey(image)
    return grey <= _threshold(grey, rule)


def grey_histogram(image: np.ndarray) -> np.ndarray:
    """Counts the grey levels of an image; grey is 0.299 R + 0.587 G + 0.114 B, rounded, as in OpenCV.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.

    Returns:
        int64 (256,), number of pixels of each grey level.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits.
    """
    return _histogram(_grey(image))


def three_means(histogram: np.ndarray) -> tuple[int, int] | None:
    """Clusters grey levels into three sets with the smallest sum of squared distances to their means.

    One-dimensional clusters are intervals. Every pair of borders is tried, and the result is exact. Otsu's
    method for three classes has the same result (Otsu 1979, "A threshold selection method from gray-level
    histograms").

    Args:
        histogram: Integers (256,), number of pixels of each grey level, at least 0.

    Returns:
        The highest grey level that occurs in the dark cluster, and that in the middle cluster. If several
        pairs are equally good, the one with the lowest levels. None if fewer than three levels occur.

    Raises:
        ArgumentError: The histogram has another form.
    """
    histogram = np.asarray(histogram)
    if histogram.shape != (LEVELS,) or histogram.dtype.kind not in "iu" or histogram.min() < 0:
        raise ArgumentError(
            f"The histogram is {histogram.dtype} of shape {histogram.shape}.",
            expected=f"whole numbers of pixels, at least 0, of {LEVELS} grey levels",
            remedy="count them with `grey_histogram`",
        )
    levels = np.flatnonzero(histogram)
    if len(levels) < 3:
        return None
    counts = histogram[levels].astype(np.int64)
    # Levels relative to the mean keep the sums small, so rounding doesn't hide differences between pairs.
    offsets = levels - round(np.average(levels, weights=counts))
    pixels, total = np.cumsum(counts), np.cumsum(counts * offsets)

    # The variance between the clusters, which is largest where the variance within them is smallest: the
    # sum of sum**2 / count over the clusters.
    first, second = np.triu_indices(len(levels) - 1, k=1)
    between = (
        _squared_sum_by_count(total[first], pixels[first])
        + _squared_sum_by_count(total[second] - total[first], pixels[second] - pixels[first])
        + _squared_sum_by_count(total[-1] - total[second], pixels[-1] - pixels[second])
    )
    best = np.argmax(between)
    return int(levels[first[best]]), int(levels[second[best]])


def _squared_sum_by_count(total: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return total * (total / pixels)  # the square of a whole number could overflow


def _threshold(grey: np.ndarray, rule: str) -> int:
    if not isinstance(rule, str) or rule not in THRESHOLD_RULES:
        raise ArgumentError(f"The rule is {rule!r}.", expected=" | ".join(map(repr, THRESHOLD_RULES)))
    histogram = _histogram(grey)
    borders = three_means(histogram)
    if borders is None:
        return -1
    if rule == "darkest":
        return borders[0]
    pixels = [cluster.sum() for cluster in np.split(histogram, np.add(borders, 1))]
    highest = (*borders, np.flatnonzero(histogram)[-1])
    return int(highest[np.argmin(pixels)])


def _grey(image: np.ndarray) -> np.ndarray:
    check_rgb(image)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _histogram(grey: np.ndarray) -> np.ndarray:
    return np.bincount(grey.ravel(), minlength=LEVELS)
