import dataclasses

import pytest

from leukcnn import spec
from leukcnn.errors import SpecError
from leukcnn.spec import Assumption, Figure, Finding, Published, Table

SPECIFICATIONS = [kind for kind in vars(spec).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", SPECIFICATIONS, ids=lambda kind: kind.__name__)
def test_every_specification_is_frozen(kind):
    blank = object.__new__(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(blank, dataclasses.fields(kind)[0].name, 1)


def test_published_value_of_a_row_is_found():
    value = Published("one", "accuracy", 90.0, std=1.5)
    table = Table("table1", "", "metrics", "", published=(value,))
    assert table.printed("one", "accuracy") is value
    assert table.printed("one", "precision") is None
    assert table.printed("two", "accuracy") is None


@pytest.mark.parametrize(
    ("make", "found", "remedy"),
    [
        (lambda: Table("t", "", "socres", ""), "Table 't': kind = 'socres'", "change this value"),
        (
            lambda: Table("t", "", "metrics", "", metrics=("acuracy",)),
            "Table 't': metrics = 'acuracy'",
            "'accuracy'",
        ),
        (
            lambda: Table("t", "", "metrics", "", metrics="accuracy"),
            "Table 't': metrics = 'accuracy'",
            "('accuracy',)",
        ),
        (lambda: Table("t", "", "metrics", None), "Table 't': where = None", ""),
        (lambda: Table("t", "", "metrics", "", split="kfolds"), "Table 't': split = 'kfolds'", "'kfold'"),
        (
            lambda: Table("t", "", "reference", "", measured=(("A", "one", "f1_"),)),
            "measured = 'f1_'",
            "'f1'",
        ),
        (lambda: Table("t", "", "metrics", "", published=(Published("one", "f1", 1.0),) * 2), "twice", ""),
        (lambda: Published("one", "acuracy", 90.0), "Published 'one': metric = 'acuracy'", "'accuracy'"),
        (lambda: Published("one", "accuracy", "90"), "Published 'one': value = '90'", ""),
        (lambda: Published("one", "accuracy", 90.0, subset="tset"), "subset = 'tset'", "'test'"),
        (lambda: Published("one", "accuracy", 90.0, dataset="allidb"), "dataset = 'allidb'", "'allidb"),
        (lambda: Figure("f", "", "sample", ""), "Figure 'f': kind = 'sample'", "'samples'"),
        (
            lambda: Figure("f", "", "networks", "", networks=(("A", "DenseNet12"),)),
            "Figure 'f': networks = 'DenseNet12'",
            "'DenseNet121'",
        ),
        (
            lambda: Assumption("a", "training.loss", "", "", choices="mse"),
            "Assumption 'a': choices = 'mse'",
            "('mse',)",
        ),
        (lambda: Finding("", 3), "Finding: where = 3", ""),
        (lambda: spec.Row("r", "R", None), "Row 'r': setup = None", ""),
        (lambda: spec.Model("FineTunned"), "Model: name = 'FineTunned'", "'FineTuned'"),
        (lambda: spec.Model("module."), "Model: name = 'module.'", ""),
        (lambda: spec.Model("FineTuned", ("ResNet50",)), "arguments = ('ResNet50',)", ""),
    ],
)
def test_misspelt_value_is_refused_with_its_field_and_the_nearest_name(make, found, remedy):
    with pytest.raises(SpecError) as caught:
        make()
    assert found in caught.value.found
    assert caught.value.expected
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "options",
    [
        {"axes": ("row", "class")},
        {"subsets": ("test", "external")},
        {"subsets": ("balanced",)},
        {"published": (Published("one", "accuracy", 90.0, subset="within"),)},
        {"show": ("metric", "measured", "less_balanced")},
        {"split": "lodocv"},
        {"compared_split": "random"},
    ],
)
def test_means_over_folds_need_the_test_set_and_folds_of_the_same_size(options):
    with pytest.raises(SpecError, match="over = 'folds'"):
        Table("t", "T", "metrics", over="folds", **options)
    assert Table("t", "T", "metrics", over="folds", subsets=("test",), split="fold", compared_split="kfold")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"shape": {"row": "sections"}}, "shape = 'sections'"),
        ({"shape": {"subset": "columns"}}, "axes of shape = 'subset'"),
        ({"headings": {"acuracy": "A (%)"}}, "headings = 'acuracy'"),
    ],
)
def test_a_shape_names_axes_of_the_table_and_headings_name_metrics(options, found):
    with pytest.raises(SpecError) as caught:
        Table("t", "T", "metrics", **options)
    assert found in caught.value.found


def test_sample_has_class_sizes_or_only_their_total():
    assert spec.Sample((59, 49)).n == 108
    assert spec.Sample(total=2586, subset="final").n == 2586
    for wrong in ({}, {"sizes": (3, 4), "total": 7}, {"sizes": (0, 0)}, {"sizes": (5,)}, {"total": -1}):
        with pytest.raises(SpecError, match="sizes"):
            spec.Sample(**wrong)
