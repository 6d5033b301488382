"""Runs as a notebook reads them, from a store written by hand."""

import builtins
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import leukcnn
from leukcnn import reproduction
from leukcnn.errors import (
    ArgumentError,
    DataError,
    DeviceError,
    LeukCNNError,
    SpecError,
    StoreError,
    UnknownNameError,
)
from leukcnn.rendering.renderings import to_text
from leukcnn.run import Run
from tests import stores
from tests.stores import FakeExperiment, LeftOut, lodocv_paper, predictions_of


def saved(fake, name="one", **changes):
    """Writes the record of a store written by hand, and returns the folder of its experiment."""
    folder = fake.store.experiment(name)
    fake.results(**changes).record.save(folder)
    return folder


@pytest.fixture
def folder(tmp_path):
    fake = FakeExperiment(tmp_path)
    fake.add("vgg16", predictions_of("test", tp=30, fn=10, fp=5, tn=35))
    fake.add_control("majority", predictions_of("test", tp=40, fn=0, fp=40, tn=0))
    return saved(fake, missing={"xception": "its published weights aren't at hand"})


@pytest.fixture
def run(folder):
    return leukcnn.open_run(folder)


def test_a_table_is_built_when_it_is_asked_for(run):
    table = run["table2"]
    assert table is run.tables["table2"]
    assert table.id == "table2"
    assert [*run.tables] == [*(t.id for t in run.paper.tables), "assumptions"]
    assert run["assumptions"].id == "assumptions"
    assert len(run.tables) == len([*run.tables])


def test_an_unknown_name_is_a_key_error_with_the_nearest_name(run):
    with pytest.raises(UnknownNameError, match="did you mean 'table2'"):
        run["tabel2"]
    with pytest.raises(KeyError):
        run.tables["table99"]
    assert run.tables.get("table99") is None
    assert "table2" in run.tables
    with pytest.raises(UnknownNameError) as caught:
        run.predictions("vgg61")
    assert isinstance(caught.value, LeukCNNError)
    assert "\n" in str(caught.value)


def test_summary_has_the_main_metric_of_each_row(run):
    summary = run.summary
    lines = {row[0]: row for row in summary.rows}
    titles = [column.title for column in summary.columns]
    assert titles[:3] == ["Network", "Published accuracy", "Measured"]
    assert lines["VGG16"][1:3] == (pytest.approx(0.9248), pytest.approx(65 / 80))
    assert lines["VGG16"][3][0] < 65 / 80 < lines["VGG16"][3][1]
    assert lines["VGG16"][-1] == "differs"
    assert lines["VGG19"][-1] == "not measured: this row has not been trained"
    assert "published weights" in lines["Xception"][-1]


def test_summary_of_datasets_left_out_has_a_line_for_each(tmp_path):
    paper = lodocv_paper()
    fake = LeftOut(tmp_path, paper)
    for dataset in ("allidb1", "allidb2"):
        fake.add("deep", stores.tested_on(dataset, tp=3, fn=1, fp=1, tn=3), fold=0, tested=(dataset,))
    run = leukcnn.open_run(saved(fake, runs=1), paper=paper)
    assert "Deep" in {row[0] for row in run.summary.rows}


@pytest.mark.parametrize("key", leukcnn.papers.list_papers())
def test_every_paper_has_a_summary(tmp_path, key):
    fake = FakeExperiment(tmp_path, key)
    split = fake.paper.rows[0].setup.split.kind
    run = leukcnn.open_run(saved(fake, split=split, datasets={}, counts={}))
    assert run.summary.id == "summary"
    assert run.summary.rows


def test_predictions_are_a_frame_with_run_and_fold(run):
    frame = run.predictions("vgg16")
    columns = ["image", "subset", "checkpoint", "group", "label", "p_healthy", "p_malignant", "run", "fold"]
    assert [*frame.columns] == columns
    assert {*frame.checkpoint} == {"val_accuracy", "val_loss"}
    assert len(frame[frame.checkpoint == "val_accuracy"]) == 80
    assert {*frame.run} == {0}
    assert {*frame.fold} == {-1}
    assert len(run.predictions("majority")) == 80


def test_predictions_need_no_pandas(run, monkeypatch):
    def refuse(name, *args, real=builtins.__import__, **options):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert len(run.predictions("majority").image) == 80


def test_predictions_of_a_row_that_is_not_trained_say_why(run):
    with pytest.raises(StoreError, match=r"(?s)its published weights.*only='xception'"):
        run.predictions("xception")
    with pytest.raises(UnknownNameError, match="no split named 'subject'"):
        run.predictions("vgg16", split="subject")


def test_a_row_without_a_saved_network_says_so(run):
    with pytest.raises(StoreError, match="Row 'majority' has no saved network"):
        run.network("majority")
    with pytest.raises(StoreError, match=r"has no fold 3 of run 0(?s:.)*\(0, 0\)"):
        run.network("vgg16", fold=3)
    with pytest.raises(UnknownNameError, match="no tested dataset named 'atlas'"):
        run.network("vgg16", dataset="atlas")


def test_a_run_names_itself_and_completes_its_keys(run):
    assert repr(run) == "<Run of cnmc2019: one, 1 of 9 rows trained>"
    assert run._ipython_key_completions_() == [*run.tables, *(f.id for f in run.paper.figures)]
    html = run._repr_html_()
    assert run.paper.title in html
    assert html.count("<table>") == 1
    assert "table2" in html
    # The answer comes first.
    assert str(run.answer).splitlines()[1].startswith("Best network: VGG16")
    assert html.index("Best network: VGG16") < html.index("<table>")


def test_figures_are_files_by_name(run):
    (run.folder / "figures").mkdir()
    path = run.folder / "figures" / "figure2.png"
    path.write_bytes(b"a PNG file")
    assert run["figure2"] == run.figures["figure2"]
    assert run["figure2"].path == path
    with pytest.raises(UnknownNameError, match="no figure named 'figure9'"):
        run.figures["figure9"]
    assert [*run][-1] == "figure2"


def test_a_figure_shows_its_image_and_is_a_path(run):
    (run.folder / "figures").mkdir()
    path = run.folder / "figures" / "figure2.png"
    path.write_bytes(b"a PNG file")
    figure = run["figure2"]
    assert figure._repr_png_() == b"a PNG file"
    assert repr(figure) == f"<Figure figure2: {path}>"
    assert os.fspath(figure) == str(figure) == str(path)
    assert Path(figure) == path


@pytest.mark.parametrize("others", [False, True], ids=["nothing is plotted", "others are plotted"])
def test_a_figure_of_an_untrained_row_says_why_it_is_not_plotted(run, others):
    if others:
        (run.folder / "figures").mkdir()
        (run.folder / "figures" / "figure5.png").touch()
    message = r"(?s)'figure6' isn't plotted: VGG19: this row has not been trained\..*only='vgg19'"
    for ask in (run, run.figures):
        with pytest.raises(UnknownNameError, match=message):
            ask["figure6"]
    with pytest.raises(UnknownNameError, match="Xception: its published weights aren't at hand"):
        run["figure7"]
    with pytest.raises(StoreError, match=r"figure2\.npz is gone"):
        run["figure2"]
    assert "figure6" not in run.figures
    assert run.figures.get("figure6") is None


def test_a_figure_of_several_files_names_them(run):
    with pytest.raises(UnknownNameError, match=r"(?s)takes several files.*one of confusion_vgg16$"):
        run["confusion_matrices"]
    assert run["confusion_vgg16"].path.is_file()


def test_a_figure_that_another_run_left_out_is_plotted_when_it_is_asked_for(tmp_path):
    fake = FakeExperiment(tmp_path)
    fake.add("vgg16", predictions_of("test", tp=3, fn=1, fp=1, tn=3))
    run = leukcnn.open_run(saved(fake))
    (run.folder / "figures").mkdir()
    (run.folder / "figures" / "figure2.png").touch()
    assert "figure5" not in run.figures
    assert run["figure5"].path == run.folder / "figures" / "figure5.png"


def test_a_terminal_shows_tables_as_text(run):
    assert str(run["table2"]) == repr(run["table2"]) == to_text(run["table2"]).rstrip("\n")
    assert "VGG16" in repr(run.summary)
    assert "Table(" not in repr(run.summary)


def test_a_paper_is_shown_in_one_line(run):
    start = "<Paper cnmc2019: 'Classification of Normal"
    assert repr(run.paper).startswith(start)
    assert repr(run.paper).count("\n") == 0


def test_the_out_folder_opens_its_only_run(folder, tmp_path):
    assert leukcnn.open_run(tmp_path).folder == folder
    assert leukcnn.open_run(folder.parents[1]).folder == folder
    assert leukcnn.open_run(str(tmp_path), paper="cnmc2019").folder == folder


def test_several_runs_are_named(folder, tmp_path):
    saved(FakeExperiment(tmp_path), "two")
    with pytest.raises(StoreError, match=r"holds 2 runs:\n +cnmc2019/experiments/one\n") as caught:
        leukcnn.open_run(tmp_path)
    assert "two" in str(caught.value)
    saved(FakeExperiment(tmp_path, "alertnet"), "three", split="kfold", datasets={})
    assert leukcnn.open_run(tmp_path, "alertnet").folder.name == "three"


def test_a_folder_without_runs_is_named(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="There are no runs in"):
        leukcnn.open_run(tmp_path / "empty")
    with pytest.raises(StoreError, match=r"(?s)There is no folder .*did you mean '.*empty'"):
        leukcnn.open_run(tmp_path / "emptty")


def test_an_experiment_that_left_its_store_is_refused(folder, tmp_path):
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(StoreError, match="its trials aren't there"):
        leukcnn.open_run(moved)


def test_a_run_of_another_paper_is_refused(folder, tmp_path):
    with pytest.raises(SpecError, match="is a run of the paper 'cnmc2019'"):
        leukcnn.open_run(folder, "alertnet")
    own = LeftOut(tmp_path / "own", lodocv_paper())
    with pytest.raises(SpecError, match=r"(?s)'left_out', which isn't one of leukcnn's own papers.*my_paper"):
        leukcnn.open_run(saved(own))


def test_opening_and_reading_tables_loads_no_keras(folder):
    code = (
        "import sys, leukcnn\n"
        f"run = leukcnn.open_run({str(folder)!r})\n"
        "run['table2'], run.summary, run.predictions('vgg16'), repr(run)\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"paper": "cnmc2091"}, SpecError, "did you mean 'cnmc2019'"),
        ({"only": "tabel2"}, SpecError, "did you mean 'table2'"),
        ({"profile": "smok"}, SpecError, "did you mean 'smoke'"),
        ({"seed": -1}, SpecError, r"seed \(--seed\) got -1"),
        ({"workers": 0}, SpecError, r"workers \(--workers\) got 0"),
        ({"runs": 1.5}, SpecError, r"runs \(--runs\) got 1.5"),
        ({"seed": None}, ArgumentError, "seed is None"),
        ({"split": 3}, ArgumentError, r"(?s)split is 3\..*a string or None"),
        ({"only": ["vgg16"]}, ArgumentError, "only is"),
        ({"out": None}, ArgumentError, "out is None"),
        ({"paper": None}, ArgumentError, "paper is None"),
        ({"datasets": [3]}, ArgumentError, "datasets is 3"),
        ({"datasets": 3}, ArgumentError, "datasets is 3"),
        ({"quiet": "x"}, ArgumentError, "quiet is 'x'"),
        ({"assume": {"batch_size=3"}}, ArgumentError, "(?s)assume is .*such as"),
        ({"assume": {"batch_siz": 3}}, SpecError, "did you mean 'batch_size'"),
        ({"assume": {"batch_size": "x"}}, SpecError, "like 20"),
        ({"assume": {"batch_size": 0.5}}, SpecError, "like 20"),
        ({"split": "subjekt"}, SpecError, "did you mean 'subject'"),
        ({"mask": "bordr"}, SpecError, "did you mean 'border'"),
        ({"devices": "cpu2"}, DeviceError, "did you mean 'cpu:2'"),
        ({"data": "nowhere"}, DataError, "nowhere doesn't exist"),
        ({"data": None}, DataError, "LEUKCNN_DATA is not set"),
    ],
)
def test_reproduce_refuses_a_wrong_option(options, error, message, monkeypatch):
    monkeypatch.delenv("LEUKCNN_DATA", raising=False)
    with pytest.raises(error, match=message):
        leukcnn.reproduce(**({"paper": "cnmc2019", "data": "synthetic"} | options))


def test_every_option_of_reproduce_has_its_types():
    assert [*reproduction.OPTION_TYPES] == [*inspect.signature(leukcnn.reproduce).parameters]


@pytest.mark.parametrize("value", [None, 3, ["cnmc2019"]])
def test_names_of_other_types_are_refused(value, folder):
    for function in (
        leukcnn.open_run,
        leukcnn.papers.get,
        leukcnn.models.build,
        leukcnn.datasets.card,
        lambda name: leukcnn.load(name, folder),
    ):
        with pytest.raises(ArgumentError, match=r" is (None|3|\['cnmc2019'\])\."):
            function(value)


def test_a_paper_of_another_type_is_refused(folder):
    with pytest.raises(ArgumentError, match=r"paper is 3\."):
        leukcnn.open_run(folder, paper=3)


def test_the_current_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=f"There are no runs in {tmp_path}"):
        leukcnn.open_run(".")
    with pytest.raises(ArgumentError, match="which is empty"):
        leukcnn.open_run("")


def test_a_run_is_made_of_its_folder_and_paper(folder, run):
    assert repr(Run(folder, run.paper)) == repr(run)
