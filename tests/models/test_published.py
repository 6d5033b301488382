"""Published weights: the names of their files, how they are found, and checks of files."""

import keras
import numpy as np
import pytest

from leukcnn import models
from leukcnn.errors import WeightsError
from leukcnn.models.backbones import BACKBONES
from leukcnn.models.published import (
    check_weights,
    holds_base_alone,
    is_published,
    needs_published_top,
    starts_from,
    weights_file,
)
from leukcnn.models.unfilled import unfilled
from leukcnn.spec import Model
from leukcnn.spec.names import APPLICATIONS


def test_the_file_of_the_base_is_preferred_to_that_of_the_whole_network(tmp_path):
    whole = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    for name in (whole, whole.replace(".h5", "_notop.h5"), "resnet50v2_weights_notop.h5"):
        (tmp_path / name).write_bytes(b"")
    assert weights_file(str(tmp_path), Model("FineTuned", {"backbone": "ResNet50"})).endswith(
        "/" + whole.replace(".h5", "_notop.h5")
    )


def test_a_regnet_takes_the_file_of_its_zoo(tmp_path):
    regnet = Model("FineTuned", {"backbone": "RegNetY-400MF"})
    with pytest.raises(WeightsError, match="'regnety-400mf'") as caught:
        weights_file(str(tmp_path), regnet)
    assert "RegNetY-400MF_dds_8gpu.pyth" in caught.value.expected
    assert "/160906449/RegNetY-400MF_dds_8gpu.pyth" in caught.value.remedy
    # Converted or not, and not the file of another size.
    for file in ("RegNetY-400MF_dds_8gpu.pyth", "regnety-400mf.weights.h5", "RegNetY-400MF.safetensors"):
        for other in ("RegNetX-400MF_dds_8gpu.pyth", "RegNetY-4.0GF_dds_8gpu.pyth"):
            (tmp_path / other).write_bytes(b"")
        (tmp_path / file).write_bytes(b"")
        assert weights_file(str(tmp_path), regnet) == str(tmp_path / file)
        assert weights_file(str(tmp_path / file), regnet) == str(tmp_path / file)
        (tmp_path / file).unlink()


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.h5").write_bytes(b"")
    assert weights_file("~/mine.h5", Model("FineTuned", {"backbone": "ResNet50"})) == str(
        tmp_path / "mine.h5"
    )


def test_a_single_file_is_used_as_it_is(tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"")
    assert weights_file(str(file), Model("FineTuned", {"backbone": "Xception"})) == str(file)
    assert weights_file("imagenet", Model("FineTuned", {"backbone": "Xception"})) == "imagenet"


def test_a_folder_without_the_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(WeightsError, match="xception") as caught:
        weights_file(str(tmp_path), Model("FineTuned", {"backbone": "Xception"}))
    assert "xception_weights_tf_dim_ordering_tf_kernels_notop.h5" in caught.value.expected
    assert "--weights none" in caught.value.remedy
    with pytest.raises(WeightsError, match="doesn't exist"):
        weights_file(str(tmp_path / "nowhere"), Model("FineTuned", {"backbone": "Xception"}))


@pytest.mark.parametrize(
    ("arguments", "needed", "weights"),
    [
        ({}, False, "imagenet"),
        ({"mode": "DFT", "weights": None}, False, None),
        ({"backbone": "VGG16"}, True, "imagenet"),
        ({"backbone": "VGG16", "mode": "mDFT"}, False, "imagenet"),
    ],
)
def test_missing_arguments_are_the_builders_defaults(arguments, needed, weights):
    model = Model("FineTuned", arguments)
    assert needs_published_top(model) == needed
    assert starts_from(model) == weights
    assert starts_from(Model("AlertNet")) is None


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_network_finds_its_file_in_a_folder_of_published_files(name, tmp_path):
    for known in BACKBONES.values():
        for file in filter(None, (known.whole_file, known.base_file)):
            (tmp_path / file).write_bytes(b"")
    own = BACKBONES[name]
    base = Model("FineTuned", {"backbone": name, "mode": "mDFT"})
    assert weights_file(str(tmp_path), base) == str(tmp_path / own.base_file)
    with_top = Model("FineTuned", {"backbone": name, "mode": "DFT", "dense_units": None})
    assert needs_published_top(with_top) == name.startswith("VGG")
    expected = own.whole_file if needs_published_top(with_top) else own.base_file
    assert weights_file(str(tmp_path), with_top) == str(tmp_path / expected)
    assert holds_base_alone(own.base_file)
    assert not holds_base_alone(own.whole_file)
    assert is_published(tmp_path / own.base_file)
    assert is_published(own.whole_file)


def test_a_file_with_the_networks_name_is_found(tmp_path):
    (tmp_path / "densenet121.weights.h5").write_bytes(b"")
    (tmp_path / "inceptionv3.keras").write_bytes(b"")
    for backbone, file in (("DenseNet121", "densenet121.weights.h5"), ("InceptionV3", "inceptionv3.keras")):
        found = weights_file(str(tmp_path), Model("FineTuned", {"backbone": backbone}))
        assert found == str(tmp_path / file)
        assert not is_published(found)


# One network of each module of Keras Applications; the tests before a release try all networks.
ONE_EACH = {getattr(keras.applications, name).__module__: name for name in reversed(APPLICATIONS)}.values()
TRIED = [
    pytest.param(name, marks=pytest.mark.slow if name in ONE_EACH else pytest.mark.release)
    for name in APPLICATIONS
]


# MobileNets warn if no size is given, as here with their own top.
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined:UserWarning")
@pytest.mark.parametrize("name", TRIED)
def test_published_names_are_those_that_keras_downloads(name, monkeypatch):
    from keras.src.utils import file_utils

    class Asked(Exception):
        """Keras asks for a file."""

    def ask(file, *_, **__):
        raise Asked(file)

    monkeypatch.setattr(file_utils, "get_file", ask)
    backbone, builder = BACKBONES[name], getattr(keras.applications, name)
    image_size = backbone.published_size or 224
    for file, arguments in (
        (backbone.base_file, {"include_top": False, "input_shape": (image_size, image_size, 3)}),
        (backbone.whole_file, {"include_top": True}),
    ):
        with pytest.raises(Asked, match=file), unfilled():
            builder(weights="imagenet", **arguments)


SMALL = {
    "base": ("FineTuned", {"backbone": "VGG16", "mode": "mDFT", "dense_units": (8,)}),
    "own top": ("FineTuned", {"backbone": "MobileNet", "mode": "mSFT", "kernel_initializer": "he_normal"}),
    "frozen base": ("TaleghaniResNet50", {}),
    "own network": ("FourBlockCNN", {}),
}


def error_of(function) -> str | None:
    try:
        function()
    except WeightsError as error:
        return str(error)
    return None


def check_as_loading(name, arguments, file, *, image_size=32, classes=3):
    arguments = {**arguments, "weights": str(file)}
    error = error_of(lambda: check_weights(Model(name, arguments), image_size=image_size, classes=classes))
    options = {"input_shape": (image_size, image_size, 3), "classes": classes}
    assert error == error_of(lambda: models.build(name, **options, **arguments))
    return error


@pytest.mark.parametrize("case", SMALL)
def test_checking_a_file_of_keras_gives_the_result_of_loading_it(case, tmp_path):
    name, arguments = SMALL[case]
    start = {"weights": None} if name != "FourBlockCNN" else {}
    made = models.build(name, input_shape=(32, 32, 3), classes=3, **arguments, **start)
    made.save_weights(tmp_path / "whole.weights.h5")
    assert check_as_loading(name, arguments, tmp_path / "whole.weights.h5") is None
    assert "parameters" in check_as_loading(name, arguments, tmp_path / "whole.weights.h5", classes=5)
    assert "no weights file" in check_as_loading(name, arguments, tmp_path / "nowhere.weights.h5")
    (tmp_path / "truncated.weights.h5").write_bytes((tmp_path / "whole.weights.h5").read_bytes()[:5000])
    assert "can't be read" in check_as_loading(name, arguments, tmp_path / "truncated.weights.h5")


def test_a_file_of_the_base_fits_and_another_with_the_same_count_does_not(tmp_path):
    name, arguments = SMALL["base"]
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.save_weights(tmp_path / "base_notop.weights.h5")
    assert check_as_loading(name, arguments, tmp_path / "base_notop.weights.h5") is None
    other = keras.Sequential([keras.Input((1,)), keras.layers.Dense(base.count_params() // 2)])
    assert other.count_params() == base.count_params()
    other.save_weights(tmp_path / "other.weights.h5")
    assert "doesn't hold weights of" in check_as_loading(name, arguments, tmp_path / "other.weights.h5")


@pytest.mark.usefixtures("small_regnets")
def test_checking_a_file_of_pytorch_gives_the_result_of_loading_it(tmp_path):
    arguments = {"backbone": "RegNetY-200MF", "mode": "DFT"}
    error = check_as_loading("FineTuned", arguments, tmp_path / "RegNetY-200MF_dds_8gpu.pyth")
    assert "There is no weights file" in error


def test_checking_a_file_of_matconvnet_gives_the_result_of_loading_it(tmp_path):
    (tmp_path / "imagenet-vgg-f.mat").write_bytes(b"no such thing")
    assert "can't be read" in check_as_loading("VGGF", {}, tmp_path / "imagenet-vgg-f.mat", image_size=39)


@pytest.mark.backend
def test_checking_weights_initializes_no_variables(tmp_path, monkeypatch):
    name, arguments = SMALL["own top"]
    models.build(name, input_shape=(32, 32, 3), classes=3, weights=None, **arguments).save_weights(
        tmp_path / "whole.weights.h5"
    )
    filled, original = [], keras.Variable._initialize
    monkeypatch.setattr(keras.Variable, "_initialize", lambda self, value: filled.append(self.path))
    model = Model(name, {**arguments, "weights": str(tmp_path / "whole.weights.h5")})
    check_weights(model, image_size=32, classes=3)
    with keras.StatelessScope():
        pass
    assert not filled
    assert original is not None


def test_random_weights_are_not_checked(monkeypatch):
    monkeypatch.setattr(keras, "StatelessScope", None)
    check_weights(Model("FineTuned", {"backbone": "VGG16", "weights": None}), image_size=32, classes=2)
    check_weights(Model("FourBlockCNN"), image_size=32, classes=2)


def test_an_efficientnet_from_a_published_file_divides_as_keras_own_download(tmp_path, monkeypatch):
    """Keras adds a layer only for weights="imagenet"; here the variance of the normalisation replaces it."""
    from keras.src.utils import file_utils

    source = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    (norm,) = (layer for layer in source.layers if isinstance(layer, keras.layers.Normalization))
    norm.set_weights(
        [np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225]) ** 2, np.float32(1)]
    )
    source.save_weights(tmp_path / "efficientnetb0_notop.weights.h5")
    file = tmp_path / "efficientnetb0_notop.h5"
    source.save(file)
    monkeypatch.setattr(
        file_utils, "get_file", lambda *_, **__: str(tmp_path / "efficientnetb0_notop.weights.h5")
    )
    options = {"backbone": "EfficientNetB0", "include_top": False, "include_preprocessing": True}
    options["input_shape"] = (32, 32, 3)
    downloaded = models.build("FineTuned", weights="imagenet", **options)
    loaded = models.build("FineTuned", weights=file, **options)
    images = np.random.default_rng(0).random((1, 32, 32, 3), dtype=np.float32)
    np.testing.assert_allclose(
        np.asarray(loaded(images)), np.asarray(downloaded(images)), rtol=1e-4, atol=1e-5
    )
