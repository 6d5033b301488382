"""`leukcnn evaluate` from the folder to the tables."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import start
from leukcnn.cli import main
from leukcnn.errors import DataError, SpecError, StoreError
from leukcnn.experiment.loading import load_images
from leukcnn.spec import Folder
from leukcnn.studies.evaluation import surveys_of
from leukcnn.studies.study import Choices, study_paper
from tests.own_images import write_classes


def run(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_classes(tmp_path_factory.mktemp("own") / "my_smears", size=40)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory, folder):
    root = tmp_path_factory.mktemp("datasets")
    return {
        "first": folder,
        "second": write_classes(root / "b", seed=70),
        "third": write_classes(root / "c", seed=140),
    }


def test_controls_alone_need_no_network(folder, tmp_path):
    shown = run("evaluate", folder, "--controls-only", "--out", tmp_path)
    assert "Without any network: Random forest, 16-pixel border, accuracy 100.0 %" in shown
    # All folds have one value. The line before the networks has no other interval than the answer.
    assert "95 % interval" not in shown
    done = CliRunner().invoke(
        main, ["evaluate", str(folder), "--controls-only", "--out", str(tmp_path), "--json"]
    )
    summary = json.loads(done.stdout)
    assert summary["schema"] == "leukcnn-summary" and summary["best_control"] == "border"
    (control,) = [line for line in summary["lines"] if line.startswith("Best control: ")]
    assert "accuracy 100.0 % (no interval)" in control
    assert not list(tmp_path.rglob("model.keras"))
    (tables,) = tmp_path.glob("my_smears/experiments/*/tables")
    results = (tables / "results.csv").read_text()
    assert "Majority class" in results and "Random forest, whole image's colour" in results
    assert "24 bits" in (tables / "images.csv").read_text()


@pytest.mark.slow
def test_a_folder_is_evaluated_resumed_and_the_same_again(folder, tmp_path):
    options = {"split": "holdout", "epochs": 1, "quiet": True}
    done = leukcnn.evaluate(folder, out=tmp_path / "one", **options)
    assert done["controls"].rows and done["results"].rows
    (network,) = (tmp_path / "one").rglob("model.keras")
    changed = network.stat().st_mtime_ns
    assert leukcnn.evaluate(str(folder), out=tmp_path / "one", **options)["results"] == done["results"]
    assert network.stat().st_mtime_ns == changed
    again = leukcnn.evaluate(folder, out=tmp_path / "two", **options)
    files = {
        path.relative_to(done.folder).as_posix(): path.read_bytes()
        for name in ("tables/*", "report.html", "summary.json", "MODEL_CARD.md", "figures/*")
        for path in done.folder.glob(name)
    }
    assert {"report.html", "summary.json", "MODEL_CARD.md", "tables/results.csv"} < files.keys()
    assert files == {name: (again.folder / name).read_bytes() for name in files}


def test_several_folders_are_compared_by_their_borders(datasets, tmp_path):
    done = leukcnn.evaluate(datasets=datasets, controls_only=True, out=tmp_path, quiet=True)
    assert done.record.probe is not None
    assert {row[0] for row in done["images"].rows} == {"first", "second", "third"}
    tested = {trial.tested for trial in done.record.controls}
    assert tested == {("first",), ("second",), ("third",)}


def test_datasets_on_the_command_line(datasets, tmp_path):
    named = [f"{name}={place}" for name, place in datasets.items()]
    shown = run("evaluate", "--datasets", *named[:2], named[2], "--split", "bad", code=2)
    assert "lodocv" in shown
    assert "NAME=" in run("evaluate", *datasets.values(), code=1)
    assert "No folder" in run("evaluate", code=1)


def test_nothing_is_written_among_the_images(folder):
    with pytest.raises(StoreError, match="folder of images"):
        leukcnn.evaluate(folder, out=folder / "runs", quiet=True)
    assert not (folder / "runs").exists()


def paper_file(folder: Path, place: Path, *, path: str) -> Path:
    text = Path(__file__).parents[2].joinpath("docs", "examples", "densenet_cnmc.py").read_text()
    text = text.replace('datasets=("cnmc2019",)', 'datasets=("mine",)').replace(
        "densenet_cnmc", "own_folder_paper"
    )
    text = text.replace('classes=("healthy", "malignant")', 'classes=("normal", "blast")')
    text = text.replace('positive_class="malignant"', 'positive_class="blast"')
    own = f'folders=(Folder("mine", ("normal", "blast"), path={path!r}),),'
    text = text[: text.index("    synthetic_images")] + f"    {own}\n)\n"
    file = place / "own_folder_paper.py"
    file.write_text(text.replace("import (\n", "import (\n    Folder,\n", 1))
    return file


def test_a_paper_s_file_may_name_a_folder(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    paper = start.find_paper(paper_file(folder, tmp_path, path=str(folder)))
    assert start.data_folder(None, paper.datasets, folders=paper.folders) == ""
    index = load_images(paper, paper.datasets, "", seed=0, say=lambda text: None)
    # The paper's own order of classes.
    assert index.class_names == ("normal", "blast")
    assert {*index.ids[index.labels == 1].tolist()} == {
        f"blast/{p.name}" for p in (folder / "blast").iterdir()
    }
    assert set(index.dataset) == {"mine"}
    shown = run("check", tmp_path / "own_folder_paper.py")
    assert "all: 12 images" in shown and "no faults" in shown
    with pytest.raises(DataError, match="folder of your own"):
        start.data_folder("synthetic", paper.datasets, folders=paper.folders)


def test_data_names_another_place_of_a_folder(folder, datasets, tmp_path):
    paper = study_paper(surveys_of(None, datasets), Choices())
    found = start.find_paper(paper)
    moved = tmp_path / "moved"
    for name in datasets:
        write_classes(moved / name, seed=3)
    index = load_images(found, found.datasets, str(moved), seed=0, say=lambda text: None)
    assert all(path.is_relative_to(moved) for path in index.paths)
    assert index.ids[0].startswith("first/")


def test_changed_classes_are_refused(folder, tmp_path):
    paper = start.find_paper(study_paper(surveys_of(folder)))
    other = write_classes(tmp_path / "other", ("blast", "normal", "more"))
    with pytest.raises(DataError, match="has the classes blast, more, normal"):
        load_images(paper, paper.datasets, str(other), seed=0, say=lambda text: None)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "pbc"},
        {"key": "open"},
        {"key": "A"},
        {"classes": ()},
        {"classes": ("a", "a")},
        {"classes": "ab"},
    ],
)
def test_a_wrong_folder_of_a_paper_is_refused(fields):
    with pytest.raises(SpecError):
        Folder(**{"key": "mine", "classes": ("a", "b"), **fields})
