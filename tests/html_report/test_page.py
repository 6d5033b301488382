"""The page of a run: what it shows, whatever the run, and that names are shown as they are."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from leukcnn import spec
from leukcnn.datasets.own_folders import register_folders
from leukcnn.html_report import PAGE
from leukcnn.html_report.page import shared_notes
from leukcnn.outputs.captures import COPIES, Captured
from leukcnn.papers.source import STORED
from leukcnn.rendering.tables import Table
from leukcnn.run_options import FILE_NAME, as_yaml
from tests.html_report.conftest import HOSTILE, keep_images, made, page_of, paper_of, sampled, text_of
from tests.stores import FakeExperiment, Staged, stages, stages_paper

BINARY = ("normal", "blast")


@pytest.fixture
def make(tmp_path):
    """Returns a function that makes an experiment with some classes."""
    return lambda classes=BINARY: FakeExperiment(tmp_path, paper_of(classes))


@pytest.fixture
def hostile_page(hostile_folder):
    return (hostile_folder / PAGE).read_text(encoding="utf-8")


def test_names_of_classes_files_rows_and_notes_are_shown_as_they_are(hostile_page):
    # The page's own script is the only one.
    assert hostile_page.count("<script") == 1
    assert "alert(" not in re.sub(r"&lt;script&gt;alert", "", hostile_page)
    assert "49" not in re.findall(r"&amp;(\S*)", hostile_page)
    shown = text_of(hostile_page)
    for where in ("Row", "Report", "a note", "A finding", "Claims", "Own images"):
        assert f"{where} {HOSTILE}" in shown
    assert f"predicted {HOSTILE}" in shown


def test_no_attribute_is_ended_by_a_name(hostile_page):
    attributes = re.findall(r'(?:aria-label|alt|title|id)="([^"]*)"', hostile_page)
    assert any("&#34;" in value or "&quot;" in value for value in attributes)
    assert not any("<" in value for value in attributes)


def test_the_page_asks_for_nothing_from_outside(hostile_page):
    sources = re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s>)]+)""", hostile_page)
    assert sources
    assert {source.partition(",")[0].partition("/")[0] for source in sources if source[0] != "#"} == {
        "data:",
        "data:image",
    }
    assert "default-src 'none'" in hostile_page


def test_every_part_is_there(hostile_page):
    shown = text_of(hostile_page)
    for part in (
        *("Answer", "Networks and controls", "Confusion matrix", "ROC curve", "Precision-recall curve"),
        *("Reliability", "Learning curves", "Most confident mistakes", "Pairs of copies"),
        *("Findings about", "Audit of the printed values", "leukcnn reproduce", "Software and data"),
        *("Grad-CAM", "percentile bootstrap over", "Wilson", "Expected calibration error"),
    ):
        assert part in shown, part


def test_headings_are_in_order_and_all_images_have_texts(hostile_page):
    levels = [int(level) for level in re.findall(r"<h(\d)", hostile_page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(re.search(r'alt="[^"]+"', image) for image in re.findall(r"<img[^>]*>", hostile_page))
    assert '<html lang="en">' in hostile_page
    ids = re.findall(r'\sid="([^"]+)"', hostile_page)
    assert len(ids) == len(set(ids))


def test_the_same_store_gives_the_same_bytes(hostile_page, hostile_folder, make, tmp_path):
    pages = []
    for folder in ("one", "two"):
        experiment = FakeExperiment(tmp_path / folder, paper_of(BINARY))
        experiment.add("scratch", sampled(BINARY))
        pages.append(made(experiment, tmp_path / folder / "experiment"))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]


def test_a_run_without_any_trial_says_so(make, tmp_path):
    page = made(make(), tmp_path / "run", missing={"test": "the data hold no image of blast"})
    shown = text_of(page)
    assert "Nothing has been tested in this run: the data hold no image of blast" in shown
    assert "No network has been trained in this run." in shown


def test_a_run_of_controls_alone_shows_them(make, tmp_path):
    experiment = make()
    experiment.add_control("border", sampled(BINARY))
    shown = text_of(made(experiment, tmp_path / "run"))
    assert "Random forest, 16-pixel border control" in shown
    assert "No network has been trained in this run." in shown


def test_one_class_in_the_test_images_leaves_out_its_curves(make, tmp_path):
    experiment = make()
    experiment.add("scratch", sampled(BINARY, n=30, labels=np.ones(30, int)))
    shown = text_of(made(experiment, tmp_path / "run"))
    assert "ROC curve" not in shown
    assert "Reliability" in shown and "no image" in shown


def test_twelve_classes_have_one_mean_curve_and_all_areas(make, tmp_path):
    classes = tuple(f"class {i}" for i in range(12))
    experiment = make(classes)
    experiment.add("scratch", sampled(classes, n=240))
    page = made(experiment, tmp_path / "run")
    shown = text_of(page)
    assert all(f"{name}, area 0." in shown for name in classes)
    roc = page[page.index("<strong>ROC curve") : page.index("<strong>Precision-recall")]
    assert roc.count("<polyline") == 2  # the mean and the diagonal


def test_each_dataset_tested_alone_has_its_own_networks(separate_datasets, tested, tmp_path):
    experiment = separate_datasets()
    for dataset in ("allidb1", "allidb2"):
        for fold in (0, 1):
            experiment.add("deep", tested(dataset, tp=6, fn=2, fp=1, tn=5), fold=fold, tested=(dataset,))
            experiment.add_control(
                "border", tested(dataset, tp=5, fn=3, fp=2, tn=4), fold=fold, tested=(dataset,)
            )
    shown = text_of(page_of(experiment.results(), tmp_path / "run"))
    assert "Deep, k-fold on ALL-IDB 1" in shown and "Deep, k-fold on ALL-IDB 2" in shown
    assert "Accuracy of networks and controls on ALL-IDB 2" in shown


def test_damaged_images_are_named_and_the_rest_is_shown(make, tmp_path):
    experiment = make()
    experiment.add("scratch", sampled(BINARY))
    folder = tmp_path / "run"
    keep_images(folder, "scratch")
    path = Captured(folder).folder / f"{COPIES}.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    shown = text_of(made(experiment, folder))
    assert "This run has faults" in shown and f"{COPIES}.npz" in shown
    assert "Most confident mistakes" in shown and "Confusion matrix" in shown


def test_a_figure_that_is_no_image_is_named(tmp_path):
    figure = spec.Figure("curves", "Training", "history", "Figure 1", rows=("frozen",))
    experiment = Staged(tmp_path, stages_paper(figures=(figure,)))
    experiment.add("frozen", stages(wrong=9))
    (tmp_path / "run" / "figures").mkdir(parents=True)
    (tmp_path / "run" / "figures" / "curves.png").write_bytes(b"no image")
    assert "curves.png can't be read" in text_of(page_of(experiment.results(), tmp_path / "run"))


def test_a_large_run_stays_small(make, tmp_path):
    experiment = make(("a", "b", "c", "d"))
    for run in range(5):
        for fold in range(5):
            predictions = sampled(("a", "b", "c", "d"), n=652, seed=5 * run + fold)
            image = np.array([f"fold {fold}/{name}" for name in predictions.image.tolist()])
            own = type(predictions)(**{**predictions.__dict__, "image": image})
            experiment.add("scratch", own, run=run, fold=fold)
    page = made(experiment, tmp_path / "run", split="kfold", runs=5)
    assert len(page) < 10_000_000
    assert "3,260 tested images" in text_of(page)
    assert page.count(": accuracy</strong>") == 25


@pytest.fixture
def study(tmp_path):
    """Returns the run of a study of a folder of the user's own, as `leukcnn evaluate` makes it."""
    folder = spec.Folder("my_smears", BINARY, path="my_smears", title="My smears")
    register_folders((folder,))
    paper = replace(
        paper_of(BINARY),
        key="my_smears",
        datasets=("my_smears",),
        class_of={},
        folders=(folder,),
        findings=(),
        authors="leukcnn evaluate",
        citation="images of the user's own",
    )
    experiment = FakeExperiment(tmp_path, paper)
    experiment.add("scratch", sampled(BINARY))
    (tmp_path / "run").mkdir()
    return experiment


def test_a_study_that_nothing_was_published_on_has_no_empty_parts(study, tmp_path):
    shown = text_of(made(study, tmp_path / "run", datasets={"my_smears": {"normal": 60, "blast": 60}}))
    for absent in ("Audit", "Findings", "Profile", "of the user's own", "Assumptions", "COMPARABLE"):
        assert absent not in shown, absent
    assert "My smears normal 60" in shown


def test_the_command_of_a_study_is_that_of_its_options(study, tmp_path):
    (tmp_path / "run" / FILE_NAME).write_text(as_yaml("evaluate", {"folder": "my_smears"}))
    shown = text_of(made(study, tmp_path / "run"))
    assert "leukcnn evaluate --config run.yaml" in shown
    assert "run.yaml is in its folder, next to this page" in shown


@pytest.mark.parametrize("text", ["command: reproduce", "no options", ": {", None])
def test_the_command_of_another_paper_has_the_file_that_the_run_keeps(study, tmp_path, text):
    if text is not None:
        (tmp_path / "run" / FILE_NAME).write_text(text)
    assert "leukcnn reproduce my_smears.py --data DIR" in text_of(made(study, tmp_path / "run"))
    (tmp_path / "run" / STORED).write_text("PAPER = None")
    assert "leukcnn reproduce paper.py --data DIR" in text_of(made(study, tmp_path / "run"))


def test_a_note_of_several_tables_is_shown_once_and_a_legend_with_each():
    tables = [Table(name, name, ["A"], [], notes=("Cells: a.", "Shared.", name)) for name in ("one", "two")]
    assert shared_notes(tables) == ["Shared."]


def test_the_mark_of_a_figure_is_shown_next_to_it(tmp_path):
    figure = spec.Figure("curves", "Training", "history", rows=("frozen",))
    experiment = Staged(tmp_path, stages_paper(figures=(figure,)))
    experiment.add("frozen", stages(wrong=9))
    (tmp_path / "run" / "figures").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "run" / "figures" / "curves.png")
    results = experiment.results(not_comparable="smoke profile")
    page = page_of(results, tmp_path / "run")
    caption = page[page.index("<figcaption>Training") :].partition("</figcaption>")[0]
    assert "Not comparable with the paper: smoke profile" in caption
