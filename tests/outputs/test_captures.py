from dataclasses import replace

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.errors import StoreError
from leukcnn.outputs.captures import Captured, key_of
from leukcnn.outputs.kind import Capture
from leukcnn.spec import Figure, Table
from tests.outputs.least import least

IMAGE = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
VALUES = {
    "titles": ["malignant, subject 1", "gespiegelt – Ärger"],
    "images": [IMAGE, *(255 - IMAGE[:n] for n in range(1, 12))],
    "maps": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3),
    "nothing": [],
    "none": np.empty((0, 4, 4), np.uint8),
    "layers": [["dense (Dense)", "(None, 4)", 36]],
    "n": 7,
}


def capture(values=None, *, name="figure2", key="k") -> Capture:
    return Capture(name, key, lambda: VALUES if values is None else values)


def test_captures_are_read_as_they_were_kept(tmp_path):
    Captured(tmp_path).keep(capture())
    found = Captured(tmp_path)["figure2"]
    assert found.keys() == {*VALUES, "key", "of"}
    assert found["key"] == "k"
    for name in ("titles", "nothing", "layers", "n"):
        assert found[name] == VALUES[name]
    for name in ("maps", "none"):
        np.testing.assert_array_equal(found[name], VALUES[name])
        assert found[name].dtype == VALUES[name].dtype
    assert len(found["images"]) == 12
    for one, other in zip(found["images"], VALUES["images"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_captures_are_found_by_name(tmp_path):
    captured = Captured(tmp_path)
    assert list(captured) == []
    assert captured.get("figure2") is None
    captured.keep(capture())
    captured.keep(capture({"n": 1}, name="figure10"))
    assert list(captured) == ["figure10", "figure2"]
    assert len(captured) == 2
    assert "figure1" not in captured
    assert captured.get("figure10") == {"n": 1, "key": "k", "of": ""}
    with pytest.raises(StoreError, match=r"figure1\.npz is gone"):
        captured["figure1"]


def test_only_a_capture_with_another_key_is_made_again(tmp_path):
    captured = Captured(tmp_path)

    def refuse():
        raise AssertionError("made again")

    captured.keep(capture({"n": 1}))
    captured.keep(Capture("figure2", "k", refuse))
    assert captured["figure2"]["n"] == 1
    captured.keep(capture({"n": 2}, key="other"))
    assert captured["figure2"] == {"n": 2, "key": "other", "of": ""}


@pytest.mark.parametrize("content", [b"", b"no zip", "cut"])
def test_capture_that_cannot_be_read_is_named_and_made_again(tmp_path, content):
    captured = Captured(tmp_path)
    captured.keep(capture())
    path = tmp_path / "captured" / "figure2.npz"
    path.write_bytes(path.read_bytes()[:100] if content == "cut" else content)
    with pytest.raises(
        StoreError, match=r"(?s)figure2\.npz can't be read.*What to do: run `leukcnn reproduce`"
    ):
        captured["figure2"]
    captured.keep(capture())
    assert captured["figure2"]["n"] == 7


def test_a_changed_byte_in_an_array_is_found(tmp_path):
    captured = Captured(tmp_path)
    captured.keep(capture({"image": np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)}))
    path = tmp_path / "captured" / "figure2.npz"
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"figure2\.npz can't be read"):
        captured["figure2"]


FIGURE = Figure("figure2", "t", "activation_maps", "Figure 2", rows=("deep",))


@pytest.mark.parametrize("other", [{"kind": "filters"}, {"rows": ("shallow",)}])
def test_a_capture_for_another_kind_or_row_is_made_again_and_not_shown(tmp_path, other):
    captured, changed = Captured(tmp_path), replace(FIGURE, **other)
    captured.keep(capture({"n": 1}), of=key_of(FIGURE))
    assert captured.seen_by(FIGURE)["figure2"]["n"] == 1
    assert captured.seen_by(FIGURE).get("figure3") is None
    for read in (lambda own: own["figure2"], lambda own: own.get("figure2")):
        with pytest.raises(StoreError, match="made for another figure"):
            read(captured.seen_by(changed))
    captured.keep(capture({"n": 2}), of=key_of(changed))
    assert captured.seen_by(changed)["figure2"]["n"] == 2


def test_printed_fields_do_not_change_the_key():
    assert key_of(FIGURE) == key_of(replace(FIGURE, title="another", where=""))
    table = least("layers")
    assert key_of(table) == key_of(replace(table, columns=("Layer", "Shape", "#"), notes=("a",)))
    metrics = Table("item", "", "metrics", metrics=("f1",))
    assert key_of(metrics) == key_of(replace(metrics, headings={"f1": "F"}, shape={"row": "section"}))
    assert key_of(table) != key_of(replace(table, rows=("shallow",)))


def test_a_table_has_the_key_with_which_earlier_versions_kept_its_captures():
    (layers,) = (table for table in papers.get("taleghani_resnet50").tables if table.id == "layers")
    assert key_of(layers) == "9eb64449e15652e1a3b93d47343cdc7a2f59b256ac2b33f2c342de754e67e144"
