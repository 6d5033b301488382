"""Tests of papers in users' own files."""

import sys
from pathlib import Path

import pytest

from leukcnn import models, papers
from leukcnn.errors import SpecError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "densenet_cnmc.py"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Returns a function that writes a changed copy of the example and returns its path."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(old="", new="", name="own_paper.py"):
        text = EXAMPLE.read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1) if old else text)
        return str(tmp_path / name)

    yield write
    sys.modules.pop("own_paper", None)


def refusal(name) -> SpecError:
    with pytest.raises(SpecError) as caught:
        papers.get(name)
    return caught.value


def test_file_is_read_as_a_paper_and_becomes_a_module(own):
    paper = papers.get(own())
    assert paper.key == "densenet_cnmc"
    assert sys.modules["own_paper"].PAPER is paper
    assert papers.get(own()).key == paper.key


def test_builders_in_the_file_and_in_one_next_to_it_are_found(own, tmp_path):
    (tmp_path / "own_neighbour.py").write_text("def build(**arguments):\n    return 'neighbour'\n")
    text = "import own_neighbour\n\n\ndef build(**arguments):\n    return own_neighbour.build()\n\n\nPAPER = "
    paper = papers.get(own("PAPER = ", text))
    assert paper.rows[0].setup.model.name == "FineTuned"
    assert models.builder("own_paper.build")() == "neighbour"
    assert models.builder("own_neighbour.build")() == "neighbour"
    del sys.modules["own_neighbour"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"metrics", ', '"metrcs", ', "line 61: Table 'table1': kind = 'metrcs'."),
        ('("accuracy", "f1", "auroc")', '("acuracy",)', "line 61: Table 'table1': metrics = 'acuracy'."),
        ('"FineTuned"', '"FineTunned"', "line 23: Model: name = 'FineTunned'"),
        ("epochs=20", 'optimizer="adm", epochs=20', "line 30: Training: optimizer = 'adm'."),
        ("epochs=20", 'loss="crossentropy", epochs=20', "line 30: Training: loss = 'crossentropy'."),
        ("figures=()", 'figures=(), controls=("bordr",)', "Paper 'densenet_cnmc': controls = 'bordr'."),
        ('datasets=("cnmc2019",)', 'datasets=("cnmc209",)', "datasets = 'cnmc209'."),
        ('Split("grouped_kfold"', 'Split("group_kfold"', "Split: kind = 'group_kfold'."),
        ('"Folds by subject", ', "", "line 61: Table missing 1 required positional argument: 'kind'."),
        ("metrics=", "metrcs=", "Table got an unexpected keyword argument 'metrcs'."),
        ("training.epochs", "training.epoch", "There is no field 'training.epoch'"),
        ('key="densenet_cnmc"', 'key="a b"', "key = 'a b'"),
        (
            'key="densenet_cnmc"',
            'key="cnmc2019"',
            "key = 'cnmc2019', which is the key of one of leukcnn's own",
        ),
        ("PAPER = ", "PAPER_ = ", "has no PAPER"),
        ("PAPER = ", "PAPER = 3\nOTHER = ", "has PAPER = int 3"),
        ("PAPER = Paper(", "PAPER = Paper((", "SyntaxError"),
        ("PAPER = ", "1 / 0\nPAPER = ", "line 42: ZeroDivisionError: division by zero"),
        ("PAPER = ", "raise SystemExit(3)\nPAPER = ", "line 42: SystemExit: 3"),
        ("PAPER = ", "import no_such_module\nPAPER = ", "line 42: ModuleNotFoundError"),
    ],
)
def test_error_in_a_file_is_reported_with_its_place(own, old, new, found):
    path = own(old, new)
    error = refusal(path)
    assert error.found.startswith(path)
    assert found in error.found
    assert error.expected
    assert error.remedy


def test_path_that_is_no_python_file_is_refused(tmp_path, own):
    assert "isn't there" in refusal(str(tmp_path / "none.py")).found
    folder = refusal(f"{tmp_path}/")
    assert "is a folder" in folder.found
    assert folder.remedy.startswith(f"`leukcnn evaluate {tmp_path} --controls-only`")
    (tmp_path / "own_paper.py").write_bytes(b"\xff\xfe\x00")
    assert str(tmp_path / "own_paper.py") in refusal(str(tmp_path / "own_paper.py")).found
    assert "can't be a module named 'json'" in refusal(own(name="json.py")).found
    assert "can't be a module named 'my-paper'" in refusal(own(name="my-paper.py")).found
    assert "can't be a module named 'pytest'" in refusal(own(name="pytest.py")).found


def test_file_named_without_its_ending_is_suggested(own, tmp_path, monkeypatch):
    own()
    monkeypatch.chdir(tmp_path)
    assert refusal("own_paper").remedy == "pass its file: own_paper.py"
    assert papers.get("own_paper.py").key == "densenet_cnmc"


def test_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) <= 70
