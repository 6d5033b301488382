"""The options of a run as a file: what a run writes, what --config reads, and what it refuses."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from leukcnn import papers
from leukcnn.cli import main
from leukcnn.commands import options
from leukcnn.errors import ArgumentError
from leukcnn.experiment.record import store_options
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.papers.source import STORED
from leukcnn.reproduction import OPTION_TYPES
from leukcnn.run_options import FILE_NAME, as_yaml, read_options
from tests.stores import lodocv_paper

PLAIN = {"names": ((list, str, type(None), bool, float, int, dict), "anything")}


def read(text: str, tmp_path: Path, command="reproduce", types=OPTION_TYPES):
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return read_options(path, command, types)


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_command_line_outranks_the_file(tmp_path):
    seen = {}

    @click.command("reproduce")
    @click.argument("paper")
    @options.config(lambda: OPTION_TYPES)
    @click.option("--seed", type=int, default=0)
    @click.option("--datasets")
    @click.option("--runs", type=int)
    @click.option("--classes", multiple=True)
    @click.option("--deterministic/--no-deterministic", default=None)
    def command(**given):
        seen.update(given)

    path = tmp_path / FILE_NAME
    path.write_text(
        "paper: alertnet\nseed: 3\nruns: null\ndatasets: [ufg, ash]\n"
        "classes: {positive: ALL, 0: healthy}\ndeterministic: false\n"
    )
    words = ["--config", str(path), "--seed", "4"]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    assert seen == {
        "paper": "alertnet",
        "seed": 4,
        "runs": None,
        "datasets": "ufg,ash",
        "classes": ("positive=ALL", "0=healthy"),
        "deterministic": False,
    }
    CliRunner().invoke(command, ["cnmc2019", "--classes", "a=b", "--deterministic", *words])
    assert (seen["paper"], seen["classes"], seen["deterministic"]) == ("cnmc2019", ("a=b",), True)


def test_a_paper_object_is_named_by_the_file_that_the_run_keeps(tmp_path):
    for paper, name in ((papers.get("cnmc2019"), "cnmc2019"), (lodocv_paper(), str(tmp_path / STORED))):
        study = study_of(Request(paper=paper, data="", given={"paper": paper, "seed": 0}))
        store_options(study, tmp_path)
        assert read_options(tmp_path / FILE_NAME, "reproduce", OPTION_TYPES)["paper"] == name


def test_values_that_yaml_lacks_are_named():
    text = as_yaml("evaluate", {"groups": len, "seed": 0, "pattern": re.compile("a(b)")})
    assert "# groups: a builtin_function_or_method, which can't be written here.\n" in text
    assert "pattern: a(b)\n" in text and "seed: 0\n" in text


@given(value=st.recursive(st.text() | st.booleans() | st.none() | st.floats(-9, 9), st.lists, max_leaves=5))
def test_any_plain_value_reads_back(tmp_path_factory, value):
    text = as_yaml("reproduce", {"names": value})
    assert read(text, tmp_path_factory.mktemp("yaml"), types=PLAIN) == {"names": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed: 1", "did you mean 'seed'"),
        ("seed: one", "seed is 'one'.\nExpected: a whole number"),
        ("seed: true", "seed is True"),
        ("deterministic: 1", "deterministic is 1.\nExpected: True, False or None"),
        ("data: [a]", "data is ['a']"),
        ("only: 2020-01-01", "only is datetime.date"),
        ("seed: 1\nseed: 2", "seed twice"),
        ("a: &a [1]\nb: *a", "it has an alias"),
        ("- seed", "isn't a list of NAME: VALUE"),
        ("", "isn't a list of NAME: VALUE"),
        ("seed: [", "can't be read"),
        ("seed: !!python/object/apply:os.system ['touch ran']", "can't be read"),
        ("[" * 3000, "can't be read"),
        ("? [a]\n: 1", "can't be read"),
        ("1: 2", "has the option 1,"),
        ("\0", "can't be read"),
        ("command: evaluate\nseed: 1", "run `leukcnn evaluate --config"),
    ],
)
def test_other_files_are_refused(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError) as error:
        read(text, tmp_path)
    assert message.lower() in str(error.value).lower()
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    (tmp_path / "run.yaml").touch()
    for place in (tmp_path / "runs.yaml", tmp_path):
        done = run("reproduce", "--config", place)
        assert done.exit_code == 1 and str(place) in done.output
    assert "did you mean" in run("reproduce", "--config", tmp_path / "run.yml").output
