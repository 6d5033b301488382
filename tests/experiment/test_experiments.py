import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leukcnn import papers
from leukcnn.cli import main

ROOT = Path(__file__).parents[2] / "experiments"
# Paper -> metrics that its script expects, each with the dataset that is tested.
METRICS = {
    "allidb_lightweight": [("accuracy", "allidb1"), ("accuracy", "allidb2")],
    "cnmc2019": [(metric, "") for metric in ("accuracy", "precision", "sensitivity", "specificity", "f1")],
    "alertnet": [("accuracy", ""), ("kappa", "")],
    "leuknet_lodocv": [("accuracy", "allidb1"), ("accuracy", "allidb2"), ("accuracy", "ufg")],
    "taleghani_resnet50": [("accuracy", "")],
}


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
def test_script_lists_the_published_values(key):
    docstring = ast.get_docstring(ast.parse((ROOT / f"{key}.py").read_text()))
    paper = papers.get(key)
    published = {
        (p.row, p.metric, p.dataset): p.value
        for table in paper.tables
        for p in table.published
        if p.subset == "test"
    }
    by_dataset = any(dataset for _, dataset in METRICS[key])
    expected = 0
    for row in paper.rows:
        values = [published.get((row.id, *what)) for what in METRICS[key]]
        if any(values) if by_dataset else None not in values:
            lines = [line.strip().removeprefix(row.label) for line in docstring.splitlines()]
            shown = [
                "-" if value is None else f"{value:.{4 if metric == 'kappa' else 2}f}"
                for (metric, _), value in zip(METRICS[key], values, strict=True)
            ]
            assert "  ".join(shown) in {re.sub(" +", "  ", line).strip() for line in lines}, row.label
            expected += 1
    assert expected


def test_every_paper_has_a_script_and_the_results_name_the_others():
    scripts = {path.stem for path in ROOT.glob("*.py")}
    assert scripts >= {*papers.list_papers()}
    results = (ROOT / "RESULTS.rst").read_text(encoding="utf-8")
    others = scripts - {*papers.list_papers()}
    assert [name for name in others if f"experiments/{name}.py" not in results] == []
