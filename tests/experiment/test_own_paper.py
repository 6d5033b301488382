"""A paper in a user's own file can be used like leukcnn's papers."""

import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from leukcnn import models
from leukcnn.cli import main
from tests.own_papers import EXAMPLE, own_paper


def run(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.slow
def test_a_paper_with_a_network_of_its_own_from_check_to_prediction(synthetic_cells, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("COLUMNS", "200")
    file, out = own_paper(tmp_path), tmp_path / "runs"
    assert run("papers", file).startswith("densenet_cnmc: DenseNet121 on C-NMC 2019")
    run("check", file, "--data", synthetic_cells)
    options = ("reproduce", file, "--data", synthetic_cells, "--profile", "smoke", "--out", out)
    shown = run(*options)
    assert "Best control: " in shown
    trained = sorted(out.rglob("model.keras"))
    assert len(trained) == 2
    times = [path.stat().st_mtime_ns for path in trained]
    (times_of_stages,) = re.findall("^Time:.*$", run(*options), re.MULTILINE)
    assert "training" not in times_of_stages
    assert [path.stat().st_mtime_ns for path in sorted(out.rglob("model.keras"))] == times
    assert "Folds by subject" in run("table", file, "--out", out)
    assert "gives the same tables" in run("table", file, "--out", out, "--verify")
    image = next(synthetic_cells.rglob("*.bmp"))
    assert "malignant" in run("predict", trained[0], image) + run("predict", trained[0], synthetic_cells)
    assert models.fingerprint("own_densenet.network")
    sys.modules.pop("own_densenet")


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ('"DenseNet121", "mode"', '"DenseNet12", "mode"', "backbone = 'DenseNet12'"),
        ('"mode": "DFT"', '"mode": "DFTT"', "mode = 'DFTT'"),
        ('"weights": "imagenet"', '"weights": "imagnet"', "weights = 'imagnet'"),
        ("batch_size=32", 'batch_size=32, optimizer_arguments={"beta1": 0.5}', "has 'beta1'"),
    ],
)
def test_a_typo_is_refused_within_two_seconds(right, wrong, found, tmp_path):
    text = EXAMPLE.read_text()
    assert right in text
    (tmp_path / "own_typo.py").write_text(text.replace(right, wrong))
    command = [
        sys.executable,
        "-m",
        "leukcnn",
        "reproduce",
        str(tmp_path / "own_typo.py"),
        "--data",
        "nowhere",
    ]
    started = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = os.times()
    assert done.returncode == 1
    assert found in done.stderr
    assert done.stderr.count("Error:") == 1
    # Processor time, since other processes may slow this one down.
    assert spent.children_user - started.children_user < 2


@pytest.mark.slow
def test_the_example_runs_with_its_smoke_profile(tmp_path):
    command = [sys.executable, "-m", "leukcnn", "reproduce", str(EXAMPLE), "--data", "synthetic"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [*command, "--profile", "smoke", "--out", str(tmp_path / "runs"), "--tables"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    # Users don't see the notes of backends.
    assert done.stderr == ""
    for shown in ("DenseNet121", "Accuracy", "F1-score", "Majority class", "NOT COMPARABLE"):
        assert shown in done.stdout


@pytest.mark.slow
def test_two_logical_processors_share_a_run(synthetic_cells, tmp_path):
    """The processor can be split only before the backend is started."""
    file = own_paper(tmp_path)
    command = [sys.executable, "-m", "leukcnn", "reproduce", str(file), "--data", str(synthetic_cells)]
    done = subprocess.run(
        [*command, "--profile", "smoke", "--devices", "cpu:2", "--out", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Devices: cpu:0, cpu:1;" in done.stdout
    assert len(list((tmp_path / "runs").rglob("model.keras"))) == 2
