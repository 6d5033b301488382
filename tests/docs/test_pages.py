"""README and the pages of `docs` agree with the package."""

import re
import subprocess
from pathlib import Path

import pytest
from docutils.core import publish_doctree

import leukcnn
from leukcnn import papers
from leukcnn.cli import main
from leukcnn.datasets.catalog import card, open_datasets
from leukcnn.spec import KFOLD_KINDS
from tests.docs import pages
from tests.docs.prepared import ROWS

ROOT = pages.ROOT
DOCS = ROOT / "docs"
README = (ROOT / "README.rst").read_text()
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in pages.PAGES}
MAX_README_WORDS = 900
MAX_IMAGE_BYTES = 150_000
# Options of trackers, of Slurm and of dask, which a page shows.
FOREIGN_OPTIONS = {"--help", "--backend-store-uri", "--logdir"}
FOREIGN_OPTIONS |= {"--array", "--dependency", "--gres", "--parsable", "--wrap"}
FOREIGN_OPTIONS |= {"--lifetime", "--nthreads", "--port", "--resources"}


def page(name):
    return TEXTS[f"docs/{name}.rst"]


def table_lines(name, heading):
    """Returns the lines of the one table of a page whose text has a heading."""
    document = publish_doctree(page(name), settings_overrides={"report_level": 5, "syntax_highlight": "none"})
    (table,) = [t for t in document.findall(lambda n: n.tagname == "table") if heading in t.astext()]
    return [
        [entry.astext().replace("\n", " ") for entry in row.findall(lambda n: n.tagname == "entry")]
        for row in table.findall(lambda n: n.tagname == "row")
    ]


def marked(name):
    """Returns the command that follows a mark for continuous integration in README."""
    line = README[: README.index(f"\n.. ci: {name}\n")].count("\n") + 1
    return next(block for block in pages.blocks(ROOT / "README.rst") if block.line > line).text


def test_readme_is_short():
    assert len(README.split()) <= MAX_README_WORDS


def test_readme_has_one_image_and_three_paths_of_three_steps():
    assert len(re.findall(r"^\.\. (?:image|figure)::", README, re.MULTILINE)) == 1
    for path in ("Reproduce a paper", "Your own images", "Use it as a library"):
        section = README[README.index(f"\n{path}\n---") :]
        (first, *_) = re.findall(r"^\.\. code-block:: \w+\n\n((?:   .*\n|\n)+)", section, re.MULTILINE)
        steps = [line for line in first.splitlines() if line.strip() and not line.startswith("   import ")]
        assert len(steps) == 3, path


@pytest.mark.parametrize("name", ["README.rst", "CHANGELOG.rst", "experiments/RESULTS.rst"])
def test_texts_are_well_formed(name):
    # A warning, such as that of a table that is cut off, is an error from level 2 on.
    options = {"report_level": 2, "halt_level": 2, "syntax_highlight": "none"}
    document = publish_doctree((ROOT / name).read_text(), settings_overrides=options)
    assert len(document.children) > 1


@pytest.mark.parametrize("name", ["README.rst", "CONTRIBUTING.rst"])
def test_files_that_a_text_links_to_are_there(name):
    links = re.findall(r"<([\w./-]+)>`__", TEXTS[name])
    assert not [link for link in links if not (ROOT / link).exists()]


def test_images_are_small_and_used():
    for path in (DOCS / "images").glob("*.png"):
        assert path.stat().st_size < MAX_IMAGE_BYTES
        assert any(f"images/{path.name}" in text for text in TEXTS.values())
        assert path.with_suffix(".py").exists(), "the script that made it"


def test_every_image_has_a_text():
    for name, text in TEXTS.items():
        for found in re.finditer(r"^\.\. (?:image|figure):: .*\n(.*)$", text, re.MULTILINE):
            assert found[1].startswith("   :alt: "), name


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


def test_continuous_integration_builds_the_site():
    assert "tests/docs/test_site.py" in (ROOT / ".ci" / "run").read_text()


def test_continuous_integration_runs_the_page_of_each_paper_on_some_day():
    listed = re.search(r"^papers=\((.*)\)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)[1].split()
    # The page of cnmc2019 is run each time, with README's.
    assert {*listed} == {*ROWS} - {"cnmc2019"}


@pytest.mark.parametrize("name", TEXTS)
def test_options_commands_and_tests_that_a_page_names_exist(name):
    # What follows a program of its own isn't leukcnn's.
    text = re.sub(
        r"^.*(?:pip|git|pytest|sphinx|\bpython\b|ruff|srun) .*$", "", TEXTS[name], flags=re.MULTILINE
    )
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text))
    known = {opt for command in main.commands.values() for option in command.params for opt in option.opts}
    known |= {opt for command in main.commands.values() for o in command.params for opt in o.secondary_opts}
    known |= {opt for option in main.params for opt in option.opts}
    assert not named - known - FOREIGN_OPTIONS
    commands = set(re.findall(r"(?:``|^   )leukcnn ([a-z]\w*)", TEXTS[name], re.MULTILINE))
    assert not commands - set(main.commands)
    tests = re.findall(r"``(tests/[\w/.]+)``", TEXTS[name])
    assert not [test for test in tests if not (ROOT / test).exists()]


def test_every_command_is_somewhere_in_the_pages():
    named = {
        words[0]
        for path in pages.PAGES
        for block in pages.blocks(path)
        for _, line in block.commands()
        for words in (pages.leukcnn_commands(line) if block.language == "bash" else ())
        if words
    }
    assert set(main.commands) <= named


def test_what_folders_may_hold_is_a_table_of_layouts():
    assert table_lines("how-to/datasets", "may hold")[0] == ["What --data may hold", "What is read"]


WEIGHTS = {
    "last": "last epoch",
    "val_accuracy": "best validation accuracy",
    "val_loss": "lowest validation loss",
}


def test_table_of_what_is_measured_agrees_with_the_papers():
    lines = table_lines("explanation/measured", "± (n - 1)")
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


def test_papers_that_are_called_finished_are_those_that_are_there():
    rows = re.findall(r"^``(\w+)`` .* (planned|in \d+\.\d+\.\d+)$", page("papers/index"), re.MULTILINE)
    assert len(rows) == 5
    assert [key for key, state in rows if state != "planned"] == list(papers.list_papers())
    section = README[README.index("\nPapers\n---") :].split("audited")[0]
    assert re.findall(r"``(\w+)``", section) == list(papers.list_papers())


@pytest.mark.parametrize("key", papers.list_papers())
def test_every_paper_has_a_page_with_published_measured_and_audit(key):
    text = page(f"papers/{key}")
    for part in ("summary", "published", "assumptions", "findings", "audit"):
        assert f".. paper-{part}:: {key}\n" in text
    assert ".. paper-measured:: " in text


def test_table_of_open_data_agrees_with_the_cards():
    rows = re.findall(r"^``(\w+)`` +([\d,]+)  (.*)$", page("how-to/open-data"), re.MULTILINE)
    assert [(key, int(count.replace(",", ""))) for key, count, _ in rows] == [
        (key, card(key).total) for key in open_datasets()
    ]
    for key, _, rest in rows:
        assert f"  {card(key).licence}  " in rest
        assert ("--download" in rest) == bool(card(key).archives)


def test_map_names_every_layer():
    layers = (ROOT / ".importlinter").read_text().split("layers =\n")[1].split("\n\n")[0]
    rows = re.findall(r"^   \* - (.*)$", page("explanation/map"), re.MULTILINE)
    assert re.findall(r"``(\w+)``", "".join(rows)) == re.findall(r"\w+", layers)


def test_every_promise_names_its_tests():
    text = page("explanation/promises")
    rows = re.findall(r"^   \* - (.*?)^     - (.*?)(?=^   \* |^\S|\Z)", text, re.M | re.S)
    promises = [test for promise, test in rows if promise.strip() != "Promise"]
    assert len(promises) > 50
    assert all("``tests/" in test for test in promises)


@pytest.mark.parametrize("name", TEXTS)
def test_no_row_of_a_table_is_cut(name):
    # In a simple table, each line with a text in its first column begins a row of its own.
    options = {"report_level": 5, "halt_level": 5, "syntax_highlight": "none"}
    document = publish_doctree(TEXTS[name], settings_overrides=options)
    for entry in document.findall(lambda node: node.tagname == "entry"):
        text = entry.astext()
        assert text and text[-1] not in ",;", entry.parent.astext()


def test_benchmarks_that_are_named_are_those_that_are_there():
    named = set(re.findall(r"python (tests/benchmarks/\w+\.py)", TEXTS["CONTRIBUTING.rst"]))
    assert named == {f"tests/benchmarks/{path.name}" for path in (ROOT / "tests" / "benchmarks").glob("*.py")}


def test_every_public_module_has_a_page_of_the_reference():
    shown = {
        name
        for path in (DOCS / "reference").glob("*.rst")
        for name in re.findall(r"^\.\. automodule:: ([\w.]+)\n   :members:", path.read_text(), re.MULTILINE)
    }
    root = Path(leukcnn.__file__).parent
    public = {n for n in leukcnn.__all__ if (root / n).is_dir() or (root / f"{n}.py").is_file()}
    # `evaluation` has its modules on one page.
    assert {f"leukcnn.{name}" for name in public} - {"leukcnn.evaluation"} <= shown
    assert {f"leukcnn.evaluation.{name}" for name in leukcnn.evaluation.__all__} <= shown


def test_every_page_is_in_a_list_of_pages():
    for path in DOCS.rglob("*.rst"):
        if path.name == "index.rst":
            continue
        index = (DOCS / "index.rst") if path.parent == DOCS else path.parent / "index.rst"
        listed = index.read_text().split()
        assert path.stem in listed or "*" in listed, path
