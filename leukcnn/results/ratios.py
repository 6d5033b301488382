"""Division of counts, of which some are 0."""

import numpy as np
from numpy.typing import ArrayLike


def ratio(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """Divides and gives NaN where there is nothing, 0 or less, to divide by."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
