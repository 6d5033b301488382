import keras
import pytest

from leukcnn.outputs.layers import build
from leukcnn.outputs.network_layers import network_summary
from leukcnn.spec import Table

PRINTED = (
    ("resnet50 (Functional)", "(None, 7, 7, 2048)", 23_587_712),
    ("flatten (Flatten)", "(None, 100352)", 0),
    ("dropout (Dropout)", "(None, 100352)", 0),
    ("dense (Dense)", "(None, 4)", 401_412),
)
LAYERS = Table(
    "layers",
    "The network",
    "layers",
    "",
    rows=("frozen",),
    columns=("Layer (type)", "Output Shape", "Param #"),
    reference=PRINTED,
)


def summary_of(*lines, trainable=401_412, frozen=23_587_712):
    return {"layers": [list(line) for line in lines], "trainable": trainable, "frozen": frozen}


@pytest.fixture
def rows_of(staged):
    return lambda summary: build(LAYERS, staged(LAYERS).results(), {LAYERS.id: summary}).rows


def test_lines_that_differ_only_in_name_are_equal(rows_of):
    *lines, total, trainable, frozen = rows_of(
        summary_of(*PRINTED[:3], ("predictions (Dense)", "(None, 4)", 401_412))
    )
    assert [row[:3] for row in lines] == list(PRINTED)
    assert lines[3][3] == "predictions (Dense)"
    assert {row[-1] for row in lines} == {"equal"}
    assert total[2:] == (23_989_124, "Total params", None, 23_989_124, "equal")
    assert trainable[3:] == ("Trainable", None, 401_412, "not published")
    assert frozen[3:] == ("Frozen", None, 23_587_712, "not published")


def test_lines_that_differ_say_in_what(rows_of):
    dense = ("dense (Dense)", "(None, 2)", 200_706)
    *lines, total, _, _ = rows_of(summary_of(*PRINTED[:3], dense, trainable=200_706))
    assert lines[3][-1] == "differs: shape, parameters"
    assert total[-1] == "differs: parameters"


def test_a_layer_that_only_one_network_has_is_unpaired(rows_of):
    extra = ("relu (ReLU)", "(None, 4)", 0)
    lines = rows_of(summary_of(PRINTED[0], PRINTED[1], PRINTED[3], extra))[:5]
    assert [row[-1] for row in lines] == [
        "equal",
        "equal",
        "no such layer in the built network",
        "equal",
        "not published",
    ]
    assert lines[2][3:6] == (None, None, None)
    assert lines[4][:3] == (None, None, None)


def test_without_the_network_only_printed_lines_are_shown(rows_of):
    rows = rows_of(None)
    assert [row[:3] for row in rows[:4]] == list(PRINTED)
    assert {row[-1] for row in rows} == {"not measured: the network has not been built"}


def test_table_of_layers_has_no_mark(staged):
    assert build(LAYERS, staged(LAYERS).results(not_comparable="smoke"), {}).marks == ()


def test_a_real_network_is_read_line_by_line(rows_of):
    base = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
    base.trainable = False
    head = [keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(4)]
    rows = rows_of(network_summary(keras.Sequential([keras.Input((224, 224, 3)), base, *head])))
    assert {row[-1] for row in rows} == {"equal", "not published"}
    assert rows[-1][5] == 23_587_712
