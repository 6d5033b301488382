import csv
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from leukcnn import paths, prediction
from leukcnn.datasets import read_image
from leukcnn.errors import DataError, WeightsError
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.prediction import NOTICE, SavedNetwork, write_classes
from leukcnn.spec import Preprocessing

IMAGE_SIZE = 8
PREPROCESSING = Preprocessing(crop=12, resize=IMAGE_SIZE, scale=1 / 255, subtract_channel_mean=True)
CLASSES = ("healthy", "malignant")


def tiny_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(300, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    network.compile("adam", "categorical_crossentropy", jit_compile=False)
    return network


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trained network and its file."""
    network = tiny_network()
    inputs = np.random.default_rng(0).random((6, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.float32)
    network.train_on_batch(inputs, np.eye(2, dtype=np.float32)[[0, 1] * 3])
    path = tmp_path_factory.mktemp("trial") / "model.keras"
    origin = {"paper": "cnmc2019", "row": "vgg16", "seed": 3}
    SavedNetwork(network, PREPROCESSING, CLASSES, origin).save(path)
    return network, path


@pytest.mark.parametrize(
    "stranger",
    [
        {"training": []},
        {"training": {"classes": 3, "groups": "many"}, "test": {"accuracy": "good"}, "fold": "x"},
        {
            "training": {"classes": {"\x1b[2J": 1, "a": -5, "b": 10**30}},
            "test": {"accuracy": 0.5, "images": "x"},
        },
        {"row": "\x1b[2J", "training": {}},
    ],
)
def test_what_a_stranger_says_of_a_network_is_shown_only_if_it_can_be_true(saved, stranger):
    network, _ = saved
    known = {"paper": "cnmc2019", "row": "vgg16", "split": "cell"}
    said = SavedNetwork(network, PREPROCESSING, CLASSES, known | stranger).trained_on
    assert said.isprintable() and "[2J" not in said
    assert not said or said.startswith(
        "vgg16 of cnmc2019: trained on unknown images (unknown images) in a fold"
    )


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{i}.png" for i in range(35)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (14, 16, 3), dtype=np.uint8))
    return paths


@pytest.mark.backend
def test_saved_network_is_loaded_completely(saved):
    network, path = saved
    loaded = SavedNetwork.load(path)
    assert loaded.preprocessing == PREPROCESSING
    assert loaded.class_names == CLASSES
    assert loaded.origin == {"paper": "cnmc2019", "row": "vgg16", "seed": 3}
    for one, other in zip(loaded.network.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_keras_itself_reads_the_file(saved):
    network, path = saved
    inputs = np.random.default_rng(2).random((4, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.float32)
    loaded = keras.models.load_model(path)
    expected = network.predict(inputs, verbose=0)
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), expected, atol=1e-6)


def test_file_holds_no_optimizer(saved, tmp_path):
    network, path = saved
    network.save(tmp_path / "whole.keras")
    # Adam keeps two numbers in addition to each weight.
    assert path.stat().st_size < 0.5 * (tmp_path / "whole.keras").stat().st_size
    assert network.optimizer is not None
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.keras"]


def test_file_says_that_it_is_not_for_diagnosis(saved):
    with zipfile.ZipFile(saved[1]) as archive:
        assert json.loads(archive.read("leukcnn.json"))["notice"] == NOTICE
    assert "not for diagnosis" in NOTICE


@pytest.mark.backend
def test_prediction_is_the_network_s_on_prepared_images(saved, images):
    network, path = saved
    probabilities = SavedNetwork.load(path).predict(images)
    inputs = []
    for image in images:
        cropped = read_image(image)[0][1:13, 2:14]
        scaled = (
            cv2.resize(cropped, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA).astype(np.float64)
            / 255
        )
        inputs.append(scaled - scaled.mean(axis=(0, 1)))
    expected = network.predict(np.array(inputs, dtype=np.float32), verbose=0)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert len(np.unique(probabilities[:, 0])) == len(images)


def test_prediction_notes_conversions_and_refuses_small_images_by_name(saved, images):
    loaded, notes = SavedNetwork.load(saved[1]), []
    cv2.imwrite(str(images[1]), np.full((14, 14), 9, dtype=np.uint8))
    loaded.predict(images[:3], on_note=notes.append)
    assert notes == [f"{images[1]}: grey repeated in three channels"]
    cv2.imwrite(str(images[2]), np.zeros((11, 14, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"2\.png: The image has 11x14 pixels"):
        loaded.predict(images[:3])


def test_all_images_that_only_decoding_finds_damaged_are_named_in_one_message(saved, images):
    for number in (1, 34):
        content = cv2.imencode(".jpg", np.full((64, 64, 3), 7, np.uint8))[1].tobytes()
        scan = content.index(b"\xff\xda") + 14
        images[number].write_bytes(content[:scan] + content[scan + 2 :])
    paths.find_images(images)  # their headers are right
    with pytest.raises(DataError, match="2 of 35 images") as caught:
        SavedNetwork.load(saved[1]).predict(images)
    assert caught.value.found.count(str(images[1])) == caught.value.found.count(str(images[34])) == 1


def test_prediction_notes_where_thresholding_leaves_nothing(saved, images):
    network, _ = saved
    thresholded = replace(PREPROCESSING, threshold="darkest")
    cv2.imwrite(str(images[1]), np.full((14, 16, 3), 255, dtype=np.uint8))
    notes = []
    SavedNetwork(network, thresholded, CLASSES, {}).predict(images[:3], on_note=notes.append)
    assert notes == [f"{images[1]}: thresholding leaves no cell, so the network sees a black image"]
    # Without a threshold a white image is accepted.
    SavedNetwork(network, PREPROCESSING, CLASSES, {}).predict(images[:3], on_note=notes.append)
    assert len(notes) == 1


@pytest.mark.backend
def test_a_fresh_process_knows_the_layers_that_keras_lacks(images, tmp_path):
    network = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3)),
            MeanSubtraction([0.1, 0.2, 0.3]),
            keras.layers.Conv2D(4, 3),
            LocalResponseNormalization(3),
            GroupedConv2D(6, 3, groups=2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    SavedNetwork(network, PREPROCESSING, CLASSES, {}).save(str(tmp_path / "model.keras"))
    expected = SavedNetwork(network, PREPROCESSING, CLASSES, {}).predict(images[:1])
    out = tmp_path / "out.csv"
    command = [
        sys.executable,
        "-m",
        "leukcnn",
        "predict",
        tmp_path / "model.keras",
        images[0],
        "--out",
        out,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(out.read_text().splitlines())
    assert [float(row[f"p_{name}"]) for name in CLASSES] == pytest.approx(expected[0], abs=1e-5)


def rewritten(path, copy, change):
    """A copy of the file whose leukcnn.json has been changed."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "leukcnn.json":
                content = json.dumps(change(json.loads(content))).encode()
            target.writestr(name, content)
    return copy


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, copy: copy.write_text("a text"),
        lambda path, copy: copy.write_bytes(b""),
        lambda path, copy: copy.write_bytes(path.read_bytes()[:3000]),
        lambda path, copy: tiny_network().save(copy),
        lambda path, copy: rewritten(path, copy, lambda record: {}),
        lambda path, copy: rewritten(path, copy, lambda record: [1]),
        lambda path, copy: rewritten(path, copy, lambda record: record | {"preprocessing": {"crop": 0}}),
        lambda path, copy: rewritten(path, copy, lambda record: record | {"preprocessing": {"zoom": 2}}),
    ],
    ids=["text", "empty", "truncated", "plain keras", "no record", "list", "bad value", "unknown field"],
)
def test_file_that_leukcnn_did_not_save_is_refused(saved, tmp_path, spoil):
    copy = tmp_path / "copy.keras"
    spoil(saved[1], copy)
    with pytest.raises(WeightsError, match=r"copy\.keras is not a network that leukcnn saved") as caught:
        SavedNetwork.load(copy)
    assert "finished trial" in caught.value.expected


@pytest.mark.parametrize("name", ["nothing.keras", "."])
def test_missing_file_is_refused(tmp_path, name):
    with pytest.raises(WeightsError, match="There is no file"):
        SavedNetwork.load(tmp_path / name)


def test_images_are_found_by_the_public_name():
    assert prediction.find_images is paths.find_images
    assert {"SavedNetwork", "find_images"} <= set(prediction.__all__)


def test_classes_as_csv_by_hand(tmp_path):
    probabilities = np.array([[0.25, 0.75], [1.0, 1 / 3e9]])
    write_classes(tmp_path / "out.csv", ["a.bmp", 'b,"c".bmp'], probabilities, CLASSES)
    assert (tmp_path / "out.csv").read_text() == (
        "image,class,p_healthy,p_malignant\n"
        "a.bmp,malignant,0.25,0.75\n"
        '"b,""c"".bmp",healthy,1,3.33333333e-10\n'
    )
