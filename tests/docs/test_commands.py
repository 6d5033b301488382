"""Each command and each Python block of README and the site is run, in a folder with small images."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn.cli import main
from tests.docs import pages, prepared

BLOCKS = {path.relative_to(pages.ROOT).as_posix(): pages.blocks(path) for path in pages.PAGES}
# Runs that several pages make or look at are made once: the key of the paper and the command.
SHARED = {
    "cnmc2019": "leukcnn reproduce cnmc2019 --data synthetic --profile smoke",
    "my_smears": "leukcnn evaluate my_smears",
}
# The pages of the other papers train a network each. `.ci/run` takes one of them, the day decides which.
LONG = {f"docs/papers/{key}.rst" for key in prepared.ROWS if key not in SHARED}
RUN = [
    pytest.param(name, marks=pytest.mark.release if name in LONG else ())
    for name, found in BLOCKS.items()
    if any(not block.not_run for block in found)
]
NOT_RUN = [block for found in BLOCKS.values() for block in found if block.not_run]
FINISHED = Path(".finished")
MAX_NOT_RUN = 25


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Returns a folder with the images and papers that the pages name."""
    folder = tmp_path_factory.mktemp("template")
    prepared.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def finished(template, tmp_path_factory, shared_cache):
    """Returns a folder with the shared runs; the figures of the first one are plotted."""
    place = tmp_path_factory.mktemp("finished")
    for key, line in SHARED.items():
        with pytest.MonkeyPatch.context() as patch:
            prepared.scale_down(patch, figures=key == "cnmc2019")
            patch.chdir(template)
            patch.delenv("LEUKCNN_DATA", raising=False)
            fault = fault_of([*line.split()[1:], "--out", str(place)])
            assert not fault, f"{line}: {fault}"
    return place


@pytest.fixture
def folder(template, tmp_path, monkeypatch, request):
    """Changes to a copy of the template, which is the home folder too."""
    folder = tmp_path / "work"
    shutil.copytree(template, folder)
    for name in ("docs", "experiments"):
        (folder / name).symlink_to(pages.ROOT / name)
    if request.getfixturevalue("page") not in LONG:
        (folder / FINISHED).symlink_to(request.getfixturevalue("finished"))
    # Other commands than leukcnn are run by a shell that finds a small leukcnn, and this Python.
    programs = tmp_path / "bin"
    programs.mkdir()
    small = Path(prepared.__file__).with_name("leukcnn_small.py")
    for name, words in {"leukcnn": f'"{small}"', "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    prepared.scale_down(monkeypatch, figures=False)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(pages.ROOT))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("LEUKCNN_DATA", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(folder)
    yield folder
    # The next page has a paper of the same name in another folder.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


def fault_of(words, output=None):
    """Runs leukcnn in this process, its output perhaps into a file; returns what went wrong, or ""."""
    done = CliRunner().invoke(main, words)
    if output:
        Path(output).write_text(done.stdout)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return "".join(traceback.format_exception(done.exception))[-2000:]
    return f"exit code {done.exit_code}: {done.output[-1500:]}" if done.exit_code else ""


def expanded(word):
    """Returns a word with "~", variables and patterns of files expanded, as a shell does it."""
    word = os.path.expandvars(str(Path(word).expanduser()) if word.startswith("~") else word)
    found = sorted(map(str, Path().glob(word))) if "*" in word and not Path(word).is_absolute() else []
    return found or [word]


def bring_finished(line):
    """Copies a finished run that a command would make again, or that it looks at, into `runs`."""
    for key, command in SHARED.items():
        store, reads = Path("runs", key), line.startswith((f"leukcnn table {key}", "leukcnn report"))
        # Other options of an evaluation give other trials, and a page may count on these being alone.
        repeats = line == command or (key == "cnmc2019" and line.startswith(command))
        wanted = repeats or (reads and not Path("runs").exists())
        if wanted and not store.exists() and FINISHED.exists():
            shutil.copytree(FINISHED / key, store, symlinks=True)


def run_line(line, patch):
    """Runs a command line; returns what went wrong, "" if nothing did."""
    bring_finished(line)
    words = pages.words(line)
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        patch.setenv(name, *expanded(value))
        return ""
    if Path(words[0]).name == "pip":
        return ""  # what is installed is a matter of `tests/test_packaging.py`
    if re.match(r"[A-Z]\w*=", words[0]) and words[1] == "leukcnn":
        with patch.context() as here:
            here.setenv(*words[0].split("=", 1))
            return run_line(line.split(" ", 1)[1], here)
    output = words[-1] if words[-2:-1] == [">"] else None
    words = words[:-2] if output else words
    if words[0] == "leukcnn" and not pages.OPERATORS & {*words} and "$(" not in line:
        return fault_of([part for word in words[1:] for part in expanded(word)], output)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    return (
        f"exit code {done.returncode}: {done.stdout[-700:]}{done.stderr[-1500:]}" if done.returncode else ""
    )


def run_python(block, names):
    """Runs a block of Python; returns what went wrong, "" if nothing did."""
    # The lines of a traceback are those of the page.
    code = "\n" * (block.line - 1) + block.text
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, block.page, "exec"), names)
    except Exception as error:
        return "".join(traceback.format_exception(error))[-2000:]
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_every_command_and_block_of_a_page_runs(page, folder, monkeypatch):
    names, faults = {"__name__": "page", "leukcnn": leukcnn}, []
    for block in BLOCKS[page]:
        if block.not_run:
            continue
        if block.language == "python":
            faults += [(f"{block.page}:{block.line}", "Python", run_python(block, names))]
        else:
            faults += [(place, line, run_line(line, monkeypatch)) for place, line in block.commands()]
    found = [f"{place}: {line}\n{fault}" for place, line, fault in faults if fault]
    assert not found, "\n\n".join(found)


def checked(words):
    """Parses the words of a command without running it; raises if it has no such option or choice."""
    context = click.Context(main, info_name="leukcnn")
    name, command, rest = main.resolve_command(context, words)
    values, left, _ = command.make_parser(click.Context(command, info_name=name)).parse_args(args=[*rest])
    assert not left, f"{left} is left of {words}"
    for option in command.params:
        if isinstance(option.type, click.Choice) and isinstance(values.get(option.name), str):
            assert values[option.name] in option.type.choices, words


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: f"{block.page}:{block.line}")
def test_what_cannot_be_run_here_has_options_that_exist(block):
    for place, line in block.commands():
        for words in pages.leukcnn_commands(line):
            try:
                checked(words)
            except click.UsageError as error:
                pytest.fail(f"{place}: {line}: {error.format_message()}")


def test_few_blocks_are_not_run():
    assert len(NOT_RUN) <= MAX_NOT_RUN, [f"{block.page}:{block.line}" for block in NOT_RUN]
    assert all(len(block.not_run) > 10 for block in NOT_RUN)


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.relative_to(pages.ROOT).as_posix())
def test_commands_are_in_blocks_that_are_run(path):
    inside = set()
    for block in pages.blocks(path):
        assert block.language in ("bash", "python"), f"{block.page}:{block.line}"
        inside |= set(range(block.line, block.line + len(block.text.splitlines())))
    lines = enumerate(path.read_text().splitlines(), start=1)
    outside = [
        number
        for number, line in lines
        if re.match(r" {3,}(?:\$ )?leukcnn \w", line) and number not in inside
    ]
    assert not outside, f"{path}: lines {outside}: use `.. code-block:: bash`"


def test_results_name_commands_that_exist():
    lines = [
        line.strip()
        for line in (pages.ROOT / "experiments" / "RESULTS.rst").read_text().splitlines()
        if line.startswith("    leukcnn ")
    ]
    assert lines
    for line in lines:
        checked(*pages.leukcnn_commands(line))
