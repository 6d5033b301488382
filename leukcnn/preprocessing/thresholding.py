"""Binary thresholding of white cells on the grey histogram, as Zaiter and Zwiggelaar do it.

Section 4.1 of "Acute Lymphocytic Leukemia Detection Using Deep Learning Methods": the histogram of a grey
smear has three peaks, white cells, red cells and glass; the pixels are clustered into three sets, and the
highest grey level of the white cells' set is the threshold. The paper names no algorithm. Here the three sets
are those of 3-means, found exactly.

Of two rules, "darkest" takes the cluster of the lowest grey levels for the white cells'. "least_frequent",
the paper's words, takes the one with the fewest pixels, the darker one of two with equally many. In
close-ups, where nuclei fill more of the image than cytoplasm and red cells do, that isn't the nuclei's.

`wbc_mask` needs no setting and finds what is dark in every image: nuclei and, where the stain is pale or
there is no white cell, red cells. `leukcnn.preprocessing.hsv_segment` goes by colour: it finds violet nuclei
and cytoplasm, nothing where there is no violet, and its saturations have to fit the stain.
"""

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.segmentation import check_rgb
from leukcnn.spec import THRESHOLD_RULES

LEVELS = 256


def wbc_threshold(image: np.ndarray, *, rule: str = "darkest") -> int:
    """Returns the grey level up to which a pixel belongs to a white cell.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        rule: Which of the three clusters is that of the white cells: "darkest" or "least_frequent".

    Returns:
        The highest grey level in that cluster, 0..255; -1 where the image has fewer than three grey
        levels, so that there are no three clusters.

    Raises:
        ArgumentError: The image is no RGB image of 8 bits, or there is no such rule.
    """
    return _threshold(_grey(image), rule)


def wbc_mask(image: np.ndarray, *, rule: str = "darkest") -> np.ndarray:
    """Finds the white cells of a smear: all pixels up to `wbc_threshold`.

    With "darkest" that is the nuclei. With "least_frequent", pixels of darker clusters than the chosen one
    belong to the mask too; where the brightest cluster is the least frequent, the mask is the whole image.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        rule: Which of the three clusters is that of the white cells: "darkest" or "least_frequent".

    Returns:
        bool (H, W), True in white cells. Empty where the image has fewer than three grey levels (black,
        white, or of two tones). An image without a white cell isn't recognised as such: its mask holds
        what is darkest there, e.g. the red cells; and where the background is black, as in C-NMC, the
        background.

    Raises:
        ArgumentError: The image is no RGB image of 8 bits, or there is no such rule.
    """
    grey = _grey(image)
    return grey <= _threshold(grey, rule)


def grey_histogram(image: np.ndarray) -> np.ndarray:
    """Counts the grey levels of an image; grey is 0.299 R + 0.587 G + 0.114 B, rounded, as OpenCV has it.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.

    Returns:
        int64 (256,), pixels of each grey level.

    Raises:
        ArgumentError: The image is no RGB image of 8 bits.
    """
    return _histogram(_grey(image))


def three_means(histogram: np.ndarray) -> tuple[int, int] | None:
    """Clusters grey levels into three sets with the least sum of squared distances to their means.

    One-dimensional clusters are intervals, so that every pair of borders is tried and the result is exact; it
    is also that of Otsu's method for three classes (Otsu 1979, "A threshold selection method from gray-level
    histograms").

    Args:
        histogram: Integers (256,), pixels of each grey level, at least 0.

    Returns:
        The highest grey levels, of those that occur, in the dark and in the middle cluster; of pairs that
        are equally good, the one with the lowest levels. None if fewer than three levels occur.

    Raises:
        ArgumentError: It is no such histogram.
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
    # About the mean, sums stay small, and near-equal pairs can be told apart.
    offsets = levels - round(np.average(levels, weights=counts))
    pixels, total = np.cumsum(counts), np.cumsum(counts * offsets)

    # What within-class variance lacks to the variance of all: the sum over the classes of sum**2 / count.
    first, second = np.triu_indices(len(levels) - 1, k=1)
    between = (
        _share(total[first], pixels[first])
        + _share(total[second] - total[first], pixels[second] - pixels[first])
        + _share(total[-1] - total[second], pixels[-1] - pixels[second])
    )
    best = np.argmax(between)
    return int(levels[first[best]]), int(levels[second[best]])


def _share(total: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return total * (total / pixels)  # the square of a whole number could overflow


def _threshold(grey: np.ndarray, rule: str) -> int:
    if rule not in THRESHOLD_RULES:
        raise ArgumentError(f"The rule is {rule!r}.", expected=" | ".join(map(repr, THRESHOLD_RULES)))
    histogram = _histogram(grey)
    borders = three_means(histogram)
    if borders is None:
        return -1
    if rule == "darkest":
        return borders[0]
    pixels = [part.sum() for part in np.split(histogram, np.add(borders, 1))]
    highest = (*borders, np.flatnonzero(histogram)[-1])
    return int(highest[np.argmin(pixels)])


def _grey(image: np.ndarray) -> np.ndarray:
    check_rgb(image)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _histogram(grey: np.ndarray) -> np.ndarray:
    return np.bincount(grey.ravel(), minlength=LEVELS)
