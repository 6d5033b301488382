"""RegNets: parameters, blocks and whole networks compared with NumPy, layers, tops and refusals."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from leukcnn import models
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.pytorch_weights import load_pytorch
from leukcnn.models.regnet import build_regnet, residual_block
from leukcnn.models.regnet_designs import DESIGNS, Stage, stages
from leukcnn.models.unfilled import unfilled
from tests import regnets


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def images(image_size, n=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, image_size, image_size, 3)).astype(np.float32)


@pytest.mark.parametrize("family", ["RegNetX", "RegNetY"])
def test_the_smallest_has_the_parameters_of_its_stage_table(family):
    with unfilled():
        model = models.build(family, design="200mf", classes=5, input_shape=(32, 32, 3))
    assert trainable(model) == regnets.parameters(
        regnets.STAGES_200MF, group_width=8, squeezes=family == "RegNetY", classes=5
    )


@pytest.mark.parametrize(("name", "count"), [("RegNetX-200MF", 2_684_792), ("RegNetY-400MF", 4_344_144)])
def test_parameters_at_1000_classes(name, count):
    # torchvision, which has the same RegNetY-400MF, counts 4,344,144 too.
    with unfilled():
        model = build_regnet(name)
    assert trainable(model) == count


# Stages of a single group, the deepest and the largest; test_regnet_designs has the counts of all.
@pytest.mark.parametrize(
    "name", ["RegNetX-8.0GF", "RegNetX-32GF", "RegNetY-1.6GF", "RegNetY-8.0GF", "RegNetY-32GF"]
)
def test_networks_are_built_with_the_zoos_number_of_parameters(name):
    design = DESIGNS[name]
    with unfilled():
        model = build_regnet(name, input_shape=(32, 32, 3))
    table = [(stage.depth, stage.width) for stage in stages(design)]
    assert trainable(model) == regnets.parameters(
        table, group_width=design.group_width, squeezes=name.startswith("RegNetY")
    )
    assert f"{trainable(model) / 1e6:.1f}" == regnets.PRINTED[name]
    assert model.name == name.lower()


@pytest.mark.parametrize("squeezes", [False, True], ids=["X", "Y"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("image_size", [7, 8])
def test_a_block_computes_what_numpy_does(squeezes, strides, image_size):
    """Grouped convolution, squeeze-and-excitation, and a shortcut with or without projection."""
    state = regnets.random_state(((2, 24),), group_width=8, squeezes=squeezes)
    channels = 32 if strides == 2 else 24
    inputs = keras.Input((image_size, image_size + 1, channels))
    block = f"s1_b{1 if strides == 2 else 2}"
    stage = Stage(depth=2, width=24, group_width=8)
    x = residual_block(inputs, stage=stage, strides=strides, squeezes=squeezes, name=block)
    model = keras.Model(inputs, x)
    names = {layer.name for layer in model.layers}
    assert (f"{block}_proj" in names) == (strides == 2)
    assert (f"{block}_se_scale" in names) == squeezes

    dotted = block.replace("_", ".")
    for layer in model.layers:
        if not layer.weights:
            continue
        place = {"proj": f"{dotted}.proj", "proj_bn": f"{dotted}.bn"}.get(
            layer.name.removeprefix(f"{block}_"), f"{dotted}.f.{layer.name.removeprefix(f'{block}_')}"
        )
        place = place.replace("se_reduce", "se.f_ex.0").replace("se_expand", "se.f_ex.2")
        variables = ("weight", "bias", "running_mean", "running_var")[: len(layer.weights)]
        arrays = [state[f"{place}.{variable}"] for variable in variables]
        layer.set_weights([a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for a in arrays])
    maps = np.random.default_rng(1).normal(size=(2, image_size, image_size + 1, channels)).astype(np.float32)
    expected = regnets.block_output(state, dotted, maps, strides=strides)
    np.testing.assert_allclose(np.asarray(model(maps)), expected, rtol=1e-3, atol=1e-4)


def test_a_block_of_zeros_is_its_shortcut():
    inputs = keras.Input((4, 4, 8))
    stage = Stage(depth=1, width=8, group_width=4)
    x = residual_block(
        inputs, stage=stage, strides=1, squeezes=True, kernel_initializer="zeros", name="s1_b1"
    )
    maps = np.random.default_rng(0).normal(size=(1, 4, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(keras.Model(inputs, x)(maps)), np.maximum(maps, 0))


def test_layers_are_the_papers():
    with unfilled():
        model = models.build("RegNetY", input_shape=(64, 64, 3))
    names = [layer.name for layer in model.layers]
    assert names[1:5] == ["stem_pad", "stem", "stem_bn", "stem_relu"]
    assert names[-3:] == ["s4_b6_relu", "gap", "predictions"]
    assert [f"s{stage}_b{depth}_c" in names for stage, depth in ((1, 1), (2, 3), (3, 6), (4, 6))] == [
        True
    ] * 4
    assert not {"s1_b2_c", "s2_b4_c", "s3_b7_c", "s4_b7_c", "s5_b1_c"} & set(names)
    grouped = [layer for layer in model.layers if isinstance(layer, GroupedConv2D)]
    assert [layer.groups for layer in grouped] == [6, *[13] * 3, *[26] * 6, *[55] * 6]
    sizes = [model.get_layer(place).output.shape[1] for place in ("stem", "s1_b1_b", "s2_b1_b", "s4_b1_relu")]
    assert sizes == [32, 16, 8, 2]
    assert model.get_layer("s2_b1_se_reduce").filters == 12
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
        if isinstance(layer, keras.layers.Conv2D):
            assert layer.use_bias == ("_se_" in layer.name)


def test_a_single_group_is_an_ordinary_convolution():
    with unfilled():
        model = build_regnet("RegNetX-8.0GF", input_shape=(32, 32, 3), include_top=False)
    layer = model.get_layer("s1_b1_b")
    assert type(layer) is keras.layers.Conv2D
    assert (layer.filters, layer.groups) == (80, 1)


@pytest.mark.parametrize("image_size", [32, 33, 47])
def test_the_network_computes_what_numpy_does_for_even_and_odd_sizes(image_size, tmp_path):
    state = regnets.random_state(squeezes=True, classes=4)
    save_file(state, tmp_path / "y.safetensors")
    model = models.build("RegNetY", design="200mf", classes=4, input_shape=(image_size, image_size, 3))
    load_pytorch(model, tmp_path / "y.safetensors")
    x = images(image_size)
    # The state dict takes blue, green, red; the network red, green, blue.
    expected = regnets.probabilities_of(state, x[..., ::-1])
    np.testing.assert_allclose(np.asarray(model(x)), expected, atol=2e-4)


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_the_top(pooling):
    with unfilled():
        model = models.build(
            "RegNetX", design="200MF", include_top=False, pooling=pooling, input_shape=(65, 64, 3)
        )
    assert model.output_shape == ((None, 368) if pooling else (None, 3, 2, 368))


def test_input_tensor_classes_activation_and_name():
    tensor = keras.Input((40, 48, 3), name="cell")
    model = models.build(
        "RegNetX", input_tensor=tensor, classes=2, classifier_activation=None, name="mine", design="200mf"
    )
    assert model.input is tensor
    assert (model.name, model.output_shape) == ("mine", (None, 2))
    assert model.get_layer("predictions").activation is keras.activations.linear
    assert models.build("RegNetX", input_shape=(32, 32, 1), design="200mf").name == "regnetx-200mf"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"design": "500mf"}, r"(?s)'500mf' for RegNetY.*200mf, .*, 4\.0gf, .*, 32gf"),
        ({"input_shape": (31, 32, 3)}, "at least 32 pixels"),
        ({"input_shape": (None, None, 3)}, "of a fixed size"),
        ({"classes": 1}, "softmax over one"),
        ({"include_top": False, "pooling": "mean"}, "'avg' or 'max'"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        models.build("RegNetY", **{"design": "200mf", "input_shape": (32, 32, 3), **arguments})


@pytest.mark.parametrize("weights", ["imagenet", "weights.npz"])
def test_a_wrong_suffix_is_refused_with_the_address_of_a_weights_file(weights):
    with unfilled(), pytest.raises(WeightsError) as error:
        models.build("RegNetX", design="4.0gf", weights=weights, input_shape=(32, 32, 3))
    assert "/160906383/RegNetX-4.0GF_dds_8gpu.pyth" in error.value.remedy
    assert "pass its path" in error.value.remedy


@pytest.mark.usefixtures("small_regnets")
@pytest.mark.parametrize("file", ["x.weights.h5", "x.keras"])
def test_files_of_keras_load(file, tmp_path):
    made = models.build("RegNetX", design="200mf", classes=2, input_shape=(32, 32, 3))
    if file.endswith(".keras"):
        made.save(tmp_path / file)
    else:
        made.save_weights(tmp_path / file)
    model = models.build(
        "RegNetX", design="200mf", classes=2, input_shape=(32, 32, 3), weights=str(tmp_path / file)
    )
    for loaded, stored in zip(model.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, stored)


# On one backend: compiling half-precision convolutions for a processor takes JAX most of a minute.
@pytest.mark.usefixtures("small_regnets")
def test_mixed_precision_computes_in_half_precision_with_a_float32_head():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = models.build("RegNetY", design="200mf", classes=2, input_shape=(32, 32, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    grouped, head = model.get_layer("s3_b1_b"), model.get_layer("predictions")
    assert isinstance(grouped, GroupedConv2D)
    assert (grouped.compute_dtype, grouped.variable_dtype) == ("float16", "float32")
    assert (head.compute_dtype, head.variable_dtype) == ("float32", "float32")
    outputs = model.predict(images(32), verbose=0)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("small_regnets")
def test_fit_learns_to_distinguish_bright_from_dark():
    keras.utils.set_random_seed(0)
    model = models.build("RegNetY", design="200mf", classes=2, input_shape=(32, 32, 3))
    model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy")
    x = images(32, 8)
    x[::2] += 2
    y = np.eye(2, dtype=np.float32)[np.arange(8) % 2]
    history = model.fit(x, y, epochs=8, batch_size=8, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2
