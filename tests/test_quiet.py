"""What reaches stderr while Keras' backend starts."""

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leukcnn.errors import SpecError
from leukcnn.quiet import drop_warnings, held_stderr

# As TensorFlow 2.21 and earlier ones write them on a machine without a GPU.
NOTES = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795646306.262257   14484 port.cc:153] oneDNN custom operations are on.
W0000 00:00:1795646306.262913   14484 gpu_device.cc:2341] Cannot dlopen some GPU libraries.
I1127 09:14:02.262913   14484 cudart_stub.cc:31] Could not find cuda drivers on your machine.
2025-11-27 09:14:02.262913: I tensorflow/core/platform/cpu_feature_guard.cc:210] Optimized.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.
E0000 00:00:1795646309.730059   14484 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: \
Failed call to cuInit: UNKNOWN ERROR (303)
"""
OTHERS = """\
E0000 00:00:1795646309.730059   14484 cuda_dnn.cc:52] Could not create cudnn handle
E0000 00:00:1795646309.730059 14484 cuda.cc:52] failed call to cuInit: CUDA_ERROR_SYSTEM_NOT_READY (802)
my_paper.py:3: UserWarning: In my own words
W is a letter, and I am no note
"""


@pytest.fixture(autouse=True)
def level(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")


def write(text):
    os.write(2, text.encode())


def test_notes_are_dropped_and_all_else_is_shown(capfd):
    with held_stderr():
        write(NOTES + OTHERS)
        assert "Cannot dlopen" not in capfd.readouterr().err
    assert capfd.readouterr().err == OTHERS


def test_afterwards_stderr_is_as_before(capfd):
    with held_stderr():
        pass
    write(NOTES)
    assert capfd.readouterr().err == NOTES


def test_a_failure_shows_everything_that_was_held(capfd):
    with pytest.raises(ImportError), held_stderr():
        write(NOTES + OTHERS)
        raise ImportError
    assert capfd.readouterr().err == NOTES + OTHERS


def test_an_error_of_leukcnn_is_no_failure_of_the_backend(capfd):
    with pytest.raises(SpecError), held_stderr():
        write(NOTES + OTHERS)
        raise SpecError("There is no such network.")
    assert capfd.readouterr().err == OTHERS


@pytest.mark.parametrize("level", ["0", "1"])
def test_notes_are_shown_if_the_log_level_asks_for_them(capfd, monkeypatch, level):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    with held_stderr():
        write(NOTES)
        assert capfd.readouterr().err == NOTES


def test_warnings_of_tensorflow_are_dropped_and_errors_are_logged(caplog):
    drop_warnings()
    logger = logging.getLogger("tensorflow")
    logger.setLevel(logging.INFO)
    logger.warning("5 out of the last 13 calls triggered tf.function retracing.")
    logger.error("An error")
    assert caplog.messages == ["An error"]


def test_the_log_level_that_jax_sets_asks_for_no_notes(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    monkeypatch.setitem(sys.modules, "jax", sys)
    with held_stderr():
        write(NOTES)
    assert capfd.readouterr().err == ""


def python(code, **environment):
    command = [sys.executable, "-c", code]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")} | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_closed_stderr_stays_closed():
    code = (
        "import os; os.close(2)\nfrom leukcnn.quiet import held_stderr\n"
        "with held_stderr(): print('inside')\n"
        "try: os.fstat(2)\nexcept OSError: print('closed')"
    )
    assert python(code).stdout.split() == ["inside", "closed"]


def test_a_crash_shows_where_it_happened():
    done = python("import os\nfrom leukcnn.quiet import held_stderr\nwith held_stderr(): os.abort()")
    assert done.returncode != 0
    assert "Fatal Python error: Aborted" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_backend_starts_without_output(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} isn't installed")
    code = (
        "from leukcnn.backend import start_backend; start_backend()\n"
        "from leukcnn.distribution import find_devices; print(find_devices('cpu:2').replicas)\n"
        "import keras; print(keras.backend.backend(), keras.ops.ones(2))"
    )
    done = python(code, KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    # After the look for devices the processor can still be split into several.
    assert done.stdout.startswith(f"2\n{backend}")
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import leukcnn; leukcnn.models.CNMCVGG16(input_shape=(96, 96, 3), classes=2)",
        "from leukcnn import models; models.alertnet.AlertNet(input_shape=(96, 96, 3), classes=2)",
        "import leukcnn; leukcnn.pipeline; import keras; keras.ops.ones(2)",
        "import leukcnn; leukcnn.prediction; import keras; keras.ops.ones(2)",
        "from leukcnn import evaluation; evaluation.filter_maps; import keras; keras.ops.ones(2)",
    ],
)
def test_the_library_loads_keras_without_output(code):
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


# Cross-validation of trained and frozen networks, and figures of what they see: many networks predict.
FOLDS = """
import sys
import cv2, numpy as np
import leukcnn
from pathlib import Path

# The tiny networks import Keras themselves.
leukcnn.pipeline
from tests import tiny

root, rng = Path(sys.argv[1]), np.random.default_rng(0)
folders = {"allidb2/healthy": 0, "allidb2/all": 1, "atlas/all": 1, "atlas/aml": 2, "ufg/healthy": 0}
for folder, channel in folders.items():
    (root / folder).mkdir(parents=True)
    for i in range(8):
        image = rng.integers(0, 100, (30, 40, 3), dtype=np.uint8)
        image[..., 2 - channel] += 150
        cv2.imwrite(str(root / folder / f"{i}.png"), image)
leukcnn.reproduce(tiny.tiny_folds_paper(), data=root, profile="smoke", out=root / "runs", quiet=True)
print(sorted(path.suffix for path in root.glob("runs/*/experiments/*/figures/*")))
"""


@pytest.mark.slow
def test_a_run_writes_nothing_to_stderr(tmp_path):
    command = [sys.executable, "-c", FOLDS, str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    environment |= {"LEUKCNN_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert ".png" in done.stdout
    assert done.stderr == ""
