"""Experiments with a training that diverges: the others go on, and every table says what is missing."""

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import papers
from leukcnn.cli import main
from leukcnn.errors import StoreError
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.records import note_divergence
from leukcnn.rendering.renderings import to_text
from leukcnn.results.results import Results
from leukcnn.runs import Store
from tests import tiny

PAPER = tiny.diverging(tiny.tiny_paper(), "vgg16")


def call(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "get", lambda key, get=papers.get: PAPER if key == "cnmc2019" else get(key))
        return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def diverged(synthetic_cells, tmp_path_factory):
    """A run whose first row diverges: its folder, its command and what that printed."""
    out = tmp_path_factory.mktemp("diverged")
    words = ("reproduce", "cnmc2019", "--data", synthetic_cells, "--profile", "smoke", "--out", out)
    return out, words, call(*words)


WHY = "loss is nan after epoch 1, with the learning rate 1e+38"
LINE = f"The training diverged, and has no result: VGG16: {WHY}"


@pytest.mark.backend
def test_the_other_rows_are_trained_and_the_exit_code_is_1(diverged):
    out, _, result = diverged
    assert result.exit_code == 1
    # The first value that isn't finite comes an epoch later on JAX.
    assert result.stderr.splitlines()[-1] in (LINE, LINE.replace("epoch 1", "epoch 2"))
    (marker,) = out.rglob("diverged.json")
    assert not (marker.parent / "done.json").exists()
    assert len([*out.glob("*/trials/*/model.keras")]) == 2


def test_the_tables_name_the_training_and_leave_its_cells_empty(diverged):
    run = leukcnn.open_run(diverged[0], PAPER)
    for name in ("table2", "table4", "external"):
        assert f"VGG16: the training diverged ({WHY})." in run[name].notes
    (line,) = [row for row in run.summary.rows if row[0] == "VGG16"]
    assert line[2:4] == (None, None)
    assert WHY in to_text(run.summary)
    with pytest.raises(StoreError, match="its training diverged"):
        run.predictions("vgg16")
    with pytest.raises(StoreError, match="its training diverged"):
        run.network("vgg16")
    assert len(run.predictions("vgg19"))


def test_the_same_command_says_the_same_without_training(diverged, monkeypatch):
    monkeypatch.setattr("leukcnn.experiment.runner.run_trial", None)
    out, words, _ = diverged
    again = call(*words)
    assert again.exit_code == 1
    assert again.stderr.splitlines()[-1] == LINE
    table = call("table", "cnmc2019", "--out", out)
    assert table.exit_code == 1
    assert table.stderr.splitlines() == [LINE]
    assert call("table", "cnmc2019", "--out", out, "--verify").exit_code == 0


def test_a_run_of_other_rows_succeeds(diverged):
    _, words, _ = diverged
    assert call(*words, "--only", "vgg19").exit_code == 0


def test_a_mean_of_fewer_runs_says_so(synthetic_cells, tmp_path):
    request = Request(
        paper=tiny.tiny_paper(),
        data=str(synthetic_cells),
        out=tmp_path,
        profile="smoke",
        only="vgg16",
        runs=3,
    )
    done = reproduce(request, progress=tiny.Progress())
    assert "of 3 runs;" not in to_text(done.tables[1])
    store = Store(tmp_path, "cnmc2019")
    (second,) = [trial for trial in done.record.trials if (trial.row, trial.run) == ("vgg16", 1)]
    folder = store.root / "trials" / second.name
    (folder / "done.json").rename(folder / "undone.json")
    note = "VGG16: the values are of 2 of 3 runs; "
    unfinished = leukcnn.open_run(tmp_path, request.paper)
    assert "INCOMPLETE: values of fewer runs: VGG16 (2 of 3 runs)" in unfinished["table2"].marks
    note_divergence(folder, "loss is nan")
    opened = leukcnn.open_run(tmp_path, request.paper)
    assert f"{note}VGG16, run 2: the training diverged (loss is nan)." in opened["table2"].notes
    assert len(Results(request.paper, done.record, store).runs("vgg16")) == 2
    assert opened.predictions("vgg16").run.unique().tolist() == [0, 2]
