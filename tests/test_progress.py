import io
import math
import time

import pytest
from rich.console import Console

from leukcnn.progress import TrainingProgress, counting, shown_bytes


class Clock:
    """A clock that shows the time in `now`."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal(monkeypatch) -> Console:
    monkeypatch.setenv("TERM", "xterm")
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def log(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=width)


def epoch(progress, clock, number: int, *, steps: int, seconds: float = 1.0, val_accuracy=None):
    for step in range(1, steps + 1):
        clock.now += seconds
        progress.batch(epoch=number, step=step, loss=1 / number, accuracy=0.5)
    logs = {"loss": 0.25, "accuracy": 0.75}
    progress.end_epoch(epoch=number, logs=logs | ({"val_accuracy": val_accuracy} if val_accuracy else {}))


def test_log_has_one_plain_line_an_epoch(clock):
    console = log()
    with TrainingProgress(console=console, clock=clock) as progress:
        progress.start_trial("VGG16, split by subject", 2, 3, epochs=2, steps=4)
        epoch(progress, clock, 1, steps=4, val_accuracy=0.7)
        epoch(progress, clock, 2, steps=4)
        progress.end_trial()
    assert console.file.getvalue().splitlines() == [
        "trial 2/3 | epoch 1/2 | VGG16, split by subject | loss 0.2500 | accuracy 75.00 % | "
        "validation accuracy 70.00 % | 0:00:04 elapsed, 0:00:12 left",
        "trial 2/3 | epoch 2/2 | VGG16, split by subject | loss 0.2500 | accuracy 75.00 % | "
        "0:00:08 elapsed, 0:00:08 left",
    ]


def test_dumb_terminal_is_treated_as_a_log(clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True)
    with TrainingProgress(console=console, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 1, epochs=1, steps=1)
        epoch(progress, clock, 1, steps=1)
    assert console.file.getvalue().count("\n") == 1
    assert "\x1b[?25l" not in console.file.getvalue()


def test_terminal_shows_trial_epoch_scores_and_times(clock, terminal):
    with TrainingProgress(console=terminal, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 2, epochs=2, steps=2)
        epoch(progress, clock, 1, steps=2, val_accuracy=0.7)
        clock.now += 1
        progress.batch(2, 1, 0.125, 0.875)
    shown = terminal.file.getvalue()
    for text in (
        "trial 1/2  epoch 2/2  VGG16",
        "loss 0.1250",
        "accuracy 87.50 %",
        "validation accuracy 70.00 %",
        "38 % of all trials",
        "0:00:03 elapsed, 0:00:05 left",
        "━━━",
    ):
        assert text in shown


@pytest.mark.parametrize("width", [40, 80])
def test_display_fits_a_narrow_terminal(clock, monkeypatch, width):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    progress = TrainingProgress(console=console, clock=clock)
    progress.start_trial("Xception, split by subject, seed 3, run 4", 1, 2, epochs=400, steps=1000)
    epoch(progress, clock, 1, steps=3, val_accuracy=0.7)
    lines = console.render_lines(progress.get_renderable(), pad=False)
    shown = ["".join(segment.text for segment in line) for line in lines]
    assert max(map(len, shown)) <= width
    assert shown[0].startswith("trial 1/2  epoch 1/400  Xception")
    assert "0 % of all trials" in shown[1]
    assert shown[2].startswith("0:00:03 elapsed, 0:26:")
    assert shown[3].startswith("loss 0.2500  accuracy 75.00 %")


def test_a_loss_of_nan_is_shown(clock, terminal):
    with TrainingProgress(console=terminal, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 1, epochs=1, steps=2)
        progress.batch(1, 1, math.nan, 0.5)
    assert "loss nan  accuracy 50.00 %" in terminal.file.getvalue()


def test_finished_trials_leave_a_line_on_the_terminal(clock, terminal):
    with TrainingProgress(console=terminal, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 2, epochs=1, steps=2)
        epoch(progress, clock, 1, steps=2, val_accuracy=0.7)
        progress.end_trial()
    scores = "loss 0.2500 | accuracy 75.00 % | validation accuracy 70.00 %"
    assert f"trial 1/2 | epoch 1/1 | VGG16 | {scores} | 0:00:02\n" in terminal.file.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_messages_are_printed_without_changes(clock, terminal, is_terminal):
    console = terminal if is_terminal else log()
    text = "59 of 10,661 cells [bold] in /a/very/long/path/" + "x" * 100
    with TrainingProgress(console=console, clock=clock) as progress:
        progress.message(text)
    assert text in console.file.getvalue()


def test_time_left_is_unknown_before_two_steps(clock):
    progress = TrainingProgress(console=log(), clock=clock)
    assert math.isnan(progress.seconds_left())
    progress.start_trial("VGG16", 1, 2, epochs=2, steps=5)
    clock.now += 60
    progress.batch(1, 1, 0.7, 0.5)
    assert math.isnan(progress.seconds_left())


def test_time_left_leaves_out_the_first_step(clock):
    progress = TrainingProgress(console=log(), clock=clock)
    progress.start_trial("VGG16", 1, 2, epochs=2, steps=5)
    clock.now += 60  # building and compiling
    progress.batch(1, 1, 0.7, 0.5)
    clock.now += 2
    progress.batch(1, 2, 0.7, 0.5)
    # 2 seconds a step: 8 steps are left in this trial and 10 in the next.
    assert progress.seconds_left() == pytest.approx(36)


def test_later_trials_count_with_the_mean_time_of_earlier_ones(clock):
    progress = TrainingProgress(console=log(), clock=clock)
    progress.start_trial("VGG16", 1, 3, epochs=2, steps=5)
    epoch(progress, clock, 1, steps=5, seconds=1)
    epoch(progress, clock, 2, steps=5, seconds=1)
    progress.end_trial()
    progress.start_trial("Xception", 2, 3, epochs=2, steps=5)
    assert progress.seconds_left() == pytest.approx(10 + 10)
    epoch(progress, clock, 1, steps=5, seconds=3)
    assert progress.seconds_left() == pytest.approx(15 + (10 + 30) / 2)


def test_a_resumed_trial_counts_only_its_remaining_epochs(clock):
    progress = TrainingProgress(console=log(), clock=clock)
    progress.start_trial("VGG16", 1, 1, epochs=10, steps=4, first_epoch=9)
    epoch(progress, clock, 9, steps=4, seconds=2)
    assert progress.seconds_left() == pytest.approx(8)
    progress.end_trial()
    progress.start_trial("VGG16", 1, 1, epochs=10, steps=4, first_epoch=11)
    assert progress.seconds_left() == 0


def test_long_times_show_days(clock):
    console = log()
    with TrainingProgress(console=console, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 1, epochs=400, steps=2)
        epoch(progress, clock, 1, steps=2, seconds=1800)
    assert console.file.getvalue().endswith("1:00:00 elapsed, 16 d 15:00:00 left\n")


def test_display_ends_with_an_error(clock, terminal):
    with pytest.raises(KeyboardInterrupt), TrainingProgress(console=terminal, clock=clock):
        raise KeyboardInterrupt
    assert "\x1b[?25h" in terminal.file.getvalue()


def test_a_log_of_a_download_has_a_line_for_each_tenth():
    console = Console(file=io.StringIO(), width=100)
    with shown_bytes(console) as show:
        for done in range(0, 50_000_001, 1_000_000):
            show(done, 50_000_000)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "5.0 of 50.0 MB"
    assert lines[-1] == "50.0 of 50.0 MB"


def test_a_terminal_shows_the_bytes_of_a_download(terminal):
    with shown_bytes(terminal) as show:
        show(12_000_000, 50_000_000)
    assert "12.0/50.0 MB" in terminal.file.getvalue()


def test_a_download_of_unknown_size_is_shown_too():
    with shown_bytes(Console(file=io.StringIO())) as show:
        show(12_000_000, 0)


def test_a_log_has_a_line_of_a_stage_every_ten_seconds(clock):
    console = log()
    with TrainingProgress(console=console, clock=clock) as progress, progress.counting("Decoding") as count:
        for done in range(1, 2001):
            clock.now += 0.0125
            count(done, 2000)
    assert console.file.getvalue().splitlines() == [
        "Decoding: 800 of 2,000, 0:00:15 left",
        "Decoding: 1,600 of 2,000, 0:00:05 left",
    ]


def test_a_terminal_shows_the_stage_and_the_trial(clock, terminal):
    with TrainingProgress(console=terminal, clock=clock) as progress:
        progress.start_trial("VGG16", 1, 1, epochs=2, steps=4)
        with progress.counting("Computing features") as count:
            for done in (0, 100):
                clock.now += 1
                count(done, 400)
            progress.refresh()
            shown = terminal.file.getvalue()
            assert "Computing features" in shown
            assert "100/400" in shown
            assert "VGG16" in shown
            assert "left" in shown
        progress.refresh()
        assert "Computing features" not in terminal.file.getvalue()[len(shown) :]
        epoch(progress, clock, 1, steps=4)


def test_a_stage_without_a_run_is_shown(terminal):
    with counting("Comparing", console=terminal) as count:
        count(1, 3)
    assert "Comparing" in terminal.file.getvalue()


def test_a_quiet_run_shows_no_stage(clock):
    console = Console(file=io.StringIO(), quiet=True)
    with TrainingProgress(console=console, clock=clock) as progress, progress.counting("Decoding") as count:
        clock.now += 60
        count(1, 2)
    assert console.file.getvalue() == ""


def test_a_stage_costs_next_to_nothing_for_each_image(terminal):
    with counting("Decoding", console=terminal) as count:
        began = time.process_time()
        for done in range(100_000):
            count(done, 100_000)
    assert time.process_time() - began < 1


def start_two(progress, clock):
    """Shows two of three trials of four steps, one of which goes on after its first epoch."""
    shared = progress.at_once(3)
    clock.now += 100  # controls
    shared.start("aa", "VGG16", 1, epochs=2, steps=2, first_epoch=1)
    shared.start("bb", "VGG19", 2, epochs=2, steps=2, first_epoch=2)
    clock.now += 10
    shared.reach("aa", 1, 2, {"loss": 0.5, "accuracy": 0.5})
    shared.reach("bb", 2, 1, {"loss": 0.5, "accuracy": 0.5})
    return shared


def test_time_left_of_trials_at_once_is_that_of_all(clock):
    console = log()
    with TrainingProgress(console=console, clock=clock) as progress:
        shared = start_two(progress, clock)
        # Half a trial and a quarter of one in 10 s; 1.75 of 3 are left.
        shared.end_epoch("aa", 1, {"loss": 0.5, "accuracy": 0.75})
        shared.end("bb")
        shared.finish()
        assert (shared.running(), shared.lose("aa"), shared.lose("cc")) == ({"aa": "VGG16"}, "VGG16", "")
        shared.finish()
        assert shared.place() == "trials finished: 2 of 3, 0:01:50 elapsed, 0:00:07 left"
    assert console.file.getvalue().splitlines() == [
        "trial 1/3 | epoch 1/2 | VGG16 | loss 0.5000 | accuracy 75.00 % | 0:01:50 elapsed, 0:00:23 left"
    ]


def test_terminal_shows_a_bar_for_each_trial_and_the_time_left_of_all(clock, terminal):
    with TrainingProgress(console=terminal, clock=clock) as progress:
        start_two(progress, clock)
        shown = Console(file=io.StringIO(), width=140)
        for line in progress.get_renderables():
            shown.print(line)
    lines = [line.rstrip() for line in shown.file.getvalue().splitlines()]
    assert [line[:32] for line in lines[:2]] == [
        "trial 1/3  epoch 1/2  VGG16  los",
        "trial 2/3  epoch 2/2  VGG19  los",
    ]
    assert lines[2:] == ["trials finished: 0 of 3, 0:01:50 elapsed, 0:00:23 left"]
