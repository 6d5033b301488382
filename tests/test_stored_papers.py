"""A run of a user's own paper keeps the paper: tables and notebooks work without the user's file."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import papers
from leukcnn.cli import main
from leukcnn.errors import SpecError, StoreError
from leukcnn.experiment.record import store_paper
from leukcnn.papers.source import STORED, source_of
from leukcnn.spec import Table
from tests import stores
from tests.stores import HERE, LeftOut, lodocv_paper

TABLE = Table("table1", "The networks", "metrics", metrics=("accuracy",))


def kept(tmp_path, *tables, name="one", wrong=1):
    """Stores a run of a user's own paper, and returns the folder of its experiment."""
    fake = LeftOut(tmp_path, lodocv_paper(*tables))
    for run, dataset in enumerate(("allidb1", "allidb2", "ufg")):
        healthy, ill = HERE[dataset].values()
        fake.add(
            "deep",
            stores.tested_on(dataset, tp=ill, tn=healthy - wrong, fp=wrong),
            fold=run,
            tested=(dataset,),
        )
    folder = fake.store.experiment(name)
    fake.results(runs=1).record.save(folder)
    store_paper(fake.paper, folder)
    return folder


def command(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_tables_come_from_the_store_alone(tmp_path):
    folder = kept(tmp_path, TABLE)
    run = leukcnn.open_run(folder)
    assert run.paper == lodocv_paper(TABLE)
    assert run.tables["table1"].rows
    done = command("table", "left_out", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "The networks" in done.output and (folder / "tables" / "table1.csv").exists()
    done = command("table", "left_out", "--out", tmp_path, "--verify")
    assert done.exit_code == 0, done.output


def test_each_experiment_keeps_the_paper_as_it_was_then(tmp_path):
    first = kept(tmp_path, TABLE)
    second = kept(tmp_path, replace(TABLE, title="Others"), name="two", wrong=2)
    assert [leukcnn.open_run(folder).paper.tables[0].title for folder in (first, second)] == [
        "The networks",
        "Others",
    ]
    done = command("table", "left_out", "--out", tmp_path)
    assert "The networks" in done.output and "Others" in done.output


def test_own_papers_of_leukcnn_are_not_stored(tmp_path):
    store_paper(papers.get("cnmc2019"), tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_changed_paper_is_named_and_the_other_runs_are_shown(tmp_path):
    folder = kept(tmp_path, TABLE)
    kept(tmp_path, TABLE, name="two", wrong=2)
    (folder / STORED).write_text(source_of(lodocv_paper()))
    with pytest.raises(StoreError, match="changed since it was written"):
        leukcnn.open_run(folder)
    done = command("table", "left_out", "--out", tmp_path)
    assert done.exit_code == 1
    assert f"{folder / STORED}: changed since it was written" in done.output
    assert "The networks" in done.output


def test_a_run_without_its_paper_needs_the_file(tmp_path):
    folder = kept(tmp_path, TABLE)
    (folder / STORED).unlink()
    with pytest.raises(
        SpecError, match=r"(?s)'left_out', which isn't one of leukcnn's own papers.*my_paper\.py"
    ):
        leukcnn.open_run(folder)


def test_a_key_without_runs_is_no_paper(tmp_path):
    done = command("table", "cnmc2018", "--out", tmp_path)
    assert done.exit_code == 1 and "did you mean 'cnmc2019'" in done.output


def test_an_unknown_table_of_a_stored_paper_is_refused(tmp_path):
    kept(tmp_path, TABLE)
    done = command("table", "left_out", "--out", tmp_path, "--only", "tabel1")
    assert done.exit_code == 1 and "did you mean 'table1'" in done.output


def test_a_network_of_the_user_is_only_named(tmp_path):
    folder = kept(tmp_path, TABLE)
    run = leukcnn.open_run(folder)
    (row, *rows) = run.paper.rows
    model = replace(row.setup.model, name="no_such_module_here.build")
    changed = replace(run.paper, rows=(replace(row, setup=replace(row.setup, model=model)), *rows))
    store_paper(changed, folder)
    assert leukcnn.open_run(folder).tables["table1"].rows
