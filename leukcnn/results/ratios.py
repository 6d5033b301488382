"""Division of counts, some of them 0."""

import numpy as np
from numpy.typing import ArrayLike


def ratio(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """Returns `part` / `whole` as float64, NaN where `whole` is 0 or less."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
