"""Exported networks: each format gives leukcnn's answers, and nothing of the user's is lost."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import leukcnn
from leukcnn.cli import main
from leukcnn.errors import ArgumentError, DataError, DependencyError, LeukCNNError, StoreError, WeightsError
from leukcnn.exporting import export as exporting
from leukcnn.exporting import writing
from leukcnn.exporting.endings import ENDINGS
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.prediction import SavedNetwork
from leukcnn.spec import Preprocessing
from leukcnn.synthetic.smears import draw_smear

SIZE, CLASSES = 48, ("benign", "early", "pre")
NEEDS = {"onnx": ("onnx", "onnxruntime", "tf2onnx"), "litert": ("ai_edge_litert",)}


def needs_packages(name):
    """Returns the format, skipped where its packages or its backend are missing."""
    lacking = [package for package in NEEDS.get(name, ()) if importlib.util.find_spec(package) is None]
    elsewhere = name != "keras" and keras.backend.backend() != "tensorflow"
    marks = [pytest.mark.skipif(bool(lacking), reason=f"{', '.join(lacking)} isn't installed")]
    return pytest.param(name, marks=[*marks, pytest.mark.skipif(elsewhere, reason="needs TensorFlow")])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A saved network with each layer that Keras or a format lacks, and weights that matter."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = MeanSubtraction([0.4, 0.5, 0.6])(inputs)
    x = keras.layers.Normalization(mean=[0.1, 0.0, 0.1], variance=[1.0, 2.0, 1.0])(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = LocalResponseNormalization(alpha=0.5)(x)
    x = keras.layers.Conv2D(16, 3, groups=4, activation="relu")(x)
    x = keras.layers.BatchNormalization()(keras.layers.MaxPooling2D(3)(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    outputs = keras.layers.Dense(len(CLASSES), activation="softmax", kernel_initializer="he_normal")(x)
    path = tmp_path_factory.mktemp("network") / "model.keras"
    network = keras.Model(inputs, outputs)
    steps = Preprocessing(resize=SIZE, subtract_channel_mean=True, scale=4 / 255)
    SavedNetwork(network, steps, CLASSES, {"paper": "own", "row": "tiny"}).save(path)
    return path


@pytest.fixture(scope="module")
def smears(tmp_path_factory):
    """Six PNG files of three sizes."""
    folder = tmp_path_factory.mktemp("smears")
    for number, size in enumerate([(64, 64), (120, 90), (224, 224)] * 2):
        image = draw_smear(class_name="ALL", dataset="taleghani", seed=1, image=number, size=size)
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def onnx_export(model, smears, tmp_path_factory):
    """Returns the exported file and the arguments of its conversion."""
    tf2onnx = pytest.importorskip("tf2onnx")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the conversion needs TensorFlow")
    out = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    convert = tf2onnx.convert.from_function
    with mock.patch.object(tf2onnx.convert, "from_function", side_effect=convert) as converted:
        leukcnn.export(model, out=out, images=smears)
    return out, converted.call_args.kwargs


@pytest.fixture(scope="module")
def onnx_file(onnx_export):
    return onnx_export[0]


@pytest.mark.parametrize("name", [*map(needs_packages, ["litert", "savedmodel", "keras"])])
def test_each_format_gives_the_networks_answers(name, model, smears, tmp_path):
    done = leukcnn.export(model, format=name, out=tmp_path / f"tiny{ENDINGS[name]}", images=smears)
    assert Path(done.file).exists()
    assert done.images == 6
    assert done.largest_difference_resized < 1e-5
    assert done.largest_difference < 0.02
    about = json.loads(Path(done.description).read_text())
    assert about["classes"] == [*CLASSES]
    assert about["input"] | {"shape": None} == {
        **{"name": "image", "dtype": "uint8", "shape": None, "layout": "NHWC", "colour_order": "RGB"},
        **{"range": [0, 255], "min_size": 1, "network_size": SIZE},
    }
    assert about["before"] == []
    assert about["source"]["origin"] == {"paper": "own", "row": "tiny"}
    assert str(tmp_path) not in Path(done.description).read_text()


def onnx_answers(onnx_file, images):
    """Returns what the file says, as the documentation reads it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_file)
    return np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])


def square(path, size):
    """Returns an image of the network's size, as the documentation makes it."""
    image = np.asarray(Image.open(path).convert("RGB"))
    edge = min(image.shape[:2])
    top, left = (image.shape[0] - edge) // 2, (image.shape[1] - edge) // 2
    image = image[top : top + edge, left : left + edge]
    kernel = cv2.INTER_AREA if edge > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=kernel) if edge != size else image


def test_an_onnx_file_gives_the_answers_of_predict(model, onnx_file, smears):
    paths = sorted(smears.iterdir())
    expected = SavedNetwork.load(model).predict(paths)
    assert np.ptp(expected, axis=0).max() > 0.05  # the images do matter
    found = onnx_answers(onnx_file, [square(path, SIZE) for path in paths])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    decoded = onnx_answers(onnx_file, [np.asarray(Image.open(path)) for path in paths])
    np.testing.assert_allclose(decoded, expected, atol=5e-3)


def test_an_onnx_file_gives_the_answers_of_predict_for_real_images(model, onnx_file, real_data):
    paths = sorted((real_data / "taleghani" / "Original").glob("*/*.jpg"))[::100]
    if not paths:
        pytest.skip("no images of Taleghani")
    expected = SavedNetwork.load(model).predict(paths)
    found = onnx_answers(onnx_file, [square(path, SIZE) for path in paths])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_onnx_file_takes_a_batch_and_holds_its_description(onnx_file):
    onnx = pytest.importorskip("onnx")
    images = np.random.default_rng(0).integers(0, 256, (3, 70, 60, 3), dtype=np.uint8)
    together = onnx_answers(onnx_file, [images[0]])
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_file)
    np.testing.assert_allclose(session.run(["probabilities"], {"image": images})[0][:1], together, atol=1e-6)
    assert session.get_inputs()[0].shape == ["N", "H", "W", 3]
    held = {prop.key: prop.value for prop in onnx.load(onnx_file).metadata_props}
    assert json.loads(held["leukcnn"])["classes"] == [*CLASSES]


def test_weights_are_no_constants_in_the_conversion_which_copies_these_and_are_ready_in_the_file(onnx_export):
    onnx = pytest.importorskip("onnx")
    out, arguments = onnx_export
    assert (3, 3, 3, 8) in [tuple(taken.shape) for taken in arguments["input_signature"]]
    model = onnx.load(out)
    kernels = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    # In ONNX's layout, with nothing to compute first.
    assert kernels[convolutions[0].input[1]] == (8, 3, 3, 3)
    assert all(node.input[1] in kernels for node in convolutions)
    assert [(used.domain, used.version) for used in model.opset_import] == [("", 17)]


def test_a_keras_file_loads_without_leukcnn(model, smears, tmp_path):
    out = tmp_path / "tiny.keras"
    leukcnn.export(model, format="keras", out=out, images=smears)
    code = (
        "import sys, keras, numpy as np\n"
        f"network = keras.models.load_model({str(out)!r})\n"
        "print(network(np.zeros((2, 50, 60, 3), np.uint8)).shape)\n"
        "assert not any(name.startswith('leukcnn') for name in sys.modules)\n"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "(2, 3)" in ran.stdout


def test_other_probabilities_are_an_error_and_leave_nothing(model, smears, tmp_path, monkeypatch):
    wrong = writing.FORMATS["keras"]
    monkeypatch.setitem(
        writing.FORMATS, "keras", type(wrong)(wrong.write, lambda path: lambda images: np.eye(3)[:1], "keras")
    )
    with pytest.raises(WeightsError, match="other probabilities"):
        leukcnn.export(model, format="keras", out=tmp_path / "tiny.keras", images=smears)
    assert not any(tmp_path.iterdir())


def test_without_images_synthetic_ones_are_used_and_the_command_says_so(model, smears, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["export", str(model), "--format", "keras"])
    assert done.exit_code == 0, done.output
    assert "32 synthetic images: largest difference of probabilities" in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"model_exported.keras", "model_exported.keras.json"}
    again = CliRunner().invoke(main, ["export", str(model), "--format", "keras"])
    assert again.exit_code == 1
    assert "exists" in again.output
    words = ["export", str(model), "--format", "keras", "--images", str(smears), "--force", "--json"]
    forced = CliRunner().invoke(main, words)
    assert json.loads(forced.stdout)["file"] == "model_exported.keras"


def test_the_model_card_of_the_run_comes_along(model, smears, tmp_path):
    trial, folder = tmp_path / "own/trials/0123abcd", tmp_path / "own/experiments/smoke"
    for place in (trial, folder):
        place.mkdir(parents=True)
    (trial / "model.keras").write_bytes(model.read_bytes())
    (folder / "experiment.json").write_text('{"trials": ["0123abcd"]}')
    (folder / "MODEL_CARD.md").write_text("# Card\n")
    link = tmp_path / "tiny-kfold-fold0.keras"
    link.symlink_to(trial / "model.keras")
    done = leukcnn.export(link, format="keras", out=tmp_path / "out" / "tiny.keras", images=smears)
    assert Path(done.model_card).read_text() == "# Card\n"
    assert Path(done.model_card).parent == tmp_path / "out"


def no_network(model, folder):
    (folder / "done.json").write_text("{}")
    return {"model": folder}, WeightsError, "a trial without a network"


def wrong_file(model, folder):
    (folder / "other.keras").write_text("no network")
    return {"model": folder / "other.keras"}, WeightsError, "not a network that leukcnn saved"


def wrong_ending(model, folder):
    return {"model": model, "out": folder / "tiny.onnx"}, StoreError, "ends in '.onnx'"


def file_of_the_user(model, folder):
    (folder / "mine.keras").write_text("mine")
    return {"model": model, "out": folder / "mine.keras", "force": True}, StoreError, "didn't write it"


def itself(model, folder):
    return {"model": model, "out": model, "force": True}, StoreError, "the network that is exported"


def unknown_format(model, folder):
    return {"model": model, "format": "onx"}, ArgumentError, "did you mean .?onnx"


def file_for_a_folder(model, folder):
    (folder / "file").write_text("")
    return {"model": model, "out": folder / "file" / "tiny.keras"}, StoreError, "file"


def no_images(model, folder):
    (folder / "empty").mkdir()
    return {"model": model, "out": folder / "tiny.keras", "images": folder / "empty"}, DataError, "no image"


@pytest.mark.parametrize(
    "case",
    [
        *(no_network, wrong_file, wrong_ending, file_of_the_user, itself, unknown_format),
        *(file_for_a_folder, no_images),
    ],
)
def test_what_can_not_be_exported_is_refused_before_keras_is_loaded(case, model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "start_backend", lambda: pytest.fail("the backend was started"))
    options, error, message = case(model, tmp_path)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(error, match=rf"(?i){message}"):
        leukcnn.export(**{"format": "keras", **options})
    assert before == {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}


def test_images_that_can_not_be_used_are_one_message(model, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="None of the 1 images"):
        leukcnn.export(model, format="keras", out=tmp_path / "tiny.keras", images=tmp_path / "broken.png")


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_is_named_with_its_extra(name, model, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda package: None)
    with pytest.raises(DependencyError, match=rf"pip install 'leukcnn\[{name}\]'"):
        leukcnn.export(model, format=name, out=tmp_path / f"tiny{ENDINGS[name]}")


@pytest.mark.parametrize("name", [name for name in ENDINGS if name != "keras"])
def test_another_backend_is_refused(name, model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(exporting, "find_spec", lambda package: True)
    with pytest.raises(LeukCNNError, match="KERAS_BACKEND=tensorflow"):
        leukcnn.export(model, format=name, out=tmp_path / f"tiny{ENDINGS[name]}")
