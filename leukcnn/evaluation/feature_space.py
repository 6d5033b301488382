"""A network's feature space: classification by a linear SVM, and projection into the plane.

After section IV-C of the LeukNet paper (Table VI, Figures 5 and 6). The paper states neither the SVM's
penalty nor a scaling of the features: C is 1, scikit-learn's default, and features aren't scaled.
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
    """Features projected into the plane, with the boundary of a linear SVM.

    Attributes:
        points: (N, 2) float64, without a unit: t-SNE preserves neighbours, not distances.
        labels: (N,) int64, 0 or 1.
        coefficients: (2,) float64; the SVM predicts class 1 where `coefficients` @ point + `intercept` > 0.
        intercept: See `coefficients`.
        accuracy: Fraction of the points that the SVM classifies correctly, 0..1. It was fitted to the same
            points.
    """

    points: np.ndarray
    labels: np.ndarray
    coefficients: np.ndarray
    intercept: float
    accuracy: float


@dataclass(frozen=True)
class Svm:
    """A linear SVM, and the selection and PCA of its features.

    Attributes:
        n_components: Number of principal components, at least 1; limited to the number of images and of
            features. None for no PCA.
        n_selected: Number of features to select by gain ratio before the PCA, at least 1; None for all.
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
    """Fits a linear SVM to features and predicts images with it.

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers from 0 to C - 1, the classes; those of `predict` are ignored.
        train: (M,) positions of the images that the SVM, the selection and the PCA are fitted on.
        predict: (K,) positions of the images to predict.
        svm: The SVM with its selection and PCA.
        seed: Root seed of the PCA, whose solver is random with many features.

    Returns:
        float64 (K, C), probabilities that aren't calibrated: the logistic function of the decision values or,
        with more than two classes, their softmax. The class that the SVM predicts has the largest
        probability; with two classes, only that one is above .5. 0 for classes that don't occur in `train`.

    Raises:
        ArgumentError: The features or labels have another form, `train` has one class only, or a number of
            features is below 1.
    """
    features, labels = checked_features(features, labels)
    train, predict = np.asarray(train, dtype=np.int64), np.asarray(predict, dtype=np.int64)
    train_labels = labels[train]
    if len(np.unique(train_labels)) < 2:
        raise ArgumentError(
            f"The {len(train)} images to fit an SVM on have the classes {np.unique(train_labels).tolist()}.",
            expected="images of at least two classes",
        )
    probabilities = np.zeros((len(predict), max(int(labels.max()) + 1, 2)))
    if not len(predict):
        return probabilities
    seen, unseen = features[train], features[predict]
    if svm.n_selected is not None:
        selected = select_by_gain_ratio(seen, train_labels, n_selected=svm.n_selected)
        seen, unseen = seen[:, selected], unseen[:, selected]
    if svm.n_components is not None:
        seen, unseen = _components(seen, unseen, n_components=svm.n_components, seed=seed)
    classifier = SVC(kernel="linear", C=svm.penalty, break_ties=True)
    classifier.fit(seen.astype(np.float64), train_labels)
    probabilities[:, classifier.classes_] = _as_probabilities(classifier, unseen.astype(np.float64))
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
    """Predicts each image by an SVM that was fitted on the other folds.

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers from 0 to C - 1, the classes.
        n_splits: Number of folds of `leukcnn.splits.stratified_kfold`, at least 2.
        svm: As in `svm_probabilities`, fitted again for each fold.
        seed: Root seed of the folds and of the PCA.
        ids: (N,) str, ids of the images; with them, the folds don't depend on the order of the images.

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
    """Projects features into the plane by t-SNE and fits a linear SVM there (Figures 5 and 6).

    Args:
        features: (N, F) float, all finite, N at least 4 and F at least 2.
        labels: (N,) integers 0 or 1, both of which occur.
        seed: Root seed.
        perplexity: Roughly the number of neighbours that t-SNE preserves, at least 1; limited to (N - 1) / 3.

    Returns:
        The projection; it doesn't depend on the number of processors.

    Raises:
        ArgumentError: The features or labels have another form, or all images have the same features.
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
    # Several threads would add forces in the order in which they finish.
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


def _as_probabilities(svm: SVC, features: np.ndarray) -> np.ndarray:
    decisions = svm.decision_function(features)
    if decisions.ndim == 2:
        return softmax(decisions, axis=1)
    # Near the boundary the logistic function is rounded to .5: the SVM's own prediction decides.
    second, is_second = expit(decisions), svm.predict(features) == svm.classes_[1]
    second = np.where(is_second, np.maximum(second, _ABOVE_HALF), np.minimum(second, 0.5))
    return np.stack([1 - second, second], axis=1)
