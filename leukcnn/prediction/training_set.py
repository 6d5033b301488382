"""What a saved network keeps of the images that it was trained on: their colours and short digests."""

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leukcnn.evaluation.controls import colour_features

DIGEST_BYTES = 8
"""Bytes of an image's SHA-256 that are kept.

The chance that any of a million other images matches one of a million by accident is one in ten million.
"""

_QUANTILE = 0.999
_FEATURES = 6
# With fewer images, a covariance of six features says little.
_FEWEST = 20
# Variance that is added to each feature, in grey levels squared: smaller differences are those of rounding.
_RIDGE = 0.25
_CHUNK = 256
_MOST_DIGESTS = 2_000_000
_COLOURS = ("mean", "covariance", "limit")
_KEYS = ("n_images", "digests", "colour")


@dataclass(frozen=True, eq=False)
class ColourStatistics:
    """The distribution of the colours of prepared images, and how far its own images are from its centre.

    Attributes:
        mean: (6,) float64, mean of `leukcnn.evaluation.controls.colour_features`, in grey levels.
        covariance: (6, 6) float64, their covariance (ddof 1).
        limit: The Mahalanobis distance that 99.9 % of the training images don't exceed, each measured by the
            statistics of the others.
    """

    mean: np.ndarray
    covariance: np.ndarray
    limit: float

    @staticmethod
    def of(features: np.ndarray) -> "ColourStatistics | None":
        """Returns the statistics of features, float64 (N, 6); None for fewer than 20 images."""
        n = len(features)
        if n < _FEWEST:
            return None
        mean, covariance = features.mean(axis=0), np.cov(features.T)
        squares = []
        for start in range(0, n, _CHUNK):
            away = features[start : start + _CHUNK] - mean
            # Mean and covariance without the image itself, which would pull them to it.
            outer = away[:, :, None] * away[:, None, :]
            others = ((n - 1) * covariance - n / (n - 1) * outer) / (n - 2)
            squares.append(_squared_distances(away * n / (n - 1), others))
        # If all images have the same colours, their distances are rounding alone.
        limit = max(math.sqrt(np.quantile(np.concatenate(squares), _QUANTILE)), 1)
        return ColourStatistics(_rounded(mean), _rounded(covariance), float(f"{limit:.9g}"))

    def relative_distances(self, features: np.ndarray) -> np.ndarray:
        """Returns the Mahalanobis distance of each image divided by the limit; above 1 is unlike the others.

        Args:
            features: float64 (N, 6), as `leukcnn.evaluation.controls.colour_features` returns them.

        Returns:
            float64 (N,), at least 0.
        """
        away = features - self.mean
        covariances = np.broadcast_to(self.covariance, (len(away), _FEATURES, _FEATURES))
        return np.sqrt(_squared_distances(away, covariances)) / self.limit


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What is kept of the images that a network was trained on and validated on.

    Attributes:
        n_images: Number of images that it was trained on, without augmented variants.
        digests: (K,) uint64, sorted: the first 8 bytes of the SHA-256 of each image file of training and
            validation, each once.
        colour: Colours of the images that it was trained on, as it saw them; None for fewer than 20.
    """

    n_images: int
    digests: np.ndarray
    colour: ColourStatistics | None

    @staticmethod
    def of(
        images: np.ndarray, sha256: np.ndarray, *, train: np.ndarray, validation: np.ndarray
    ) -> "TrainingSet":
        """Returns what is kept of a training set.

        Args:
            images: uint8 (N, S, S, 3), prepared images; may be mapped from disk.
            sha256: (N,) str, hexadecimal SHA-256 of their files.
            train: Positions of the images to train on.
            validation: Positions of the images that choose the epoch.
        """
        rows = np.unique(train)
        features = [colour_features(images[rows[i : i + _CHUNK]]) for i in range(0, len(rows), _CHUNK)]
        seen = np.unique(np.concatenate([rows, validation]).astype(np.int64))
        digests = np.unique(np.array([digest_of(name) for name in sha256[seen]], dtype=np.uint64))
        return TrainingSet(len(rows), digests, ColourStatistics.of(np.concatenate(features)))

    def knows(self, digests: Iterable[int]) -> np.ndarray:
        """Returns, for digests as `digest_of` returns them, (N,) bool: whether the training saw the image."""
        return np.isin(np.array([*digests], dtype=np.uint64), self.digests)

    def to_plain(self) -> dict[str, Any]:
        """Returns the values for JSON; `from_plain` reads them."""
        colour = self.colour and {
            "mean": self.colour.mean.tolist(),
            "covariance": self.colour.covariance.tolist(),
            "limit": self.colour.limit,
        }
        digests = base64.b64encode(self.digests.astype(">u8").tobytes()).decode()
        return {"n_images": self.n_images, "digests": digests, "colour": colour}

    @staticmethod
    def from_plain(value: object) -> "TrainingSet":
        """Reads what `to_plain` returned. The values may be a stranger's: each is checked.

        Raises:
            ValueError: A value is missing, unknown, of another type or impossible.
        """
        fields = _fields(value, _KEYS, "its training set")
        n_images, text, colour = (fields[name] for name in _KEYS)
        if type(n_images) is not int or not 0 < n_images <= _MOST_DIGESTS:
            raise ValueError(f"the number of its training images is {n_images!r:.80}")
        if not isinstance(text, str) or len(text) > 2 * DIGEST_BYTES * _MOST_DIGESTS:
            raise ValueError("the digests of its training images are no text of a possible length")
        try:
            content = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise ValueError(f"the digests of its training images can't be read: {error}") from error
        if len(content) % DIGEST_BYTES:
            raise ValueError(f"the digests of its training images have {len(content)} bytes")
        digests = np.frombuffer(content, dtype=">u8").astype(np.uint64)
        if not len(digests) or (digests[1:] <= digests[:-1]).any():
            raise ValueError("the digests of its training images aren't sorted, or there are none")
        return TrainingSet(n_images, digests, None if colour is None else _colours(colour))


def digest_of(sha256: str) -> int:
    """Returns the digest that is kept of an image, from the hexadecimal SHA-256 of its file."""
    return int(sha256[: 2 * DIGEST_BYTES], 16)


def _squared_distances(away: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Returns the squared Mahalanobis distances of (N, 6) differences by (N, 6, 6) covariances."""
    solved = np.linalg.solve(covariances + _RIDGE * np.eye(_FEATURES), away[..., None])[..., 0]
    return np.maximum((away * solved).sum(axis=-1), 0)


def _rounded(values: np.ndarray) -> np.ndarray:
    """Returns the values with nine digits, which don't depend on the order in which a processor adds."""
    return np.array([float(f"{value:.9g}") for value in values.flat]).reshape(values.shape)


def _fields(value: object, names: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or {*value} != {*names}:
        raise ValueError(f"{what} isn't an object with {', '.join(names)}")
    return value


def _colours(value: object) -> ColourStatistics:
    fields = _fields(value, _COLOURS, "the colours of its training set")
    mean, covariance = (
        _numbers(fields[name], shape)
        for name, shape in (("mean", (_FEATURES,)), ("covariance", (_FEATURES, _FEATURES)))
    )
    limit = float(_numbers([fields["limit"]], (1,))[0])
    if (mean < 0).any() or (mean > 255).any() or not 0 < limit < 1e9:
        raise ValueError("the colours of its training set have an impossible mean or limit")
    asymmetric = not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-6)
    if asymmetric or np.abs(covariance).max() > 255**2 or np.linalg.eigvalsh(covariance).min() < -_RIDGE / 2:
        raise ValueError("the colours of its training set have an impossible covariance")
    return ColourStatistics(mean, covariance, limit)


def _numbers(value: object, shape: tuple[int, ...]) -> np.ndarray:
    """Returns nested lists of finite numbers as an array of a known shape."""
    rows: list[Any] = value if len(shape) > 1 and isinstance(value, list) else [value]
    wanted = shape[0] if len(shape) > 1 else 1
    if len(rows) != wanted or not all(isinstance(row, list) and len(row) == shape[-1] for row in rows):
        raise ValueError("the colours of its training set have another number of values")
    flat = [number for row in rows for number in row]
    if not all(type(number) in (int, float) and abs(number) < 1e12 for number in flat):
        raise ValueError("the colours of its training set aren't finite numbers")
    return np.array(flat, dtype=np.float64).reshape(shape)
