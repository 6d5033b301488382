import sys

import numpy as np
import pytest

from leukcnn.datasets import load_many
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.indexing import index_from_manifest, load
from leukcnn.datasets.summary import ClassCount, as_html, as_text, count_classes
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import DependencyError


def index_of(labels, *, class_names=("healthy", "malignant"), dataset="mine", group=None):
    n = len(labels)
    return ImageIndex(
        paths=[None] * n,
        ids=np.array([f"id{i}" for i in range(n)]),
        labels=np.array(labels, dtype=np.int64),
        class_names=class_names,
        dataset=np.broadcast_to(dataset, n),
        group=np.array(group or [""] * n, dtype=np.str_),
        subset=np.full(n, "all"),
        fold=np.full(n, -1),
        sha256=np.array([str(i) for i in range(n)]),
    )


def test_index_prints_its_counts_in_aligned_columns(archive):
    assert repr(load("cnmc2019", archive)).splitlines() == [
        "ImageIndex: 12 images, 2 classes, 7 groups",
        "dataset    subset       class         images    groups",
        "cnmc2019   training     healthy            3         3",
        "cnmc2019   training     malignant          3         2",
        "cnmc2019   preliminary  healthy            2         1",
        "cnmc2019   preliminary  malignant          1         1",
        "cnmc2019   final        unlabelled         3   unknown",
    ]


def test_counts_are_by_dataset_subset_and_class():
    index = index_from_manifest("cnmc2019")
    assert index.counts() == {
        ("cnmc2019", "training", "healthy"): 3389,
        ("cnmc2019", "training", "malignant"): 7272,
        ("cnmc2019", "preliminary", ""): 1867,
        ("cnmc2019", "final", ""): 2586,
    }
    assert sum(index.counts().values()) == len(index)


def test_rows_follow_first_images_and_class_names():
    counts = count_classes(
        np.array(["b", "a", "b", "b", "a"]),
        np.array(["x", "x", "y", "x", "x"]),
        np.array([-1, 1, 0, 0, 1]),
        np.array(["", "1", "2", "2", "1"]),
        class_names=("z", "c"),
    )
    assert counts == [
        ClassCount("b", "x", "z", images=1, groups=1),
        ClassCount("b", "x", "", images=1, groups=0),
        ClassCount("b", "y", "z", images=1, groups=1),
        ClassCount("a", "x", "c", images=2, groups=1),
    ]


def test_groups_of_two_datasets_are_counted_apart_unless_they_are_shared():
    index = index_of([0, 0, 1, 1], dataset=["a", "b", "a", "b"], group=["1", "1", "a/7", "a/7"])
    assert repr(index).startswith("ImageIndex: 4 images, 2 classes, 3 groups\n")


def test_empty_index_and_synthetic_images_are_named_in_the_title(archive):
    assert repr(index_of([])) == "ImageIndex: 0 images, 2 classes"
    assert index_of([]).counts() == {}
    (archive / SYNTHETIC_MARKER).write_text("{}")
    assert repr(load("cnmc2019", archive)).startswith("ImageIndex: 12 synthetic images, 2 classes")


def test_many_rows_are_cut_and_counted():
    names = tuple(f"class {i}" for i in range(1050))
    index = index_of(range(1050), class_names=names)
    lines = repr(index).splitlines()
    assert len(lines) == 43
    assert lines[0] == "ImageIndex: 1,050 images, 1,050 classes"
    assert lines[-1] == "and 1,010 more rows: see counts()"
    assert index._repr_html_().endswith("<p>and 1,010 more rows: see counts()</p>")
    assert len(index.counts()) == 1050


def test_html_is_a_table_with_escaped_texts():
    html = index_of([0, 1], class_names=("<b>A&B</b>", "b"), dataset="<i>")._repr_html_()
    assert html.startswith("<p>ImageIndex: 2 images, 2 classes</p>\n<table>")
    assert "&lt;b&gt;A&amp;B&lt;/b&gt;" in html
    assert "&lt;i&gt;" in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("<tr>") == 3
    assert as_html("<script>", []) == "<p>&lt;script&gt;</p>"
    assert as_text("title", []) == "title"


def test_frame_has_a_row_per_image(archive):
    pandas = pytest.importorskip("pandas")
    index = load("cnmc2019", archive)
    frame = index.to_frame()
    assert list(frame.columns) == [
        *("path", "id", "dataset", "subset", "class", "label", "group", "fold", "given", "sha256"),
    ]
    assert len(frame) == len(index)
    assert frame["path"].tolist() == [str(path) for path in index.paths]
    assert frame["class"].tolist() == ["malignant", "healthy"] + ["malignant"] * 2 + ["healthy"] * 2 + [
        *("malignant", "healthy", "healthy", "", "", ""),
    ]
    for column, values in (("id", index.ids), ("label", index.labels), ("sha256", index.sha256)):
        assert frame[column].tolist() == values.tolist()
    assert frame.groupby(["dataset", "subset", "class"]).size().to_dict() == index.counts()
    assert pandas.Series(index.counts()).unstack().loc[("cnmc2019", "final"), ""] == 3


def test_frame_without_pandas_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DependencyError, match="pip install pandas"):
        index_of([0, 1]).to_frame()


def test_real_datasets_print_their_counts(real_data):
    index = load_many(
        ("jtsc", "taleghani"),
        real_data,
        class_names=("HBS", "ALL"),
        class_of={"healthy": "HBS", "benign": "HBS", "early": "ALL", "pre": "ALL", "pro": "ALL"},
    )
    lines = [line.split() for line in repr(index).splitlines()]
    assert ["jtsc", "jtsc", "HBS", "300", "unknown"] in lines
    assert ["taleghani", "taleghani", "ALL", "2,752"] in [line[:4] for line in lines]
