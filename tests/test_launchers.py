"""How many worker processes there are, and which cores and GPUs each has; what `--launcher` takes."""

import copyreg
import importlib.util
import pickle

import psutil
import pytest

from leukcnn import launchers
from leukcnn.errors import DependencyError, DivergenceError, SpecError
from leukcnn.experiment.worker_process import _pickled
from leukcnn.launchers import Launcher, processes_for, read_launcher, shares
from leukcnn.splits.checks import TooManyFoldsError


@pytest.mark.parametrize(
    ("tasks", "gpus", "threads", "cores", "gibibytes", "processes"),
    [
        (40, 4, 2, 64, 256, 4),
        (3, 4, 2, 64, 256, 3),
        (40, 0, 2, 64, 256, 32),
        (40, 0, 2, 64, 20, 5),
        (40, 0, 2, 2, 16, 2),
        (40, 0, 2, 1, 16, 1),
        (40, 0, 8, 8, 64, 2),
        (40, 0, 2, 8, 1, 1),
    ],
)
def test_processes_have_a_gpu_or_cores_and_memory(
    tasks, gpus, threads, cores, gibibytes, processes, monkeypatch
):
    monkeypatch.setattr(launchers, "cores_here", lambda: [*range(cores)])
    memory = psutil.virtual_memory()._replace(available=gibibytes * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert processes_for(tasks, gpus=gpus, threads=threads) == processes


def test_cores_are_shared_out():
    assert shares([0, 1, 2, 5], 2) == [[0, 1], [2, 5]]
    assert shares([0, 1, 2], 2) == [[0], [1, 2]]
    assert shares([4, 6], 3) == [[4], [6], [4]]


def test_what_a_launcher_takes(monkeypatch):
    assert read_launcher(None, None, "all") is None
    assert read_launcher("dask", None, None) == Launcher()
    assert read_launcher("dask:3", None, "cpu:2") == Launcher(3)
    assert read_launcher("dask", "tls://node0:8786", "1") == Launcher(None, "tls://node0:8786")
    with pytest.raises(SpecError, match="did you mean 'dask'"):
        read_launcher("dusk", None, None)
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"pip install 'leukcnn\[dask\]'"):
        read_launcher("dask", None, None)
    assert importlib.util.find_spec("distributed")


@pytest.mark.parametrize(
    "error",
    [
        SpecError("Found.", expected="another", remedy="do"),
        DivergenceError.because("loss is nan after epoch 3"),
        TooManyFoldsError("Few.", expected="more", label=1, units=2),
    ],
)
def test_errors_come_from_other_processes_as_they_are(error):
    error.add_note("a note")
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


class OddError(Exception):
    """An error of another library that can be written and not be read."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


def test_errors_that_cannot_be_read_come_with_their_words(monkeypatch):
    # A package that dask loads lets all errors be read, and a worker's process may lack it.
    monkeypatch.delitem(copyreg.dispatch_table, OddError, raising=False)
    error = OddError(5, "no memory")
    error.add_note("In a worker process: ...")
    other = pickle.loads(_pickled(error))
    assert (type(other), str(other)) == (RuntimeError, "OddError: 5: no memory")
    assert other.__notes__ == error.__notes__
