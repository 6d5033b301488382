"""What a saved network keeps of its training images: their colours, and short digests of their files."""

import base64
import hashlib
import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn.datasets import read_image
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.evaluation.controls import colour_features
from leukcnn.image_cache import prepare
from leukcnn.prediction import ColourStatistics, SavedNetwork, TrainingSet, apply_networks
from leukcnn.prediction.training_set import digest_of
from leukcnn.spec import Preprocessing
from tests.test_prediction_refused import (
    CLASSES,
    PREPROCESSING,
    RECORD,
    SIZE,
    network_of,
    refused,
    write_file,
)

N = 60
REAL = Path(os.environ.get("LEUKCNN_DATA", "nowhere"))


def smears(n, *, seed=0, colour=(200, 120, 180)):
    """Returns noisy images of about one colour, uint8 (N, SIZE, SIZE, 3)."""
    rng = np.random.default_rng(seed)
    centres = np.array(colour) + rng.normal(0, 12, (n, 1, 1, 3))
    return np.clip(centres + rng.normal(0, 20, (n, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


def written(folder, images):
    folder.mkdir()
    paths = [folder / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        cv2.imwrite(str(path), image[..., ::-1])
    return paths


def sha256_of(paths):
    return np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that keeps its training set, the files of that set, and the set's images."""
    images = smears(N)
    paths = written(tmp_path_factory.mktemp("train") / "cells", images)
    rows = np.arange(N)
    training = TrainingSet.of(images, sha256_of(paths), train=rows[:50], validation=rows[50:55])
    return SavedNetwork(network_of(), PREPROCESSING, CLASSES, {}, training), paths


def test_limit_by_hand_leaves_each_image_out():
    features = np.random.default_rng(3).normal(100, [1, 2, 3, 4, 5, 6], (40, 6))
    squares = []
    for i in range(40):
        others = np.delete(features, i, axis=0)
        away = features[i] - others.mean(axis=0)
        squares.append(away @ np.linalg.inv(np.cov(others.T) + 0.25 * np.eye(6)) @ away)
    found = ColourStatistics.of(features)
    assert found.limit == pytest.approx(math.sqrt(np.quantile(squares, 0.999)), rel=1e-6)
    away = features[7] + 9 - found.mean
    by_hand = math.sqrt(away @ np.linalg.inv(found.covariance + 0.25 * np.eye(6)) @ away) / found.limit
    assert found.relative_distances(features[7:8] + 9) == pytest.approx([by_hand])


def test_images_of_the_same_kind_are_like_the_training_and_others_are_not():
    statistics = ColourStatistics.of(colour_features(smears(400)))
    same = statistics.relative_distances(colour_features(smears(400, seed=1)))
    other = statistics.relative_distances(colour_features(smears(400, seed=1, colour=(120, 120, 220))))
    assert (same > 1).mean() < 0.01
    assert (other > 1).mean() > 0.99


def test_too_few_images_have_no_distribution_and_images_of_one_colour_have_one():
    assert ColourStatistics.of(np.ones((19, 6))) is None
    constant = ColourStatistics.of(np.full((20, 6), 100.0))
    # All training images are equal: the limit is rounding alone, and may not be 0.
    assert constant.limit > 0
    assert constant.relative_distances(np.full((1, 6), 100.0)) == [0]
    assert constant.relative_distances(np.full((1, 6), 130.0)) > 1


def test_a_network_knows_the_files_that_it_was_trained_and_validated_on(trained):
    network, paths = trained
    answers = apply_networks((network,), paths)
    assert answers.seen.tolist() == [1.0] * 55 + [0.0] * 5
    images = np.stack([prepare(read_image(path)[0], PREPROCESSING) for path in paths])
    distances = network.training_set.colour.relative_distances(colour_features(images))
    np.testing.assert_allclose(answers.unlikeness, distances)
    assert network.training_set.n_images == 50


def test_an_ensemble_says_no_only_if_each_network_can(trained):
    network, paths = trained
    old = SavedNetwork(network_of(), PREPROCESSING, CLASSES, {})
    answers = apply_networks((network, old), paths)
    assert answers.seen[:55].tolist() == [1.0] * 55
    assert np.isnan(answers.seen[55:]).all()
    assert not np.isnan(answers.unlikeness).any()
    alone = apply_networks((old,), paths)
    assert np.isnan(alone.seen).all() and np.isnan(alone.unlikeness).all()


def test_what_is_kept_comes_back_from_the_file_and_is_the_same_each_time(trained, tmp_path):
    network, _ = trained
    network.save(tmp_path / "a.keras")
    again = SavedNetwork.load(tmp_path / "a.keras").training_set
    assert again.to_plain() == network.training_set.to_plain()
    images = smears(N)
    sha256 = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images])
    order = np.random.default_rng(0).permutation(N)
    one = TrainingSet.of(images, sha256, train=np.arange(50), validation=np.array([], dtype=np.int64))
    other = TrainingSet.of(images, sha256, train=np.argsort(order)[:50], validation=np.array([], np.int64))
    assert one.to_plain() != other.to_plain()
    mixed = TrainingSet.of(images[order], sha256[order], train=np.argsort(order)[:50], validation=order[:0])
    assert mixed.to_plain() == one.to_plain()


def test_digest_is_the_first_eight_bytes():
    assert digest_of("0102030405060708" + "f" * 48) == 0x0102030405060708


def spoilt(**changes):
    training = TrainingSet.of(
        smears(N),
        np.array([hashlib.sha256(bytes([i])).hexdigest() for i in range(N)]),
        train=np.arange(N),
        validation=np.array([], dtype=np.int64),
    ).to_plain()
    return {**training, **changes}


COLOUR = spoilt()["colour"]


def encoded(*numbers):
    return base64.b64encode(np.array(numbers, dtype=">u8").tobytes()).decode()


@pytest.mark.parametrize(
    "value",
    [
        [1],
        "text",
        {},
        spoilt(more=1),
        spoilt(n_images=0),
        spoilt(n_images=-1),
        spoilt(n_images=True),
        spoilt(n_images=1.5),
        spoilt(n_images=10**30),
        spoilt(digests=None),
        spoilt(digests=""),
        spoilt(digests="????"),
        spoilt(digests="AAAA"),
        spoilt(digests="ä"),
        spoilt(digests=encoded(2, 1)),
        spoilt(digests=encoded(1, 1)),
        spoilt(colour=[]),
        spoilt(colour={"mean": COLOUR["mean"]}),
        spoilt(colour={**COLOUR, "mean": COLOUR["mean"][:5]}),
        spoilt(colour={**COLOUR, "mean": [*COLOUR["mean"][:5], math.nan]}),
        spoilt(colour={**COLOUR, "mean": [*COLOUR["mean"][:5], "1"]}),
        spoilt(colour={**COLOUR, "mean": [*COLOUR["mean"][:5], True]}),
        spoilt(colour={**COLOUR, "mean": [*COLOUR["mean"][:5], 10**400]}),
        spoilt(colour={**COLOUR, "mean": [*COLOUR["mean"][:5], -1]}),
        spoilt(colour={**COLOUR, "mean": 3}),
        spoilt(colour={**COLOUR, "covariance": COLOUR["covariance"][:5]}),
        spoilt(colour={**COLOUR, "covariance": [[-9.0] * 6] * 6}),
        spoilt(colour={**COLOUR, "covariance": np.diag([math.inf] * 6).tolist()}),
        spoilt(colour={**COLOUR, "covariance": np.triu(np.ones((6, 6))).tolist()}),
        spoilt(colour={**COLOUR, "covariance": {}}),
        spoilt(colour={**COLOUR, "limit": 0}),
        spoilt(colour={**COLOUR, "limit": math.nan}),
        spoilt(colour={**COLOUR, "limit": None}),
        spoilt(colour={**COLOUR, "limit": [1.0]}),
    ],
)
def test_a_stranger_s_training_set_is_refused_by_name(tmp_path, value):
    assert "its training" in refused(
        write_file(tmp_path / "a.keras", record={**RECORD, "training_set": value})
    )


def test_files_of_earlier_versions_and_sets_without_colours_are_read(tmp_path):
    assert SavedNetwork.load(write_file(tmp_path / "old.keras")).training_set is None
    few = spoilt(colour=None)
    path = write_file(tmp_path / "few.keras", record={**RECORD, "training_set": few})
    assert SavedNetwork.load(path).training_set.colour is None
    assert json.loads(json.dumps(few)) == SavedNetwork.load(path).training_set.to_plain()


def test_networks_with_other_classes_are_no_ensemble(trained):
    network, paths = trained
    other = SavedNetwork(network_of(), PREPROCESSING, ("healthy", "AML"), {})
    with pytest.raises(WeightsError, match="different classes: healthy, malignant, and healthy, AML"):
        apply_networks((network, other), paths[:1])
    with pytest.raises(ArgumentError, match="No network"):
        apply_networks((), paths[:1])
    with pytest.raises(ArgumentError, match="training_set is 3"):
        SavedNetwork(network_of(), PREPROCESSING, CLASSES, {}, 3)


@pytest.mark.skipif(
    not (REAL / "taleghani" / "Original").is_dir(), reason="LEUKCNN_DATA holds no images of Taleghani"
)
@pytest.mark.parametrize(("folder", "pattern"), [("pbc", "*.jpg"), ("segmentation_wbc", "Dataset 1/*.bmp")])
def test_real_images_of_another_laboratory_are_unlike_and_held_out_ones_are_not(folder, pattern):
    def features(paths):
        images = [prepare(read_image(path)[0], Preprocessing(resize=64)) for path in paths]
        return colour_features(np.stack(images))

    here = sorted((REAL / "taleghani" / "Original").rglob("*.jpg"))
    foreign = sorted((REAL / folder).rglob(pattern))[::10]
    statistics = ColourStatistics.of(features(here[::8]))
    assert (statistics.relative_distances(features(here[4::16])) > 1).mean() < 0.03
    assert (statistics.relative_distances(features(foreign)) > 1).mean() > 0.9
