"""What the shell completes, through click's classes for each shell and in a real bash."""

import json
import os
import shutil
import subprocess
import sys

import click.shell_completion
import pytest

from leukcnn import completion, papers
from leukcnn.cli import main
from leukcnn.exporting.endings import ENDINGS

PAPER_FILE = """
from pathlib import Path
from leukcnn.spec import Assumption, Figure, Paper, Profile, Row, Table
Path("was_run").touch()
PAPER = Paper(key="mine", datasets=("allidb1", "allidb2"), classes=("blast", "normal"), splits=("subject",),
    rows=(Row("small_net", "Small", None), Row(id="from_scratch", label="Other", scratch_name="tiny")),
    profiles=(Profile("paper", "all of it"), Profile("night", "for a night")),
    assumptions=(Assumption("dropout", "x", "why", "where", choices=(0.2, 0.5)),),
    tables=(Table("table7", "Results"),), figures=(Figure("figure8", "Curves"),))
"""


def completed(typed, *, shell=click.shell_completion.ZshComplete):
    """Returns what completes a command; its last word is the incomplete one."""
    *words, incomplete = typed.split(" ")
    return [
        item.value
        for item in shell(main, {}, "leukcnn", "_LEUKCNN_COMPLETE").get_completions(words, incomplete)
        if item.type == "plain"
    ]


def in_bash(words, monkeypatch):
    """Returns what bash gets for words as it breaks them; the last one is incomplete."""
    monkeypatch.setenv("COMP_WORDS", "\n".join(["leukcnn", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    lines = completion.Bash(main, {}, "leukcnn", "_LEUKCNN_COMPLETE").complete().splitlines()
    return [line.partition(",")[2] for line in lines if line.startswith("plain")]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("repr", ["reproduce"]),
        ("reproduce cn", ["cnmc2019"]),
        ("table al", ["alertnet", "allidb_lightweight"]),
        ("audit leuk", ["leuknet_lodocv"]),
        ("papers tal", ["taleghani_resnet50"]),
        ("check allidb", ["allidb1", "allidb1_crop", "allidb2", "allidb_lightweight"]),
        ("datasets tale", ["taleghani", "taleghani_segmented"]),
        ("reproduce cnmc2019 --only xc", ["xception"]),
        ("reproduce --only vgg", []),
        ("table cnmc2019 --only table", ["table1", "table2", "table3", "table4", "table5"]),
        ("reproduce cnmc2019 --profile ", ["paper", "smoke"]),
        ("reproduce cnmc2019 --profile=sm", ["smoke"]),
        ("reproduce cnmc2019 --assume batch_size=", ["batch_size=20"]),
        ("reproduce alertnet --datasets jtsc,allidb", ["jtsc,allidb1", "jtsc,allidb1_crop", "jtsc,allidb2"]),
        ("reproduce cnmc2019 --data synth", ["synthetic"]),
        ("reproduce cnmc2019 --mask b", ["border", "background"]),
        ("reproduce cnmc2019 --weights n", ["none"]),
        ("reproduce taleghani_resnet50 --base scratch=a", ["scratch=alertnet"]),
        ("reproduce cnmc2019 --base s", []),
        ("reproduce cnmc2019 --classes leukemia=", ["leukemia=healthy", "leukemia=malignant"]),
        ("check allidb1 --classes x=", ["x=healthy", "x=ALL"]),
        ("evaluate my --networks lightw", ["lightweight"]),
        ("evaluate my --networks alertnet,resnet50:S", ["alertnet,resnet50:SFT"]),
        ("evaluate my --track m", ["mlflow"]),
        ("evaluate my --track mlflow,", ["mlflow,wandb", "mlflow,tensorboard"]),
        ("evaluate my --figures pn", ["png"]),
        ("export my.keras --format save", ["savedmodel"]),
        ("report cn", ["cnmc2019"]),
        ("reproduce nonsense --only ", []),
        ("reproduce nowhere.py --only ", []),
    ],
)
def test_words_depend_on_the_command_and_on_the_paper(typed, expected):
    assert completed(typed) == expected


@pytest.mark.parametrize("paper", papers.list_papers())
def test_each_completed_word_is_accepted(paper):
    found = papers.get(paper)
    names = [word.partition("=")[0] for word in completed(f"reproduce {paper} --assume ")]
    assert names == [one.name for one in found.assumptions]
    for name in names:
        for text in completed(f"reproduce {paper} --assume {name}="):
            if not text.endswith("="):
                assert found.parse_assumption(text)[0] == name
    assert {*completed(f"reproduce {paper} --split ")} == {*found.splits, "given"}
    assert {*found.datasets} < {*completed(f"reproduce {paper} --datasets ")}


def test_a_user_s_file_is_read_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PAPER_FILE)
    (tmp_path / "other.py").write_text("print('no study')")
    assert completed("reproduce mi") == ["mine.py"]
    assert completed("reproduce ot") == []
    assert completed("reproduce mine.py --only ") == ["table7", "figure8", "small_net", "from_scratch"]
    assert completed("reproduce mine.py --profile ") == ["paper", "night"]
    assert completed("reproduce mine.py --assume d") == ["dropout=0.2", "dropout=0.5"]
    assert completed("reproduce mine.py --datasets ") == ["allidb1", "allidb2", "open"]
    assert completed("reproduce mine.py --base scratch=") == ["scratch=tiny"]
    assert completed("reproduce mine.py --split s") == ["subject"]
    assert not (tmp_path / "was_run").exists()


def test_trials_are_those_of_the_latest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PAPER_FILE)
    of = {"row": "small_net", "split": "subject", "fold": -1, "run": 0}
    for number, (key, name) in enumerate([("cnmc2019", "aa"), ("mine", "bb"), ("mine", "cc")]):
        file = tmp_path / "runs" / key / "experiments" / name / "experiment.json"
        file.parent.mkdir(parents=True)
        kinds = {kind: [of | {"name": f"{name}{kind}"}] for kind in ("trials", "controls")}
        file.write_text(json.dumps(kinds | {"probe": of | {"name": f"{name}probe"} if number else None}))
        os.utime(file, (number, number))
    latest = ["cctrials", "cccontrols", "ccprobe"]
    assert completed("reproduce mine.py --trial ") == completed("evaluate images --trial ") == latest
    assert completed("reproduce cnmc2019 --trial ") == ["aatrials", "aacontrols"]
    assert completed("reproduce alertnet --trial ") == completed("reproduce --trial ") == []


def test_a_paper_that_is_stored_with_its_runs_is_known_by_its_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored = tmp_path / "elsewhere" / "mine" / "experiments" / "smoke" / "paper.py"
    stored.parent.mkdir(parents=True)
    stored.write_text(PAPER_FILE)
    assert completed("table mine --out elsewhere --only t") == ["table7"]
    assert completed("table --out elsewhere m") == completed("report --out elsewhere m") == ["mine"]


@pytest.mark.parametrize("text", ["PAPER = Paper(", "\x00", "PAPER = Row(" + "(" * 5000, ""])
def test_a_file_that_is_no_python_completes_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(text)
    assert completed("reproduce mine.py --only ") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("reproduce", "cnmc2019", "--assume", "batch_size", "="), ["20"]),
        (("reproduce", "cnmc2019", "--assume", "batch_size", "=", "2"), ["20"]),
        (("reproduce", "cnmc2019", "--profile", "=", "sm"), ["smoke"]),
        (("reproduce", "cnmc2019", "--assume", "=", "batch_size", "=", "2"), ["20"]),
        (("reproduce", "cnmc2019", "--assume", "batch_size", "=", "20", "--profile", "s"), ["smoke"]),
        (("reproduce", "cnmc2019", "--devices", "cpu", ":"), ["2", "4"]),
        (("reproduce", "cnmc2019", "--assume", "batch_size=2"), ["batch_size=20"]),
        (("reproduce", "cnmc2019", "--only", "xc"), ["xception"]),
        (("reproduce", "cnmc2019", "--profile", ""), ["paper", "smoke"]),
    ],
)
def test_bash_gets_the_part_that_it_replaces(words, expected, monkeypatch):
    assert in_bash(words, monkeypatch) == expected


def test_the_formats_of_export_are_those_that_can_be_written():
    assert completed("export model.keras --format ") == [*ENDINGS]


def test_fish_keeps_what_follows_a_comma():
    assert 'string split --max 1 ","' in completion.Fish.source_template


@pytest.mark.skipif(not shutil.which("bash"), reason="bash isn't installed")
def test_a_real_bash_completes(tmp_path):
    program = tmp_path / "leukcnn"
    code = "from leukcnn.cli import main; main(prog_name='leukcnn')"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(_LEUKCNN_COMPLETE=bash_source leukcnn)"
        complete -p leukcnn
        COMP_WORDS=(leukcnn reproduce cnmc2019 --assume batch_size =) COMP_CWORD=5
        _leukcnn_completion leukcnn
        printf '%s\\n' "${COMPREPLY[@]}"
        COMPREPLY=() COMP_WORDS=(leukcnn audit leuk) COMP_CWORD=2
        _leukcnn_completion leukcnn
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "complete -o nosort -F _leukcnn_completion leukcnn",
        "20",
        "leuknet_lodocv",
    ]
    assert not done.stderr
