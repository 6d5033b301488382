import re
import shutil
import subprocess
from pathlib import Path

import pytest
from docutils.core import publish_doctree

from leukcnn import papers
from leukcnn.cli import main
from leukcnn.datasets.catalog import card, open_datasets
from leukcnn.spec import KFOLD_KINDS
from tests import tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()


def blocks(language, text=README):
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    return [re.sub("^   ", "", block, flags=re.MULTILINE).strip() for block in found]


def marked(name):
    return blocks("bash", README[README.index(f"\n.. ci: {name}\n") :])[0]


@pytest.mark.parametrize("name", ["README.rst", "CHANGELOG.rst", "experiments/RESULTS.rst"])
def test_pages_are_well_formed(name):
    # A warning, such as that of a table that is cut off, is an error from level 2 on.
    options = {"report_level": 2, "halt_level": 2, "syntax_highlight": "none"}
    page = publish_doctree((ROOT / name).read_text(), settings_overrides=options)
    assert len(page.children) > 1


def test_what_folders_may_hold_is_a_table_of_layouts():
    page = publish_doctree(README, settings_overrides={"syntax_highlight": "none"})
    heads = [table.astext() for table in page.findall(lambda node: node.tagname == "thead")]
    assert any("may hold" in head and "What is read" in head for head in heads)


WEIGHTS = {
    "last": "last epoch",
    "val_accuracy": "best validation accuracy",
    "val_loss": "lowest validation loss",
}


def test_table_of_what_is_measured_agrees_with_the_papers():
    page = publish_doctree(README, settings_overrides={"syntax_highlight": "none"})
    (table,) = [t for t in page.findall(lambda n: n.tagname == "table") if "± (n - 1)" in t.astext()]
    lines = [
        [entry.astext().replace("\n", " ") for entry in row.findall(lambda n: n.tagname == "entry")]
        for row in table.findall(lambda n: n.tagname == "row")
    ]
    assert lines[0] == ["Paper", "Measured", "± (n - 1)", "Weights"]
    assert {line[0] for line in lines[1:]} == {*papers.list_papers()} == TESTED.keys()
    for key, measured, spread, weights in lines[1:]:
        paper = papers.get(key)
        setup = paper.rows[0].setup
        # `leukcnn.results.measure.is_over_folds`
        over_folds = setup.split.kind in KFOLD_KINDS
        assert spread == ("over folds" if over_folds else "over runs" if paper.runs > 1 else "none")
        assert weights == WEIGHTS[setup.training.checkpoint]
        assert (f"{paper.runs} runs" if paper.runs > 1 else "one run") in measured
        if setup.split.kind in KFOLD_KINDS:
            assert f"{setup.split.n_splits} folds" in measured
        numbers = {int(word.replace(",", "")) for word in re.findall(r"\d[\d,]*\b", measured)}
        assert {*TESTED[key]} <= numbers


# Tables II, II, 1 and the support of 651; section 3.
TESTED = {
    "alertnet": (2415 // 5,),
    "leuknet_lodocv": (108, 260, 121),
    "cnmc2019": (727 + 339, 339),
    "taleghani_resnet50": (651,),
    "allidb_lightweight": (108, 260),
}


def test_two_commands_are_marked_for_continuous_integration():
    assert re.findall(r"^\.\. ci: (\w+)$", README, re.MULTILINE) == ["main", "test"]
    for command in (marked("main"), marked("test")):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert "\n" not in command
    assert marked("main").endswith("leukcnn reproduce cnmc2019 --data synthetic --profile smoke")
    assert marked("test").endswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("name", ["main", "test"])
def test_continuous_integration_takes_the_command_from_the_readme(name):
    script = (ROOT / ".ci" / "run").read_text()
    function = re.search(r"^readme_command\(\) \{.*?^\}", script, re.MULTILINE | re.DOTALL)[0]
    done = subprocess.run(
        ["bash", "-c", f"{function}\nreadme_command {name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == marked(name)
    assert f'"$(readme_command {name})"' in script
    assert "pip install" not in script


def test_options_that_the_readme_names_exist():
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", README))
    known = {name for command in main.commands.values() for option in command.params for name in option.opts}
    assert named - known == {"--help"}


def test_tests_that_the_readme_names_exist():
    named = set(re.findall(r"``(tests/[\w/.]+)``", README))
    assert "tests/faults/test_interruptions.py" in named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_commands_that_the_readme_names_exist():
    named = set(re.findall(r"``leukcnn ([a-z]+)", README)) | set(
        re.findall(r"^ +leukcnn (\w+)", README, re.M)
    )
    assert named == set(main.commands)


def test_papers_that_the_readme_calls_finished_are_those_that_are_there():
    rows = re.findall(r"^``(\w+)`` .* (planned|in \d+\.\d+\.\d+)$", README, re.MULTILINE)
    assert len(rows) == 5
    assert [key for key, state in rows if state != "planned"] == list(papers.list_papers())


def test_table_of_open_data_agrees_with_the_cards():
    section = README[README.index("\nOpen data\n") : README.index("\nHow to read the tables\n")]
    rows = re.findall(r"^``(\w+)`` +([\d,]+)  (.*)$", section, re.MULTILINE)
    assert [(key, int(count.replace(",", ""))) for key, count, _ in rows] == [
        (key, card(key).total) for key in open_datasets()
    ]
    for key, _, rest in rows:
        assert f"  {card(key).licence}  " in rest
        assert ("--download" in rest) == bool(card(key).archives)


def test_map_names_every_layer():
    layers = (ROOT / ".importlinter").read_text().split("layers =\n")[1].split("\n\n")[0]
    section = README[README.index("\nMap of the package\n") : README.index("\nBenchmarks\n")]
    rows = re.findall(r"^(``.*?)(?:  |$)", section, re.MULTILINE)
    assert re.findall(r"``(\w+)``", "".join(rows)) == re.findall(r"\w+", layers)


def test_benchmarks_that_the_readme_names_are_those_that_are_there():
    named = set(re.findall(r"python (tests/benchmarks/\w+\.py)", README))
    assert named == {f"tests/benchmarks/{path.name}" for path in (ROOT / "tests" / "benchmarks").glob("*.py")}


@pytest.mark.slow
def test_notebook_snippet_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # The same commands with tiny networks.
    small = {"cnmc2019": tiny.tiny_paper()}
    monkeypatch.setattr(papers, "get", small.__getitem__)
    snippet, _ = blocks("python")
    names = {}
    exec(compile(snippet, "README.rst", "exec"), names)
    run = names["run"]
    assert len(run["table2"].rows) > len(run.paper.rows)
    assert {"image", "p_malignant"} <= set(run.predictions("vgg16").columns)
    assert names["network"].network.name == "tiny"
    assert run.folder.is_relative_to(tmp_path / "runs") or run.folder.is_relative_to("runs")


@pytest.mark.slow
def test_library_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, snippet = blocks("python")
    names = {}
    exec(compile(snippet, "README.rst", "exec"), names)
    shutil.rmtree(tmp_path / "synthetic")
    printed = capsys.readouterr().out
    assert "cnmc_vgg16" in printed
    assert "training" in printed
    assert names["image"].shape == names["augmented"].shape == names["again"].shape == (450, 450, 3)
    assert (names["augmented"] != names["image"]).any()
    subjects = [set(names["index"].group[rows]) for rows in vars(names["split"]).values()]
    assert sum(map(len, subjects)) == len(set.union(*subjects))
