import time
from dataclasses import dataclass

import pytest

from leukcnn.experiment.estimate import Estimate, Stopwatch, Work, describe_seconds, in_words
from tests import tiny


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
    network = {"images": 1.0, "features": 5.0, "training": 2.0, "prediction": 0.5}
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


@dataclass
class Clock:
    """A clock that stands still unless it is moved on."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def work_of(row, **changes):
    values = {"epochs": 10, "steps": 30, "validation_steps": 15, "trials": 2}
    return Work(row=row, label=row.upper(), **(values | changes))


def train(observer, clock, *, seconds, steps, epoch=1, first=100.0):
    """Takes some steps of an epoch, of which the first is slow; says what was then said."""
    for step in range(1, steps + 1):
        clock.now += first if (epoch, step) == (1, 1) else seconds
        observer.batch(epoch=epoch, step=step, loss=1.0, accuracy=0.5)


@pytest.fixture
def clock_and_progress():
    return Clock(), tiny.Progress()


def test_the_first_steps_of_a_row_say_how_long_it_takes_but_for_the_very_first(clock_and_progress):
    clock, progress = clock_and_progress
    estimate = Estimate(progress, rows=2, clock=clock)
    assert "first steps of each network" in progress.messages.pop()
    observer = estimate.watch(work_of("a"))
    train(observer, clock, seconds=6, steps=5)
    assert progress.messages == []
    train(observer, clock, seconds=6, steps=10, first=6)
    # 6 s a step, 30 steps and a third of 15: 210 s an epoch, ten epochs, two trials.
    assert progress.messages == [
        "A: about 4 minutes an epoch on this processor, 10 epochs, 2 trial(s); "
        "about 70 minutes for 1 of 2 networks"
    ]
    # The second trial of a row is told to the display alone.
    assert estimate.watch(work_of("a")) is progress
    train(estimate.watch(work_of("b", epochs=1, trials=1)), clock, seconds=60, steps=9)
    assert progress.messages[1:] == [
        "B: about 35 minutes an epoch on this processor, 1 epochs, 1 trial(s); about 105 minutes in all"
    ]


@pytest.mark.parametrize(("steps", "epochs"), [(3, 1), (1, 2)])
def test_short_epochs_give_the_steps_that_they_have(clock_and_progress, steps, epochs):
    clock, progress = clock_and_progress
    estimate = Estimate(progress, rows=1, clock=clock)
    observer = estimate.watch(work_of("a", steps=steps, validation_steps=0, trials=1))
    for epoch in range(1, epochs + 1):
        assert len(progress.messages) == 1
        train(observer, clock, seconds=30, steps=steps, epoch=epoch)
        observer.end_epoch(epoch=epoch, logs={})
    assert f"about {30 * steps} seconds an epoch" in progress.messages[1]
    assert [epoch for epoch, _ in progress.epochs] == [*range(1, epochs + 1)]
    observer.end_epoch(epoch=epochs + 1, logs={})
    observer.message("a sentence")
    assert progress.messages[2:] == ["a sentence"]
