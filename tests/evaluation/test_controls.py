import cv2
import numpy as np
import pytest
import sklearn.ensemble

from leukcnn.datasets import load
from leukcnn.errors import ArgumentError, DataError
from leukcnn.evaluation import controls
from leukcnn.evaluation.controls import (
    CONTROLS,
    border_features,
    cell_features,
    colour_features,
    control_label,
    control_probabilities,
    file_features,
)
from leukcnn.image_cache import prepared_images
from leukcnn.spec import Preprocessing
from leukcnn.splits import stratified_kfold

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (7, 40, 40, 3), dtype=np.uint8)


def in_border(image_size: int, width: int) -> np.ndarray:
    inner = np.zeros((image_size, image_size), dtype=bool)
    inner[width : image_size - width, width : image_size - width] = True
    return ~inner


def stained(labels: np.ndarray, *, image_size: int = 32) -> np.ndarray:
    """Noisy images that are redder the higher their class."""
    noise = np.random.default_rng(1).normal(0, 20, (len(labels), image_size, image_size, 3))
    noise[..., 0] += 40 * labels[:, None, None]
    return (noise + 80).clip(0, 255).astype(np.uint8)


LABELS = np.tile([0, 1, 2], 20)
STAINED = stained(LABELS)


@pytest.fixture(scope="module", autouse=True)
def seen(tmp_path_factory):
    """Control -> what it computes features from: STAINED, or the paths of files that are larger by class."""
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{i}.png" for i in range(len(LABELS))]
    for path, label in zip(paths, LABELS, strict=True):
        cv2.imwrite(str(path), np.zeros((10 + label, 10, 3), np.uint8))
    files = np.array(paths, dtype=object)
    SEEN.update({name: files if control.of_files else STAINED for name, control in CONTROLS.items()})


SEEN = {}


def probabilities(name, images=None, *, labels=LABELS, train=(0, 40), predict=(40, 60), **options):
    options = {"n_classes": 3, "seed": 0} | options
    images = SEEN.get(name) if images is None else images
    return control_probabilities(
        name, images, labels=labels, train=np.arange(*train), predict=np.arange(*predict), **options
    )


def test_border_by_hand():
    # A 4x4 image with 30 in the middle: the border of one pixel has twelve pixels.
    image = np.full((1, 4, 4, 3), 200, dtype=np.uint8)
    image[0, 1:3, 1:3] = 30
    image[0, 0, :, 0] = 100
    # Red: 4 of 12 pixels are 100, 8 are 200: mean 500/3, std 100 sqrt(1/3 * 2/3).
    expected = [[500 / 3, 200, 200, 100 * np.sqrt(2) / 3, 0, 0]]
    np.testing.assert_allclose(border_features(image, width=1), expected, rtol=1e-14)


@pytest.mark.parametrize("width", [1, 5, 16, 20])
def test_border_is_numpys_mean_and_std_of_its_pixels(width):
    pixels = NOISE[:, in_border(40, width)].astype(np.float64)
    expected = np.concatenate([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
    found = border_features(NOISE, width=width)
    assert (found.shape, found.dtype) == ((7, 6), np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_colour_is_numpys_mean_and_std():
    pixels = NOISE.reshape(7, -1, 3).astype(np.float64)
    expected = np.concatenate([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
    np.testing.assert_allclose(colour_features(NOISE), expected, rtol=1e-12)
    # A border of half the image is the whole image.
    np.testing.assert_array_equal(border_features(NOISE, width=20), colour_features(NOISE))


def test_border_does_not_depend_on_the_middle():
    other = NOISE.copy()
    other[:, 16:24, 16:24] = 255 - other[:, 16:24, 16:24]
    np.testing.assert_array_equal(border_features(other), border_features(NOISE))
    assert (colour_features(other) != colour_features(NOISE)).any(axis=1).all()


@pytest.mark.parametrize("image_size", [33, 100, 224, 250])
def test_one_colour_has_standard_deviation_0(image_size):
    levels = np.arange(1, 256, 2, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (128, image_size, image_size, 3))
    expected = np.concatenate([np.tile(levels[:, None], 3), np.zeros((128, 3))], axis=1)
    np.testing.assert_array_equal(border_features(images), expected)
    np.testing.assert_array_equal(colour_features(images), expected)


@pytest.mark.parametrize("width", [0, -1, 21])
def test_border_wider_than_half_the_image_is_refused(width):
    with pytest.raises(ArgumentError, match=f"{width} pixels wide and the images have 40x40"):
        border_features(NOISE, width=width)


def write_noise(path, height, width, *, channels=3, dtype=np.uint8):
    shape = (height, width) if channels == 1 else (height, width, channels)
    assert cv2.imwrite(str(path), RNG.integers(0, 256, shape).astype(dtype))
    return path


def test_size_and_format_by_hand(tmp_path):
    paths = [
        write_noise(tmp_path / "a.bmp", 20, 30),
        write_noise(tmp_path / "b.png", 30, 20, channels=1, dtype=np.uint16),
        write_noise(tmp_path / "c.jpg", 20, 20),
        write_noise(tmp_path / "d.tif", 10, 40, channels=4),
    ]
    found = file_features(paths)
    assert found.dtype == np.float64
    assert found.tolist() == [
        [20, 30, 1.5, 3, 8, 1, 0, 0, 0],
        [30, 20, 2 / 3, 1, 16, 0, 1, 0, 0],
        [20, 20, 1, 3, 8, 0, 0, 1, 0],
        [10, 40, 4, 4, 8, 0, 0, 0, 1],
    ]
    assert file_features([]).shape == (0, 9)


def test_size_and_format_follow_the_content_not_the_name_or_the_pixels(tmp_path):
    one, other = write_noise(tmp_path / "a.png", 24, 24), tmp_path / "b.jpg"
    other.write_bytes(write_noise(tmp_path / "c.png", 24, 24).read_bytes())
    np.testing.assert_array_equal(*file_features([one, other]))
    (tmp_path / "d.png").write_bytes(one.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"d\.png is truncated"):
        file_features([one, tmp_path / "d.png"])


def test_the_size_control_separates_classes_by_their_files_alone(tmp_path):
    """Every image is noise; class 0 is TIFF, class 1 is larger, and class 2 is neither."""
    endings, sizes = ("tif", "png", "png"), (20, 32, 20)
    paths = [
        write_noise(tmp_path / f"{i}.{endings[label]}", sizes[label], 20) for i, label in enumerate(LABELS)
    ]
    known = {}
    found = probabilities("size", np.array(paths, dtype=object), known=known)
    assert found.argmax(axis=1).tolist() == LABELS[40:60].tolist()
    assert sorted(known["size"]) == list(range(60))
    blind = np.array([paths[2]] * 60, dtype=object)
    np.testing.assert_allclose(probabilities("size", blind), [[14 / 40, 13 / 40, 13 / 40]] * 20, atol=0.05)


def test_the_size_control_needs_paths():
    with pytest.raises(ArgumentError, match="The control 'size' got images"):
        probabilities("size", STAINED)


def test_cells_by_hand():
    images = np.full((3, 100, 100, 3), 240, dtype=np.uint8)
    images[:2, :, 50:] = 150
    # Two squares of 20 x 20 and 30 x 30 pixels; one of 40 x 40; none, with two grey levels only.
    images[0, 10:30, 10:30] = images[0, 60:90, 60:90] = images[1, 20:60, 20:60] = 30
    images[2, :50] = 30
    found = cell_features(images)
    assert (found.shape, found.dtype) == ((3, 5), np.float64)
    number, mask, mean, std, largest = found.T
    np.testing.assert_array_equal(number, [2, 1, 0])
    np.testing.assert_allclose(mask, [0.13, 0.16, 0], rtol=1e-12)
    # Opening rounds the corners, by less than 2 pixels each.
    np.testing.assert_allclose(mean, [0.065, 0.16, 0], atol=4e-4)
    np.testing.assert_allclose(std, [0.025, 0, 0], atol=4e-4)
    np.testing.assert_allclose(largest, [0.09, 0.16, 0], atol=4e-4)


def test_cells_do_not_depend_on_colour():
    """Other colours with the same order of grey levels give the same cells."""
    images = np.full((2, 60, 60, 3), 240, dtype=np.uint8)
    images[:, :, 30:] = 150
    images[0, 10:25, 10:25], images[1, 10:25, 10:25] = (90, 20, 120), (20, 60, 20)
    first, second = cell_features(images)
    np.testing.assert_array_equal(first, second)


def test_no_images_have_no_features():
    for features, n in ((border_features, 6), (colour_features, 6), (cell_features, 5)):
        assert features(NOISE[:0]).shape == (0, n)


def test_unknown_control_is_refused_with_the_list():
    for refused in (control_label, probabilities):
        with pytest.raises(ArgumentError, match=r"(?s)no control 'chance'.*majority, border, colour"):
            refused("chance")


def test_majority_predicts_the_class_frequencies_of_the_training_set():
    labels = np.array([0, 1, 1, 1, 2, 2, 2, 2])
    found = probabilities("majority", NOISE, labels=labels, train=(0, 4), predict=(4, 7))
    np.testing.assert_array_equal(found, np.tile([0.25, 0.75, 0], (3, 1)))


@pytest.mark.parametrize("name", ["border", "colour", "size"])
def test_forest_learns_what_it_sees(name):
    found = probabilities(name)
    assert (found.shape, found.dtype) == ((20, 3), np.float64)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), LABELS[40:])


def test_border_control_learns_nothing_from_the_middle():
    images = np.broadcast_to(np.uint8(200), (60, 48, 48, 3)).copy()
    images[:, 16:32, 16:32] = 60 * LABELS[:, None, None, None]
    assert np.ptp(probabilities("border", images), axis=0).max() == 0
    np.testing.assert_array_equal(probabilities("colour", images).argmax(axis=1), LABELS[40:])


@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_class_without_training_images_gets_probability_0(name):
    labels = np.tile([0, 2], 30)
    found = probabilities(name, labels=labels, n_classes=4)
    assert not found[:, [1, 3]].any()
    np.testing.assert_allclose(found[:, [0, 2]].sum(axis=1), 1)


@pytest.mark.parametrize("name", list(CONTROLS))
def test_labels_of_predicted_images_are_ignored(name):
    unknown = LABELS.copy()
    unknown[40:] = -1
    np.testing.assert_array_equal(probabilities(name, labels=unknown), probabilities(name))


def test_forest_depends_on_the_seed_and_on_the_control():
    images = NOISE[np.arange(60) % 7, :32, :32] // 2 + STAINED[:, :1, :1] // 4
    first = probabilities("border", images)
    np.testing.assert_array_equal(probabilities("border", images), first)
    assert (probabilities("border", images, seed=1) != first).any()
    # In an image of 32 pixels, a border of 16 is the whole image: both have the same features.
    np.testing.assert_array_equal(border_features(images), colour_features(images))
    assert (probabilities("colour", images) != first).any()


def test_result_does_not_depend_on_the_threads(monkeypatch):
    # Equal images of different classes give impure leaves, with votes that are rounded fractions.
    images = np.repeat(STAINED[:30], 2, axis=0)
    expected = probabilities("colour", images)

    class Forest(sklearn.ensemble.RandomForestClassifier):
        def __init__(self, n_estimators, *, n_jobs, random_state):
            super().__init__(n_estimators, n_jobs=1, random_state=random_state)

    monkeypatch.setattr(controls, "RandomForestClassifier", Forest)
    np.testing.assert_array_equal(probabilities("colour", images), expected)


class Mapped:
    """Images that record which rows were read."""

    def __init__(self, images):
        self.images, self.read = images, []

    def __getitem__(self, rows):
        self.read.append(np.asarray(rows))
        return self.images[rows]


def test_only_needed_rows_are_read_in_chunks(monkeypatch):
    monkeypatch.setattr(controls, "_CHUNK", 8)
    mapped = Mapped(STAINED)
    found = probabilities("colour", mapped, train=(0, 40), predict=(50, 60))
    assert np.concatenate(mapped.read).tolist() == [*range(40), *range(50, 60)]
    assert max(map(len, mapped.read)) == 8
    monkeypatch.undo()
    np.testing.assert_array_equal(found, probabilities("colour", train=(0, 40), predict=(50, 60)))
    mapped = Mapped(STAINED)
    probabilities("majority", mapped)
    assert mapped.read == []


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "majority"])
def test_known_features_are_not_computed_again(name):
    known, mapped = {}, Mapped(SEEN[name])
    first = probabilities(name, mapped, known=known)
    assert np.concatenate(mapped.read).tolist() == [*range(60)]
    assert known.keys() == {name}
    # Another fold of the same images.
    second = probabilities(name, mapped, train=(20, 60), predict=(0, 20), known=known)
    assert len(np.concatenate(mapped.read)) == 60
    np.testing.assert_array_equal(first, probabilities(name))
    np.testing.assert_array_equal(second, probabilities(name, train=(20, 60), predict=(0, 20)))


@pytest.mark.parametrize("name", list(CONTROLS))
def test_no_images_to_predict_and_none_to_fit_on(name):
    assert probabilities(name, predict=(40, 40)).shape == (0, 3)
    with pytest.raises(ArgumentError, match="no image to fit"):
        probabilities(name, train=(0, 0))
    with pytest.raises(ArgumentError, match="run from 0 to 2"):
        probabilities(name, n_classes=2)


def test_border_of_real_images_predicts_the_class_far_better_than_chance(real_data, tmp_path):
    index = load("taleghani", real_data)
    chosen = np.sort(np.random.default_rng(0).permutation(len(index))[:400])
    index = index.select(chosen)
    images = prepared_images(index, Preprocessing(resize=224), folder=tmp_path)
    train, test = stratified_kfold(index.labels, n_splits=5, seed=0)[0]
    right = {}
    for name, control in CONTROLS.items():
        files = np.array([*index.paths], dtype=object)
        sees = files if control.of_files else images
        found = control_probabilities(
            name, sees, labels=index.labels, train=train, predict=test, n_classes=4, seed=0
        )
        right[name] = np.mean(found.argmax(axis=1) == index.labels[test])
    assert right["majority"] < 0.4
    # All of these files are JPEG of 224 pixels.
    assert right["size"] < 0.4
    assert right["border"] > 0.8
    assert right["colour"] > 0.8
