"""The feature space: an SVM by hand, no training on predicted images, and the projection by t-SNE."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from leukcnn.errors import ArgumentError, DataError
from leukcnn.evaluation.feature_selection import select_by_gain_ratio
from leukcnn.evaluation.feature_space import Svm, cross_validated_probabilities, project, svm_probabilities
from leukcnn.splits import stratified_kfold

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 60)
FEATURES = RNG.normal(size=(60, 20)).astype(np.float32)
FEATURES[:, 3] += 1.5 * LABELS
TRAIN, PREDICT = np.arange(40), np.arange(40, 60)


def probabilities(features=FEATURES, labels=LABELS, *, train=TRAIN, predict=PREDICT, seed=0, **options):
    svm = Svm(**options)
    return svm_probabilities(features, labels, train=train, predict=predict, svm=svm, seed=seed)


def reference(features, train=TRAIN, predict=PREDICT, labels=LABELS):
    return SVC(kernel="linear").fit(features[train].astype(np.float64), labels[train]), features[predict]


def test_two_points_by_hand():
    # The maximum margin between -1 and 1 is around 0, with the decision value x; C = 1 allows it.
    found = probabilities(
        np.array([[-1.0], [1.0], [0.5], [-3.0]]), [0, 1, 0, 0], train=[0, 1], predict=[2, 3]
    )
    expected = 1 / (1 + np.exp([-0.5, 3.0]))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.stack([1 - expected, expected], axis=1), atol=1e-6)


def test_it_is_scikit_learns_linear_svm():
    svm, unseen = reference(FEATURES)
    found = probabilities()
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-svm.decision_function(unseen))), atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found[:, 1] > 0.5, svm.predict(unseen) == 1)
    np.testing.assert_array_equal(found.argmax(axis=1), svm.predict(unseen))


def test_near_the_boundary_the_svms_prediction_decides():
    # Decision values near 0, which the logistic function rounds to .5.
    features = np.array([[-1.0], [1.0], [0.0], [1e-300], [-1e-300], [1e-20], [-1e-20]])
    labels, rows = np.array([0, 1, 0, 0, 0, 0, 0]), np.arange(2, 7)
    svm, unseen = reference(features, [0, 1], rows, labels)
    found = probabilities(features, labels, train=[0, 1], predict=rows)
    assert 0 < np.count_nonzero(svm.predict(unseen)) < 5
    np.testing.assert_array_equal(found[:, 1] > 0.5, svm.predict(unseen) == 1)
    np.testing.assert_array_equal(found.argmax(axis=1), svm.predict(unseen))


def test_three_classes():
    labels = np.tile([0, 1, 2], 20)
    features = RNG.normal(size=(60, 4)) + np.eye(4)[labels] * 2
    found = probabilities(features, labels)
    assert found.shape == (20, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    svm = SVC(kernel="linear", break_ties=True).fit(features[TRAIN], labels[TRAIN])
    np.testing.assert_array_equal(found.argmax(axis=1), svm.predict(features[PREDICT]))


def test_a_class_without_training_images_gets_probability_0():
    labels = np.where(LABELS, 2, 0)
    found = probabilities(FEATURES, labels)
    assert found.shape == (20, 3)
    np.testing.assert_array_equal(found[:, 1], 0)
    np.testing.assert_array_equal(found[:, [0, 2]], probabilities())


def test_pca_and_selection_see_only_the_training_images():
    pca = PCA(5).fit(FEATURES[TRAIN].astype(np.float64))
    svm, unseen = reference(pca.transform(FEATURES.astype(np.float64)))
    np.testing.assert_allclose(
        probabilities(n_components=5)[:, 1], 1 / (1 + np.exp(-svm.decision_function(unseen))), atol=1e-3
    )
    selected = select_by_gain_ratio(FEATURES[TRAIN], LABELS[TRAIN], n_selected=3)
    np.testing.assert_array_equal(probabilities(n_selected=3), probabilities(FEATURES[:, selected]))
    np.testing.assert_array_equal(
        probabilities(n_selected=3, n_components=2), probabilities(FEATURES[:, selected], n_components=2)
    )
    # A predicted image and its label change nothing for the others.
    changed, other = FEATURES.copy(), LABELS.copy()
    changed[-1], other[40:] = 100, 1 - other[40:]
    for options in ({}, {"n_components": 5}, {"n_selected": 3}):
        np.testing.assert_array_equal(
            probabilities(changed, other, **options)[:-1], probabilities(**options)[:-1]
        )


def test_components_are_limited_to_images_and_features():
    few = {"train": np.arange(8), "predict": PREDICT}
    np.testing.assert_array_equal(
        probabilities(n_components=100, **few), probabilities(n_components=8, **few)
    )
    np.testing.assert_array_equal(probabilities(n_components=100), probabilities(n_components=20))
    np.testing.assert_array_equal(probabilities(n_selected=100, n_components=100).shape, (20, 2))
    # With all components, the PCA is a rotation and loses nothing.
    np.testing.assert_allclose(probabilities(n_components=20), probabilities(), atol=1e-2)


def test_many_features_give_the_same_twice():
    wide = RNG.normal(size=(60, 700)) + 0.3 * LABELS[:, None]
    found = probabilities(wide, n_components=10)
    np.testing.assert_array_equal(found, probabilities(wide, n_components=10))
    assert (found.argmax(axis=1) == LABELS[PREDICT]).mean() > 0.9


def test_no_images_to_predict_give_an_empty_array():
    assert probabilities(predict=[]).shape == (0, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": np.flatnonzero(LABELS == 1)}, r"have the classes \[1\]"),
        ({"train": []}, r"The 0 images.*classes \[\]"),
        ({"n_components": 0}, "n_components = 0"),
        ({"n_selected": 0}, "n_selected = 0"),
        ({"labels": LABELS[:-1]}, "59 labels"),
        ({"features": np.full((60, 2), np.nan)}, "aren't finite"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        probabilities(**options)


def test_each_image_is_predicted_without_its_fold():
    options = {"n_components": 4, "n_selected": 10}
    found = cross_validated_probabilities(FEATURES, LABELS, n_splits=5, seed=3, svm=Svm(**options))
    assert found.shape == (60, 2)
    for train, test in stratified_kfold(LABELS, n_splits=5, seed=3):
        np.testing.assert_array_equal(
            found[test], probabilities(train=train, predict=test, seed=3, **options)
        )


def test_folds_depend_on_ids_and_not_on_the_order():
    ids, order = np.array([f"{i:02}" for i in range(60)]), RNG.permutation(60)
    there = cross_validated_probabilities(FEATURES, LABELS, n_splits=4, seed=0, ids=ids)
    back = cross_validated_probabilities(FEATURES[order], LABELS[order], n_splits=4, seed=0, ids=ids[order])
    np.testing.assert_allclose(back, there[order], atol=5e-3)
    with pytest.raises(DataError, match="class 1 has 2"):
        cross_validated_probabilities(FEATURES[:6], [0, 0, 0, 0, 1, 1], n_splits=3, seed=0)


def clouds(n=40, *, gap=6.0):
    labels = np.tile([0, 1], n // 2)
    return np.random.default_rng(1).normal(size=(n, 10)) + gap * labels[:, None], labels


def test_two_clouds_are_separated_in_the_plane():
    features, labels = clouds()
    found = project(features, labels, seed=0)
    assert found.points.shape == (40, 2)
    assert found.points.dtype == np.float64
    np.testing.assert_array_equal(found.labels, labels)
    predicted = found.points @ found.coefficients + found.intercept > 0
    np.testing.assert_array_equal(predicted, labels == 1)
    assert found.accuracy == 1


def test_accuracy_is_that_of_the_line():
    features, _ = clouds()
    labels = np.tile([0, 0, 0, 1], 10)
    found = project(features, labels, seed=0)
    predicted = found.points @ found.coefficients + found.intercept > 0
    assert found.accuracy == pytest.approx((predicted == labels).mean())
    assert found.accuracy < 1


def test_projection_is_the_same_on_any_number_of_processors():
    features, labels = clouds(gap=1.0)
    alone = project(features, labels, seed=5).points
    with threadpool_limits(2):
        np.testing.assert_array_equal(project(features, labels, seed=5).points, alone)


@pytest.mark.parametrize("n", [4, 5, 8])
def test_few_images(n):
    features, labels = clouds(8)
    found = project(features[:n], labels[:n], seed=0)
    assert found.points.shape == (n, 2)
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.eye(3), [0, 1, 0], "There are 3 images of 2 classes"),
        (np.eye(5), [1] * 5, "5 images of 1 classes"),
        (np.eye(5)[:, :1], [0, 1, 0, 1, 0], "1 of 1 features vary"),
        (np.ones((5, 3)), [0, 1, 0, 1, 0], "0 of 3 features vary"),
        (np.eye(5), [0, 1, 2, 1, 0], "from 0 to 2"),
        (np.eye(5), [0, 1], "for 2 labels"),
    ],
)
def test_features_that_cannot_be_projected_are_refused(features, labels, message):
    with pytest.raises(ArgumentError, match=message):
        project(features, labels, seed=0)


@pytest.mark.parametrize("perplexity", [0, -3, float("nan")])
def test_perplexity_below_one_is_refused(perplexity):
    features, labels = clouds()
    with pytest.raises(ArgumentError, match="perplexity"):
        project(features, labels, seed=0, perplexity=perplexity)
