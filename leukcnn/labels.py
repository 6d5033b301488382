"""Check arrays of class numbers before anything is computed from them."""

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError


def check_classes(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns both arrays as (N,) int64 after checking them.

    Args:
        labels: (N,) whole numbers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) whole numbers in the same range, the predicted classes.
        n_classes: Number of classes, at least 2.

    Raises:
        ArgumentError: The two arrays differ in length, aren't one-dimensional, or hold other values than
            class numbers.
    """
    if n_classes < 2:
        raise ArgumentError(f"The number of classes is {n_classes}.", expected="at least 2 classes")
    checked = []
    for name, values in (("labels", labels), ("predicted classes", predicted)):
        array = np.asarray(values)
        if array.ndim != 1:
            raise ArgumentError(
                f"The {name} have the shape {array.shape}.",
                expected="one whole number per image, shape (N,)",
                remedy="take the position of the largest output, `scores.argmax(axis=1)`",
            )
        if array.size and not np.issubdtype(array.dtype, np.integer):
            raise ArgumentError(f"The {name} are {array.dtype}.", expected="whole numbers")
        array = array.astype(np.int64)
        if array.size and (array.min() < 0 or array.max() >= n_classes):
            raise ArgumentError(
                f"The {name} run from {array.min()} to {array.max()}.",
                expected=f"whole numbers from 0 to {n_classes - 1}",
                remedy="leave out the images without a label (-1) first",
            )
        checked.append(array)
    if len(checked[0]) != len(checked[1]):
        raise ArgumentError(
            f"There are {len(checked[0])} labels and {len(checked[1])} predictions.",
            expected="one prediction per label",
        )
    return checked[0], checked[1]
