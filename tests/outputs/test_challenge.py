import zipfile

import numpy as np
import pytest

from leukcnn.errors import DataError
from leukcnn.outputs.challenge import write_challenge_file
from leukcnn.trial_files import Predictions


def final_phase(numbers, malignant, *, folder="testing_data/C-NMC_test_final_phase_data/") -> Predictions:
    """Predictions of images <number>.bmp with probabilities of the malignant class."""
    n = len(numbers)
    return Predictions(
        image=np.array([f"{folder}{number}.bmp" for number in numbers]),
        subset=np.full(n, "final"),
        checkpoint=np.full(n, "val_accuracy"),
        group=np.full(n, ""),
        label=np.full(n, -1),
        probabilities=np.stack([1 - np.array(malignant), malignant], axis=1),
        class_names=("healthy", "malignant"),
    )


def content(path) -> str:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["isbi_valid.predict"]
        return archive.read("isbi_valid.predict").decode()


def test_lines_are_in_numeric_order_of_the_names(tmp_path):
    # As text, 10 would come before 2; every third image is malignant.
    numbers = [10, 3, 1, 2, 9, 12, 11, 8, 5, 4, 7, 6]
    predictions = final_phase(numbers, [0.9 if number % 3 == 0 else 0.2 for number in numbers])
    path = write_challenge_file(tmp_path / "a.zip", predictions, expected=12)
    assert path == tmp_path / "a.zip"
    assert content(path) == "0\n0\n1\n" * 4


def test_malignant_is_1_in_either_order_of_the_classes(tmp_path):
    predictions = final_phase([1, 2], [0.9, 0.1])
    reversed_classes = Predictions(
        **vars(predictions)
        | {"probabilities": predictions.probabilities[:, ::-1], "class_names": ("malignant", "healthy")}
    )
    for name, value in (("a.zip", predictions), ("b.zip", reversed_classes)):
        assert content(write_challenge_file(tmp_path / name, value, expected=2)) == "1\n0\n"


def test_same_predictions_give_the_same_bytes(tmp_path):
    numbers = np.arange(1, 2587)
    malignant = np.random.default_rng(0).random(2586)
    paths = []
    for name, order in (("a.zip", slice(None)), ("b.zip", slice(None, None, -1))):
        predictions = final_phase(numbers[order], malignant[order])
        paths.append(write_challenge_file(tmp_path / name, predictions, expected=2586))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    lines = content(paths[0]).splitlines()
    assert lines == ["1" if p > 0.5 else "0" for p in malignant]


def test_names_without_a_folder_are_accepted(tmp_path):
    path = write_challenge_file(tmp_path / "a.zip", final_phase([2, 1], [0.9, 0.1], folder=""), expected=2)
    assert content(path) == "0\n1\n"


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1, 2, 4], r"3 images here; missing: \[3\]"),
        ([1, 2, 3, 5], r"4 images here; missing: \[4\]"),
        ([1], r"missing: \[2, 3, 4\]"),
        ([1, 2, 3, 4, 5], "5 images here"),
        ([1, 2, 3, 4, 4], "5 images here"),
        ([0, 1, 2, 3], r"missing: \[4\]"),
    ],
)
def test_incomplete_phase_is_refused(tmp_path, numbers, message):
    with pytest.raises(DataError, match=message) as caught:
        write_challenge_file(tmp_path / "a.zip", final_phase(numbers, [0.5] * len(numbers)), expected=4)
    assert caught.value.expected == "4 images, 1 to 4"
    assert list(tmp_path.iterdir()) == []


def test_many_missing_images_are_cut_short(tmp_path):
    with pytest.raises(DataError, match=r"missing: \[2, 3, 4, 5, 6\] \.\.\."):
        write_challenge_file(tmp_path / "a.zip", final_phase([1], [0.5]), expected=2586)


@pytest.mark.parametrize("name", ["UID_1_1_1_all", "1a", ""])
def test_name_that_is_no_number_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}\.bmp isn't a number"):
        write_challenge_file(tmp_path / "a.zip", final_phase(["1", name], [0.5, 0.5]), expected=2)
