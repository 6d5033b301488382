"""The depth and the parameters of published networks: counted by hand, and shown next to the printed ones."""

import keras
import pytest

from leukcnn import papers
from leukcnn.outputs.kind import Material
from leukcnn.outputs.network_layers import topological_depth
from leukcnn.outputs.network_sizes import KIND, build
from leukcnn.papers.leuknet_lodocv_tables import TABLE_3
from leukcnn.spec import Table

SIZES = Table(
    "sizes",
    "The networks",
    "networks",
    networks=(("First", "VGG16"), ("Second", "VGG16")),
    columns=("Model", "Depth", "Parameters", "Year"),
    reference=(("First", 3, 40, "2014"), ("Second", 5, 40, "2015")),
)


@pytest.fixture
def rows_of(staged):
    return lambda kept: build(SIZES, staged(SIZES).results(), kept).rows


def test_depth_is_that_of_the_longest_path():
    inputs = keras.Input((4,))
    short = keras.layers.Dense(2)(inputs)
    long = keras.layers.Dense(2)(keras.layers.ReLU()(keras.layers.Dense(3)(inputs)))
    model = keras.Model(inputs, keras.layers.Add()([short, long]))
    assert topological_depth(model) == 5


def test_lines_say_in_what_the_built_network_differs(rows_of):
    built = {"First": {"depth": 3, "parameters": 40}, "Second": {"depth": 4, "parameters": 41}}
    first, second = rows_of({"sizes": {"networks": built}})
    assert first == ("First", 3, 40, "2014", 3, 40, "equal")
    assert second == ("Second", 5, 40, "2015", 4, 41, "differs: depth, parameters")


def test_without_the_networks_only_printed_values_are_shown(rows_of):
    first, _ = rows_of({})
    assert first == ("First", 3, 40, "2014", None, None, "not measured: the network has not been built")


def test_table_3_of_leuknet_is_measured_and_differs_in_one_depth(staged):
    paper = papers.get("leuknet_lodocv")
    results = staged(TABLE_3).results()
    (capture,) = KIND.capture(TABLE_3, Material(results, None))
    rows = build(TABLE_3, results, {"table3": capture.make()}).rows
    assert {row[0]: row[4:] for row in rows} == {
        "VGG-16": (23, 138_357_544, "equal"),
        "VGG-19": (26, 143_667_240, "equal"),
        "ResNet50": (169, 25_636_712, "differs: depth"),
        "InceptionV3": (159, 23_851_784, "equal"),
        "Xception": (126, 22_910_480, "equal"),
    }
    assert TABLE_3 in paper.tables
