"""Division of counts, some of them 0."""

import numpy as np
from numpy.typing import ArrayLike


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """Returns `numerator` / `denominator` as float64, NaN where `denominator` is 0 or less."""
    above, below = (np.asarray(values, dtype=np.float64) for values in (numerator, denominator))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
