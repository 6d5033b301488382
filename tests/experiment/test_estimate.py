import time
from dataclasses import dataclass

import pytest

from leukcnn.experiment.estimate import Stopwatch, describe_seconds, in_words


@dataclass
class Done:
    """What a stopwatch asks of a finished trial."""

    result: dict


@pytest.fixture
def clock(monkeypatch):
    """Returns a function that moves the clock on by so many seconds."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_each_stage_begins_where_the_one_before_ended(clock):
    watch = Stopwatch()
    clock(2)
    watch.lap("reading")
    clock(3)
    watch.lap("planning")
    clock(4)
    watch.lap("reading")
    assert watch.seconds == {"reading": 6, "planning": 3}


def test_trials_are_parted_by_what_they_noted_and_the_rest_is_named(clock):
    watch = Stopwatch()
    clock(20)
    network = {"pictures": 1.0, "features": 5.0, "training": 2.0, "prediction": 0.5}
    watch.lap_of_trials([Done({"seconds": network}), Done({"seconds": {"features": 3.0, "svm": 1.0}})])
    assert watch.seconds == {
        "files": 7.5,
        "decoding": 1.0,
        "networks and features": 8.0,
        "training": 2.0,
        "prediction": 0.5,
        "support vector machines": 1.0,
    }
    assert sum(watch.seconds.values()) == 20


def test_stages_are_told_with_their_sum():
    assert describe_seconds({"reading": 1.25, "training": 1000}) == (
        "Time: reading 1.2 s, training 1,000.0 s; 1,001.2 s in all."
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(90, "90 seconds"), (600, "10 minutes"), (3 * 3600, "3 hours"), (400 * 86400, "400 days")],
)
def test_a_duration_is_told_in_the_largest_unit_that_it_holds_more_than_twice(seconds, said):
    assert in_words(seconds) == said
