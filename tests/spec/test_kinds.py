"""Tests of the fields that each kind of table and figure requires and refuses."""

import pytest

from leukcnn.errors import SpecError
from leukcnn.fields import replace_at
from leukcnn.spec import Assumption, Features, Figure, Profile, Row, Table
from leukcnn.spec.kinds import FIGURES, TABLES
from tests.outputs.least import least
from tests.spec.test_paper import SETUP, make_paper

EVERY = [(kind, registry) for registry in (TABLES, FIGURES) for kind in registry]
REQUIRED = [(kind, registry, name) for kind, registry in EVERY for name in registry[kind].requires]


@pytest.mark.parametrize(("kind", "registry"), EVERY)
def test_kind_has_a_description_and_accepts_its_required_fields_alone(kind, registry):
    assert registry[kind].shows
    assert least(kind, registry).kind == kind


@pytest.mark.parametrize(("kind", "registry", "name"), REQUIRED)
def test_missing_required_field_is_named(kind, registry, name):
    whole = least(kind, registry)
    with pytest.raises(SpecError) as caught:
        least(kind, registry, **{name: type(getattr(whole, name))()})
    assert caught.value.found == f"{type(whole).__name__} 'item' of kind {kind!r}: {name} is empty."
    assert caught.value.expected.startswith(f"{name} with ")


@pytest.mark.parametrize(
    ("make", "found", "expected"),
    [
        (lambda: least("t_test", rows=("one",)), "rows has 1 items", "2"),
        (lambda: least("counts", reference=(("Training", 1, 2, 3, 4),)), "reference has 1 items", "3"),
        (lambda: least("layers", columns=("Layer", "Shape")), "columns has 2 items", "3"),
        (
            lambda: least("reference", columns=("A", "B")),
            "lines of [3] cells under 2 columns",
            "one cell for",
        ),
        (
            lambda: least("datasets", reference=(("a", 1), ("b", 1, 2))),
            "lines of [2, 3] cells",
            "the same length",
        ),
        (lambda: least("datasets", reference=(("cnmc", 1, 2, 3),)), "first cell of reference = 'cnmc'", ""),
        (
            lambda: least("datasets", reference=(("Total", 1, 2, 3),)),
            "only a total",
            "a line for each dataset",
        ),
        (
            lambda: least("counts", axes=("row", "subset")),
            "it doesn't accept axes",
            "tables or figures of metrics",
        ),
        (lambda: least("counts", shape={"row": "section"}), "it doesn't accept shape", "of metrics"),
        (lambda: least("reference", headings={"accuracy": "A"}), "it doesn't accept headings", "of metrics"),
        (lambda: least("samples", rows=("one",)), "it doesn't accept rows", "history"),
        (lambda: least("filters", dataset="jtsc"), "it doesn't accept dataset", "feature_space"),
        (lambda: least("history", variants=(("a", {}),)), "it doesn't accept variants", "augmentations"),
    ],
)
def test_field_that_does_not_fit_a_kind_is_refused(make, found, expected):
    with pytest.raises(SpecError) as caught:
        make()
    assert found in caught.value.found
    assert expected in caught.value.expected


@pytest.mark.parametrize("value", ["../x", "a/b c", "", ".", "-x", "Table1", "x\n"])
@pytest.mark.parametrize(
    "make",
    [
        lambda value: Table(value, "t", "metrics"),
        lambda value: Figure(value, "t", "samples"),
        lambda value: Row(value, "One", SETUP),
        lambda value: Profile(value, ""),
        lambda value: Assumption(value, "training.epochs", "", ""),
    ],
)
def test_id_that_is_no_file_name_is_refused(make, value):
    with pytest.raises(SpecError, match="lower-case letters, digits, '_' and '-'"):
        make(value)


FEATURES = Row("svm", "SVM", replace_at(SETUP, "features", Features("one")))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"tables": (least("counts"),), "positive_class": ""}, "reference of kind 'counts', but no positive"),
        (
            {"tables": (Table("c", "t", "confusion", subsets=("test",)),), "positive_class": ""},
            "subsets of kind 'confusion', but no positive",
        ),
        (
            {"tables": (least("reference", measured=(("Training", "one", "f1"),)),), "positive_class": ""},
            "metrics of one class, f1",
        ),
        ({"tables": (least("datasets", reference=(("cnmc2019", 1),)),)}, "lines of .2. cells"),
        (
            {"tables": (least("counts"),), "classes": ("a", "b", "ill")},
            "lines of .5. cells",
        ),
        (
            {"figures": (least("history", rows=("svm",)),), "rows": (*make_paper().rows, FEATURES)},
            "svm train no network",
        ),
    ],
)
def test_paper_that_does_not_fit_a_kind_is_refused(changes, found):
    with pytest.raises(SpecError, match=found):
        make_paper(**changes)


def test_line_of_reference_is_not_measured_if_datasets_are_tested_separately():
    last = replace_at(SETUP, "training.checkpoint", "last")
    separate = replace_at(replace_at(last, "split.kind", "kfold"), "split.per_dataset", ("cnmc2019",))
    rows = (Row("one", "One", separate), Row("two", "Two", SETUP))
    table = least("reference", measured=(("Training", "one", "accuracy"),))
    with pytest.raises(SpecError, match="measured names one, cross-validated dataset by dataset"):
        make_paper(rows=rows, tables=(table,))
