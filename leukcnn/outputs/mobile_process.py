"""The process that converts networks to LiteRT files, measures and runs them.

A conversion holds a network several times in memory, and the libraries keep that memory until their process
ends. `MeasuringProcess` starts this module as a process of its own, so that it ends with the table.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.errors import LeukCNNError
from leukcnn.models.litert import PRECISIONS, LiteRTModel, milliseconds, to_litert
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.prediction import SavedNetwork

_BATCH = 32
# The memory of a GPU belongs to the parent, and a conversion needs none.
_ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1"}


class MeasuringProcess:
    """A process that measures saved networks one after the other; the first one starts it.

    As a context manager it ends the process. The process also ends if this one is killed.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._files = contextlib.ExitStack()
        self._errors = Path()

    def __enter__(self) -> "MeasuringProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def measure(
        self, network: Path, images: np.memmap, *, tested: Sequence[int], calibration: Sequence[int]
    ) -> dict[str, Any]:
        """Measures a saved network in each precision.

        Args:
            network: The `.keras` file that `SavedNetwork.save` wrote.
            images: Memory map of a `.npy` file: the images as its preprocessing gives them, before scaling.
            tested: Positions of the images that are predicted; the first one is timed.
            calibration: Positions of the images that give the ranges of the activations for "int8".

        Returns:
            {"formats": precision -> its "bytes", "milliseconds" (as in `measure`) and "predicted" (the
            classes of the tested images)}; or {"missing": why it can't be measured}. After a crash, the next
            call starts another process.
        """
        request = {
            "network": str(network.absolute()),
            "images": str(images.filename),
            "tested": [int(place) for place in tested],
            "calibration": [int(place) for place in calibration],
        }
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{json.dumps(request)}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line.endswith("\n"):
                reply: dict[str, Any] = json.loads(line)
                return reply
            return {"missing": f"the conversion's process {self._how_it_ended(process)}"}
        except OSError as error:
            # A pipe that breaks says less than the end of the process.
            how = self._how_it_ended(self._process) if self._process else f"can't be started: {error}"
            return {"missing": f"the conversion's process {how}"}
        except BaseException:
            self._end()
            raise

    def _start(self) -> "subprocess.Popen[str]":
        folder = self._files.enter_context(tempfile.TemporaryDirectory(prefix="leukcnn-"))
        self._errors = Path(folder) / "stderr"
        places = os.pathsep.join(str(Path.cwd() / place) for place in sys.path)
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": places},
                text=True,
            )
        return self._process

    def _how_it_ended(self, process: "subprocess.Popen[str]") -> str:
        """Returns how the process ended, and ends it if it only closed its output."""
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        lines = self._errors.read_text(errors="replace").splitlines()
        self._end()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"failed: {lines[-1][:300] if lines else f'exit code {code}'}"

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # Closes the pipes as well.
            process.communicate()
        self._files.close()


def measure(
    network: keras.Model, timed: np.ndarray, calibration: np.ndarray
) -> dict[str, tuple[dict[str, Any], LiteRTModel]]:
    """Converts a network to each precision, and measures the files.

    Args:
        network: The network.
        timed: float32 (H, W, 3), an image as the network takes it.
        calibration: float32 (K, H, W, 3), images for `to_litert`.

    Returns:
        Precision -> its values for JSON ("bytes": size of the file; "milliseconds": time for the image in
        each round), and the file, ready to run.
    """
    files = {name: to_litert(network, name, calibration=calibration) for name in PRECISIONS}
    models = {name: LiteRTModel(content) for name, content in files.items()}
    taken = milliseconds(models, timed)
    return {
        name: ({"bytes": len(files[name]), "milliseconds": [*taken[name]]}, model)
        for name, model in models.items()
    }


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Returns the reply to a request of `MeasuringProcess.measure`."""
    saved = SavedNetwork.load(request["network"])
    images, tested = np.load(request["images"], mmap_mode="r"), request["tested"]

    def inputs(places: Sequence[int]) -> np.ndarray:
        return scaled(images[places], saved.preprocessing)

    formats = {}
    measured = measure(saved.network, inputs(tested[:1])[0], inputs(request["calibration"]))
    for name, (values, model) in measured.items():
        batches = (tested[start : start + _BATCH] for start in range(0, len(tested), _BATCH))
        outputs = np.concatenate([model.predict(inputs(batch)) for batch in batches])
        formats[name] = {**values, "predicted": class_probabilities(outputs).argmax(axis=1).tolist()}
    return {"formats": formats}


def _main() -> None:
    """Answers requests from stdin, a line of JSON each, on stdout; ends with stdin."""
    # Ctrl-C reaches all processes of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries may print.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    requests = queue.SimpleQueue[str]()

    def read() -> None:
        for line in sys.stdin:
            requests.put(line)
        # Nobody waits for an answer any more.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        request = json.loads(requests.get())
        try:
            reply = _answer(request)
        except LeukCNNError as error:
            reply = {"missing": error.reason}
        # The converter raises errors of any type.
        except Exception as error:
            text = " ".join(str(error).split())
            reply = {"missing": f"the conversion failed: {text[:300]} ({type(error).__name__})"}
        print(json.dumps(reply), file=replies)
        keras.utils.clear_session()


if __name__ == "__main__":
    _main()
