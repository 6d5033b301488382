"""Words for classes: which class a folder's name means for certain, and when it is asked for."""

from pathlib import PurePosixPath

import pytest

from leukcnn.datasets import CATALOG, load, load_many, verify
from leukcnn.datasets.class_words import class_of, class_words, given_classes, may_be, normalised
from leukcnn.datasets.image_paths import place
from leukcnn.errors import ArgumentError, DataError

ALL_IDB, CELLS, STAGES = ("healthy", "ALL"), ("healthy", "malignant"), ("benign", "early", "pre", "pro")
KINDS, LEUKAEMIA = ("healthy", "ALL", "AML", "other"), ("healthy", "pathological")

CERTAIN = [
    *(
        (ALL_IDB, word, "ALL")
        for word in ("ALL", "all", "1-ALL", "ALL cells", "Leukemia", "leukaemia", "Cancer")
    ),
    *((ALL_IDB, word, "ALL") for word in ("Abnormal", "malignant", "blast", "Blasts", "Lymphoblasts")),
    *((ALL_IDB, word, "ALL") for word in ("Acute Lymphoblastic Leukemia", "acute_lymphoblastic_leukaemia")),
    *((ALL_IDB, word, "healthy") for word in ("Normal", "0_healthy", "HBS", "non-cancer", "NonCancerous")),
    *((CELLS, word, "malignant") for word in ("all", "ALL", "cancer", "leukemia", "Malignant", "blast")),
    *((CELLS, word, "healthy") for word in ("hem", "Hem", "normal", "benign", "healthy cells")),
    *((STAGES, word, "early") for word in ("Early", "early Pre-B", "[Malignant] early Pre-B", "EarlyPreB")),
    *((STAGES, word, "pre") for word in ("Pre", "Malignant Pre-B", "[Malignant] Pre-B", "malignant_pre_b")),
    *((STAGES, word, "pro") for word in ("pro-B", "Pro", "[Malignant] Pro-B")),
    *((STAGES, f"Malignant-{word}", word) for word in ("early", "pre", "pro")),
    *((STAGES, word, "benign") for word in ("Benign", "normal")),
    *((KINDS, word, "AML") for word in ("aml", "Acute Myeloid Leukaemia", "acute myelogenous leukemia")),
    *((KINDS, word, "other") for word in ("other", "Other")),
    *((LEUKAEMIA, word, "pathological") for word in ("ALL", "AML", "leukaemia", "Leukemia", "abnormal")),
]
ASKED = [
    (ALL_IDB, "positive", ("healthy", "ALL")),
    (ALL_IDB, "class1", ("healthy", "ALL")),
    (ALL_IDB, "1", ("healthy", "ALL")),
    (ALL_IDB, "benign", ("healthy",)),
    (ALL_IDB, "other", ("ALL",)),
    (CELLS, "0", ("healthy", "malignant")),
    (STAGES, "malignant", ("early", "pre", "pro")),
    (STAGES, "ALL", ("early", "pre", "pro")),
    (KINDS, "Leukemia", ("ALL", "AML", "other")),
    (KINDS, "pre-B", ("ALL", "AML", "other")),
]
NO_WORDS = [
    (ALL_IDB, "masks"),
    (ALL_IDB, "AML"),
    (("AML",), "ALL"),
    (STAGES, "Segmented"),
    (("healthy",), "ALL"),
]


@pytest.mark.parametrize(("classes", "name", "meant"), CERTAIN)
def test_word_means_one_class_for_certain(classes, name, meant):
    assert class_of(name, class_words(*classes)) == meant


@pytest.mark.parametrize(("classes", "name", "possible"), ASKED)
def test_uncertain_word_means_no_class_and_may_be_some(classes, name, possible):
    assert class_of(name, class_words(*classes)) == ""
    assert may_be(name, classes) == possible


@pytest.mark.parametrize(("classes", "name"), NO_WORDS)
def test_other_words_mean_nothing(classes, name):
    assert class_of(name, class_words(*classes)) == ""
    assert may_be(name, classes) == ()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("[Malignant] early Pre-B", "malignantearlypreb"),
        ("0_healthy", "healthy"),
        ("1", "1"),
        ("Cells", "cells"),
    ],
)
def test_names_are_compared_without_case_separators_and_numbers(name, form):
    assert normalised(name) == form


@pytest.mark.parametrize("key", CATALOG)
def test_words_of_a_card_are_normalised(key):
    assert all(normalised(word) == word for word in CATALOG[key].class_words)


@pytest.mark.parametrize(
    ("key", "folder", "meant"),
    [
        ("taleghani", "[Malignant] early Pre-B", "early"),
        ("taleghani", "Malignant Pre-B", "pre"),
        ("allidb1", "1", "ALL"),
        ("cnmc2019", "ALL", "malignant"),
        ("midb", "ALL", "pathological"),
        ("ash", "Acute Myeloid Leukemia", "AML"),
    ],
)
def test_each_dataset_reads_its_words(key, folder, meant):
    dataset = CATALOG[key]
    found = place(dataset, PurePosixPath(f"{key}/{folder}/x.png"), depth=1)
    assert dataset.classes[found.label] == meant


@pytest.fixture
def root(tmp_path, write_cell):
    for number, name in enumerate(("positive", "negative", "Normal")):
        write_cell(tmp_path / "allidb1" / name / "a.png", seed=number)
    return tmp_path


def test_uncertain_folders_are_asked_for_in_one_message(root):
    for read in (load, verify):
        with pytest.raises(DataError) as caught:
            read("allidb1", root)
        said = str(caught.value)
        assert "negative: 1 image, perhaps healthy or ALL" in said
        assert "positive: 1 image, perhaps healthy or ALL" in said
        assert "--classes negative=CLASS,positive=CLASS" in said
        assert "Normal:" not in said


@pytest.mark.parametrize(
    "classes",
    [
        {"positive": "ALL", "negative": "healthy"},
        {"Positive": "leukaemia", "negative": "normal"},
        "positive=ALL,negative=healthy",
        ("positive=ALL", "negative=healthy"),
    ],
)
def test_given_classes_settle_it(root, classes):
    index = load("allidb1", root, classes=classes)
    by_id = dict(zip(index.ids, index.labels, strict=True))
    assert by_id == {"negative/a.png": 0, "normal/a.png": 0, "positive/a.png": 1}
    assert verify("allidb1", root, classes=classes).counts
    said = [note.casefold() for note in index.notes if note.endswith("as --classes says")]
    assert said == [
        "the folder positive is read as all, as --classes says",
        "the folder negative is read as healthy, as --classes says",
    ]


def test_given_classes_outrank_the_table_and_reach_one_of_several_datasets(root, write_cell):
    write_cell(root / "ash" / "AML" / "b.png", seed=9)
    classes = {"positive": "ALL", "negative": "healthy", "Normal": "ALL"}
    index = load_many(
        ("allidb1", "ash"), root, class_names=("no", "yes"),
        class_of={"healthy": "no", "ALL": "yes", "AML": "yes"}, classes=classes,
    )  # fmt: skip
    assert index.labels.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ({"positive": "ALL", "negative": "healthy", "postive": "ALL"}, "'postive', in which no image is"),
        ({"positive": "ALL", "negative": "healthy", "Normal": "AML"}, "'AML' for the folder 'Normal'"),
    ],
)
def test_given_classes_that_fit_nothing_are_refused(root, classes, said):
    with pytest.raises(ArgumentError, match=said):
        load("allidb1", root, classes=classes)


@pytest.mark.parametrize(
    "classes", ["positive", "=ALL", "positive=", ["positive=ALL,positive=healthy"], 5, [5], {1: 2}]
)
def test_given_classes_of_another_form_are_refused(classes):
    with pytest.raises(ArgumentError, match="classes"):
        given_classes(classes)
