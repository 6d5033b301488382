"""A paper written as the source of a file reads back equal, and reading runs no code."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leukcnn import papers, spec
from leukcnn.errors import ArgumentError, SpecError
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.papers.source import read_source, source_of, write_source
from leukcnn.studies.networks import rows_of

EXAMPLE = "docs/examples/densenet_cnmc.py"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example_paper() -> spec.Paper:
    return papers.get(str(ROOT / EXAMPLE))


@pytest.fixture(scope="module")
def study(example_paper) -> spec.Paper:
    """Returns a paper whose rows share parts of their setups."""
    (row,) = example_paper.rows
    rows = rows_of(("four_blocks", "resnet50:SFT", "alertnet"), setup=row.setup)
    folder = spec.Folder("my_smears", ("healthy", "malignant"), path="my smears", groups=r"patient_(\d+)")
    # A split may name the folder.
    split = replace(row.setup.split, kind="kfold", per_dataset=("my_smears",))
    rows = tuple(replace(row, setup=replace(row.setup, split=split)) for row in rows)
    return replace(
        example_paper,
        key="my_study",
        rows=rows,
        folders=(folder,),
        datasets=("my_smears",),
        profiles=example_paper.profiles[:1],
        synthetic_images={},
    )


@pytest.fixture(params=[*papers.list_papers(), EXAMPLE, "study"])
def paper(request, study) -> spec.Paper:
    name = request.param
    return study if name == "study" else papers.get(str(ROOT / name) if name == EXAMPLE else name)


def test_every_paper_reads_back_equal(paper, tmp_path):
    path = tmp_path / "a_paper.py"
    write_source(paper, path)
    again = read_source(path)
    assert again == paper
    # 1 and 1.0 are equal and have other hashes.
    assert digest(to_plain(again)) == digest(to_plain(paper))
    assert source_of(again) == source_of(paper)


def test_a_source_is_formatted(paper, tmp_path):
    path = tmp_path / "a_paper.py"
    write_source(paper, path)
    assert max(map(len, path.read_text().splitlines())) <= 110
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [*ruff, *command, "--config", str(ROOT / "ruff.toml"), "--no-cache", str(path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def test_a_source_is_a_file_that_a_user_can_run(study, tmp_path):
    path = tmp_path / "my_study_of_source.py"
    write_source(study, path)
    assert papers.get(str(path)) == study


def test_shared_parts_have_a_name_and_defaults_are_left_out(study):
    source = source_of(study)
    assert source.startswith('"""DenseNet121 on C-NMC 2019.\n')
    assert "\nSPLIT = Split(" in source and "\n    split=SPLIT,\n" in source
    assert "\nFOUR_BLOCKS = Setup(" in source and '"Four blocks", FOUR_BLOCKS' in source
    assert "runs=" not in source and "class_of" not in source


def test_values_that_are_equal_but_of_another_type_keep_it(study):
    first, second, *others = study.rows
    scaled = [
        replace(row, setup=replace(row.setup, preprocessing=spec.Preprocessing(resize=48, scale=scale)))
        for row, scale in ((first, 1), (second, 1.0))
    ]
    changed = replace(study, rows=(*scaled, *others))
    namespace: dict = {}
    exec(source_of(changed), namespace)
    scales = [row.setup.preprocessing.scale for row in namespace["PAPER"].rows[:2]]
    assert list(map(type, scales)) == [int, float]


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=300), number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@example(text="x" * 400, number=-0.0)
@example(text="\udcff\0 'a' \"b\" \\ \n" + "word " * 40, number=-10_000)
def test_any_text_and_number_reads_back(example_paper, tmp_path_factory, text, number):
    (row,) = example_paper.rows
    model = spec.Model("FourBlockCNN", {"filters": [number, (number,)], "x": {text: text, "none": None}})
    changed = replace(
        example_paper,
        title=text,
        rows=(replace(row, label=text, setup=replace(row.setup, model=model)),),
        profiles=(spec.Profile("paper", text),),
    )
    path = tmp_path_factory.mktemp("source") / "a_paper.py"
    write_source(changed, path)
    assert read_source(path) == changed


def test_folders_come_first(study, tmp_path):
    """A split in another process may name a folder that the file makes known."""
    path = tmp_path / "my_first_study.py"
    write_source(study, path)
    code = f"from leukcnn.papers import get; print(get({str(path)!r}).folders[0].key)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "my_smears\n", done.stderr


def test_a_value_without_a_source_is_named(example_paper):
    (row,) = example_paper.rows
    setup = replace(row.setup, model=spec.Model("FourBlockCNN", {"filters": np.zeros(3)}))
    with pytest.raises(ArgumentError, match="ndarray, which can't be written"):
        source_of(
            replace(example_paper, rows=(replace(row, setup=setup),), profiles=example_paper.profiles[:1])
        )


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import os\nPAPER = 1\n", "line 1 has a Import"),
        ("PAPER = __import__('os').system('touch ran')\n", "has a Call"),
        ("PAPER = Paper.__class__\n", "has a Attribute"),
        ("PAPER = [x for x in (1,)]\n", "has a ListComp"),
        ("PAPER = 2 ** 9999999\n", "has a BinOp"),
        ("PAPER = additional_tables()\n", "has a Call"),
        ("PAPER = Setup(**{})\n", "has a Call"),
        ("PAPER = {**{}}\n", "has a Dict"),
        ("PAPER = (\n", "never closed"),
        ("PAPER = Row()\n", "missing"),
        ("PAPER = Model('NoSuchBuilder')\n", "NoSuchBuilder"),
        ("PAPER = 1\n", "has no PAPER"),
        ("\0", "null bytes"),
        ("PAPER = " + "(" * 5000, "can't be read"),
    ],
)
def test_a_stored_paper_is_read_and_not_run(tmp_path, monkeypatch, source, what):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a_paper.py"
    path.write_text(source)
    with pytest.raises(SpecError) as error:
        read_source(path)
    assert what in str(error.value) and str(path) in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["a_paper.py"]
