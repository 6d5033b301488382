"""The process that measures LiteRT files: its answers, its faults and its end."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from leukcnn.models.litert import PRECISIONS, why_no_litert
from leukcnn.outputs import mobile_process
from leukcnn.outputs.mobile_process import MeasuringProcess
from leukcnn.prediction import SavedNetwork
from tests.outputs.test_tested_images import PREPROCESSING

needs_litert = pytest.mark.skipif(bool(why_no_litert()), reason=why_no_litert() or "LiteRT runs here")


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8))
    return np.load(path, mmap_mode="r")


@pytest.fixture
def network(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(inputs))
    saved = SavedNetwork(keras.Model(inputs, outputs), PREPROCESSING, ("a", "b", "c"), {})
    saved.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.fixture
def program(monkeypatch):
    """Returns a function that puts a line of Python in the place of the process' module."""
    start = subprocess.Popen

    def replace(code):
        def popen(command, **arguments):
            return start([sys.executable, "-c", code], **arguments)

        monkeypatch.setattr(mobile_process.subprocess, "Popen", popen)

    return replace


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@needs_litert
def test_one_process_answers_for_all_networks_and_writes_nothing(network, images, capfd):
    wrong = network.with_name("other.keras")
    wrong.write_bytes(b"no network")
    with MeasuringProcess() as process:
        refused = process.measure(wrong, images, tested=[0, 1], calibration=[2])
        first = process._process.pid
        answers = [process.measure(network, images, tested=[0, 1], calibration=[2, 3]) for _ in range(2)]
        assert process._process.pid == first
    assert not running(first)
    assert capfd.readouterr() == ("", "")
    assert "other.keras" in refused["missing"]
    assert "\n" not in refused["missing"]
    expected = SavedNetwork.load(network).network.predict(images[:2] / np.float32(255), verbose=0)
    for answer in answers:
        assert [*answer["formats"]] == [*PRECISIONS]
        assert answer["formats"]["float32"]["predicted"] == expected.argmax(axis=1).tolist()
    sizes = [[values["bytes"] for values in answer["formats"].values()] for answer in answers]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("raise MemoryError('no memory left')", "failed: MemoryError: no memory left"),
        ("import sys; sys.stdin.readline(); sys.exit(3)", "failed: exit code 3"),
        ("import sys; sys.stdin.readline(); print('{', end='')", "failed: exit code 0"),
    ],
)
def test_a_process_that_ends_early_says_how(program, network, images, code, words, capfd):
    program(code)
    with MeasuringProcess() as process:
        for _ in range(2):
            answer = process.measure(network, images, tested=[0], calibration=[1])
            assert words in answer["missing"]
    assert capfd.readouterr() == ("", "")


def test_a_process_that_cannot_be_started_says_why(network, images, monkeypatch):
    monkeypatch.setattr(mobile_process.sys, "executable", "/no/python")
    with MeasuringProcess() as process:
        answer = process.measure(network, images, tested=[0], calibration=[1])
    assert "can't be started: " in answer["missing"]


def test_an_interruption_ends_the_process(program, network, images):
    program(f"import os, signal, time; os.kill({os.getpid()}, signal.SIGUSR1); time.sleep(60)")

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        process = MeasuringProcess()
        with pytest.raises(KeyboardInterrupt):
            process.measure(network, images, tested=[0], calibration=[1])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert process._process is None


def test_the_process_ends_with_a_killed_parent():
    module = mobile_process.__name__
    parent = "import subprocess, sys, time\n"
    parent += f"child = subprocess.Popen([sys.executable, '-m', {module!r}], stdin=subprocess.PIPE)\n"
    parent += "print(child.pid, flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as started:
        pid = int(started.stdout.readline())
        started.kill()
    until = time.monotonic() + 60
    while running(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running(pid)
