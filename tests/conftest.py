"""Fixtures and settings for all tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("quick", derandomize=True, deadline=None, max_examples=25, database=None)
settings.load_profile("quick")

# As in `leukcnn` itself: on many processors TensorFlow's own convolutions are several times slower.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


# Folders with the slowest modules. They start first if several processes run the tests.
_LONG = ("experiment", "outputs", "models")


def pytest_collection_modifyitems(config, items):
    """Puts slow tests last, to show plain mistakes early. With several processes, long modules start first.

    Otherwise one process could be left with a long module at the end while the others wait.
    """
    is_shared = hasattr(config, "workerinput")

    def place(item):
        folder = item.path.parent.name
        rank = _LONG.index(folder) if is_shared and folder in _LONG else len(_LONG)
        return rank, item.get_closest_marker("slow") is not None

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def few_trees():
    """Lets controls grow a tenth of their trees, which is enough for small images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leukcnn.evaluation.controls._TREES", 30)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory, request) -> Path:
    """Lets all tests, in all processes, share one cache of synthetic datasets, decoded images and features.

    Its files are complete or absent and named after their contents. A test of the cache sets its own.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEUKCNN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def synthetic_cells(shared_cache) -> Path:
    """Returns a small synthetic C-NMC 2019, which tests only read."""
    # Imported here, since they load Keras.
    from leukcnn import synthetic
    from tests import tiny

    return synthetic.write("cnmc2019", shared_cache / "synthetic", seed=0, counts=tiny.COUNTS)


@pytest.fixture(scope="session")
def copy_smears(shared_cache):
    """Returns a function that copies synthetic datasets of smears into a folder and returns the folder."""
    from leukcnn import synthetic

    def copy(folder: Path, *names: str) -> Path:
        for name in names:
            written = synthetic.write_many((name,), shared_cache / "synthetic", seed=0)
            shutil.copytree(written / name, folder / name)
        return folder

    return copy


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Returns the folder of real images named by LEUKCNN_DATA, or skips the test."""
    root = os.environ.get("LEUKCNN_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("needs real images: LEUKCNN_DATA names no folder")
    return Path(root)


@pytest.fixture
def run_on_disk(tmp_path):
    """Returns a function that runs Python code with a small disk of its own mounted on the folder `disk`.

    Root ignores permissions, and a mocked error may differ from the real one. The test is skipped if this
    user can't mount a disk.
    """

    def run(options: str, code: str) -> str:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = f"mount -t tmpfs -o {options} leukcnn '{disk}'"
        command = ["unshare", "-rm", "sh", "-c"]
        try:
            subprocess.run([*command, mount], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user can't mount a disk")
        setup = f"from pathlib import Path\ndisk, folder = Path({str(disk)!r}), Path({str(tmp_path)!r})\n"
        done = subprocess.run(
            [*command, f'{mount} && exec "$0" -c "$1"', sys.executable, setup + code],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.returncode}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory):
    """Returns a folder that all processes of a test session share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def paper_tables(session_folder):
    """Returns every table of the five papers, of two also those of a partial run: (case, id) -> table."""
    # Other tests don't need leukcnn's stores.
    from tests.golden import store

    names = [*(f"{paper}-full" for paper in store.PAPERS), "alertnet-partial", "taleghani_resnet50-partial"]
    cases = [store.CASES[name] for name in names]
    return {(case.id, table.id): table for case in cases for table in store.tables_of(case, session_folder)}
