import pytest

from leukcnn.errors import WeightsError
from leukcnn.experiment.weights import weights_file
from leukcnn.spec import Model


def test_the_base_s_own_file_goes_before_the_whole_network_s(tmp_path):
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
    # Converted or not, and no other size's.
    for file in ("RegNetY-400MF_dds_8gpu.pyth", "regnety-400mf.weights.h5", "RegNetY-400MF.safetensors"):
        for other in ("RegNetX-400MF_dds_8gpu.pyth", "RegNetY-4.0GF_dds_8gpu.pyth"):
            (tmp_path / other).write_bytes(b"")
        (tmp_path / file).write_bytes(b"")
        assert weights_file(str(tmp_path), regnet) == str(tmp_path / file)
        assert weights_file(str(tmp_path / file), regnet) == str(tmp_path / file)
        (tmp_path / file).unlink()


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.h5").write_bytes(b"")
    assert weights_file("~/mine.h5", Model("FineTuned", {"backbone": "ResNet50"})) == str(
        tmp_path / "mine.h5"
    )


def test_one_file_serves_as_it_is(tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"")
    assert weights_file(str(file), Model("FineTuned", {"backbone": "Xception"})) == str(file)
    assert weights_file("imagenet", Model("FineTuned", {"backbone": "Xception"})) == "imagenet"


def test_a_folder_without_the_file_says_how_it_is_named(tmp_path):
    with pytest.raises(WeightsError, match="xception") as caught:
        weights_file(str(tmp_path), Model("FineTuned", {"backbone": "Xception"}))
    assert "xception_weights_tf_dim_ordering_tf_kernels_notop.h5" in caught.value.expected
    assert "--weights none" in caught.value.remedy
    with pytest.raises(WeightsError, match="isn't there"):
        weights_file(str(tmp_path / "nowhere"), Model("FineTuned", {"backbone": "Xception"}))
