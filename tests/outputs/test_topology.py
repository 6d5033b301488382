"""Tests of captured networks: boxes of their layers, and tables of them."""

from dataclasses import replace

import keras
import pytest

from leukcnn import papers
from leukcnn.outputs import topology as module
from leukcnn.spec import Figure, Model, Table
from tests.outputs.png import captured, keys, material_of, with_size

PAPER = with_size(papers.get("cnmc2019"), "crop", 20)
FIGURE = next(figure for figure in PAPER.figures if figure.networks)
COLUMNS = ("Layer (type)", "Output Shape", "Param #")
LAYERS = Table(
    "layers", "t", "layers", rows=("vgg16",), columns=COLUMNS, reference=(("dense (Dense)", "(None, 4)", 36),)
)


def tiny_network(**options) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(options.get("input_shape", (16, 16, 3))),
            keras.layers.GlobalAveragePooling2D(name="gap"),
            keras.layers.Dense(7, activation="softmax", name="predictions"),
        ]
    )


@pytest.fixture
def asked(monkeypatch):
    """Names and options that builders were called with; none of them builds its real network."""
    asked = []

    def build(name, **options):
        asked.append((name, options))
        return tiny_network(**options)

    monkeypatch.setattr(module.models, "build", build)
    for name in ("VGG16", "Xception"):
        monkeypatch.setattr(
            keras.applications, name, lambda weights, _name=name: build(_name, weights=weights)
        )
    return asked


def test_topology_shows_the_paper_s_networks_and_the_originals(asked, tmp_path):
    kept = captured(FIGURE, material_of(None, PAPER, tmp_path))["figure4"]
    layers = [("Global average pooling\n3", "pooling", []), ("Dense 7, softmax\n7", "dense", [])]
    assert kept["columns"] == [
        ("(a) Xception, original", layers),
        ("(b) Xception, the paper's", layers),
        ("(c) VGG16 and VGG19, original", layers),
        ("(d) VGG16 and VGG19, the paper's", layers),
    ]
    # No weights are downloaded, and the paper's networks have its own input size.
    assert [name for name, _ in asked] == ["Xception", "CNMCXception", "VGG16", "CNMCVGG16"]
    assert asked[0][1] == {"weights": None}
    assert asked[3][1] == {
        "input_shape": (20, 20, 3),
        "classes": 2,
        "penalty": 1e-4,
        "dropout_rate": 0.5,
        "kernel_initializer": "glorot_uniform",
        "dense_units": (512, 512),
        "top_pooling": "avg",
    }


def test_figure_s_network_has_the_paper_s_outputs_and_needs_no_weights(asked, tmp_path):
    arguments = {"classes": 1, "weights": "imagenet", "kernel_initializer": "glorot_uniform"}
    rows = tuple(
        replace(row, setup=replace(row.setup, model=Model("CNMCVGG16", arguments))) for row in PAPER.rows
    )
    figure = Figure("figure4", "t", "networks", "", networks=(("LeukNet", "CNMCVGG16"),))
    material = material_of(None, replace(PAPER, rows=rows, assumptions=(), figures=(figure,)), tmp_path)
    kept = captured(figure, material)["figure4"]
    assert [kind for _, kind, _ in kept["columns"][0][1]] == ["pooling", "dense"]
    assert asked == [("CNMCVGG16", {"input_shape": (20, 20, 3), **arguments, "weights": None})]
    # The paper's rows are unchanged.
    assert arguments["weights"] == "imagenet"


def test_table_of_layers_keeps_the_network_of_its_row(asked, tmp_path):
    assert captured(LAYERS, material_of(None, PAPER, tmp_path)) == {
        "layers": {
            "layers": [
                ["gap (GlobalAveragePooling2D)", "(None, 3)", 0],
                ["predictions (Dense)", "(None, 7)", 28],
            ],
            "trainable": 28,
            "frozen": 0,
        }
    }
    assert asked[-1][0] == "CNMCVGG16"


@pytest.mark.parametrize("item", [FIGURE, LAYERS], ids=["figure", "table"])
def test_key_depends_on_the_networks(item, asked, tmp_path):
    def key(paper=PAPER, **record):
        return keys(item, material_of(None, paper, tmp_path, **record))

    assert key() == key(seed=1)
    assert key() != key(with_size(PAPER, "crop", 18))
    assert key() != key(assumed={"initializer": "he_uniform"})
    assert asked == []
