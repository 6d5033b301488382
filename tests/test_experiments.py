import ast
import subprocess
import sys
from pathlib import Path

import pytest

from leukcnn import papers
from leukcnn.cli import main

ROOT = Path(__file__).parent.parent / "experiments"
METRICS = ("accuracy", "precision", "sensitivity", "specificity", "f1")


@pytest.mark.parametrize("key", papers.list_papers())
def test_script_passes_its_options_to_reproduce(key, tmp_path):
    command = [sys.executable, ROOT / f"{key}.py"]
    done = subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: leukcnn reproduce")
    for option in main.commands["reproduce"].params[1:]:
        assert option.opts[0] in done.stdout

    refused = subprocess.run(
        [*command, "--profile", "no-such", "--data", tmp_path], cwd=tmp_path, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "no-such" in refused.stderr


@pytest.mark.parametrize("key", papers.list_papers())
def test_script_expects_the_published_table(key):
    said = ast.get_docstring(ast.parse((ROOT / f"{key}.py").read_text()))
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    paper = papers.get(key)
    table = next(table for table in paper.tables if table.kind == "scores")
    for row in paper.rows:
        assert rows[row.label] == [f"{table.value(row.id, metric):.2f}" for metric in METRICS]


def test_every_script_belongs_to_a_paper():
    assert {path.stem for path in ROOT.glob("*.py")} == set(papers.list_papers())
