import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes


def test_sound_classes_become_int64():
    labels, predicted = check_classes([0, 1, 2], np.array([2, 2, 0], dtype=np.uint8), n_classes=3)
    assert labels.tolist() == [0, 1, 2]
    assert predicted.tolist() == [2, 2, 0]
    assert labels.dtype == predicted.dtype == np.int64
    assert [len(array) for array in check_classes([], [], n_classes=2)] == [0, 0]


@pytest.mark.parametrize(
    ("labels", "predicted", "n_classes", "found"),
    [
        ([0], [0], 1, "number of classes is 1"),
        ([[0, 1]], [0, 1], 2, r"labels have the shape \(1, 2\)"),
        ([0, 1], [0.0, 1.0], 2, "predicted classes are float64"),
        ([0, 2], [0, 1], 2, "labels run from 0 to 2"),
        ([-1, 0], [0, 1], 2, "labels run from -1 to 0"),
        ([0, 1], [0], 2, "2 labels and 1 predictions"),
    ],
)
def test_wrong_classes_are_refused(labels, predicted, n_classes, found):
    with pytest.raises(ArgumentError, match=found):
        check_classes(labels, predicted, n_classes=n_classes)
