"""PyTorch's files: written by the tests with each naming, loaded, and refused if they don't fit."""

import re
import sys

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy
from safetensors.numpy import save_file

from leukcnn import models
from leukcnn.errors import WeightsError
from leukcnn.models.pytorch_weights import convert_pytorch, load_pytorch, read_state_dict
from tests import regnets

# Regular expression of a name in the authors' state dict (pycls) -> the names in torchvision and timm.
TORCHVISION = {
    r"stem\.conv\.(.*)": r"stem.0.\1",
    r"stem\.bn\.(.*)": r"stem.1.\1",
    r"head\.(fc\..*)": r"\1",
    r"(s.\.b\d+\.)proj\.(.*)": r"\1proj.0.\2",
    r"(s.\.b\d+\.)bn\.(.*)": r"\1proj.1.\2",
    r"(s.\.b\d+\.f\.[abc])_bn\.(.*)": r"\1.1.\2",
    r"(s.\.b\d+\.f\.[abc])\.(.*)": r"\1.0.\2",
    r"(s.\.b\d+\.f\.se)\.f_ex\.0\.(.*)": r"\1.fc1.\2",
    r"(s.\.b\d+\.f\.se)\.f_ex\.2\.(.*)": r"\1.fc2.\2",
}
TIMM = {
    r"(stem\..*)": r"\1",
    r"(head\..*)": r"\1",
    r"(s.\.b\d+\.)proj\.(.*)": r"\1downsample.conv.\2",
    r"(s.\.b\d+\.)bn\.(.*)": r"\1downsample.bn.\2",
    r"(s.\.b\d+\.)f\.a\.(.*)": r"\1conv1.conv.\2",
    r"(s.\.b\d+\.)f\.b\.(.*)": r"\1conv2.conv.\2",
    r"(s.\.b\d+\.)f\.c\.(.*)": r"\1conv3.conv.\2",
    r"(s.\.b\d+\.)f\.a_bn\.(.*)": r"\1conv1.bn.\2",
    r"(s.\.b\d+\.)f\.b_bn\.(.*)": r"\1conv2.bn.\2",
    r"(s.\.b\d+\.)f\.c_bn\.(.*)": r"\1conv3.bn.\2",
    r"(s.\.b\d+\.)f\.se\.f_ex\.0\.(.*)": r"\1se.fc1.\2",
    r"(s.\.b\d+\.)f\.se\.f_ex\.2\.(.*)": r"\1se.fc2.\2",
}


def renamed(state, naming):
    """Returns the authors' state dict with the names of another implementation, for RGB."""
    if naming is None:
        return state
    found = {}
    for name, array in state.items():
        (new,) = (re.sub(f"^{old}$", to, name) for old, to in naming.items() if re.fullmatch(old, name))
        if naming is TORCHVISION and new.startswith("s") and not new.startswith("stem"):
            stage, block, rest = re.fullmatch(r"s(\d)\.b(\d+)\.(.*)", new).groups()
            new = f"trunk_output.block{stage}.block{stage}-{int(block) - 1}.{rest}"
        found[new] = np.ascontiguousarray(array[:, ::-1]) if name == "stem.conv.weight" else array
    return found


def network(family="RegNetY", **arguments):
    arguments = {"design": "200mf", "classes": 4, "input_shape": (32, 32, 3), **arguments}
    return models.build(family, **arguments)


@pytest.fixture(scope="module")
def state():
    return regnets.random_state(squeezes=True, classes=4)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("naming", [None, TORCHVISION, TIMM], ids=["pycls", "torchvision", "timm"])
@pytest.mark.parametrize("family", ["RegNetX", "RegNetY"])
def test_each_naming_gives_numpys_outputs_for_rgb(naming, family, images, tmp_path):
    made = regnets.random_state(squeezes=family == "RegNetY", classes=4)
    save_file(renamed(made, naming), tmp_path / "made.safetensors")
    model = network(family, weights=tmp_path / "made.safetensors")
    expected = regnets.probabilities_of(made, images[..., ::-1])
    np.testing.assert_allclose(np.asarray(model(images)), expected, atol=2e-4)


def test_the_names_are_the_published_ones(state):
    """The first and last names of each implementation in its state dict of RegNetY-200MF."""
    torchvision, timm = renamed(state, TORCHVISION), renamed(state, TIMM)
    assert torchvision["trunk_output.block4.block4-6.f.se.fc2.bias"].shape == (368,)
    assert torchvision["trunk_output.block1.block1-0.proj.1.running_var"].shape == (24,)
    assert torchvision["fc.weight"].shape == (4, 368)
    assert timm["s4.b7.conv2.conv.weight"].shape == (368, 8, 3, 3)
    assert timm["s1.b1.downsample.bn.weight"].shape == (24,)
    assert state["s4.b7.f.se.f_ex.2.bias"].shape == (368,)


def test_kernels_are_transposed_and_the_first_takes_rgb(state, tmp_path):
    save_file(state, tmp_path / "y.safetensors")
    model = network(weights=tmp_path / "y.safetensors")
    stem = to_numpy(model.get_layer("stem").kernel)
    assert stem[2, 1, 0, 5] == state["stem.conv.weight"][5, 2, 2, 1]
    grouped = to_numpy(model.get_layer("s3_b2_b").kernel)
    assert grouped[0, 2, 7, 100] == state["s3.b2.f.b.weight"][100, 7, 0, 2]
    np.testing.assert_array_equal(to_numpy(model.get_layer("predictions").kernel), state["head.fc.weight"].T)
    bn = model.get_layer("s2_b1_proj_bn")
    assert to_numpy(bn.gamma)[3] == state["s2.b1.bn.weight"][3]
    assert to_numpy(bn.beta)[3] == state["s2.b1.bn.bias"][3]
    assert to_numpy(bn.moving_mean)[3] == state["s2.b1.bn.running_mean"][3]
    assert to_numpy(bn.moving_variance)[3] == state["s2.b1.bn.running_var"][3]


def test_without_the_top_the_classifier_is_ignored(state, images, tmp_path):
    made = {**state, "head.fc.weight": np.zeros((1000, 368), np.float32)}
    save_file(made, tmp_path / "y.safetensors")
    model = network(include_top=False, weights=tmp_path / "y.safetensors")
    expected = regnets.maps_of(state, images[..., ::-1])
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-3, atol=1e-3)


def test_half_precision_is_read_as_float32(tmp_path):
    save_file({"a": np.float16([1, 2]), "a.num_batches_tracked": np.array(3)}, tmp_path / "x.safetensors")
    found = read_state_dict(tmp_path / "x.safetensors")
    assert list(found) == ["a"]
    assert found["a"].dtype == np.float32


def faulty(state, **changes):
    found = {name.replace("__", "."): array for name, array in changes.items()}
    return {name: array for name, array in {**state, **found}.items() if array is not None}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"s3__b2__f__b__weight": None}, r"s3\.b2\.f\.b\.weight is missing"),
        (
            {"s3__b2__f__b__weight": np.zeros((152, 16, 3, 3), np.float32)},
            r"s3\.b2\.f\.b\.weight is \(152, 16, 3, 3\), expected \(152, 8, 3, 3\)",
        ),
        ({"s3__b9__f__a__weight": np.zeros(3, np.float32)}, r"s3\.b9\.f\.a\.weight isn't in the network"),
        (
            {"head__fc__weight": np.zeros((1000, 368), np.float32)},
            r"(?s)head\.fc\.weight is \(1000, 368\), expected \(4, 368\).*the same classes",
        ),
    ],
)
def test_differences_are_named_and_nothing_is_changed(changes, match, state, tmp_path):
    save_file(faulty(state, **changes), tmp_path / "y.safetensors")
    model = network()
    before = model.get_weights()
    with pytest.raises(WeightsError, match=match):
        load_pytorch(model, tmp_path / "y.safetensors")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_weights_with_squeezing_are_refused_by_a_network_without(state, tmp_path):
    # X-200MF and Y-200MF have the same widths: the file has everything that X needs.
    save_file(state, tmp_path / "y.safetensors")
    with pytest.raises(
        WeightsError, match=r"(?s)s1\.b1\.f\.se\.f_ex\.0\.weight isn't in the network.*and 42 more"
    ):
        network("RegNetX", weights=tmp_path / "y.safetensors")


def test_another_networks_file_is_refused(tmp_path):
    save_file({"layer1.0.conv1.weight": np.zeros((64, 64, 1, 1), np.float32)}, tmp_path / "r50.safetensors")
    with pytest.raises(WeightsError, match=r"(?s)stem.*missing.*and \d+ more.*pycls, torchvision, timm"):
        network(weights=tmp_path / "r50.safetensors")


def test_torchvisions_other_widths_are_refused_and_explained(tmp_path):
    # Its RegNetX-400MF ends with 25 groups of 16 channels, that of the authors with 24.
    made = regnets.random_state(((1, 32), (2, 64), (7, 160), (12, 400)), group_width=16, squeezes=False)
    save_file(renamed(made, TORCHVISION), tmp_path / "regnet_x_400mf.pth.safetensors")
    with pytest.raises(
        WeightsError,
        match=r"block4\.block4-0\.f\.a\.0\.weight is \(400, 160, 1, 1\), expected \(384, 160, 1, 1\)",
    ) as error:
        network("RegNetX", design="400mf", weights=tmp_path / "regnet_x_400mf.pth.safetensors")
    assert "torchvision's RegNetX-400MF" in error.value.remedy
    assert "zoo" in error.value.remedy


@pytest.mark.parametrize("file", ["none.pyth", "none.safetensors"])
def test_a_missing_file_is_named(file, tmp_path):
    with pytest.raises(WeightsError, match=f"no weights file .*{file}"):
        network(weights=tmp_path / file)


@pytest.mark.parametrize("package", ["safetensors", "torch"])
def test_a_missing_package_is_named(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    file = tmp_path / ("x.safetensors" if package == "safetensors" else "x.pth")
    file.write_bytes(b"")
    with pytest.raises(WeightsError, match=rf"(?s)package {package}.*pip install {package}"):
        network(weights=file)


def test_a_broken_safetensors_file_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(WeightsError, match="can't be read"):
        network(weights=tmp_path / "x.safetensors")


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_the_builder_reads_a_converted_file(suffix, state, images, tmp_path):
    save_file(state, tmp_path / "y.safetensors")
    target = tmp_path / f"regnety-200mf{suffix}"
    convert_pytorch(tmp_path / "y.safetensors", network(), target)
    expected = regnets.probabilities_of(state, images[..., ::-1])
    np.testing.assert_allclose(np.asarray(network(weights=target)(images)), expected, atol=2e-4)


def test_values_that_are_not_finite_are_refused_by_name(state, tmp_path):
    wrong = {name: np.array(array) for name, array in state.items()}
    wrong["s1.b1.f.a.weight"][0, 0] = np.nan
    save_file(wrong, tmp_path / "y.safetensors")
    with pytest.raises(WeightsError, match=r"s1\.b1\.f\.a\.weight has values that are NaN or infinite"):
        network(weights=tmp_path / "y.safetensors")


def test_conversion_refuses_another_kind_of_target(state, tmp_path):
    with pytest.raises(WeightsError, match=r"x\.npz"):
        convert_pytorch(tmp_path / "y.safetensors", network(), tmp_path / "x.npz")


_TORCH = """
import numpy as np

class Tensor(np.ndarray):
    def float(self):
        return self.astype(np.float32)

    def numpy(self):
        return np.asarray(self)

def is_tensor(value):
    return isinstance(value, Tensor)

def load(path, *, map_location, weights_only):
    assert (map_location, weights_only) == ("cpu", True)
    return {"epoch": 99, "model_state": {name: array.view(Tensor) for name, array in np.load(path).items()}}
"""


@pytest.mark.parametrize("file", ["y.pyth", "y.pth"])
def test_a_checkpoint_is_read_by_torch_with_weights_only(file, state, tmp_path, monkeypatch):
    """With a substitute for torch, which is large (`TestCheckpoints` uses torch itself)."""

    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "torch.py").write_text(_TORCH)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    np.savez(tmp_path / "state.npz", **state)
    (tmp_path / "state.npz").rename(tmp_path / file)
    found = read_state_dict(tmp_path / file)
    assert set(found) == {name for name in state if not name.endswith("tracked")}
    model = models.build(
        "FineTuned", backbone="RegNetY-200MF", mode="DFT", input_shape=(32, 32, 3), weights=tmp_path / file
    )
    grouped = to_numpy(model.get_layer("s3_b2_b").kernel)
    assert grouped[0, 2, 7, 100] == state["s3.b2.f.b.weight"][100, 7, 0, 2]


class TestCheckpoints:
    """Files that torch itself writes and reads, where it is installed."""

    @pytest.fixture(autouse=True)
    def torch(self):
        return pytest.importorskip("torch")

    def tensors(self, torch, state):
        return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}

    @pytest.mark.parametrize("wrapper", ["model_state", "state_dict", "model", None])
    @pytest.mark.parametrize("is_zip", [True, False])
    def test_checkpoints_are_unwrapped(self, torch, wrapper, is_zip, state, tmp_path):
        stored = self.tensors(torch, state)
        if wrapper is not None:
            stored = {"epoch": 99, "cfg": "MODEL: ...", "optimizer_state": {"state": {}}, wrapper: stored}
        torch.save(stored, tmp_path / "y.pyth", _use_new_zipfile_serialization=is_zip)
        found = read_state_dict(tmp_path / "y.pyth")
        assert set(found) == {name for name in state if not name.endswith("tracked")}
        np.testing.assert_array_equal(found["stem.conv.weight"], state["stem.conv.weight"])

    def test_the_authors_checkpoint_is_numpys(self, torch, state, images, tmp_path):
        torch.save({"model_state": self.tensors(torch, state)}, tmp_path / "y.pyth")
        model = network(weights=tmp_path / "y.pyth")
        expected = regnets.probabilities_of(state, images[..., ::-1])
        np.testing.assert_allclose(np.asarray(model(images)), expected, atol=2e-4)

    def test_code_in_a_file_is_not_run(self, torch, tmp_path):
        class Touches:
            def __reduce__(self):
                return (type(tmp_path).touch, (tmp_path / "touched",))

        torch.save({"model_state": Touches()}, tmp_path / "x.pth")
        with pytest.raises(WeightsError, match="can't be read"):
            network(weights=tmp_path / "x.pth")
        assert not (tmp_path / "touched").exists()

    @pytest.mark.parametrize("stored", [[1, 2], {"epoch": 3}])
    def test_what_is_no_state_dict_is_refused(self, torch, stored, tmp_path):
        torch.save(stored, tmp_path / "x.pt")
        with pytest.raises(WeightsError, match="no state dict"):
            read_state_dict(tmp_path / "x.pt")

    def test_a_broken_file_is_refused(self, torch, tmp_path):
        (tmp_path / "x.pth").write_bytes(b"not a checkpoint")
        with pytest.raises(WeightsError, match="can't be read"):
            read_state_dict(tmp_path / "x.pth")

    def test_a_network_in_torch_gives_the_same_block(self, torch, state):
        """Compared with a block of PyTorch's own layers that has the same weights."""
        block = {name.removeprefix("s2.b1."): array for name, array in state.items() if "s2.b1." in name}
        maps = np.random.default_rng(1).normal(size=(2, 9, 8, 24)).astype(np.float32)
        nn = torch.nn.functional
        w = self.tensors(torch, block)

        def conv_bn(x, conv, bn, **options):
            x = nn.conv2d(x, w[f"{conv}.weight"], **options)
            statistics = (w[f"{bn}.running_mean"], w[f"{bn}.running_var"])
            return nn.batch_norm(x, *statistics, w[f"{bn}.weight"], w[f"{bn}.bias"], eps=1e-5)

        x = torch.from_numpy(maps.transpose(0, 3, 1, 2).copy())
        y = nn.relu(conv_bn(x, "f.a", "f.a_bn"))
        y = nn.relu(conv_bn(y, "f.b", "f.b_bn", stride=2, padding=1, groups=7))
        gate = nn.adaptive_avg_pool2d(y, 1)
        gate = nn.relu(nn.conv2d(gate, w["f.se.f_ex.0.weight"], w["f.se.f_ex.0.bias"]))
        y = y * torch.sigmoid(nn.conv2d(gate, w["f.se.f_ex.2.weight"], w["f.se.f_ex.2.bias"]))
        y = conv_bn(y, "f.c", "f.c_bn") + conv_bn(x, "proj", "bn", stride=2)
        expected = nn.relu(y).numpy().transpose(0, 2, 3, 1)
        found = regnets.block_output(state, "s2.b1", maps, strides=2)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_fine_tuned_base_takes_the_file_and_its_top_stays_random(state, images, tmp_path):
    save_file(state, tmp_path / "y.safetensors")
    arguments = {"mode": "DFT", "classes": 2, "input_shape": (32, 32, 3)}
    model = models.build(
        "FineTuned", backbone="RegNetY-200MF", weights=tmp_path / "y.safetensors", **arguments
    )
    maps = keras.Model(model.input, model.get_layer("s4_b7_relu").output)
    expected = regnets.maps_of(state, images[..., ::-1])
    np.testing.assert_allclose(np.asarray(maps(images)), expected, rtol=1e-3, atol=1e-3)
    assert model.output_shape == (None, 2)


def test_preprocessing_gives_the_input_that_the_weights_were_trained_on(state, tmp_path):
    """pycls: images of 0..1, minus the mean, divided by the standard deviation, as blue, green, red."""
    save_file(state, tmp_path / "y.safetensors")
    model = models.build(
        "FineTuned",
        backbone="RegNetY-200MF",
        mode="DFT",
        include_top=False,
        include_preprocessing=True,
        weights=tmp_path / "y.safetensors",
        input_shape=(32, 32, 3),
    )
    rgb = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    # The values of their data loader, in the channel order of cv2.imread.
    bgr = (rgb[..., ::-1] / 255 - [0.406, 0.456, 0.485]) / [0.225, 0.224, 0.229]
    found = np.asarray(model(np.float32(rgb / 255)))
    np.testing.assert_allclose(found, regnets.maps_of(state, bgr), rtol=1e-3, atol=1e-3)
