"""Networks and tables that are refused: damaged, hostile, not finite, or of another kind."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner

from leukcnn.cli import main
from leukcnn.errors import ArgumentError, StoreError, WeightsError
from leukcnn.fields import to_plain
from leukcnn.paths import check_predictions_file
from leukcnn.pipeline import check_probabilities
from leukcnn.prediction import SavedNetwork, write_classes
from leukcnn.spec import Preprocessing

SIZE = 8
PREPROCESSING = Preprocessing(resize=SIZE)
CLASSES = ("healthy", "malignant")
RECORD = {"preprocessing": to_plain(PREPROCESSING), "class_names": list(CLASSES), "origin": {}, "notice": ""}


def network_of(*last, size=SIZE, channels=3, units=2, activation="softmax"):
    """Returns a small network, built with the same weights each time."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((size, size, channels)),
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
    ]
    layers += [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation), *last]
    return keras.Sequential(layers)


def write_file(path, network=None, record=RECORD, **others):
    """Writes a file as leukcnn does, without its checks; `others` replace members."""
    made = io.BytesIO()
    keras.saving.save_model(network or network_of(), made, zipped=False)
    with zipfile.ZipFile(made) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["leukcnn.json"] = record if isinstance(record, bytes) else json.dumps(record).encode()
    members |= {name: content for name, content in others.items() if content is not None}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "cell.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return path


def refused(path):
    """Returns the message with which a file is refused, after checking its form."""
    with pytest.raises(WeightsError, match="is not a network that leukcnn saved") as caught:
        SavedNetwork.load(path)
    message = str(caught.value)
    assert path.name in message and "finished trial" in message
    assert "safe_mode" not in message and "unsafe_deserialization" not in message
    assert max(map(len, message.split("\n"))) < 700
    return message


def test_a_file_of_these_parts_is_accepted(tmp_path, image):
    """Otherwise the tests below could pass for another reason."""
    assert SavedNetwork.load(write_file(tmp_path / "a.keras")).predict([image]).shape == (1, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layer", ["conv2d", "batch_normalization"])
def test_weights_that_are_not_finite_are_refused(tmp_path, value, layer):
    network = network_of()
    weights = network.get_weights()
    # The first kernel, and the last weight of the batch normalization, its moving variance.
    weights[0 if layer == "conv2d" else 5].flat[1] = value
    network.set_weights(weights)
    with pytest.raises(
        WeightsError, match=r"(?s)1 of its 8 weights have NaN or infinite values, first .*learning"
    ):
        SavedNetwork(network, PREPROCESSING, CLASSES, {})
    assert "NaN or infinite" in refused(write_file(tmp_path / "a.keras", network))


def overflowing():
    """Returns a network with finite weights whose outputs are NaN."""
    network = network_of()
    network.set_weights([np.full_like(w, 3e38) if w.ndim > 1 else w for w in network.get_weights()])
    return network


def test_predictions_that_are_not_finite_are_refused_with_the_image(tmp_path, image):
    path = write_file(tmp_path / "a.keras", overflowing())
    with pytest.raises(WeightsError, match=r"1 of 1 images: values that are NaN or infinite, .*cell\.png"):
        SavedNetwork.load(path).predict([image])
    out = tmp_path / "p.csv"
    done = CliRunner().invoke(main, ["predict", str(path), str(image), "--out", str(out)])
    assert done.exit_code == 1
    assert "NaN or infinite" in done.output and "cell.png" in done.output
    assert not out.exists()


def test_outputs_without_a_softmax_are_no_probabilities(image):
    network = network_of(activation=None)
    network.set_weights([10 * weight for weight in network.get_weights()])
    with pytest.raises(WeightsError, match=r"values outside 0\.\.1"):
        SavedNetwork(network, PREPROCESSING, CLASSES, {}).predict([image])


def test_independent_sigmoids_need_not_add_up_to_1(image):
    network = network_of(activation="sigmoid", units=3)
    found = SavedNetwork(network, PREPROCESSING, ("a", "b", "c"), {}).predict([image])
    assert abs(found.sum() - 1) > 0.01


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([np.nan, 0.5], "NaN or infinite"),
        ([np.inf, -np.inf], "NaN or infinite"),
        ([1.2, -0.2], r"outside 0\.\.1"),
        ([0.2, 0.2], "don't add up to 1"),
        ([0.9, 0.9], "don't add up to 1"),
    ],
)
def test_values_that_are_no_probabilities_by_hand(row, said):
    values = np.array([[0.25, 0.75], row, row])
    with pytest.raises(WeightsError, match=rf"The SVM gives no .* 2 of 3 images: .*{said}, first for b"):
        check_probabilities(values, ["a", "b", "c"], of="The SVM", add_up=True)


def test_rounding_errors_are_no_fault():
    values = np.array([[0.3333, 0.6665], [1.000001, 0.0], [0.0, 1.0]])
    check_probabilities(values, ["a", "b", "c"], of="It", add_up=True)


@pytest.mark.parametrize(
    "names",
    [
        *([], ["a"], ["a", "b", "c"], [f"class {i}" for i in range(10_000)]),
        *(["a", "a"], ["", "b"], [" ", "b"], [1, 2], [None, "b"], [["a"], "b"], [True, "b"]),
        *(["a\n", "b"], ["\x1b[31m", "b"], ["a" * 256, "b"]),
        *("ab", {"a": 0, "b": 1}, None, 2),
    ],
    ids=lambda names: repr(names)[:20],
)
def test_class_names_are_one_distinct_word_for_each_output(tmp_path, names):
    refused(write_file(tmp_path / "a.keras", record=RECORD | {"class_names": names}))
    if isinstance(names, list):
        with pytest.raises(WeightsError, match="The network can't be used"):
            SavedNetwork(network_of(), PREPROCESSING, tuple(names), {})


def test_a_network_with_one_output_has_two_classes(image):
    network = network_of(units=1, activation="sigmoid")
    assert SavedNetwork(network, PREPROCESSING, CLASSES, {}).predict([image]).sum() == pytest.approx(1)
    with pytest.raises(WeightsError, match="distinguishes 2 classes, but 1 are named"):
        SavedNetwork(network, PREPROCESSING, ("malignant",), {})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: network_of(size=9), "input has 9x9 pixels, but its preprocessing gives 8"),
        (lambda: network_of(channels=1), r"instead of \(None, 8, 8, 3\)"),
        (lambda: network_of(keras.layers.Reshape((2, 1))), r"output has the shape \(None, 2, 1\)"),
        (
            lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
            r"input has the shape \(None, 4\)",
        ),
        (lambda: keras.layers.Dense(2), "it is a Dense and no keras.Model"),
        (
            lambda: keras.Model(inputs := [keras.Input((8, 8, 3)) for _ in "ab"], keras.layers.Add()(inputs)),
            "input has the shape",
        ),
    ],
    ids=["size", "grey", "output", "vectors", "layer", "two inputs"],
)
def test_a_network_fits_its_preprocessing_and_gives_one_row_per_image(make, said):
    with pytest.raises(WeightsError, match=said):
        SavedNetwork(make(), PREPROCESSING, CLASSES, {})


def test_a_network_for_images_of_any_size_is_accepted(image):
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(inputs))
    network = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
    assert SavedNetwork(network, PREPROCESSING, CLASSES, {}).predict([image]).shape == (1, 2)


@pytest.mark.parametrize(
    "change",
    [
        *({"crop": "12"}, {"crop": -1}, {"crop": 8.5}, {"resize": None}, {"resize": 10**9}, {"resize": True}),
        *({"resize": [8, 8]}, {"scale": "1"}, {"scale": 0}, {"scale": None}, {"scale": float("nan")}),
        *({"scale": float("inf")}, {"scale": 10**400}, {"mask": "cell"}, {"mask": None}, {"threshold": "x"}),
        *(
            {"squeeze": 1},
            {"squeeze": True, "crop": 8},
            {"enlarging": "area"},
            {"shrinking": None},
            {"zoom": 2},
        ),
    ],
    ids=repr,
)
def test_odd_preprocessing_is_refused(tmp_path, change):
    steps = RECORD["preprocessing"] | change
    refused(write_file(tmp_path / "a.keras", record=RECORD | {"preprocessing": steps}))


def test_files_from_before_there_were_regions_show_whole_images(tmp_path):
    steps = {key: value for key, value in RECORD["preprocessing"].items() if key != "region"}
    file = write_file(tmp_path / "a.keras", record=RECORD | {"preprocessing": steps})
    assert SavedNetwork.load(file).preprocessing.region == "image"


@pytest.mark.parametrize("name", [key for key in RECORD["preprocessing"] if key != "region"])
def test_preprocessing_that_is_not_complete_is_refused(tmp_path, name):
    """A default could differ from what the network was trained with."""
    steps = {key: value for key, value in RECORD["preprocessing"].items() if key != name}
    message = refused(write_file(tmp_path / "a.keras", record=RECORD | {"preprocessing": steps}))
    assert f"lacks {name}" in message


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"1e999",
        b"[" * 100_000,
        b'{"preprocessing": 1}',
        b'"' + b"a" * 100,
    ],
    ids=lambda record: repr(record)[:12],
)
def test_a_record_that_is_no_record_is_refused(tmp_path, record):
    refused(write_file(tmp_path / "a.keras", record=record))


class Unknown(keras.layers.Layer):
    """A layer that isn't registered."""

    def call(self, inputs):
        return inputs


def config_with(change):
    """Returns the configuration of a network after a change of its dense layer."""
    config = json.loads(network_of().to_json())
    change(config["config"]["layers"][-1])
    return json.dumps(config).encode()


def marked(marker):
    """Returns a function that would leave a trace."""
    return lambda x: (Path(marker).write_text("ran"), x)[1]


def lambda_layer(folder):
    inputs = keras.Input((SIZE, SIZE, 3))
    trace = keras.layers.Lambda(marked(str(folder / "ran")), output_shape=(SIZE, SIZE, 3))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(trace(inputs)))
    path = write_file(folder / "a.keras", keras.Model(inputs, outputs))
    (folder / "ran").unlink(missing_ok=True)  # building a layer may run it
    return path


def from_config(change):
    return lambda folder: write_file(folder / "a.keras", **{"config.json": config_with(change)})


def set_activation(value):
    return from_config(lambda layer: layer["config"].update(activation=value))


def function_of(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


CODE = {
    "lambda layer": lambda_layer,
    "lambda": set_activation({"class_name": "__lambda__", "config": {"value": ["4wA=", None, None]}}),
    "os.system": set_activation(function_of("os", "system")),
    "builtins.exec": set_activation(function_of("builtins", "exec")),
    "get_file": set_activation(function_of("keras.utils", "get_file")),
    "subprocess": from_config(
        lambda layer: layer.update(module="subprocess", class_name="Popen", config={"args": ["true"]})
    ),
    "saved model": from_config(
        lambda layer: layer.update(module="keras.layers", class_name="TFSMLayer", config={"filepath": "x"})
    ),
    "torch": from_config(
        lambda layer: layer.update(
            module="keras.layers", class_name="TorchModuleWrapper", config={"module": "gAJLAS4="}
        )
    ),
    "unknown layer": lambda folder: write_file(folder / "a.keras", network_of(Unknown())),
    "no layer": from_config(lambda layer: layer.update(class_name="Nothing")),
    "list": lambda folder: write_file(folder / "a.keras", **{"config.json": b"[]"}),
    "deep": lambda folder: write_file(folder / "a.keras", **{"config.json": b"[" * 100_000}),
    "long": from_config(lambda layer: layer.update(class_name="x" * 100_000)),
    "dense alone": lambda folder: write_file(
        folder / "a.keras",
        **{"config.json": json.dumps(keras.saving.serialize_keras_object(keras.layers.Dense(2))).encode()},
    ),
}


@pytest.mark.parametrize("kind", CODE)
def test_code_and_unknown_layers_are_refused_and_nothing_is_run(tmp_path, kind):
    path = CODE[kind](tmp_path)
    message = refused(path)
    assert not (tmp_path / "ran").exists()
    if kind in ("lambda layer", "lambda", "saved model"):
        assert "code from a file is never run" in message
    done = CliRunner().invoke(main, ["predict", str(path), str(path.with_name("cell.png"))])
    assert done.exit_code == 1
    assert "safe_mode" not in done.output


def test_saving_a_network_with_code_does_not_advise_to_run_it(tmp_path):
    network = keras.Sequential(
        [*network_of().layers[:-1], keras.layers.Lambda(lambda x: x), network_of().layers[-1]]
    )
    network.build((None, SIZE, SIZE, 3))
    with pytest.raises(WeightsError, match=r"can't be saved.*code") as caught:
        SavedNetwork(network, PREPROCESSING, CLASSES, {}).save(tmp_path / "a.keras")
    assert "safe_mode" not in str(caught.value)


@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5", "leukcnn.json"])
def test_a_missing_damaged_or_second_member_is_refused(tmp_path, name):
    whole = write_file(tmp_path / "whole.keras")
    with zipfile.ZipFile(whole) as archive:
        members = {info.filename: (info, archive.read(info)) for info in archive.infolist()}
    with zipfile.ZipFile(tmp_path / "less.keras", "w") as archive:
        for info, content in members.values():
            if info.filename != name:
                archive.writestr(info.filename, content)
    assert f"has no {name}" in refused(tmp_path / "less.keras")

    content = bytearray(whole.read_bytes())
    place = content.index(members[name][1])
    content[place + len(members[name][1]) // 2] ^= 1
    (tmp_path / "flipped.keras").write_bytes(content)
    assert f"Bad CRC-32 for file {name!r}" in refused(tmp_path / "flipped.keras")

    (tmp_path / "twice.keras").write_bytes(whole.read_bytes())
    with (
        zipfile.ZipFile(tmp_path / "twice.keras", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr(name, members[name][1])
    assert f"it holds {name} 2 times" in refused(tmp_path / "twice.keras")

    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        for info, kept in members.values():
            archive.writestr(info.filename, b"" if info.filename == name else kept)
    refused_or_same = name == "metadata.json"  # which only says which Keras wrote the file
    if not refused_or_same:
        refused(tmp_path / "empty.keras")


def test_a_member_that_is_encrypted_is_refused(tmp_path):
    path = write_file(tmp_path / "a.keras")
    content = bytearray(path.read_bytes())
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        content[start + 8] |= 1
        start += 4
    path.write_bytes(content)
    assert "is encrypted" in refused(path)


def test_a_file_cut_at_any_place_is_refused(tmp_path):
    whole = write_file(tmp_path / "a.keras").read_bytes()
    for n in range(20):
        (tmp_path / "cut.keras").write_bytes(whole[: len(whole) * n // 20])
        refused(tmp_path / "cut.keras")


TABLE = "image,class,p_healthy,p_malignant\nold.png,healthy,1,0\n"


@pytest.mark.parametrize("link", ["same", "dotted", "symbolic", "hard"])
@pytest.mark.parametrize("name", ["cell.png", "a.keras"])
def test_an_input_is_never_overwritten(tmp_path, image, name, link):
    model = write_file(tmp_path / "a.keras")
    before = (tmp_path / name).read_bytes()
    out = {"same": tmp_path / name, "dotted": tmp_path / "x" / ".." / name}.get(link, tmp_path / "link.csv")
    (tmp_path / "x").mkdir()
    if link == "symbolic":
        out.symlink_to(tmp_path / name)
    elif link == "hard":
        out.hardlink_to(tmp_path / name)
    done = CliRunner().invoke(main, ["predict", str(model), str(image), "--out", str(out)])
    assert done.exit_code == 1
    assert f"is the input {tmp_path / name}" in done.output
    assert (tmp_path / name).read_bytes() == before
    assert out.exists()
    with pytest.raises(StoreError, match="is the input"):
        write_classes(out, [tmp_path / name], np.array([[0.5, 0.5]]), CLASSES)


def test_other_files_are_never_overwritten(tmp_path, image):
    (tmp_path / "notes.csv").write_text("image,label\na,b\n")
    (tmp_path / "thesis.txt").write_text("image,class,pages")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = sorted((p.name, p.lstat()) for p in tmp_path.iterdir())
    for name in ("notes.csv", "thesis.txt", "binary", "broken", "pipe", "folder", "cell.png/new.csv"):
        with pytest.raises(StoreError):
            check_predictions_file(tmp_path / name, [])
        with pytest.raises(StoreError):
            write_classes(tmp_path / name, [image], np.array([[0.5, 0.5]]), CLASSES)
    for device in ("/dev/null", "/dev/stdout"):
        with pytest.raises(StoreError):
            check_predictions_file(Path(device), [])
    assert [name for name, _ in before] == sorted(p.name for p in tmp_path.iterdir())
    assert (tmp_path / "notes.csv").read_text() == "image,label\na,b\n"


@pytest.mark.parametrize("content", [None, "", TABLE, 'image,class,"p_a,b",p_c\n'])
def test_a_new_file_an_empty_one_and_an_earlier_table_are_written(tmp_path, content):
    out = tmp_path / "new" / "p.csv"
    if content is not None:
        out.parent.mkdir()
        out.write_text(content)
    write_classes(out, ["a.png"], np.array([[0.25, 0.75]]), CLASSES)
    assert out.read_text() == "image,class,p_healthy,p_malignant\na.png,malignant,0.25,0.75\n"
    write_classes(out, ["a.png"], np.array([[0.25, 0.75]]), CLASSES)


SAVE = """
import keras
from keras.src.saving import saving_lib
{patch}
from tests.test_prediction_refused import CLASSES, PREPROCESSING, network_of
from leukcnn.errors import StoreError
from leukcnn.prediction import SavedNetwork
saved = SavedNetwork(network_of(units=2), PREPROCESSING, CLASSES, {{}})
big = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3000),
                        keras.layers.Dense(2, activation="softmax")])
place = {place}
saved.save(place / "model.keras")
{limit}
try:
    SavedNetwork(big, PREPROCESSING, CLASSES, {{}}).save(place / "model.keras")
except StoreError as error:
    print(error.found)
print(sorted(path.name for path in place.iterdir()))
print(SavedNetwork.load(place / "model.keras").network.count_params() == saved.network.count_params())
"""
# Keras keeps an HDF5 file open on the disk if it thinks that the memory doesn't suffice.
NO_MEMORY = "saving_lib.is_memory_sufficient = lambda model: False"


@pytest.mark.parametrize("patch", ["", NO_MEMORY], ids=["memory", "no memory"])
def test_a_full_disk_is_reported_and_the_earlier_network_stays(run_on_disk, patch):
    code = f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
    code += SAVE.format(patch=patch, place="disk", limit="")
    found, names, same = run_on_disk("size=512k", code).strip().split("\n")
    assert found.startswith("The disk is full")
    assert names == "['model.keras']"
    assert same == "True"


@pytest.mark.parametrize("patch", ["", NO_MEMORY], ids=["memory", "no memory"])
def test_a_limit_on_the_size_of_files_is_reported(tmp_path, patch):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))"
    place = f"__import__('pathlib').Path({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", SAVE.format(patch=patch, place=place, limit=limit)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    found, names, same = done.stdout.strip().split("\n")
    assert "larger than this user's limit" in found
    assert (names, same) == ("['model.keras']", "True")


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c"), ("a", "a"), ("a", 1), ("a", ""), "ab", None])
def test_class_names_are_distinct_strings_as_many_as_outputs(tmp_path, names):
    with pytest.raises(WeightsError, match="can't be used"):
        SavedNetwork(network_of(), PREPROCESSING, names, {})
    with pytest.raises(ArgumentError):
        write_classes(tmp_path / "a.csv", ["a.png"], np.array([[0.5, 0.5]]), names)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_a_table_holds_nothing_but_probabilities(tmp_path, value):
    with pytest.raises(WeightsError, match=r"gives no probabilities.*a\.png"):
        write_classes(tmp_path / "a.csv", ["a.png"], np.array([[0.5, value]]), CLASSES)
    assert not any(tmp_path.iterdir())


def test_a_network_needs_its_preprocessing_and_images():
    with pytest.raises(ArgumentError, match="preprocessing is None"):
        SavedNetwork(network_of(), None, CLASSES, {})
    with pytest.raises(ArgumentError, match="No image"):
        SavedNetwork(network_of(), PREPROCESSING, CLASSES, {}).predict([])
