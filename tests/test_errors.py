import pickle

import pytest

from leukcnn import errors
from leukcnn.errors import ArgumentError, LeukCNNError

KINDS = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


def test_message_says_found_expected_remedy_in_that_order():
    error = LeukCNNError("3 folds.", expected="at least 5", remedy="copy the others")
    assert str(error) == "3 folds.\nExpected: at least 5\nWhat to do: copy the others"
    assert (error.found, error.expected, error.remedy) == ("3 folds.", "at least 5", "copy the others")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "3 folds."),
        ({"expected": "5"}, "3 folds.\nExpected: 5"),
        ({"remedy": "copy"}, "3 folds.\nWhat to do: copy"),
    ],
)
def test_missing_parts_of_a_message_leave_no_line(parts, message):
    assert str(LeukCNNError("3 folds.", **parts)) == message


@pytest.mark.parametrize(
    ("found", "reason"),
    [("3 folds.", "3 folds"), ("3 folds", "3 folds"), ("missing: 1 ...", "missing: 1 ...")],
)
def test_reason_is_what_was_found_without_its_full_stop(found, reason):
    assert LeukCNNError(found, expected="5").reason == reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_base_class_catches_every_kind(kind):
    with pytest.raises(LeukCNNError, match="found"):
        raise kind("found", remedy="do")


def test_bad_argument_is_a_value_error_too():
    assert [kind for kind in KINDS if issubclass(kind, ValueError)] == [ArgumentError]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_error_can_be_sent_between_processes(kind):
    error = kind("found", expected="more", remedy="do")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.remedy) == (kind, str(error), "do")
