"""`leukcnn papers` shows all that can be asked for of a paper, as wide as the terminal."""

import pytest
from click.testing import CliRunner

from leukcnn import papers
from leukcnn.cli import main


def shown(*words, columns=80):
    done = CliRunner().invoke(main, ["papers", *map(str, words)], env={"COLUMNS": str(columns)})
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("key", papers.list_papers())
def test_everything_that_options_take_is_listed(key, columns):
    paper, lines = papers.get(key), shown(key, columns=columns).splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ") and line.strip()]
    items = (*paper.tables, *paper.figures)
    rows = [row.id for row in paper.rows if not row.scratch_name]
    assert {*rows, *(item.id for item in items), *paper.datasets, *paper.splits} <= {*named}
    assert {*paper.substitutes, *(one.name for one in (*paper.profiles, *paper.assumptions))} <= {*named}
    assert f"  leukcnn reproduce {key} --data synthetic --profile smoke" in lines
    # A command stays on one line, to be copied.
    assert max(len(line) for line in lines if not line.startswith("  leukcnn ")) <= columns
    assert not [line for line in lines if line != line.rstrip()]


def test_choices_numbers_and_open_datasets_are_shown():
    text = " ".join(shown("alertnet", columns=200).split())
    assert "Alert Net-RWD: AlertNetR, 8,792,963 parameters" in text
    assert "after_norm (or before_norm, not_dense)" in text
    assert "for --datasets open: cnmc2019, taleghani, leukocytes" in text
    assert "12 rows, 1 run, 50 epochs, 5 folds" in text
    assert "Not comparable: smoke profile" in text
    assert "Table II: The datasets" in text


def test_a_file_is_named_in_the_commands(request):
    example = request.config.rootpath / "docs" / "examples" / "densenet_cnmc.py"
    assert f"leukcnn reproduce {example} --data DIR" in shown(example)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_data_sets_are_as_wide_as_the_terminal_and_addresses_stay_whole(columns):
    for words in (["datasets"], ["datasets", "cnmc2019"]):
        done = CliRunner().invoke(main, words, env={"COLUMNS": str(columns)})
        long = [line for line in done.stdout.splitlines() if len(line) > columns]
        # A path or an address isn't broken: it is copied.
        assert all(max(map(len, line.split())) > columns - 30 for line in long), long
        assert not [line for line in done.stdout.splitlines() if line != line.rstrip()]
    assert "https://doi.org/10.7937/tcia.2019.dc64i46r" in done.stdout


def test_the_list_is_short():
    assert len(shown().splitlines()) < 45
