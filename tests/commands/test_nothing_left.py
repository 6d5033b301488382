"""A command that is refused leaves no file and no folder: not in --out, the cache, the data or elsewhere."""

import tempfile

import cv2
import numpy as np
import pytest
import requests
from click.testing import CliRunner

from leukcnn import signals
from leukcnn.cli import main
from leukcnn.errors import WeightsError

SMOKE = "--data synthetic --profile smoke"

# Command -> part of its message. A new command adds its own lines.
REFUSED = {
    "nothing": "No such command",
    "papers nothing": "no paper named",
    "datasets nothing": "nothing",
    "audit nothing --out new": "no paper named",
    "audit broken.py --out new": "broken.py",
    "audit cnmc2019 --out file.txt": "file.txt",
    "audit cnmc2019 --out file.txt/new": "file.txt",
    "check nothing --data data": "no dataset and no paper",
    "check cnmc2019": "--data is not given",
    "check cnmc2019 --data nowhere": "doesn't exist",
    "check cnmc2019 --data empty": "empty",
    "check cnmc2019 --data data --pairs new/pairs.txt": "doesn't end in .csv",
    "check cnmc2019 --data data --pairs file.txt/pairs.csv": "file.txt",
    "check cnmc2019 --data data --classes x": "classes (--classes)",
    f"reproduce nothing {SMOKE}": "no paper named",
    f"reproduce broken.py {SMOKE}": "broken.py",
    f"reproduce cnmc2019 {SMOKE} --nothing": "No such option",
    f"reproduce cnmc2019 {SMOKE} --only nothing": "nothing",
    f"reproduce cnmc2019 {SMOKE} --assume batch_size=x": "batch_size",
    f"reproduce cnmc2019 {SMOKE} --assume batch_size": "NAME=VALUE",
    f"reproduce cnmc2019 {SMOKE} --seed -1": "--seed",
    f"reproduce cnmc2019 {SMOKE} --split nothing": "--split",
    f"reproduce cnmc2019 {SMOKE} --datasets nothing": "nothing",
    f"reproduce cnmc2019 {SMOKE} --devices nothing": "devices",
    f"reproduce cnmc2019 {SMOKE} --devices 64": "64 devices",
    f"reproduce cnmc2019 {SMOKE} --margin 0": "margin",
    f"reproduce cnmc2019 {SMOKE} --weights nowhere.h5": "weights",
    f"reproduce cnmc2019 {SMOKE} --launcher nothing": "launcher",
    f"reproduce cnmc2019 {SMOKE} --launcher dask:0": "dask:N",
    f"reproduce cnmc2019 {SMOKE} --scheduler tcp://127.0.0.1:1": "add --launcher dask",
    f"reproduce cnmc2019 {SMOKE} --launcher dask --scheduler tcp://127.0.0.1:1": "doesn't answer",
    f"reproduce cnmc2019 {SMOKE} --launcher dask --scheduler 127.0.0.1": "the address of a scheduler",
    f"reproduce cnmc2019 {SMOKE} --launcher dask:2 --scheduler tcp://127.0.0.1:1": "run already",
    f"reproduce cnmc2019 {SMOKE} --launcher dask --devices 2": "one GPU",
    f"reproduce cnmc2019 {SMOKE} --trial nothing": "16 digits",
    f"reproduce cnmc2019 {SMOKE} --trial 0123456789abcdef --launcher dask": "one of them",
    f"reproduce cnmc2019 {SMOKE} --trial 0123456789abcdef --figures pdf": "leave out --figures",
    f"reproduce cnmc2019 {SMOKE} --trial 0123456789abcdef --tables": "exclude each other",
    f"plan nothing {SMOKE}": "no paper named",
    f"plan cnmc2019 {SMOKE} --split nothing": "--split",
    "plan cnmc2019": "--data is not given",
    "plan cnmc2019 --data empty": "empty",
    f"reproduce cnmc2019 {SMOKE} --out file.txt": "file.txt",
    f"reproduce cnmc2019 {SMOKE} --out file.txt/new": "file.txt",
    "reproduce cnmc2019 --profile nothing --data synthetic": "nothing",
    "reproduce cnmc2019": "--data is not given",
    "reproduce cnmc2019 --data nowhere": "doesn't exist",
    "reproduce cnmc2019 --data empty": "empty",
    "reproduce cnmc2019 --data data --out data/all/runs": "in a folder of images",
    "reproduce cnmc2019 --data broken": "broken",
    "reproduce leuknet_lodocv --data synthetic --weights weights.h5": "weights.h5",
    "reproduce leuknet_lodocv --data synthetic --weights weights": "weights",
    "table nothing": "no paper named",
    "table cnmc2019": "no runs",
    "table cnmc2019 --out new": "no runs",
    "table cnmc2019 --out file.txt": "no runs",
    "table cnmc2019 --only nothing": "only (--only)",
    "table cnmc2019 --verify": "no runs",
    "predict net.keras": "IMAGES",
    "predict nowhere.keras a.png --out new/p.csv": "nowhere.keras",
    "predict net.keras a.png --out new/p.csv": "net.keras",
    "predict net.keras a.png --out new/p.txt": "net.keras",
    "predict net.keras nowhere.png --heatmaps new": "net.keras",
    "predict net.keras a.png --heatmaps new": "net.keras",
    "evaluate nowhere --out new": "nowhere",
    "evaluate empty --out new": "empty",
    "evaluate data --out new --networks nothing": "nothing",
    "evaluate data --out new --split nothing": "--split",
    "evaluate data --out new --labels nowhere.csv": "nowhere.csv",
    "evaluate data --out new --groups (": "groups",
    "evaluate data --out new --config nowhere.yaml": "nowhere.yaml",
    "evaluate data --out new --against nowhere.keras": "nowhere.keras",
    "evaluate data --out new --against net.keras": "net.keras",
    "evaluate data --out file.txt": "file.txt",
    "evaluate data --out data/runs": "data",
    "evaluate data --out new --save-paper file.txt": "file.txt",
    "evaluate data/all --out new": "class",
    "evaluate data --out new --track nothing": "track",
    "evaluate data --out new --networks resnet50:nothing": "resnet50:nothing",
    "evaluate data --out new --weights nowhere.h5": "nowhere.h5",
    "evaluate data --out new --devices nothing": "devices",
    "evaluate data --out new --launcher nothing": "launcher",
    "evaluate data --out new --trial nothing": "16 digits",
    "evaluate data --out new --figures nothing": "--figures",
    "evaluate data --out new --positive-class nothing": "positive-class",
    "evaluate data nowhere --out new": "nowhere",
    "evaluate --datasets a=data b=nowhere --out new": "nowhere",
    "evaluate --out new": "No folder",
    "evaluate file.txt --out new": "file.txt",
    "list --out new": "new",
    "list --out empty": "no runs",
    "list --out file.txt --trials": "no runs",
    "report --out new": "no runs",
    "report nothing --out new": "nothing",
    "report cnmc2019 --out data": "no runs",
    "report --out file.txt": "no runs",
    "report broken.py --out new": "broken.py",
    "export nowhere.keras --format onnx": "nowhere.keras",
    "export net.keras --format nothing": "--format",
    "export net.keras --format savedmodel --out new/deep": "net.keras",
    "export data --out new.onnx": "is a folder",
    "export a.png --out new/deep/net.onnx": "not a network",
    "export net.keras --out new.txt": "net.keras",
    "export net.keras --format onnx --out new.onnx": "net.keras",
    "datasets --download new": "NAME",
    "datasets nothing --download new": "nothing",
    "datasets jtsc --download new": "licence",
    "datasets allidb1 --download new --accept-licence": "no archive",
    "datasets jtsc --download file.txt --accept-licence": "file.txt",
    "datasets jtsc --download file.txt/new --accept-licence": "file.txt",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Returns a folder with a user's files, where commands run, next to the cache and temporary files."""
    work = tmp_path / "work"
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for folder in ("all", "hem"):
        (work / "data" / folder).mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(work / "data" / folder / f"UID_{number}_1_1_{folder}.bmp"), image + number)
    (work / "broken" / "all").mkdir(parents=True)
    (work / "broken" / "all" / "UID_1_1_1_all.bmp").write_text("text")
    (work / "weights").mkdir()
    for folder in (work / "empty", tmp_path / "temporary"):
        folder.mkdir()
    (work / "file.txt").write_text("mine")
    (work / "broken.py").write_text("PAPER = Paper(")
    (work / "net.keras").write_text("no network")
    (work / "weights.h5").write_text("no weights")
    cv2.imwrite(str(work / "a.png"), image)
    monkeypatch.chdir(work)
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEUKCNN_DATA", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def everything(folder):
    """Returns all files and folders below a folder, with the content of the files."""
    paths = sorted(path for path in folder.rglob("*") if path.name != "__pycache__")
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.mark.parametrize("command", REFUSED)
def test_a_refused_command_leaves_nothing(command, place):
    before = everything(place)
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code in (1, 2), done.output
    assert REFUSED[command] in done.output
    assert not isinstance(done.exception, Exception)
    assert everything(place) == before


@pytest.mark.parametrize("folder", ["new/deep", "data"])
def test_a_download_that_never_began_leaves_nothing(folder, place, monkeypatch):
    def no_network(*args, **options):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", no_network)
    before = everything(place)
    words = ["datasets", "jtsc", "--download", folder, "--accept-licence"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1, done.output
    assert "no network" in done.output
    assert everything(place) == before


def test_missing_weights_are_refused_before_data_are_read(place, monkeypatch):
    def no_weights(*args, **options):
        raise WeightsError("no weights here")

    monkeypatch.setattr("leukcnn.experiment.check_networks.check_weights", no_weights)
    before = everything(place)
    done = CliRunner().invoke(main, ["reproduce", "cnmc2019", "--data", "data", "--only", "vgg16"])
    assert done.exit_code == 1
    assert "no weights here" in done.output
    assert everything(place) == before


def test_an_interruption_before_the_first_trial_leaves_nothing(place, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("leukcnn.experiment.prepare.load_images", interrupted)
    before = everything(place)
    done = CliRunner().invoke(main, f"reproduce cnmc2019 {SMOKE}".split())
    assert done.exit_code == signals.exit_code(KeyboardInterrupt())
    assert "Interrupted." in done.output
    assert everything(place) == before


@pytest.mark.parametrize("data", ["one class", "few"])
def test_data_that_cannot_be_used_leave_nothing_in_the_folder_of_the_runs(data, place):
    folder = place / "work" / "data"
    if data == "one class":
        for path in (folder / "hem").iterdir():
            path.unlink()
    before = everything(place / "work")
    done = CliRunner().invoke(main, ["reproduce", "cnmc2019", "--data", "data", "--split", "subject"])
    assert done.exit_code == 1, done.output
    assert everything(place / "work") == before
