"""`leukcnn predict`: what it answers, what it writes, and what it says about doubtful images."""

import csv
import hashlib
import io
import json

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from leukcnn.classification.heat_maps import HeatMaps
from leukcnn.cli import main
from leukcnn.datasets import read_image
from leukcnn.errors import DataError
from leukcnn.evaluation.controls import colour_features
from leukcnn.paths import list_images
from leukcnn.prediction import SavedNetwork, TrainingSet
from leukcnn.progress import counting
from leukcnn.spec import Preprocessing

CLASSES = ("healthy", "malignant")
PREPROCESSING = Preprocessing(resize=8)
COLOURS = {"healthy": (210, 180, 200), "malignant": (120, 60, 150)}


def cells(colour, n, *, size=12, seed=0):
    noise = np.random.default_rng(seed).normal(0, 15, (n, size, size, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def write_cells(folder, colour, n, *, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(n)]
    for path, image in zip(paths, cells(colour, n, seed=seed), strict=True):
        cv2.imwrite(str(path), image[..., ::-1])
    return paths


@pytest.fixture
def place(tmp_path):
    """A folder with a network that separates the colours of two class folders, and knows its training set."""
    paths = [
        path
        for name, colour in COLOURS.items()
        for path in write_cells(tmp_path / "train" / name, colour, 40)
    ]
    images = np.stack(
        [cv2.resize(read_image(path)[0], (8, 8), interpolation=cv2.INTER_AREA) for path in paths]
    )
    sha256 = np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    training = TrainingSet.of(images, sha256, train=np.arange(80), validation=np.array([], dtype=np.int64))
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 1), keras.layers.GlobalAveragePooling2D()]
    network = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    # Green below .47 is malignant.
    network.set_weights(
        [np.array([0, 1, 0]).reshape(1, 1, 3, 1), np.zeros(1), np.array([[30, 0]]), np.array([0, 14.0])]
    )
    SavedNetwork(network, PREPROCESSING, CLASSES, {"row": "by_hand"}, training).save(tmp_path / "a.keras")
    flipped = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    flipped.set_weights(
        [np.array([0, 1, 0]).reshape(1, 1, 3, 1), np.zeros(1), np.array([[0, 3]]), np.array([1.4, 0])]
    )
    SavedNetwork(flipped, Preprocessing(resize=8, crop=10), CLASSES[::-1], {}).save(tmp_path / "b.keras")
    return tmp_path


def call(*words):
    return CliRunner().invoke(main, ["predict", *map(str, words)])


def test_sound_images_are_answered_and_the_others_listed(place):
    paths = write_cells(place / "new", COLOURS["malignant"], 40)
    paths[3].write_bytes(paths[3].read_bytes()[:60])
    paths[38].write_bytes(b"")
    (place / "new" / "cell.webp").write_bytes(b"RIFF0000WEBP")
    (place / "new" / "Thumbs.db").touch()
    (place / "new" / ".hidden.png").touch()
    done = call(place / "a.keras", place / "new", "--out", place / "p.csv")
    assert done.exit_code == 1
    assert "2 files or folders can't be used" in done.stderr
    assert "3.png" in done.stderr and "38.png is empty" in done.stderr
    assert "1 file looks like an image and isn't read: cell.webp; save it as PNG" in done.stderr
    assert "hidden" not in done.stderr and "Thumbs" not in done.output
    with (place / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 38 and {row["class"] for row in rows} == {"malignant"}
    assert not {str(paths[3]), str(paths[38])} & {row["image"] for row in rows}


def test_library_goes_on_too_with_a_row_of_nan(place):
    paths = write_cells(place / "new", COLOURS["malignant"], 35)
    paths[1].write_bytes(b"no image")
    network, faults = SavedNetwork.load(place / "a.keras"), []
    found = network.predict(paths, on_fault=lambda path, fault: faults.append((path, fault)))
    assert [path for path, _ in faults] == [paths[1]] and "1.png" in faults[0][1]
    assert np.isnan(found).all(axis=1).tolist() == [i == 1 for i in range(35)]
    np.testing.assert_allclose(found[2:], network.predict(paths[2:]), atol=1e-6)
    with pytest.raises(DataError, match="1 of 35 images can't be used"):
        network.predict(paths)


def test_nothing_usable_is_no_table(place):
    (place / "new").mkdir()
    (place / "new" / "a.png").touch()
    done = call(place / "a.keras", place / "new", "--out", place / "p.csv")
    assert done.exit_code == 1 and "a.png is empty" in done.stderr
    assert not (place / "p.csv").exists()


def test_folders_named_by_class_give_metrics_by_hand(place):
    """Of 6 healthy and 4 malignant images, 1 healthy one is dark: accuracy 9 of 10."""
    write_cells(place / "new" / "Normal cells", COLOURS["healthy"], 5)
    write_cells(place / "new" / "Normal cells" / "deep", COLOURS["malignant"], 1)
    write_cells(place / "new" / "ALL", COLOURS["malignant"], 4, seed=2)
    write_cells(place / "new" / "positive", COLOURS["malignant"], 2, seed=3)
    done = call(place / "a.keras", place / "new", "--out", place / "p.json")
    assert done.exit_code == 0, done.output
    assert "Folders that name a class: ALL as malignant (4), Normal cells as healthy (6)." in done.stderr
    assert "The folder positive may mean healthy or malignant" in done.stderr
    assert "2 images without a class aren't in the metrics." in done.stderr
    assert "10 images in folders named by class" in done.stdout
    table = json.loads((place / "p.json").read_text())
    assert table["confusion_matrix"] == [[5, 1], [0, 4]]
    values = {(m["metric"], m["class"]): (m["value"], m["images"]) for m in table["metrics"]}
    assert values["accuracy", None] == (pytest.approx(0.9), 10)
    assert values["recall", "healthy"] == (pytest.approx(5 / 6), 6)
    assert values["recall", "malignant"] == (1, 4)
    # F1 of healthy 10 / 11, of malignant 8 / 9; expected agreement (6 * 5 + 4 * 5) / 100.
    assert values["macro_f1", None] == (pytest.approx((10 / 11 + 8 / 9) / 2), 10)
    assert values["kappa", None] == (pytest.approx(0.8), 10)
    assert values["auroc", "malignant"][0] > 0.9
    by_class = [image["true_class"] for image in table["images"]]
    assert by_class.count(None) == 2 and by_class.count("healthy") == 6
    said = call(place / "a.keras", place / "new", "--classes", "positive=malignant")
    assert "12 images in folders named by class" in said.stdout
    wrong = call(place / "a.keras", place / "new", "--classes", "positive=early")
    assert wrong.exit_code == 1 and "expected" in wrong.output.lower() and "malignant" in wrong.output
    absent = call(place / "a.keras", place / "new", "--classes", "postive=malignant")
    assert absent.exit_code == 1 and "did you mean 'positive'?" in absent.output
    assert any("positive may mean healthy or malignant" in note for note in table["notes"])


def test_images_unlike_the_training_are_counted(place):
    write_cells(place / "same", COLOURS["healthy"], 30, seed=9)
    write_cells(place / "green", (40, 230, 40), 20, seed=9)
    assert (
        "0 of 30 images look unlike the training images (colour)"
        in call(place / "a.keras", place / "same").stderr
    )
    done = call(place / "a.keras", place / "same", place / "green", "--out", place / "p.json")
    assert "20 of 50 images look unlike the training images (colour): the answers" in done.stderr
    images = json.loads((place / "p.json").read_text())["images"]
    assert [image["unlikeness"] > 1 for image in images] == [False] * 30 + [True] * 20
    assert [image["in_training_set"] for image in images] == [False] * 50


def test_images_of_the_training_set_are_counted(place):
    done = call(place / "a.keras", place / "train")
    assert (
        "80 of 80 images were in the training set (trained or validated on), so these metrics are no test"
        in (done.stderr)
    )
    write_cells(place / "new", COLOURS["healthy"], 3, seed=5)
    assert "training set" not in call(place / "a.keras", place / "new").stderr


def test_a_network_without_these_says_that_it_cannot_be_said(place):
    write_cells(place / "new", COLOURS["healthy"], 3)
    done = call(place / "b.keras", place / "new")
    assert done.stderr.count("can't be said: a network was saved without what is needed.") == 2


def test_an_ensemble_is_the_mean_in_the_order_of_the_first_s_classes(place):
    paths = write_cells(place / "new", COLOURS["healthy"], 3)
    done = call(place / "a.keras", place / "b.keras", place / "new", "--out", place / "p.json")
    assert done.exit_code == 0, done.output
    one, other = (SavedNetwork.load(place / name).predict(paths) for name in ("a.keras", "b.keras"))
    table = json.loads((place / "p.json").read_text())
    found = [[image["probabilities"][name] for name in CLASSES] for image in table["images"]]
    np.testing.assert_allclose(found, (one + other[:, ::-1]) / 2, atol=1e-6)
    assert [network["training_images"] for network in table["networks"]] == [80, None]


def test_models_that_do_not_go_together_are_refused(place):
    write_cells(place / "new", COLOURS["healthy"], 1)
    network = SavedNetwork.load(place / "a.keras").network
    SavedNetwork(network, PREPROCESSING, ("healthy", "AML"), {}).save(place / "c.keras")
    done = call(place / "a.keras", place / "c.keras", place / "new")
    assert done.exit_code == 1 and "different classes" in done.output
    (place / "link.keras").symlink_to(place / "a.keras")
    done = call(place / "a.keras", place / "link.keras", place / "new")
    assert done.exit_code == 1 and "is given twice" in done.output
    done = call(place / "a.keras", place / "b.keras")
    assert done.exit_code == 2 and "Missing argument 'IMAGES...'" in done.output


@pytest.mark.parametrize("name", ["p.txt", "p", "p.json.gz", "p.xlsx"])
def test_another_ending_is_refused_before_work(place, name):
    write_cells(place / "new", COLOURS["healthy"], 1)
    done = call(place / "a.keras", place / "new", "--out", place / name)
    assert done.exit_code == 1 and ".csv or .json" in done.output
    assert "0.png" not in done.stdout and not (place / name).exists()


def test_json_replaces_its_own_kind_alone(place):
    write_cells(place / "new", COLOURS["healthy"], 1)
    out = place / "p.json"
    for content in (
        '{"format": "other"}',
        "[]",
        "image,labels\n",
        '{\n "format": "leukcnn predictions 10",\n}',
    ):
        out.write_text(content)
        done = call(place / "a.keras", place / "new", "--out", out)
        assert done.exit_code == 1 and "is no table of predictions" in done.output
        assert out.read_text() == content
    out.unlink()
    for _ in range(2):
        assert call(place / "a.keras", place / "new", "--out", out).exit_code == 0
    table = json.loads(out.read_text())
    assert {*table} == {
        *(
            "format",
            "notice",
            "classes",
            "networks",
            "notes",
            "faults",
            "metrics",
            "confusion_matrix",
            "images",
        )
    }
    (image,) = table["images"]
    assert {*image} == {
        *("image", "class", "probabilities", "true_class", "unlikeness", "in_training_set", "heat_map")
    }


def test_faults_are_in_json_with_their_image(place):
    write_cells(place / "new", COLOURS["healthy"], 2)[1].write_bytes(b"")
    call(place / "a.keras", place / "new", "--out", place / "p.json")
    (fault,) = json.loads((place / "p.json").read_text())["faults"]
    assert fault["image"] == str(place / "new" / "1.png") and "is empty" in fault["fault"]


def test_litter_in_a_shell_s_list_and_images_named_twice_are_noted(place):
    paths = write_cells(place / "new", COLOURS["healthy"], 2)
    (place / "new" / "Thumbs.db").touch()
    found = list_images([place / "new" / "Thumbs.db", paths[0], place / "new"])
    assert found.paths == paths and not found.faults
    assert found.notes == [
        "1 images that are named twice are taken once",
        "1 hidden files, or files of file managers, are left out",
    ]
    with pytest.raises(DataError, match="1 hidden files"):
        list_images(place / "new" / "Thumbs.db")


def test_masks_next_to_images_are_left_out_and_counted(place):
    paths = write_cells(place / "new", COLOURS["healthy"], 3)
    mask = np.zeros((12, 12, 3), np.uint8)
    mask[3:9, 3:9] = 255
    for name in ("0_mask.png", "1.bmp"):
        cv2.imwrite(str(place / "new" / name), mask)
    done = call(place / "a.keras", place / "new", "--out", place / "p.json")
    assert "2 masks of the images are left out" in done.stderr
    assert [image["image"] for image in json.loads((place / "p.json").read_text())["images"]] == [
        *map(str, paths)
    ]


def test_heat_maps_are_one_for_each_image_and_replace_nothing(place):
    paths = write_cells(place / "new", COLOURS["healthy"], 2)
    (place / "new" / "0.png").rename(place / "new" / "x $y$ é.png")
    done = call(place / "a.keras", place / "new", "--heatmaps", place / "maps", "--out", place / "p.json")
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (place / "maps").iterdir())
    assert [name.rsplit("_", 2)[:2] for name in names] == [["1_1", "healthy"], ["2_x__y__é", "healthy"]]
    assert all(read_image(path)[0].shape[2] == 3 for path in (place / "maps").iterdir())
    images = json.loads((place / "p.json").read_text())["images"]
    assert [image["heat_map"] for image in images] == [str(place / "maps" / name) for name in names]
    for folder in ("maps", "new", "a.keras"):
        before = sorted(path.stat().st_mtime_ns for path in (place / "new").iterdir())
        again = call(place / "a.keras", place / "new", "--heatmaps", place / folder)
        assert again.exit_code == 1 and "a new folder or an empty one" in again.output
        assert sorted(path.stat().st_mtime_ns for path in (place / "new").iterdir()) == before
    assert paths[1].exists()


def test_heat_maps_of_an_ensemble_have_a_panel_for_each_network(place):
    write_cells(place / "new", COLOURS["healthy"], 1)
    for folder, models in (("one", ["a.keras"]), ("two", ["a.keras", "b.keras"])):
        models = [place / name for name in models]
        assert call(*models, place / "new", "--heatmaps", place / folder).exit_code == 0
    one, two = (read_image(next((place / name).iterdir()))[0].shape for name in ("one", "two"))
    assert two[0] > 1.5 * one[0]


def test_networks_without_convolution_have_no_heat_maps(place):
    write_cells(place / "new", COLOURS["healthy"], 1)
    layers = [keras.Input((8, 8, 3)), keras.layers.Rescaling(2.0), keras.layers.Flatten()]
    dense = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    SavedNetwork(dense, PREPROCESSING, CLASSES, {}).save(place / "dense.keras")
    done = call(place / "dense.keras", place / "new", "--heatmaps", place / "maps")
    assert done.exit_code == 1
    assert "no convolution" in done.output and "leave --heatmaps out" in done.output
    assert not (place / "maps").exists() and "0.png" not in done.stdout


def test_colours_of_the_fixture_are_apart():
    one, other = (colour_features(cells(colour, 5))[:, 1].mean() for colour in COLOURS.values())
    assert one > 0.47 * 255 > other


def test_progress_is_shown_on_a_terminal_alone(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    shown = []
    for is_terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80, color_system=None)
        with counting("images", console=console) as count:
            for number in range(1, 4):
                count(number, 3)
        shown.append(console.file.getvalue())
    assert "images" in shown[0] and "/3" in shown[0]
    # A stage of milliseconds is no line of a log.
    assert shown[1] == ""


def test_an_interruption_says_which_heat_maps_are_kept(place, monkeypatch):
    write_cells(place / "new", COLOURS["healthy"], 2)
    write = HeatMaps.write

    def interrupted(self, *arguments):
        write(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(HeatMaps, "write", interrupted)
    done = call(place / "a.keras", place / "new", "--heatmaps", place / "maps", "--out", place / "p.csv")
    assert done.exit_code == 130
    assert f"2 heat maps in {place / 'maps'} are kept." in done.output
    assert not (place / "p.csv").exists()
