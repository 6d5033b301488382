import time
from dataclasses import dataclass

import pytest

from leukcnn.experiment.estimate import Estimate, Stopwatch, Work, describe_seconds, in_words
from tests import tiny


@dataclass
class Done:
    """A finished trial, as a stopwatch reads it."""

    result: dict


@pytest.fixture
def clock(monkeypatch):
    """Returns a function that advances the clock by some seconds."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_each_stage_begins_when_the_one_before_ended(clock):
    watch = Stopwatch()
    clock(2)
    watch.lap("reading")
    clock(3)
    watch.lap("planning")
    clock(4)
    watch.lap("reading")
    assert watch.seconds == {"reading": 6, "planning": 3}


def test_time_of_trials_is_split_by_what_they_stored_and_the_rest_is_files(clock):
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


def test_stages_are_shown_with_their_sum():
    assert describe_seconds({"reading": 1.25, "training": 1000}) == (
        "Time: reading 1.2 s, training 1,000.0 s; 1,001.2 s in total."
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(90, "90 seconds"), (600, "10 minutes"), (3 * 3600, "3 hours"), (400 * 86400, "400 days")],
)
def test_a_duration_is_in_the_largest_unit_that_gives_more_than_two(seconds, words):
    assert in_words(seconds) == words


@dataclass
class Clock:
    """A clock that moves only when a test advances it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def work_of(row, **changes):
    values = {"epochs": 10, "steps": 30, "validation_steps": 15, "trials": 2}
    return Work(row=row, label=row.upper(), **(values | changes))


def train(observer, clock, *, seconds, steps, epoch=1, first_step=1, every=1):
    """Takes steps of an epoch, and reports some of them; the very first one is slow."""
    for step in range(first_step, steps + 1, every):
        clock.now += 100 if (epoch, step) == (1, 1) else every * seconds
        observer.batch(epoch=epoch, step=step, loss=1.0, accuracy=0.5)


@pytest.fixture
def clock_and_progress():
    return Clock(), tiny.Progress()


def test_steps_after_the_first_show_how_long_a_row_takes(clock_and_progress):
    clock, progress = clock_and_progress
    estimate = Estimate(progress, rows=2, clock=clock)
    assert "first steps of each network" in progress.messages.pop()
    observer = estimate.watch(work_of("a"))
    train(observer, clock, seconds=6, steps=5)
    assert progress.messages == []
    train(observer, clock, seconds=6, steps=10, first_step=6)
    # 6 s a step, 30 steps and a third of 15: 210 s an epoch, ten epochs, two trials.
    assert progress.messages == [
        "A: about 4 minutes per epoch on this processor, 10 epochs, 2 trials; "
        "about 70 minutes for 1 of 2 networks"
    ]
    # The second trial of a row isn't measured.
    assert estimate.watch(work_of("a")) is progress
    train(estimate.watch(work_of("b", epochs=1, trials=1)), clock, seconds=60, steps=9, every=4)
    assert progress.messages[1:] == [
        "B: about 35 minutes per epoch on this processor, 1 epoch, 1 trial; about 105 minutes in total"
    ]


@pytest.mark.parametrize(("steps", "epochs"), [(3, 1), (1, 2)])
def test_short_epochs_are_measured_by_the_steps_that_they_have(clock_and_progress, steps, epochs):
    clock, progress = clock_and_progress
    estimate = Estimate(progress, rows=1, clock=clock)
    observer = estimate.watch(work_of("a", steps=steps, validation_steps=0, trials=1))
    for epoch in range(1, epochs + 1):
        assert len(progress.messages) == 1
        train(observer, clock, seconds=30, steps=steps, epoch=epoch)
        observer.end_epoch(epoch=epoch, logs={})
    assert f"about {30 * steps} seconds per epoch" in progress.messages[1]
    assert [epoch for epoch, _ in progress.epochs] == [*range(1, epochs + 1)]
    observer.end_epoch(epoch=epochs + 1, logs={})
    observer.message("a sentence")
    assert progress.messages[2:] == ["a sentence"]
