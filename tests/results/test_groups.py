import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.results.groups import accuracy_per_group, check_groups


def test_accuracy_per_group_in_natural_order():
    rows = accuracy_per_group([1, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 1], ["10", "10", "H2", "2", "H2", "10"])
    assert [(row.group, row.n, row.correct) for row in rows] == [("2", 1, 1), ("10", 3, 2), ("H2", 2, 1)]
    assert [row.accuracy for row in rows] == [1, 2 / 3, 1 / 2]


def test_accuracy_per_group_without_images_is_empty():
    assert accuracy_per_group([], [], []) == []


def test_accuracy_per_group_needs_one_group_an_image():
    with pytest.raises(ArgumentError, match="for 2 labels"):
        accuracy_per_group([0, 1], [0, 1], ["1"])


def test_each_group_has_one_name_and_each_image_its_position():
    names, member = check_groups(["b", "a", "b"], n=3)
    assert names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(names[member], ["b", "a", "b"])
    with pytest.raises(ArgumentError, match=r"shape \(2,\) for 3 labels"):
        check_groups(["a", "b"], n=3)
