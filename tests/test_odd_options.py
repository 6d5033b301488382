"""Options that can't be: one clear error before Keras is loaded, nothing written. Interruptions."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import backend, preprocessing, reproduction, splits
from leukcnn.augmentation import ImageAugmenter
from leukcnn.cli import main
from leukcnn.errors import LeukCNNError
from tests.own_images import write_classes

ODD = [
    "\0",
    "x" * 5000,
    "~no-such-user-here/x",
    str(10**400),
    "1e999",
    "nan",
    "[" * 20_000,
    ",,,",
    "a,,b",
    "",
]
OPTIONS = ("--datasets", "--only", "--profile", "--seed", "--runs", "--split", "--base", "--mask", "--assume")
OPTIONS = (*OPTIONS, "--precision", "--devices", "--workers", "--weights", "--unknown-subjects", "--margin")
OPTIONS = (*OPTIONS, "--figures", "--track", "--augment", "--launcher", "--scheduler", "--trial")
OPTIONS = (*OPTIONS, "--hosts", "--host-index", "--coordinator")


@pytest.fixture(autouse=True)
def no_keras(monkeypatch, tmp_path):
    def refuse():
        raise AssertionError("the backend was started")

    monkeypatch.setattr(reproduction, "start_backend", refuse)
    monkeypatch.setattr("leukcnn.commands.predict.start_backend", refuse)
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def refused(*words):
    result = CliRunner().invoke(main, list(words))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert 0 < len(result.output) < 5000
    return result.output


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd[:8]!a}-{len(odd)}")
@pytest.mark.parametrize("option", OPTIONS)
def test_an_odd_option_is_refused_before_keras_is_loaded(option, odd, tmp_path):
    refused("reproduce", "leuknet_lodocv", "--data", "synthetic", option, odd)
    assert not any(tmp_path.iterdir())


OF_EVALUATE = (
    *("--datasets", "--labels", "--groups", "--networks", "--split", "--image-size", "--epochs"),
    *("--batch-size", "--positive-class", "--seed", "--runs", "--mask", "--precision", "--devices"),
    *("--workers", "--weights", "--augment", "--launcher", "--trial"),
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd[:8]!a}-{len(odd)}")
@pytest.mark.parametrize("option", OF_EVALUATE)
def test_an_odd_option_of_evaluate_is_refused(option, odd, tmp_path):
    folder = write_classes(tmp_path / "own", n=2)
    refused("evaluate", str(folder), option, odd)
    assert [*tmp_path.iterdir()] == [folder]


@pytest.mark.parametrize(
    "odd",
    [
        {"folder": 3},
        {"datasets": 3},
        {"datasets": {"a": "x", 3: "y"}},
        {"datasets": {"a": 3, "b": "y"}},
        {"groups": 3},
        {"networks": 3},
        {"networks": [3]},
        {"networks": "nan"},
        {"epochs": 1.5},
        {"image_size": 10**400},
        {"labels": 3},
        {"deterministic": "yes"},
        {"runs": 10**9},
        {"out": "\0"},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_an_odd_argument_of_evaluate_is_refused(odd, tmp_path):
    folder = None if "datasets" in odd else write_classes(tmp_path / "own", n=2)
    with pytest.raises(LeukCNNError):
        leukcnn.evaluate(**{"folder": folder, "quiet": True, **odd})


@pytest.mark.parametrize("odd", ODD[:3])
@pytest.mark.parametrize(
    "words",
    [
        *(("papers",), ("datasets",), ("check",), ("table",), ("predict", "m"), ("evaluate",)),
        *(("check", "cnmc2019", "--data"), ("table", "cnmc2019", "--out")),
        ("reproduce", "cnmc2019", "--data", "synthetic", "--out"),
    ],
)
def test_an_odd_place_or_name_is_refused(words, odd):
    refused(*words, odd)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--devices", "cpu:1000000"), "from 1 to 1,024"),
        (("--devices", "cpu:3"), "for 3 devices"),
        (("--assume", "batch_size=8", "--assume", "batch_size=4"), "twice"),
        (("--assume", "dropout_rate=1e999"), "as JSON writes it"),
        (("--assume", "=3"), "no assumption"),
        (("--classes", "positive"), "positive=ALL"),
        (("--classes", "a=healthy,a=malignant"), "twice"),
        (("--seed", str(2**70)), "from 0 to"),
        (("--runs", "1000000000"), "from 1 to 1,000"),
        (("--margin", "0"), "above 0 and at most 100"),
        (("--margin", "-2"), "above 0 and at most 100"),
        (("--margin", "101"), "above 0 and at most 100"),
        (("--figures", "papper"), "'png', 'pdf', 'svg', 'paper'. Did you mean 'paper'?"),
    ],
)
def test_the_message_names_the_limit(words, said):
    assert said in refused("reproduce", "cnmc2019", "--data", "synthetic", *words)


def test_a_pipe_or_a_device_as_weights_is_refused_unopened(tmp_path):
    link = tmp_path / "endless.h5"
    link.symlink_to("/dev/zero")
    said = refused("reproduce", "leuknet_lodocv", "--data", "synthetic", "--weights", str(link))
    assert "no regular file" in said


def test_a_broken_link_as_output_is_named(tmp_path):
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert "is a link" in refused("reproduce", "cnmc2019", "--data", "synthetic", "--out", "gone")


@pytest.mark.parametrize(
    "text", ["raise BaseException('x')", "raise GeneratorExit", "import sys; sys.exit(3)"]
)
def test_a_paper_that_ends_the_process_is_an_error(tmp_path, text):
    (tmp_path / "ending.py").write_text(text)
    assert "line 1" in refused("papers", "./ending.py")


@pytest.mark.parametrize(
    "settings", ["[]", '{"floatx": "float16"}', '{"image_data_format": "channels_first"}']
)
def test_settings_of_keras_that_would_change_networks_are_refused(monkeypatch, tmp_path, settings):
    (tmp_path / "keras.json").write_text(settings)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(LeukCNNError, match="KERAS_HOME"):
        backend._check_settings()


@pytest.mark.parametrize(
    "odd",
    [
        {"runs": 10**9},
        {"datasets": ",,"},
        {"out": "\0"},
        {"margin": 0},
        {"margin": True},
        {"margin": "2"},
        {"figures": "tiff"},
        {"figures": 2},
        {"assume": ["penalty"]},
    ],
)
def test_the_function_refuses_what_the_command_refuses(odd):
    with pytest.raises(LeukCNNError):
        leukcnn.reproduce("leuknet_lodocv", data="synthetic", **odd)


LABELS = np.array([0, 1] * 10)


@pytest.mark.parametrize("odd", [None, "x", 1.5, float("nan"), np.array([1, 2]), [], object()])
def test_library_functions_refuse_odd_arguments(odd):
    image, mask = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool)
    for call in (
        lambda: splits.stratified_kfold(LABELS, n_splits=odd, seed=0),
        lambda: splits.holdout(LABELS, fractions=odd, seed=0),
        lambda: splits.holdout([None, None], fractions=(0.5, 0.25, 0.25), seed=0),
        lambda: [*splits.leave_one_dataset_out(odd)],
        lambda: splits.declared_relatives(odd),
        lambda: preprocessing.cell_crops(image, mask, margin=-1.0 if isinstance(odd, float) else odd),
        lambda: preprocessing.hsv_segment(image, hue=odd),
        lambda: preprocessing.hsv_segment(image, saturation=odd),
        lambda: preprocessing.resize(image, 4, interpolation=odd),
        lambda: preprocessing.blank(image, odd),
        lambda: ImageAugmenter(width_shift_range=10**30),
        lambda: leukcnn.open_run("\ud800"),
    ):
        with pytest.raises(LeukCNNError):
            call()


SCRIPT = """
import gc, os, signal, sys, threading, time
from leukcnn import cli
from leukcnn.commands import papers
def slowly(start):
    return lambda *given: (start(*given), time.sleep({seconds}))[0]
threading.Thread.start = slowly(threading.Thread.start)
signal.setitimer = slowly(signal.setitimer)
def callback(*_):
    gc.callbacks.remove(callback)
    os.kill(os.getpid(), signal.{name})  # raised where Python drops exceptions
def wait(*_):
    gc.callbacks.append(callback)
    gc.collect()
    time.sleep(30)
papers.find_paper = wait
cli.main()
"""


def ended(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command that a signal ends. A shell's background jobs, as tests may be, ignore SIGINT."""
    return subprocess.run(
        command,
        cwd=Path(leukcnn.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=25,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


# `seconds`: what a thread or a timer takes to start; a busy machine may need long.
@pytest.mark.parametrize(("name", "code", "seconds"), [("SIGINT", 130, 0), ("SIGTERM", 143, 0.2)])
def test_a_signal_ends_the_command_with_one_line_and_its_exit_code(name, code, seconds):
    command = [sys.executable, "-c", SCRIPT.format(name=name, seconds=seconds), "papers", "a b"]
    done = ended(command)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Interrupted.")
    assert line.endswith("papers 'a b'")
    assert code == signal.Signals[name] + 128


def test_an_error_after_a_signal_is_an_interruption():
    script = "from leukcnn import cli, signals\nfrom leukcnn.commands import papers\nimport os, signal\n"
    script += "def spoil(*_):\n try:\n  os.kill(os.getpid(), signal.SIGINT)\n except KeyboardInterrupt:\n"
    script += "  raise SystemError('from native code')\npapers.find_paper = spoil\ncli.main()"
    command = [sys.executable, "-c", script, "papers", "x"]
    done = ended(command)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip().startswith("Interrupted.")
    assert "Traceback" not in done.stderr


SWALLOWED = """
from leukcnn import cli, signals
from leukcnn.commands import papers
import os, signal, time
signals._AGAIN, signals._AT_LATEST = 0.3, 1.5
def swallow(*_):
    for _ in range({times}):
        try:
            os.kill(os.getpid(), signal.SIGTERM) if not signals._arrived else None
            for _ in range(400):
                time.sleep(0.05)
        except KeyboardInterrupt:
            continue
    for _ in range(400):
        time.sleep(0.05)
papers.find_paper = swallow
cli.main(["papers", "x"])
"""


@pytest.mark.parametrize(("times", "advice"), [(1, "papers x"), (2, "run the same command.")])
def test_a_signal_that_other_code_catches_ends_the_command_nevertheless(times, advice):
    """It is raised again; if that is caught too, the process ends without being asked."""
    command = [sys.executable, "-c", SWALLOWED.format(times=times)]
    began = time.perf_counter()
    done = ended(command)
    assert time.perf_counter() - began < 10
    assert done.returncode == 143, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Interrupted.")
    assert line.endswith(advice)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
@pytest.mark.parametrize("word", ["papers", "--help"])
def test_an_output_that_cannot_be_written_is_one_line(word):
    command = [sys.executable, "-m", "leukcnn", word]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=Path(leukcnn.__file__).parents[1], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "Error: The output can't be written: No space left on device.\n"
