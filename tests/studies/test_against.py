"""`leukcnn evaluate --against`: trained networks on new images, next to controls on the same images."""

import hashlib
import zipfile

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import spec
from leukcnn.cli import main
from leukcnn.errors import ArgumentError, SpecError, WeightsError
from leukcnn.paths import RECORD
from leukcnn.prediction import SavedNetwork, TrainingSet
from leukcnn.studies.against import rows_against
from tests.own_images import write_classes
from tests.studies.test_networks import SETUP

CLASSES = ("blast", "normal")


def save_network(path, names=CLASSES, *, bright=1, images=()):
    """Saves a network that gives the class at the position `bright` to bright images, by hand."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(2, activation="softmax", name="predictions")(x)
    network = keras.Model(inputs, outputs)
    kernel, bias = np.full((3, 2), 20.0), np.full(2, 30.0)
    kernel[:, 1 - bright], bias[bright] = -20.0, -30.0
    network.get_layer("predictions").set_weights([kernel, bias])
    kept = None
    if images:
        pixels = np.stack([cv2.resize(cv2.imread(str(image)), (16, 16)) for image in images])
        digests = np.array([hashlib.sha256(image.read_bytes()).hexdigest() for image in images])
        rows = np.arange(len(images))
        kept = TrainingSet.of(pixels, digests, train=rows, validation=rows[:0])
    origin = {"row": "by_hand", "paper": "my_smears"}
    SavedNetwork(network, spec.Preprocessing(resize=16), tuple(names), origin, kept).save(path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Returns a folder with images, dark blasts and bright normal cells, one of them in the wrong folder."""
    place = tmp_path_factory.mktemp("against")
    folder = write_classes(place / "new_smears", CLASSES, n=12, size=40)
    (folder / "blast" / "p00_12.png").write_bytes((folder / "normal" / "p11_4.png").read_bytes())
    (folder / "normal" / "p11_4.png").unlink()
    save_network(place / "model.keras", images=sorted(folder.glob("blast/p01*.png")))
    return place


@pytest.fixture(scope="module")
def run(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return leukcnn.evaluate("new_smears", against="model.keras", groups=r"(p\d\d)", quiet=True)


def lines_of(run, table, row):
    columns = [column.title for column in run[table].columns]
    return [dict(zip(columns, line, strict=True)) for line in run[table].rows if line[0] == row]


def test_a_trained_network_has_the_tables_of_a_run(run, place):
    by_metric = {line["Metric"]: line for line in lines_of(run, "results", "by_hand of my_smears")}
    # By hand: 13 blasts, one of them bright; 11 normal cells, all bright.
    assert by_metric["Accuracy (%)"]["Measured"][0] == pytest.approx(100 * 23 / 24)
    assert by_metric["Recall, macro (%)"]["Measured"][0] == pytest.approx(100 * (12 / 13 + 1) / 2)
    assert {"F1-score, macro (%)", "Sensitivity (%)", "AUROC"} < {*by_metric}
    low, high = by_metric["Accuracy (%)"]["95 % interval"]
    assert low < 100 * 23 / 24 < high
    assert any("jackknife" in note and "6 groups of images" in note for note in run["results"].notes)
    (confusion,) = [
        line for line in lines_of(run, "matrix", "by_hand of my_smears") if "blast" in line.values()
    ]
    assert (confusion["Predicted blast"], confusion["Predicted normal"]) == (12, 1)
    assert {line[0] for line in run["controls"].rows} == {"by_hand of my_smears"}
    assert len(run["controls"].rows) == 4
    assert not [*(place / "runs").rglob("model.keras")]


def test_images_that_it_was_trained_on_are_counted(run):
    assert (
        "by_hand of my_smears was trained or validated on 4 of the 24 images: its values are no test"
        in run.record.data_notes
    )
    assert run.record.seen == {"by_hand_of_my_smears": 4}
    (leaks,) = [line for line in run.report.answer.lines() if line.startswith("Leaks: ")]
    assert "by_hand of my_smears learned from 4 of these images: its values are no test" in leaks
    assert "no copy of a training image is tested" not in leaks
    assert run.report.summary["leaks"]["learned_from"] == run.record.seen


def test_the_store_alone_shows_it_again(run, place, monkeypatch):
    monkeypatch.chdir(place)
    again = leukcnn.open_run(run.folder)
    assert again["results"] == run["results"]
    done = CliRunner().invoke(main, ["list", "--out", "runs"])
    assert "by_hand_of_my_smears" in done.output


def test_the_order_and_the_names_of_its_classes_may_differ(place, tmp_path, run):
    other = save_network(tmp_path / "other.keras", ("healthy", "ill"), bright=0)
    options = {
        "groups": r"(p\d\d)",
        "out": tmp_path,
        "quiet": True,
        "save_paper": tmp_path / "my_against.py",
    }
    second = leukcnn.evaluate(
        place / "new_smears", against=[other], classes=["blast=ill", "normal=healthy"], **options
    )
    assert second["results"].rows == run["results"].rows
    assert second.record.data_notes[-1].endswith("whether it was trained on these images isn't known")
    repeated = leukcnn.reproduce(tmp_path / "my_against.py", out=tmp_path, quiet=True)
    assert repeated.record.trials == second.record.trials


def test_a_network_is_known_by_its_content(run, place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    (tmp_path / "copy.keras").write_bytes((place / "model.keras").read_bytes())
    copied = leukcnn.evaluate(
        "new_smears", against=tmp_path / "copy.keras", groups=r"(p\d\d)", out="runs", quiet=True
    )
    assert copied.record.trials == run.record.trials


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (("a", "b"), {}, "distinguishes a, b; the images are blast, normal"),
        (("a", "b"), {}, "--classes blast=CLASS --classes normal=CLASS"),
        (("a", "b"), {"blast": "a", "normal": "a"}, "one class of the images for each class of the network"),
        (("a", "b"), {"blast": "A"}, "has no class 'A'"),
        (("a", "b"), {"blasst": "a"}, "did you mean 'blast'"),
    ],
)
def test_classes_that_do_not_match_are_one_message(tmp_path, names, given, message):
    file = save_network(tmp_path / "model.keras", names)
    with pytest.raises(ArgumentError) as error:
        rows_against([str(file)], setup=SETUP, classes=CLASSES, given=given)
    assert message in str(error.value)


def test_words_for_the_same_class_are_found(tmp_path):
    file = save_network(tmp_path / "model.keras", ("healthy", "ALL"))
    (row,) = rows_against([str(file)], setup=SETUP, classes=CLASSES, given={})
    assert row.setup.trained.classes == {"ALL": "blast", "healthy": "normal"}


def test_another_number_of_classes_is_refused(tmp_path):
    file = save_network(tmp_path / "model.keras")
    with pytest.raises(ArgumentError, match="pass a folder with 2 classes, or a network for 3"):
        rows_against([str(file)], setup=SETUP, classes=("blast", "normal", "other"), given={})


def test_other_files_are_refused(tmp_path, place):
    (tmp_path / "model.keras").write_bytes(b"no archive")
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        for name in ("config.json", "model.weights.h5", "metadata.json"):
            archive.writestr(name, "{}")
        archive.writestr(RECORD, "[]")
    for files, message in (
        (["nowhere.keras"], "There is no file"),
        ([str(tmp_path / "model.keras")], "isn't a .keras file"),
        ([str(tmp_path / "odd.keras")], "is not a network that leukcnn saved"),
        ([str(place / "model.keras")] * 2, "is given twice"),
    ):
        with pytest.raises(WeightsError) as error:
            rows_against(files, setup=SETUP, classes=CLASSES, given={})
        assert message in str(error.value)


def test_two_networks_of_one_name_have_two_rows(tmp_path):
    files = [str(save_network(tmp_path / name, bright=at)) for at, name in enumerate(("a.keras", "b.keras"))]
    rows = rows_against(files, setup=SETUP, classes=CLASSES, given={})
    assert [row.label for row in rows] == ["by_hand of my_smears", "by_hand of my_smears (2)"]
    assert len({row.id for row in rows}) == 2
    assert rows[0].setup.models == ()


def test_classes_need_a_trained_network(place):
    with pytest.raises(ArgumentError, match=r"without against \(--against\)"):
        leukcnn.evaluate(place / "new_smears", classes=["blast=ALL"])


def test_a_setup_trains_or_applies_or_classifies_features():
    with pytest.raises(SpecError, match="Both features and trained"):
        spec.Setup(
            *(SETUP.model, SETUP.preprocessing, SETUP.augmentation, SETUP.split, SETUP.training),
            features=spec.Features(),
            trained=spec.Trained("model.keras"),
        )
    with pytest.raises(SpecError, match="file is empty"):
        spec.Trained("")
    with pytest.raises(SpecError, match="twice"):
        spec.Trained("model.keras", {"a": "b", "c": "b"})
