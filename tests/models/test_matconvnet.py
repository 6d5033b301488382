"""MatConvNet's files: written by the tests, read, and their outputs compared with NumPy."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import io

from leukcnn import models
from leukcnn.errors import WeightsError
from leukcnn.models.bases import penultimate
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.matconvnet import convert_matconvnet, load_matconvnet
from leukcnn.models.weights import stored_parameters

# The content of the published files, in MatConvNet's words: filters, number of groups, stride, pad.
SMALL = {
    "conv1": ((5, 5, 3, 4), 1, 2, 0),
    "conv2": ((3, 3, 2, 6), 2, 1, 1),
    "fc6": ((3, 2, 6, 5), 1, 1, 0),
    "fc7": ((1, 1, 5, 3), 1, 1, 0),
}
SMALL_ORDER = ("conv1", "norm1", "pool1", "conv2", "pool2", "fc6", "fc7")
SMALL_PARAM = (3, 2, 0.01, 0.75)
SHAPE = (27, 19, 3)


def small_network():
    """Returns a network of the same kinds of layers: maps 12x8, 6x4, 3x2 after pooling with zero padding."""
    inputs = keras.Input(SHAPE)
    x = MeanSubtraction(name="mean")(inputs)
    x = layers.Conv2D(4, 5, strides=2, activation="relu", name="conv1")(x)
    x = LocalResponseNormalization(3, bias=2, alpha=0.01, beta=0.75, name="norm1")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = layers.Conv2D(6, 3, padding="same", groups=2, activation="relu", name="conv2")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = layers.Dense(5, activation="relu", name="fc6")(layers.Flatten()(x))
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(3, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="small")


def random_weights(convolutions):
    """Returns name -> (filters, biases), with a variance that keeps the scale of the feature maps."""
    rng = np.random.default_rng(0)

    def filters(shape, first):
        scale = np.sqrt(2 / np.prod(shape[:3])) / (60 if first else 1)
        return (rng.standard_normal(shape, dtype=np.float32) * scale).astype(np.float32)

    return {
        name: (filters(shape, name == "conv1"), rng.normal(0, 0.1, (shape[3], 1)).astype(np.float32))
        for name, (shape, *_) in convolutions.items()
    }


def stage(name, convolutions, weights, param, layout):
    """Returns one layer as a structure of MatConvNet; `layout` is "weights" or "filters"."""
    if name.startswith("norm"):
        kind = "lrn" if layout == "weights" else "normalize"
        return {"name": name, "type": kind, "param": np.array([param], dtype=float)}
    if name.startswith("pool"):
        pad = np.array([[0.0, 1, 0, 1]])
        return {"name": name, "type": "pool", "pool": [[3.0, 3]], "stride": [[2.0, 2]], "pad": pad}
    _, _, stride, pad = convolutions[name]
    made = {"name": name, "type": "conv", "stride": [[float(stride)] * 2], "pad": [[float(pad)] * 4]}
    filters, biases = weights[name]
    if layout == "filters":
        return {**made, "filters": filters, "biases": biases.T}
    pair = np.empty((1, 2), dtype=object)
    pair[0, 0], pair[0, 1] = filters, biases
    return {**made, "weights": pair}


def write_mat(
    path, weights, mean, *, convolutions=SMALL, order=SMALL_ORDER, param=SMALL_PARAM, layout="weights", **more
):
    stages = []
    for name in order:
        stages.append(stage(name, convolutions, weights, param, layout))
        if name.startswith(("conv", "fc")) and name != order[-1]:
            stages.append({"name": f"relu{name[-1]}", "type": "relu"})
    stages.append({"name": "prob", "type": "softmax"})
    cells = np.empty((1, len(stages)), dtype=object)
    cells[0] = stages
    normalization = {"imageSize": [[27.0, 19, 3]], "averageImage": mean}
    place = (
        {"meta": {"normalization": normalization}}
        if layout == "weights"
        else {"normalization": normalization}
    )
    io.savemat(path, {"layers": cells, **place, **more})
    return path


def convolved(x, filters, biases, *, groups, stride, pad):
    """Grouped convolution by its definition, in double precision."""
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width, channels, outputs = filters.shape
    blocks = []
    for g in range(groups):
        maps = x[..., g * channels : (g + 1) * channels]
        windows = np.lib.stride_tricks.sliding_window_view(maps, (height, width), axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        kernels = filters[..., g * outputs // groups : (g + 1) * outputs // groups]
        blocks.append(np.einsum("nrcdhw,hwdo->nrco", windows, kernels, optimize=True))
    return np.concatenate(blocks, axis=-1) + biases.ravel()


def normalised(x, param):
    size, kappa, alpha, beta = param
    squares = np.pad(x**2, [(0, 0)] * 3 + [(size // 2, size // 2)])
    windows = np.lib.stride_tricks.sliding_window_view(squares, size, axis=3)
    return x / (kappa + alpha * windows.sum(axis=-1)) ** beta


def max_pooled(x):
    x = np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].max(axis=(-1, -2))


def expected_outputs(images, weights, mean, *, convolutions=SMALL, order=SMALL_ORDER, param=SMALL_PARAM):
    """Returns the last features and the probabilities of the network in the file."""
    x = images.astype(np.float64) - mean
    for name in order:
        if name.startswith("norm"):
            x = normalised(x, param)
        elif name.startswith("pool"):
            x = max_pooled(x)
        else:
            features = x
            _, groups, stride, pad = convolutions[name]
            x = convolved(x, *weights[name], groups=groups, stride=stride, pad=pad)
            if name != order[-1]:
                x = np.maximum(x, 0)
    logits = x[:, 0, 0] - x[:, 0, 0].max(axis=-1, keepdims=True)
    return features[:, 0, 0], np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def images(shape=SHAPE, n=3):
    return np.random.default_rng(1).integers(0, 256, (n, *shape)).astype(np.float32)


def means():
    rng = np.random.default_rng(2)
    return {
        "whole image": (rng.random(SHAPE) * 255).astype(np.float32),
        "1x1x3": np.array([[[120.0, 110, 100]]]),
        "three values": np.array([[120.0, 110, 100]]),
    }


@pytest.mark.parametrize("layout", ["weights", "filters"])
@pytest.mark.parametrize("kind", ["whole image", "1x1x3", "three values"])
def test_a_small_network_computes_what_numpy_does(layout, kind, tmp_path):
    weights, mean = random_weights(SMALL), means()[kind]
    model = small_network()
    load_matconvnet(model, write_mat(tmp_path / "small.mat", weights, mean, layout=layout))
    _, expected = expected_outputs(images(), weights, mean)
    assert np.ptp(expected[:, 0]) > 0.01
    np.testing.assert_allclose(np.asarray(model(images())), expected, atol=1e-5)


@pytest.mark.parametrize("target", ["small.weights.h5", "small.keras"])
def test_a_converted_file_gives_the_same_outputs(target, tmp_path):
    weights, mean = random_weights(SMALL), means()["whole image"]
    mat = write_mat(tmp_path / "small.mat", weights, mean)
    convert_matconvnet(mat, small_network(), tmp_path / target)
    fresh = small_network()
    fresh.load_weights(tmp_path / target)
    _, expected = expected_outputs(images(), weights, mean)
    np.testing.assert_allclose(np.asarray(fresh(images())), expected, atol=1e-5)
    assert stored_parameters(tmp_path / target) == fresh.count_params()


def test_another_target_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(WeightsError, match=r"\.weights\.h5 or \.keras"):
        convert_matconvnet(tmp_path / "none.mat", small_network(), tmp_path / "small.npz")


def refused(mat):
    """Returns the message with which a file is refused, and checks that the network isn't changed."""
    model = small_network()
    before = model.get_weights()
    with pytest.raises(WeightsError) as error:
        load_matconvnet(model, mat)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_allclose(model.get_layer("mean").mean, [123.68, 116.779, 103.939])
    return str(error.value)


def test_all_differences_are_named(tmp_path):
    weights, mean = random_weights(SMALL), np.zeros((27, 27, 3))
    weights["conv2"] = (np.zeros((3, 3, 4, 6), np.float32), weights["conv2"][1])
    weights["fc6"] = (weights["fc6"][0].transpose(1, 0, 2, 3), np.zeros((1, 4), np.float32))
    changed = {**SMALL, "conv1": (None, None, 4, 0)}
    mat = write_mat(tmp_path / "x.mat", weights, mean, convolutions=changed, param=(3, 1, 0.01, 0.75))
    message = refused(mat)
    for fault in (
        "conv1: stride is [4.0, 4.0], expected [2, 2]",
        "norm1: param is [3.0, 1.0, 0.01, 0.75], expected [3, 2, 0.01, 0.75]",
        "conv2: filters are (3, 3, 4, 6), expected (3, 3, 2, 6)",
        "fc6: filters are (2, 3, 6, 5), expected (3, 2, 6, 5)",
        "fc6: biases are (1, 4), expected (5,)",
        "averageImage is (27, 27, 3), expected (3,) or (27, 19, 3)",
    ):
        assert fault in message
    assert "fc7" not in message


def test_values_that_are_not_finite_are_refused_by_layer(tmp_path):
    weights, mean = random_weights(SMALL), np.full(3, np.nan)
    weights["conv2"][0][0, 0, 0, 0] = np.inf
    # Too large for float32.
    weights["fc6"] = (weights["fc6"][0], np.full((5, 1), 1e300))
    message = refused(write_mat(tmp_path / "x.mat", weights, mean))
    for part in ("conv2: filters", "fc6: biases", "averageImage"):
        assert f"{part} ha" in message
    assert message.count("NaN or infinite") == 3


def test_another_order_of_layers_is_refused_although_all_shapes_fit(tmp_path):
    order = ("conv1", "pool1", "norm1", "conv2", "pool2", "fc6", "fc7")
    mat = write_mat(tmp_path / "x.mat", random_weights(SMALL), np.zeros(3), order=order)
    message = refused(mat)
    assert "are conv, pool, lrn, conv" in message
    assert "those of small: conv, lrn, pool, conv" in message


def test_a_file_without_a_mean_or_with_too_many_layers_is_refused(tmp_path):
    weights = random_weights(SMALL)
    assert "averageImage is (0, 0)" in refused(write_mat(tmp_path / "x.mat", weights, np.zeros((0, 0))))
    more = {**SMALL, "fc8": ((1, 1, 3, 2), 1, 1, 0)}
    order = (*SMALL_ORDER, "fc8")
    mat = write_mat(tmp_path / "y.mat", random_weights(more), np.zeros(3), convolutions=more, order=order)
    assert "conv, conv, conv" in refused(mat)


def test_a_wrong_file_is_refused(tmp_path):
    assert "no weights file" in refused(tmp_path / "none.mat")
    (tmp_path / "x.mat").write_bytes(b"no network")
    assert "can't be read" in refused(tmp_path / "x.mat")
    io.savemat(tmp_path / "y.mat", {"vars": 1, "params": 2})
    assert "holds vars, params" in refused(tmp_path / "y.mat")


def published(filters, groups, fc6, classes):
    """Returns the convolutions of a published network, with fc6 as large as the feature maps."""
    inputs = (3, *filters[:4])
    kernels = zip((11, 5, 3, 3, 3), (4, 1, 1, 1, 1), (0, 2, 1, 1, 1), strict=True)
    return {
        **{
            f"conv{i}": ((k, k, inputs[i - 1] // groups[i - 1], filters[i - 1]), groups[i - 1], stride, pad)
            for i, (k, stride, pad) in enumerate(kernels, start=1)
        },
        "fc6": ((*fc6, filters[4], 4096), 1, 1, 0),
        "fc7": ((1, 1, 4096, 4096), 1, 1, 0),
        "fc8": ((1, 1, 4096, classes), 1, 1, 0),
    }


PUBLISHED = {
    "AlexNet": ((96, 256, 384, 384, 256), (1, 2, 1, 2, 2), ("norm", "pool"), (5, 1, 2e-5, 0.75)),
    "CaffeNet": ((96, 256, 384, 384, 256), (1, 2, 1, 2, 2), ("pool", "norm"), (5, 1, 2e-5, 0.75)),
    "VGGF": ((64, 256, 256, 256, 256), (1, 1, 1, 1, 1), ("norm", "pool"), (5, 2, 1e-4, 0.75)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_networks_compute_what_numpy_does_and_refuse_other_files(name, tmp_path):
    # Maps 16x24, 8x12, 4x6, 2x3: each pooling pads a row and a column, and fc6 isn't square.
    shape, (filters, groups, pair, param) = (71, 103, 3), PUBLISHED[name]
    convolutions = published(filters, groups, (2, 3), classes=5)
    blocks = [[f"conv{i}", *(f"{kind}{i}" for kind in pair)] for i in (1, 2)]
    order = (*blocks[0], *blocks[1], "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8")
    weights = random_weights(convolutions)
    mean = (np.random.default_rng(2).random(shape) * 255).astype(np.float32)
    description = {"convolutions": convolutions, "order": order, "param": param}
    mat = write_mat(tmp_path / "published.mat", weights, mean, **description)

    model = models.build(name, weights=str(mat), input_shape=shape, classes=5)
    features, probabilities = expected_outputs(images(shape), weights, mean, **description)
    assert np.abs(features).mean() > 0.1
    np.testing.assert_allclose(np.asarray(penultimate(model)(images(shape))), features, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.asarray(model(images(shape))), probabilities, atol=1e-4)

    convert_matconvnet(mat, model, tmp_path / "converted.weights.h5")
    again = models.build(name, weights=tmp_path / "converted.weights.h5", input_shape=shape, classes=5)
    np.testing.assert_array_equal(np.asarray(again(images(shape))), np.asarray(model(images(shape))))

    bare = models.build(name, weights=mat, input_shape=shape, include_top=False)
    np.testing.assert_array_equal(bare.get_layer("conv5").get_weights()[0], weights["conv5"][0])
    other = {"AlexNet": "CaffeNet", "CaffeNet": "AlexNet", "VGGF": "AlexNet"}[name]
    with pytest.raises(WeightsError, match="same network"):
        models.build(other, weights=mat, input_shape=shape, classes=5)
    with pytest.raises(WeightsError, match=r"predictions: filters are \(1, 1, 4096, 5\)"):
        models.build(name, weights=mat, input_shape=shape, classes=2)
