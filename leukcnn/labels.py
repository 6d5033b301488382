"""Classes as whole numbers, checked before anything is counted."""

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError


def check_classes(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns both arrays as (N,) int64 after checking them.

    Args:
        labels: (N,) whole numbers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) the same of the predicted classes.
        n_classes: Number of classes, at least 2.

    Raises:
        ArgumentError: The two arrays differ in length, aren't one-dimensional, or hold something else than
            the numbers of classes.
    """
    if n_classes < 2:
        raise ArgumentError(f"There is a number of {n_classes} classes.", expected="at least 2 classes")
    checked = []
    for name, values in (("labels", labels), ("predicted classes", predicted)):
        array = np.asarray(values)
        if array.ndim != 1:
            raise ArgumentError(
                f"The {name} have the shape {array.shape}.",
                expected="one whole number an image, shape (N,)",
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
            expected="one prediction for every label",
        )
    return checked[0], checked[1]
