"""Tests of the figures of misclassified images."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from leukcnn import spec
from leukcnn.datasets import ImageIndex
from leukcnn.image_cache import prepare
from leukcnn.outputs import misclassified as module
from leukcnn.outputs.build import build_figures, capture
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import Material
from leukcnn.outputs.misclassified import Task, surest_mistakes, tasks_of
from leukcnn.preprocessing import wbc_mask
from leukcnn.trial_files import Predictions
from tests.outputs.png import disc_image, index_of, keep, names

CLASSES = ("healthy", "ALL")
SQUEEZED = spec.Preprocessing(resize=16, threshold="darkest", squeeze=True)
FIGURE = spec.Figure("figure5", "Misclassified", "misclassified", "Figure 5", rows=("deep",))


def predictions_of(index: ImageIndex, rows, p_all) -> Predictions:
    """Returns predictions of some images, given the probability of the second class."""
    rows, p_all = np.asarray(rows), np.asarray(p_all, dtype=np.float64)
    return Predictions(
        image=index.ids[rows],
        subset=np.full(len(rows), "test"),
        checkpoint=np.full(len(rows), "last"),
        group=np.full(len(rows), ""),
        label=index.labels[rows],
        probabilities=np.stack([1 - p_all, p_all], axis=1),
        class_names=CLASSES,
    )


@pytest.fixture
def index(tmp_path) -> ImageIndex:
    """Eight images of ALL-IDB 1, every other one ALL, then eight of ALL-IDB 2."""
    return index_of(tmp_path, [("allidb1", i % 2) for i in range(8)] + [("allidb2", i % 2) for i in range(8)])


def mistakes(predictions: Predictions, index: ImageIndex, preprocessing=SQUEEZED, dataset="") -> dict:
    return surest_mistakes(Task("a", "deep", dataset, predictions), preprocessing, index)


def panels_of(image: np.ndarray, n: int) -> list[np.ndarray]:
    """Returns the images of 16 pixels that are next to each other, in frames of one pixel."""
    assert image.shape == (18, 17 * n + 1, 3)
    return [image[1:17, 1 + 17 * i : 17 + 17 * i] for i in range(n)]


def test_the_most_confident_mistakes_come_first(index):
    # Odd rows are ALL. Wrong: 1 (.9 for healthy), 2 (.6 for ALL), 4 (.95 for ALL), 5 (.6 for healthy).
    predictions = predictions_of(index, [0, 1, 2, 3, 4, 5], [0.2, 0.1, 0.6, 0.7, 0.95, 0.4])
    found = mistakes(predictions, index, replace(SQUEEZED, threshold="none"))
    assert found["titles"] == [
        "04: true healthy, predicted ALL, score 0.95 for ALL",
        "01: true ALL, predicted healthy, score 0.90 for healthy",
        "02: true healthy, predicted ALL, score 0.60 for ALL",
        "05: true ALL, predicted healthy, score 0.60 for healthy",
    ]
    assert (found["n_wrong"], found["n_tested"], len(found["images"])) == (4, 6, 4)
    # If several datasets are tested together, each title names its own.
    named = mistakes(predictions, index, dataset="allidb1+allidb2")["titles"]
    assert all(title.startswith("ALL-IDB 1 0") for title in named)


def test_misclassified_are_kept_up_to_a_number(index, monkeypatch):
    monkeypatch.setattr(module, "MOST_MISCLASSIFIED", 12)
    found = mistakes(predictions_of(index, np.arange(16), np.where(index.labels == 1, 0.3, 0.7)), index)
    assert (len(found["titles"]), found["n_wrong"], found["n_tested"]) == (12, 16, 16)
    assert len(found["images"]) == 12


def test_misclassified_image_is_shown_whole_with_its_mask_and_the_network_input(index):
    found = mistakes(predictions_of(index, [3], [0.0]), index)
    assert found["shown"] == ["its mask", "the network's input"]
    image = disc_image(3)
    cells = np.uint8(255) * wbc_mask(image, rule="darkest")
    whole, mask, fed = panels_of(found["images"][0], 3)
    np.testing.assert_array_equal(whole, cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA))
    np.testing.assert_array_equal(mask[..., 0], cv2.resize(cells, (16, 16), interpolation=cv2.INTER_AREA))
    np.testing.assert_array_equal(fed, prepare(image, SQUEEZED))
    # Black outside the mask.
    assert not fed[mask[..., 0] == 0].any()
    assert found["titles"][0].endswith(f"; mask\u00a0{100 * mask.mean() / 255:.1f}\u00a0%")


def test_without_threshold_there_is_no_mask_but_the_blanked_input(index):
    blanked = replace(SQUEEZED, threshold="none", mask="border")
    found = mistakes(predictions_of(index, [3], [0.0]), index, blanked)
    assert found["shown"] == ["the network's input"]
    assert "mask" not in found["titles"][0]
    whole, fed = panels_of(found["images"][0], 2)
    np.testing.assert_array_equal(whole, prepare(disc_image(3), replace(blanked, mask="")))
    np.testing.assert_array_equal(fed, prepare(disc_image(3), blanked))
    assert (whole != fed).any()


def test_without_mistakes_only_the_counts_are_kept(index):
    found = mistakes(predictions_of(index, np.arange(16), index.labels), index)
    assert (found["titles"], found["images"], found["n_wrong"], found["n_tested"]) == ([], [], 0, 16)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_image_of_one_grey_level_is_kept_with_an_empty_mask(tmp_path, value):
    index = index_of(tmp_path, [("allidb1", 0)])
    cv2.imwrite(str(index.paths[0]), np.full((20, 20, 3), value, np.uint8))
    whole, mask, fed = panels_of(mistakes(predictions_of(index, [0], [1.0]), index)["images"][0], 3)
    assert (whole == value).all()
    assert not mask.any()
    assert not fed.any()


def test_key_distinguishes_predictions(index):
    one, equal, other = (
        Task("a", "deep", "", predictions_of(index, [1, 2], [p, 0.8])) for p in (0.3, 0.3, 0.30001)
    )
    assert one.key == equal.key != other.key


class TwoTasks:
    """An experiment of two rows that cross-validates ALL-IDB 1 and 2 separately, in two folds."""

    def __init__(self, experiment, index):
        setup = replace(experiment.paper.rows[0].setup, preprocessing=SQUEEZED, split=spec.Split("kfold"))
        rows = tuple(replace(row, setup=setup) for row in experiment.paper.rows)
        assumption = spec.Assumption("threshold", field="preprocessing.threshold", reason="r", where="w")
        experiment.paper = replace(
            experiment.paper,
            controls=("majority",),
            rows=rows,
            classes=CLASSES,
            positive_class="ALL",
            class_of={},
            figures=(FIGURE,),
            assumptions=(assumption,),
        )
        self.experiment, self.index = experiment, index

    def add(self, row: str, dataset: str, *, p_all: float, folds=(0, 1)):
        own = np.flatnonzero(self.index.dataset == dataset)
        for fold in (0, 1):
            rows = own[fold::2]
            self.experiment.add(
                row,
                predictions_of(self.index, rows, np.full(len(rows), p_all)),
                fold=fold,
                tested=(dataset,),
                finished=fold in folds,
            )

    def results(self, **changes):
        return self.experiment.results(split="kfold", runs=1, **changes)


@pytest.fixture
def two_tasks(left_out, index) -> TwoTasks:
    return TwoTasks(left_out(), index)


def test_each_dataset_of_a_row_is_a_task_once_its_folds_are_finished(two_tasks):
    two_tasks.add("deep", "allidb1", p_all=0.9)
    two_tasks.add("deep", "allidb2", p_all=0.9, folds=(0,))
    two_tasks.add("shallow", "allidb1", p_all=0.9)
    tasks = list(tasks_of(two_tasks.results(), FIGURE))
    assert [(task.name, task.row, task.dataset) for task in tasks] == [
        ("figure5_deep_allidb1", "deep", "allidb1")
    ]
    assert len(tasks[0].predictions) == 8
    both = [task.row for task in tasks_of(two_tasks.results(), replace(FIGURE, rows=()))]
    assert both == ["deep", "shallow"]


def test_all_images_together_are_one_task_without_a_dataset_s_name(left_out, index):
    experiment = left_out()
    experiment.add("deep", predictions_of(index, np.arange(16), np.full(16, 0.9)), fold=0)
    (task,) = tasks_of(experiment.results(split="kfold", runs=1), FIGURE)
    assert (task.name, task.dataset, len(task.predictions)) == ("figure5_deep", "", 16)


def test_misclassified_are_kept_once_finished_and_made_again_for_other_predictions(two_tasks, tmp_path):
    folder, kept = tmp_path / "experiment", Captured(tmp_path / "experiment")

    def capture_all():
        capture(Material(two_tasks.results(), two_tasks.index), folder, trained=True)
        return kept["figure5_deep_allidb1"]["titles"], (kept.folder / "figure5_deep_allidb1.npz").stat()

    capture(Material(two_tasks.results(), two_tasks.index), folder, trained=False)
    assert not kept.folder.exists()
    two_tasks.add("deep", "allidb1", p_all=0.9)
    two_tasks.add("deep", "allidb2", p_all=0.9, folds=(0,))
    titles, before = capture_all()
    assert list(kept) == ["figure5_deep_allidb1"]
    # All are predicted to be ALL, so the healthy ones are wrong.
    assert [title[:3] for title in titles] == ["00:", "02:", "04:", "06:"]
    assert capture_all()[1].st_mtime_ns == before.st_mtime_ns

    two_tasks.experiment.planned.clear()
    two_tasks.add("deep", "allidb1", p_all=0.1)
    two_tasks.add("deep", "allidb2", p_all=0.9)
    titles, _ = capture_all()
    assert [title[:3] for title in titles] == ["01:", "03:", "05:", "07:"]
    assert len(kept["figure5_deep_allidb2"]["titles"]) == 4


def test_assumptions_and_changes_of_the_record_prepare_the_images(two_tasks, tmp_path):
    two_tasks.add("deep", "allidb1", p_all=0.9)
    results = two_tasks.results(assumed={"threshold": "none"}, changes={"preprocessing.mask": "border"})
    assert results.setup("deep").preprocessing == replace(SQUEEZED, threshold="none", mask="border")
    capture(Material(results, two_tasks.index), tmp_path, trained=True)
    assert Captured(tmp_path)["figure5_deep_allidb1"]["shown"] == ["the network's input"]


def keep_wrong(experiment, folder, *, thresholded=True) -> None:
    """Keeps misclassified images of the first row, without reading any image."""
    for task in tasks_of(experiment.results(), replace(FIGURE, rows=("deep",))):
        found = task.predictions
        wrong = np.flatnonzero(found.predicted != found.label)
        n = len(wrong)
        values = {
            "titles": found.image[wrong].tolist(),
            "images": [np.full((18, 52, 3), 200, np.uint8)] * n,
            "shown": ["its mask", "the network's input"] if thresholded else [],
            "n_wrong": n + 5,
            "n_tested": len(found),
            "key": task.key,
        }
        keep(folder, **{task.name: values})


def test_misclassified_have_a_file_for_each_dataset_of_their_row(thresholded, plotted, tmp_path):
    experiment = thresholded()
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    experiment.add("deep", "jtsc", "bloodline", tp=3, fp=1, tn=4)
    experiment.add("shallow", "allidb1", tp=3, fn=1, tn=4)
    keep_wrong(experiment, tmp_path)
    assert names(build_figures(experiment.results(), tmp_path, only="figure5")) == [
        "figure5_deep_allidb1.png",
        "figure5_deep_jtsc_bloodline.png",
    ]
    ((panels, _), options), _ = plotted["images"]
    assert [title for title, _ in panels] == ["allidb1/0_3.jpg", "allidb1/1_3.jpg"]
    assert panels[0][1].shape == (18, 52, 3)
    assert options["n_columns"] == 2
    assert options["caption"] == (
        "Figure 5: Title 5. Deep, k-fold on ALL-IDB 1: 1 to 2 of 7 misclassified images, of 16 tested, the "
        "most confident mistakes first. From left to right the image, its mask and the network's input"
    )


def test_many_misclassified_continue_in_a_second_file(thresholded, plotted, tmp_path):
    experiment = thresholded()
    # In each of two folds 8 wrong.
    experiment.add("deep", "allidb1", tp=3, fn=8, tn=4)
    keep_wrong(experiment, tmp_path)
    paths = build_figures(experiment.results(), tmp_path, only="figure5")
    assert names(paths) == ["figure5_deep_allidb1.png", "figure5_deep_allidb1_2.png"]
    files = [panels for ((panels, _), _) in plotted["images"]]
    assert [len(panels) for panels in files] == [12, 4]
    titles = [title for panels in files for title, _ in panels]
    assert len(set(titles)) == 16
    assert "13 to 16 of 21 misclassified" in plotted["images"][1][1]["caption"]


def test_misclassified_of_other_predictions_are_left_out(thresholded, plotted, tmp_path):
    experiment = thresholded()
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    assert build_figures(experiment.results(), tmp_path, only="figure5") == []
    keep_wrong(experiment, tmp_path)
    assert len(build_figures(experiment.results(), tmp_path, only="figure5")) == 1
    experiment.experiment.planned.clear()
    experiment.add("deep", "allidb1", tp=2, fn=2, tn=4)
    assert build_figures(experiment.results(), tmp_path, only="figure5") == []


def test_without_threshold_misclassified_images_are_shown_alone(thresholded, plotted, tmp_path):
    experiment = thresholded(preprocessing=replace(SQUEEZED, threshold="none"))
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    keep_wrong(experiment, tmp_path, thresholded=False)
    build_figures(experiment.results(), tmp_path, only="figure5")
    (_, options) = plotted["images"][0]
    assert options["n_columns"] == 4
    assert "From left" not in options["caption"]


def test_caption_says_if_nothing_is_misclassified(thresholded, plotted, tmp_path):
    experiment = thresholded()
    experiment.add("deep", "allidb1", tp=4, tn=4)
    keep_wrong(experiment, tmp_path)
    assert names(build_figures(experiment.results(), tmp_path, only="figure5")) == [
        "figure5_deep_allidb1.png"
    ]
    ((((_, image),), _), options) = plotted["images"][0]
    assert (image == 255).all()
    assert options["caption"] == "Figure 5: Title 5. Deep, k-fold on ALL-IDB 1: no image of 16 misclassified"
