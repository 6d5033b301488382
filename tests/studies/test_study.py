"""A user's own folders as a paper, and the message for each wrong folder."""

import pytest

from leukcnn.errors import ArgumentError, DataError, LeukCNNError, SpecError
from leukcnn.papers import list_papers
from leukcnn.spec.names import DATASETS
from leukcnn.studies.evaluation import surveys_of
from leukcnn.studies.study import Choices, notes_of, study_paper
from leukcnn.studies.surveys import key_of
from tests.own_images import write_classes, write_image


def paper_of(folder=None, datasets=None, *, choices=None, **options):
    return study_paper(surveys_of(folder, datasets, **options), choices)


def split_of(paper):
    return paper.rows[0].setup.split


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_classes(tmp_path_factory.mktemp("own") / "My Smears (2024)")


def test_a_folder_becomes_a_paper(folder):
    paper = paper_of(folder)
    assert (paper.key, paper.classes, paper.positive_class) == (
        "my_smears_2024",
        ("blast", "normal"),
        "blast",
    )
    assert (split_of(paper).kind, split_of(paper).n_splits) == ("grouped_kfold", 5)
    assert split_of(paper).unknown_subjects == "each"
    assert paper.controls == ("majority", "border", "colour", "size")
    assert {"images", "results", "controls", "more"} <= {table.id for table in paper.tables}
    assert any("is unknown: each image counts as its own" in note for note in notes_of(paper))


@pytest.mark.parametrize(
    "name", [*list_papers(), *DATASETS, "open", "synthetic", "血液", "", "-x-", "a" * 200]
)
def test_no_key_is_that_of_a_paper_or_dataset_of_leukcnn(name):
    key = key_of(name)
    assert key not in (*list_papers(), *DATASETS, "open", "synthetic")
    assert 0 < len(key) < 60


def test_the_note_on_networks_has_the_size_that_each_sees(folder):
    paper = paper_of(folder, choices=Choices(networks=("four_blocks", "alexnet"), epochs=1))
    assert any("networks see 64x64 or 227x227 pixels for 1 epoch," in note for note in notes_of(paper))
    assert any(note.startswith("The network sees 64x64 pixels") for note in notes_of(paper_of(folder)))


def test_folds_are_fewer_with_few_groups(folder):
    paper = paper_of(folder, groups=r"p(\d+)_")
    assert split_of(paper).n_splits == 3
    assert any("3 folds instead of 5" in note for note in notes_of(paper))
    assert any(table.kind == "subjects" for table in paper.tables)


@pytest.mark.parametrize(
    ("named", "kind"),
    [("holdout", "grouped"), ("kfold", "kfold"), ("block_kfold", "block_kfold"), ("random", "random")],
)
def test_splits(folder, named, kind):
    assert split_of(paper_of(folder, choices=Choices(split=named))).kind == kind


def test_folders_of_a_split_make_it(tmp_path):
    for name in ("train", "val", "test"):
        write_classes(tmp_path / "own" / name, n=3, seed=hash(name) % 1000)
    assert split_of(paper_of(tmp_path / "own")).kind == "given"
    assert (
        split_of(paper_of(tmp_path / "own", choices=Choices(split="grouped_kfold"))).kind == "grouped_kfold"
    )


def test_more_images_get_fewer_epochs(folder, tmp_path):
    few = paper_of(folder).rows[0].setup.training
    assert (few.epochs, few.batch_size, few.deterministic) == (40, 16, True)
    chosen = Choices(epochs=3, batch_size=8, image_size=40)
    setup = paper_of(folder, choices=chosen).rows[0].setup
    assert (setup.training.epochs, setup.training.batch_size, setup.preprocessing.resize) == (3, 8, 40)


def test_several_folders_are_left_out_one_by_one(folder, tmp_path):
    other = write_classes(tmp_path / "b", seed=50)
    single = write_classes(tmp_path / "c", ("blast",), seed=90)
    paper = paper_of(datasets={"a": folder, "b": other, "c": single})
    assert (paper.key, paper.datasets, split_of(paper).kind) == ("a_b_c", ("a", "b", "c"), "lodocv")
    assert any(table.kind == "shortcut" for table in paper.tables)
    assert paper_of(datasets=[f"a={folder}", f"b={other}"]).datasets == ("a", "b")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("Blast", "normal"), "differ by case, spaces or punctuation alone: blast and Blast"),
        (("x", "y"), "no class in common"),
        (("blast", "normal", "z"), "'z' is in the dataset b alone"),
    ],
)
def test_classes_of_several_folders_must_fit(folder, tmp_path, classes, message):
    with pytest.raises(DataError, match=message):
        paper_of(datasets={"a": folder, "b": write_classes(tmp_path / "b", classes, n=2)})


def one_class(root):
    return write_classes(root, ("blast",))


def three_images(root):
    return write_classes(root, ("a", "b", "c"), n=1)


def empty_class(root):
    (write_classes(root) / "empty").mkdir()
    return root


def broken_image(root):
    (write_classes(root) / "blast" / "p00_0.png").write_bytes(b"no image")
    return root


def a_file(root):
    return write_classes(root) / "blast" / "p00_0.png"


def images_outside(root):
    write_image(write_classes(root) / "outside.png")
    return root


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (one_class, "one class only: blast"),
        (three_images, "has 1 image: nothing would be left to train on"),
        (empty_class, "class folders without images"),
        (broken_image, "p00_0.png is no BMP"),
        (a_file, "is a file, not a folder"),
        (images_outside, "images outside the class folders"),
        (lambda root: root, "doesn't exist"),
    ],
)
def test_a_wrong_folder_gets_one_message(tmp_path, make, message):
    with pytest.raises(DataError) as error:
        paper_of(make(tmp_path / "own"))
    assert message in str(error.value)
    assert error.value.expected


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (r"patient(\d)", "finds no group in"),
        (r"p\d", "has 0 groups in brackets"),
        (r"p(\d", "isn't a regular expression"),
        (r"^([^/]+)/", "'blast' has 1 group"),
    ],
)
def test_wrong_groups_get_one_message(folder, groups, message):
    with pytest.raises((ArgumentError, DataError)) as error:
        paper_of(folder, groups=groups)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        (["a=x"], "a alone"),
        (["a", "b=y"], "NAME=DIR"),
        (["A b=x", "c=y"], "a_b=DIR"),
        (["pbc=x", "c=y"], "pbc_own=DIR"),
        (["a=x", "a=y"], "twice"),
    ],
)
def test_wrong_names_of_datasets_get_one_message(datasets, message):
    with pytest.raises(LeukCNNError) as error:
        surveys_of(None, datasets)
    assert message in str(error.value)


def test_folders_must_be_apart(folder):
    with pytest.raises(SpecError, match="share a folder"):
        surveys_of(None, {"a": folder, "b": folder})
    with pytest.raises(ArgumentError, match="No folder"):
        surveys_of(None)
    with pytest.raises(ArgumentError, match="Both"):
        surveys_of(folder, {"a": folder, "b": folder})


@pytest.mark.parametrize(
    "choices",
    [
        Choices(split="lodocv"),
        Choices(epochs=0),
        Choices(batch_size=0),
        Choices(image_size=10**6),
        Choices(positive_class="blas"),
        Choices(networks=("four_block",)),
    ],
)
def test_wrong_choices_get_one_message(folder, choices):
    with pytest.raises(SpecError):
        paper_of(folder, choices=choices)


def test_odd_classes_and_images(tmp_path):
    names = ["Blästen", "нормальный", "x" * 120, 'a b, c;"', *(f"c{i}" for i in range(26))]
    paper = paper_of(write_classes(tmp_path / "own", names, n=2, size=20))
    assert len(paper.classes) == 30
    assert any("is enlarged" in note for note in notes_of(paper))


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("ALL", "healthy"), "ALL"),
        (("AML", "normal"), "AML"),
        (("benign", "malignant"), "malignant"),
        (("Lymphoblasts", "mature"), "Lymphoblasts"),
        (("blast", "reactive"), "blast"),
        (("a", "b"), "b"),
        (("x", "Normal"), "x"),
    ],
)
def test_the_positive_class_is_the_disease(tmp_path, classes, positive):
    paper = paper_of(write_classes(tmp_path / "own", classes, n=2))
    assert paper.positive_class == positive
    assert any(f"positive class is {positive}" in note for note in notes_of(paper))


def test_a_folder_named_like_a_known_dataset_is_noted(tmp_path):
    paper = paper_of(write_classes(tmp_path / "cnmc2019"))
    assert paper.key == "cnmc2019_own"
    assert any("leukcnn check cnmc2019" in note for note in notes_of(paper))
