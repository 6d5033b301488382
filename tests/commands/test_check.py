"""`leukcnn check` ends with its verdict, and writes all pairs of duplicates."""

import csv

import pytest
from click.testing import CliRunner

from leukcnn.cli import main


def check(*words):
    return CliRunner().invoke(main, ["check", *map(str, words)])


@pytest.fixture
def root(copy_smears, tmp_path):
    """Returns three datasets, two of which share an image."""
    root = copy_smears(tmp_path / "data", "allidb1", "allidb2", "omid2014")
    image = root / "allidb1" / "healthy" / "allidb1_healthy_1.bmp"
    (root / "omid2014" / "healthy" / "copy.bmp").write_bytes(image.read_bytes())
    return root


def test_the_last_line_of_a_sound_dataset_is_ok_and_the_pairs_are_in_the_file(root, tmp_path):
    pairs = tmp_path / "pairs.csv"
    done = check("alertnet", "--data", root, "--pairs", pairs)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[-2] == f"1 pair in {pairs}"
    assert lines[-1].startswith("OK: ")
    assert lines[-1].endswith(" images of 3 datasets checked, no fault.")
    with pairs.open(newline="") as file:
        (pair,) = csv.DictReader(file)
    assert pair["kind"] == "identical"
    assert {pair["dataset_a"], pair["dataset_b"]} == {"allidb1", "omid2014"}
    # An earlier file of pairs is replaced.
    assert check("allidb1", "--data", root, "--pairs", pairs).exit_code == 0
    assert len(pairs.read_text().splitlines()) == 1
    assert "with --pairs FILE.csv writes it" in check("alertnet", "--data", root).stdout


def test_the_last_line_of_faults_has_their_kinds(root):
    (root / "allidb2" / "ALL" / "broken.bmp").write_text("text")
    (root / "allidb2" / "ALL" / "nothing.bmp").touch()
    (root / "ufg").mkdir()
    done = check("alertnet", "--data", root)
    assert done.exit_code == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith("FAULTS: 2 faults (")
    assert "1 undecodable" in last
    assert "1 empty" in last
    assert last.endswith("1 dataset can't be checked.")


@pytest.mark.parametrize("name", ["pairs.txt", "mine.csv", "folder.csv", "link.csv"])
def test_no_other_file_is_replaced(name, root, tmp_path):
    (tmp_path / "mine.csv").write_text("path,label\n")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "mine.csv")
    done = check("allidb1", "--data", root, "--pairs", tmp_path / name)
    assert done.exit_code in (1, 2)
    assert "--pairs" in done.output
    assert (tmp_path / "mine.csv").read_text() == "path,label\n"
