"""A support vector machine on features of published networks and of trained ones."""

from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.distribution import find_devices
from leukcnn.errors import SpecError, WeightsError
from leukcnn.evaluation.feature_space import svm_probabilities
from leukcnn.features import kept_features
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Store
from leukcnn.spec import Augmentation, Features, Model, Preprocessing, Setup, Split, Training
from leukcnn.splits import SplitRows
from leukcnn.trials import TrialContext, feature_network, feature_trials, run_feature_trial
from leukcnn.trials.feature_trials import SVM
from tests import tiny
from tests.indices import index_of, sha256_of
from tests.stores import finish

pytestmark = pytest.mark.backend

NOBODY = np.empty(0, dtype=np.int64)
NETWORK = Model("tests.tiny.TwoPartNetwork", {"classes": 1})
SETUP = Setup(
    model=NETWORK,
    preprocessing=Preprocessing(resize=24),
    augmentation=Augmentation(),
    split=Split(kind="lodocv"),
    training=Training(epochs=1, batch_size=8, initial_learning_rate=1e-3, checkpoint="last"),
    features=Features(within_splits=2),
)


@pytest.fixture
def index(tmp_path) -> ImageIndex:
    """Forty images of two datasets; class 1 is red and class 0 blue, except one image in each dataset."""
    tiny.register()
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(40)]
    labels = np.arange(40) % 2
    for i, path in enumerate(paths):
        image = rng.integers(0, 90, (30, 30, 3), dtype=np.uint8)
        image[..., 2 if labels[i] else 0] += 150
        cv2.imwrite(str(path), image)
    dataset = np.repeat(["allidb2", "ufg"], [24, 16])
    return index_of(
        labels,
        class_names=("non-pathological", "pathological"),
        dataset=dataset,
        paths=paths,
        ids=np.array([f"{name}/{path.name}" for name, path in zip(dataset, paths, strict=True)]),
        sha256=sha256_of(paths),
    )


@pytest.fixture
def split_rows() -> SplitRows:
    return SplitRows(train=np.arange(24), validation=NOBODY, predicted={"test": np.arange(24, 40)})


def run(index, split_rows, folder, setup=SETUP, *, source=None, seed=0, progress=None):
    trial = Store(folder / "out", "leuknet_lodocv").trial({"row": "features", "seed": seed, "s": str(setup)})
    context = TrialContext(index, find_devices(), progress or tiny.Progress(), cache=folder / "cache")
    run_feature_trial(trial, setup, split_rows, context, seed=seed, source=source)
    return trial


def test_the_tested_dataset_is_predicted_from_the_others_and_within_itself(index, split_rows, tmp_path):
    trial = run(index, split_rows, tmp_path)
    predictions = trial.predictions()
    assert predictions.subset.tolist() == ["test"] * 16 + ["within"] * 16
    assert set(predictions.checkpoint) == {SVM} == {trial.result["checkpoint"]}
    for subset in ("test", "within"):
        of_subset = predictions.select(predictions.subset == subset)
        assert sorted(of_subset.image) == sorted(index.ids[24:])
        # Red and blue can be distinguished with any weights of the network.
        assert of_subset.predicted.tolist() == of_subset.label.tolist()
    assert set(trial.result["files"]) == {
        "trial.json",
        "predictions.csv",
        "features.npz",
        "environment.json",
    }
    assert trial.faults() == []


def test_a_dataset_too_small_for_folds_within_it_is_left_out_with_a_message(index, split_rows, tmp_path):
    progress = tiny.Progress()
    few = SplitRows(train=split_rows.train, validation=NOBODY, predicted={"test": np.array([24, 25, 26, 28])})
    trial = run(index, few, tmp_path, progress=progress)
    assert set(trial.predictions().subset) == {"test"}
    assert any("ufg is too small for 2 folds" in message for message in progress.messages)
    assert len(trial.features()["image"]) == 4


def test_the_features_kept_are_those_of_the_penultimate_layer(index, split_rows, tmp_path):
    stored = run(index, split_rows, tmp_path).features()
    assert stored["image"].tolist() == index.ids[24:].tolist()
    assert stored["label"].tolist() == index.labels[24:].tolist()
    network = feature_network(NETWORK, SETUP, seed=0, devices=find_devices())
    image = cv2.imread(str(index.paths[30]))[..., ::-1]
    inputs = cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA)[None].astype(np.float32) / 255
    dense = keras.Model(network.input, network.get_layer("dense").output)
    np.testing.assert_allclose(stored["features"][6], dense.predict(inputs, verbose=0)[0], atol=1e-4)


def test_features_of_several_networks_are_concatenated(index, split_rows, tmp_path):
    extra = (Model("tests.tiny.TwoPartNetwork", {"classes": 1, "input_shape": (32, 32, 3)}),)
    alone = run(index, split_rows, tmp_path).features()["features"]
    both = run(
        index, split_rows, tmp_path, replace(SETUP, features=Features(extra_models=extra, within_splits=2))
    )
    assert both.result["features"] == 2 * alone.shape[1]
    np.testing.assert_array_equal(both.features()["features"][:, : alone.shape[1]], alone)


def test_features_of_published_networks_are_computed_once_for_all_folds(index, split_rows, tmp_path):
    progress = tiny.Progress()
    turned = SplitRows(
        train=split_rows.predicted["test"], validation=NOBODY, predicted={"test": split_rows.train}
    )
    run(index, split_rows, tmp_path, progress=progress)
    fewer = replace(SETUP, features=Features(within_splits=2, n_selected=3))
    trial = run(index, turned, tmp_path, fewer, progress=progress)
    assert sum(f"Computing {NETWORK.name}'s features" in message for message in progress.messages) == 1
    assert "features.npz" in trial.result["files"]


def test_features_of_a_trained_network_come_from_its_file(index, split_rows, tmp_path):
    source = Store(tmp_path / "out", "leuknet_lodocv").trial({"row": "trained"})
    trained = feature_network(NETWORK, SETUP, seed=7, devices=find_devices())
    SavedNetwork(trained, SETUP.preprocessing, index.class_names, {}).save(source.path / "model.keras")
    finish(source)
    base = keras.Model(trained.input, trained.get_layer("dense").output)
    images = [cv2.imread(str(path))[..., ::-1] for path in index.paths[24:]]
    inputs = np.stack([cv2.resize(p, (24, 24), interpolation=cv2.INTER_AREA) for p in images])
    expected = base.predict(inputs.astype(np.float32) / 255, verbose=0)
    stored = run(index, split_rows, tmp_path, source=source).features()["features"]
    np.testing.assert_allclose(stored, expected, atol=1e-4)


AUGMENTED = replace(
    SETUP,
    augmentation=Augmentation({"horizontal_flip": True, "rotation_range": 40}, variants_per_image=3),
    features=Features(within_splits=2, augmented=True),
)


@pytest.fixture
def fitted(monkeypatch):
    """Returns the features and labels that the SVM of a trial gets."""
    seen = []

    def remember(features, labels, *, train, predict, **options):
        seen.append((features, labels, train, predict))
        return svm_probabilities(features, labels, train=train, predict=predict, **options)

    monkeypatch.setattr(feature_trials, "svm_probabilities", remember)
    return seen


@pytest.mark.parametrize("trained", [False, True], ids=["published", "trained"])
def test_augmented_images_replace_the_training_images_alone(index, split_rows, tmp_path, fitted, trained):
    plain = replace(AUGMENTED, features=replace(AUGMENTED.features, augmented=False))
    source = None
    if trained:
        source = Store(tmp_path / "out", "leuknet_lodocv").trial({"row": "network"})
        network = feature_network(NETWORK, SETUP, seed=3, devices=find_devices())
        SavedNetwork(network, SETUP.preprocessing, index.class_names, {}).save(source.path / "model.keras")
        finish(source)
    for setup in (plain, AUGMENTED):
        trial = run(index, split_rows, tmp_path, setup, source=source)
    assert trial.result["images"] == {"train": 72}
    (before, *_), (features, labels, train, predict) = fitted
    assert (len(train), len(predict), len(features)) == (72, 16, 88)
    assert labels.tolist() == [*np.repeat(index.labels[:24], 3), *index.labels[24:]]
    # The tested images are the same; the variants of an image differ from it and from each other.
    np.testing.assert_allclose(features[72:], before[24:], atol=1e-5)
    variants = features[:72].reshape(24, 3, -1)
    assert (np.abs(variants - before[:24, None]).max(axis=-1) > 1e-6).all()
    assert (np.abs(variants[:, 0] - variants[:, 1]).max(axis=-1) > 1e-6).all()


def test_augmented_features_without_augmented_images_are_refused():
    with pytest.raises(SpecError, match="without augmented images"):
        replace(SETUP, features=Features(augmented=True))


def test_features_that_are_not_finite_are_refused_with_the_image(index, split_rows, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        features = kept_features(*arguments, **options).copy()
        features[30, 0, 2] = np.nan
        return features

    monkeypatch.setattr(feature_trials, "kept_features", broken)
    with pytest.raises(WeightsError, match=rf"1 of 40 images .* aren't finite, such as {index.ids[30]}"):
        run(index, split_rows, tmp_path)


def test_a_finished_trial_is_not_run_again_and_another_seed_is_another_trial(index, split_rows, tmp_path):
    trial = run(index, split_rows, tmp_path)
    before = (trial.path / "done.json").read_bytes()
    run(replace(index, labels=1 - index.labels), split_rows, tmp_path)
    assert (trial.path / "done.json").read_bytes() == before
    other = run(index, split_rows, tmp_path, seed=1).features()["features"]
    assert not np.array_equal(other, trial.features()["features"])
