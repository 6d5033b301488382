"""The space of a network's features: how well a linear SVM parts the classes in it, and what it looks like.

After section IV-C of the LeukNet paper (Table VI, Figures 5 and 6). The paper states neither the SVM's
penalty nor a scaling: C is 1, scikit-learn's default, and features are taken as they come.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_selection import checked_features, select_by_gain_ratio
from leukcnn.labels import check_classes
from leukcnn.seeding import child_seed
from leukcnn.splits import stratified_kfold

_ABOVE_HALF = np.nextafter(0.5, 1)
_FEWEST_IMAGES = 4


@dataclass(frozen=True, eq=False)
class Projection:
    """Features laid out in the plane, with the line that a linear SVM draws there.

    Attributes:
        points: (N, 2) float64, no unit: t-SNE keeps neighbours, not distances.
        labels: (N,) int64, 0 or 1.
        coefficients: (2,) float64; class 1 lies where `coefficients` @ point + `intercept` > 0.
        intercept: See there.
        accuracy: Share of the points on their own side, 0..1. The line was fitted to these very points.
    """

    points: np.ndarray
    labels: np.ndarray
    coefficients: np.ndarray
    intercept: float
    accuracy: float


@dataclass(frozen=True)
class Svm:
    """A linear SVM, and what is made of the features before.

    Attributes:
        n_components: Principal components to go on with, at least 1; as many as images and features allow
            where that is more. None for no PCA.
        n_selected: Features to pick by gain ratio before that, at least 1; None for all.
        penalty: The SVM's C, above 0.
    """

    n_components: int | None = None
    n_selected: int | None = None
    penalty: float = 1.0


def svm_probabilities(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    train: ArrayLike,
    predict: ArrayLike,
    svm: Svm = Svm(),
    seed: int,
) -> np.ndarray:
    """Fits a linear SVM to features and applies it; selection and PCA, if any, see the same images.

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers from 0 to C - 1, the classes; those of `predict` play no part.
        train: (M,) positions of the images that all is fitted on.
        predict: (K,) positions of those that it is applied to.
        svm: The SVM; selection and PCA are fitted on the images of `train` alone.
        seed: Root seed of the PCA, whose solver draws at random where there are many features.

    Returns:
        float64 (K, C), not calibrated: the logistic function of the decision values, and their softmax with
        more than two classes. The largest stands in the column of the class that the SVM names, and between
        two classes that one alone is above .5. 0 for a class that doesn't occur in training.

    Raises:
        ArgumentError: The features or labels aren't as said above, training has one class only, or a number
            of features is below 1.
    """
    features, labels = checked_features(features, labels)
    train, predict = np.asarray(train, dtype=np.int64), np.asarray(predict, dtype=np.int64)
    learnt = labels[train]
    if len(np.unique(learnt)) < 2:
        raise ArgumentError(
            f"The {len(train)} images to fit an SVM on have the classes {np.unique(learnt).tolist()}.",
            expected="images of at least two classes",
        )
    probabilities = np.zeros((len(predict), max(int(labels.max()) + 1, 2)))
    if not len(predict):
        return probabilities
    seen, unseen = features[train], features[predict]
    if svm.n_selected is not None:
        selected = select_by_gain_ratio(seen, learnt, n_selected=svm.n_selected)
        seen, unseen = seen[:, selected], unseen[:, selected]
    if svm.n_components is not None:
        seen, unseen = _components(seen, unseen, n_components=svm.n_components, seed=seed)
    fitted = SVC(kernel="linear", C=svm.penalty, break_ties=True).fit(seen.astype(np.float64), learnt)
    probabilities[:, fitted.classes_] = _squashed(fitted, unseen.astype(np.float64))
    return probabilities


def cross_validated_probabilities(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_splits: int,
    svm: Svm = Svm(),
    seed: int,
    ids: ArrayLike | None = None,
) -> np.ndarray:
    """Predicts each image by an SVM that was fitted without its fold.

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers from 0 to C - 1, the classes.
        n_splits: Number of folds, at least 2; `leukcnn.splits.stratified_kfold` makes them.
        svm: As in `svm_probabilities`, fitted in each fold again.
        seed: Root seed of the folds and of the PCA.
        ids: (N,) str, ids of the images, which make the folds independent of their order.

    Returns:
        float64 (N, C), as in `svm_probabilities`.

    Raises:
        ArgumentError: As in `svm_probabilities` and `stratified_kfold`.
        DataError: A class has fewer images than there are folds.
    """
    features, labels = checked_features(features, labels)
    probabilities = np.zeros((len(labels), max(int(labels.max()) + 1, 2)))
    for train, test in stratified_kfold(labels, n_splits=n_splits, seed=seed, ids=ids):
        probabilities[test] = svm_probabilities(
            features, labels, train=train, predict=test, svm=svm, seed=seed
        )
    return probabilities


def project(features: ArrayLike, labels: ArrayLike, *, seed: int, perplexity: float = 30.0) -> Projection:
    """Lays features out in the plane by t-SNE and parts the classes there by a linear SVM (Figures 5 and 6).

    Args:
        features: (N, F) float, all finite, N at least 4 and F at least 2.
        labels: (N,) integers 0 or 1, both of which occur.
        seed: Root seed.
        perplexity: Roughly, how many neighbours t-SNE keeps near, at least 1; at most (N - 1) / 3 are kept.

    Returns:
        The same on any number of processors.

    Raises:
        ArgumentError: The features or labels aren't as said above, or all images have the same features.
    """
    features, labels = checked_features(features, labels)
    check_classes(labels, labels, n_classes=2)
    n_classes, (n, n_features) = len(np.unique(labels)), features.shape
    if n < _FEWEST_IMAGES or n_features < 2 or n_classes < 2 or np.ptp(features, axis=0).max() == 0:
        varying = np.count_nonzero(np.ptp(features, axis=0))
        raise ArgumentError(
            f"There are {n} images of {n_classes} classes, and {varying} of {n_features} features vary.",
            expected=f"at least {_FEWEST_IMAGES} images, 2 classes and 2 features, one of which varies",
        )
    if not perplexity >= 1:
        raise ArgumentError(f"perplexity = {perplexity}.", expected="at least 1")
    tsne = TSNE(
        perplexity=min(perplexity, (n - 1) / 3), init="pca", random_state=child_seed(seed, "t-SNE") % 2**32
    )
    # Several threads add up forces in the order in which they finish.
    with threadpool_limits(1):
        points = tsne.fit_transform(features.astype(np.float64)).astype(np.float64)
    svm = SVC(kernel="linear").fit(points, labels)
    return Projection(
        points, labels, svm.coef_[0], float(svm.intercept_[0]), float(svm.score(points, labels))
    )


def _components(
    seen: np.ndarray, unseen: np.ndarray, *, n_components: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if n_components < 1:
        raise ArgumentError(f"n_components = {n_components}.", expected="at least 1 principal component")
    pca = PCA(min(n_components, *seen.shape), random_state=child_seed(seed, "pca") % 2**32)
    return pca.fit_transform(seen.astype(np.float64)), pca.transform(unseen.astype(np.float64))


def _squashed(svm: SVC, features: np.ndarray) -> np.ndarray:
    decisions = svm.decision_function(features)
    if decisions.ndim == 2:
        return softmax(decisions, axis=1)
    # Next to the boundary the logistic function is rounded to .5: the SVM's own word decides.
    second, named = expit(decisions), svm.predict(features) == svm.classes_[1]
    second = np.where(named, np.maximum(second, _ABOVE_HALF), np.minimum(second, 0.5))
    return np.stack([1 - second, second], axis=1)
