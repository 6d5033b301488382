import hashlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
from leukcnn.outputs.cell_sketches import (
    LONGEST_SIDE,
    Misclassified,
    Task,
    keep_misclassified,
    make_misclassified,
    pick_smears,
    tasks_of,
)

from leukcnn import spec
from leukcnn.datasets import ImageIndex, load_many, read_picture
from leukcnn.errors import StoreError
from leukcnn.outputs import cell_sketches
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import wbc_mask
from leukcnn.runs import Predictions

CLASSES = ("healthy", "ALL")
SQUEEZED = spec.Preprocessing(resize=16, threshold="darkest", squeeze=True)
FIGURE = spec.Figure("figure5", "Misclassified", "misclassified", "Figure 5", rows=("deep",))


def disc_picture(number: int, shape=(30, 40)) -> np.ndarray:
    """A nucleus of 6 pixels radius and a paler disc on a bright ground; the number moves both."""
    picture = np.full((*shape, 3), (240, 235, 230), np.uint8)
    cv2.circle(picture, (8 + number % 9, 10), 6, (90, 40, 120), -1)
    cv2.circle(picture, (30 - number % 5, 20), 6, (210, 160, 170), -1)
    return picture


def index_of(folder, places: list[tuple[str, int]], **options) -> ImageIndex:
    """Pictures with a dataset and a label each."""
    paths = [folder / f"{i:02}.png" for i in range(len(places))]
    for i, path in enumerate(paths):
        cv2.imwrite(str(path), disc_picture(i, **options)[..., ::-1])
    n = len(paths)
    return ImageIndex(
        paths=paths,
        ids=np.array([f"{dataset}/{path.name}" for (dataset, _), path in zip(places, paths, strict=True)]),
        labels=np.array([label for _, label in places]),
        class_names=CLASSES,
        dataset=np.array([dataset for dataset, _ in places]),
        group=np.full(n, ""),
        part=np.full(n, "all"),
        fold=np.full(n, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


def said(index: ImageIndex, rows, p_all) -> Predictions:
    """Predictions of some pictures, given the probability of the second class."""
    rows, p_all = np.asarray(rows), np.asarray(p_all, dtype=np.float64)
    return Predictions(
        image=index.ids[rows],
        part=np.full(len(rows), "test"),
        checkpoint=np.full(len(rows), "last"),
        group=np.full(len(rows), ""),
        label=index.labels[rows],
        probabilities=np.stack([1 - p_all, p_all], axis=1),
        class_names=CLASSES,
    )


def task_of(predictions: Predictions) -> Task:
    return Task("figure5_deep", "deep", "", predictions)


@pytest.fixture
def index(tmp_path) -> ImageIndex:
    """Eight pictures of ALL-IDB 1, every other one ALL, then eight of ALL-IDB 2."""
    return index_of(tmp_path, [("allidb1", i % 2) for i in range(8)] + [("allidb2", i % 2) for i in range(8)])


def test_one_smear_of_each_class_of_each_dataset_the_positive_first(index):
    smears = pick_smears(index, np.arange(2, 16), seed=0)
    assert [title.rsplit(", ", 1)[0] for title, _ in smears] == [
        "ALL, ALL-IDB 1",
        "healthy, ALL-IDB 1",
        "ALL, ALL-IDB 2",
        "healthy, ALL-IDB 2",
    ]
    for title, picture in smears:
        row = int(title.rsplit(" ", 1)[1])
        assert row >= 2
        np.testing.assert_array_equal(picture, disc_picture(row))


def test_seed_picks_the_smears(index):
    def titles(seed):
        return [title for title, _ in pick_smears(index, np.arange(16), seed=seed)]

    assert titles(0) == titles(0)
    assert any(titles(seed) != titles(0) for seed in range(1, 5))


def test_of_many_datasets_both_classes_are_among_the_four(tmp_path):
    places = [("ash", 0), ("bloodline", 0), ("cellavision2", 0), ("jtsc", 0), ("lisc", 0), ("ufg", 1)]
    smears = pick_smears(index_of(tmp_path, places), np.arange(6), seed=0)
    assert [title.split(", ")[0] for title, _ in smears] == ["healthy"] * 3 + ["ALL"]


def test_large_smear_is_reduced_in_its_own_proportions(tmp_path):
    large = index_of(tmp_path, [("allidb1", 0)], shape=(600, 1024))
    ((_, picture),) = pick_smears(large, np.arange(1), seed=0)
    assert picture.shape == (300, LONGEST_SIDE, 3)
    assert picture.dtype == np.uint8


def test_misclassified_are_the_surest_mistakes_first(index):
    # Odd rows are ALL. Wrong: 1 (.9 for healthy), 2 (.6 for ALL), 4 (.95 for ALL), 5 (.6 for healthy).
    predictions = said(index, [0, 1, 2, 3, 4, 5], [0.2, 0.1, 0.6, 0.7, 0.95, 0.4])
    found = make_misclassified(task_of(predictions), SQUEEZED, index)
    assert found.images == ["allidb1/04.png", "allidb1/01.png", "allidb1/02.png", "allidb1/05.png"]
    assert found.label.tolist() == [0, 1, 0, 1]
    assert found.predicted.tolist() == [1, 0, 1, 0]
    np.testing.assert_allclose(found.score, [0.95, 0.9, 0.6, 0.6])
    assert (found.n_wrong, found.n_tested, len(found)) == (4, 6, 4)


def test_misclassified_are_kept_up_to_a_number(index, monkeypatch):
    monkeypatch.setattr(cell_sketches, "MOST_MISCLASSIFIED", 12)
    everything = said(index, np.arange(16), np.where(index.labels == 1, 0.3, 0.7))
    found = make_misclassified(task_of(everything), SQUEEZED, index)
    assert (len(found), found.n_wrong, found.n_tested) == (12, 16, 16)
    assert found.pictures.shape == found.fed.shape == (12, 16, 16, 3)
    assert found.masks.shape == (12, 16, 16)


def test_misclassified_picture_is_whole_beside_its_mask_and_what_was_fed(index):
    found = make_misclassified(task_of(said(index, [3], [0.0])), SQUEEZED, index)
    picture = disc_picture(3)
    mask = wbc_mask(picture, rule="darkest")
    assert 0 < mask.sum() < 200
    np.testing.assert_array_equal(
        found.pictures[0], cv2.resize(picture, (16, 16), interpolation=cv2.INTER_AREA)
    )
    np.testing.assert_array_equal(
        found.masks[0], cv2.resize(np.uint8(255) * mask, (16, 16), interpolation=cv2.INTER_AREA)
    )
    np.testing.assert_array_equal(found.fed[0], prepare(picture, SQUEEZED))
    # Black where nothing of the mask is.
    assert not found.fed[0][found.masks[0] == 0].any()


def test_without_threshold_there_is_no_mask_and_what_is_blanked_is_seen(index):
    blanked = replace(SQUEEZED, threshold="none", mask="border")
    found = make_misclassified(task_of(said(index, [3], [0.0])), blanked, index)
    assert found.masks.shape == (0, 16, 16)
    np.testing.assert_array_equal(found.pictures[0], prepare(disc_picture(3), replace(blanked, mask="")))
    np.testing.assert_array_equal(found.fed[0], prepare(disc_picture(3), blanked))
    assert (found.pictures != found.fed).any()


def test_nothing_misclassified_is_kept_as_such(index, tmp_path):
    right = said(index, np.arange(16), index.labels)
    found = make_misclassified(task_of(right), SQUEEZED, index)
    assert (len(found), found.n_wrong, found.n_tested) == (0, 0, 16)
    found.save(tmp_path, "sheet")
    assert len(Misclassified.load(tmp_path, "sheet")) == 0


@pytest.mark.parametrize("value", [0, 128, 255])
def test_picture_of_one_grey_level_is_kept_with_an_empty_mask(tmp_path, value):
    index = index_of(tmp_path, [("allidb1", 0)])
    cv2.imwrite(str(index.paths[0]), np.full((20, 20, 3), value, np.uint8))
    found = make_misclassified(task_of(said(index, [0], [1.0])), SQUEEZED, index)
    assert not found.masks.any()
    assert not found.fed.any()
    assert (found.pictures == value).all()


def test_misclassified_come_back_as_they_were(index, tmp_path):
    made = make_misclassified(task_of(said(index, [1, 2], [0.3, 0.8])), SQUEEZED, index)
    made.save(tmp_path, "figure5_deep")
    loaded = Misclassified.load(tmp_path, "figure5_deep")
    for name in ("images", "class_names", "n_wrong", "n_tested", "key"):
        assert getattr(loaded, name) == getattr(made, name)
    for name in ("label", "predicted", "score", "pictures", "masks", "fed"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(made, name))
        assert getattr(loaded, name).dtype == getattr(made, name).dtype
    path = tmp_path / "figure5_deep.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"figure5_deep\.npz can't be read"):
        Misclassified.load(tmp_path, "figure5_deep")


def test_key_tells_predictions_apart(index, tmp_path):
    one, same, other = (task_of(said(index, [1, 2], [p, 0.8])) for p in (0.3, 0.3, 0.30001))
    assert one.key == same.key != other.key
    assert not Misclassified.exist(tmp_path, one.name, key=one.key)
    make_misclassified(one, SQUEEZED, index).save(tmp_path, one.name)
    assert Misclassified.exist(tmp_path, one.name, key=one.key)
    assert not Misclassified.exist(tmp_path, one.name, key=other.key)


class Apart:
    """An experiment of two rows that cross-validates ALL-IDB 1 and 2 each by itself, in two folds."""

    def __init__(self, experiment, index):
        setup = replace(experiment.paper.rows[0].setup, preprocessing=SQUEEZED, split=spec.Split("kfold"))
        rows = tuple(replace(row, setup=setup) for row in experiment.paper.rows)
        assumption = spec.Assumption("threshold", sets="preprocessing.threshold", reason="r", where="w")
        experiment.paper = replace(
            experiment.paper,
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
                said(self.index, rows, np.full(len(rows), p_all)),
                fold=fold,
                tested=(dataset,),
                finished=fold in folds,
            )

    def results(self, **changes):
        return self.experiment.results(split="kfold", runs=1, **changes)


@pytest.fixture
def apart(left_out, index) -> Apart:
    return Apart(left_out(), index)


def test_each_dataset_of_a_row_is_a_task_once_its_folds_are_finished(apart):
    apart.add("deep", "allidb1", p_all=0.9)
    apart.add("deep", "allidb2", p_all=0.9, folds=(0,))
    apart.add("shallow", "allidb1", p_all=0.9)
    tasks = list(tasks_of(apart.results(), FIGURE))
    assert [(task.name, task.row, task.dataset) for task in tasks] == [
        ("figure5_deep_allidb1", "deep", "allidb1")
    ]
    assert len(tasks[0].predictions) == 8
    both = [task.row for task in tasks_of(apart.results(), replace(FIGURE, rows=()))]
    assert both == ["deep", "shallow"]


def test_all_pictures_together_are_one_task_without_a_dataset_s_name(left_out, index):
    experiment = left_out()
    experiment.add("deep", said(index, np.arange(16), np.full(16, 0.9)), fold=0)
    (task,) = tasks_of(experiment.results(split="kfold", runs=1), FIGURE)
    assert (task.name, task.dataset, len(task.predictions)) == ("figure5_deep", "", 16)


def test_misclassified_are_kept_for_what_is_finished_and_made_anew_for_other_predictions(apart, tmp_path):
    folder = tmp_path / "experiment"
    apart.add("deep", "allidb1", p_all=0.9)
    apart.add("deep", "allidb2", p_all=0.9, folds=(0,))
    keep_misclassified(apart.results(), FIGURE, apart.index, folder)
    assert [path.name for path in folder.iterdir()] == ["figure5_deep_allidb1.npz"]
    first = Misclassified.load(folder, "figure5_deep_allidb1")
    # All are taken for ALL, so that the healthy ones are wrong.
    assert first.images == [f"allidb1/0{i}.png" for i in (0, 2, 4, 6)]

    before = (folder / "figure5_deep_allidb1.npz").stat().st_mtime_ns
    keep_misclassified(apart.results(), FIGURE, apart.index, folder)
    assert (folder / "figure5_deep_allidb1.npz").stat().st_mtime_ns == before

    apart.experiment.planned.clear()
    apart.add("deep", "allidb1", p_all=0.1)
    apart.add("deep", "allidb2", p_all=0.9)
    keep_misclassified(apart.results(), FIGURE, apart.index, folder)
    assert Misclassified.load(folder, "figure5_deep_allidb1").images == [
        f"allidb1/0{i}.png" for i in (1, 3, 5, 7)
    ]
    assert len(Misclassified.load(folder, "figure5_deep_allidb2")) == 4


def test_assumptions_and_changes_of_the_record_prepare_the_pictures(apart, tmp_path):
    apart.add("deep", "allidb1", p_all=0.9)
    results = apart.results(assumed={"threshold": "none"}, changes={"preprocessing.mask": "border"})
    assert results.setup("deep").preprocessing == replace(SQUEEZED, threshold="none", mask="border")
    keep_misclassified(results, FIGURE, apart.index, tmp_path)
    assert not len(Misclassified.load(tmp_path, "figure5_deep_allidb1").masks)


def test_real_smears(real_data):
    index = load_many(
        ("jtsc", "cellavision2", "cnmc2019"),
        real_data,
        class_names=CLASSES,
        class_of={"healthy": "healthy", "malignant": "ALL"},
    )
    smears = pick_smears(index, np.flatnonzero(index.labels >= 0), seed=0)
    assert [title.rsplit(", ", 1)[0] for title, _ in smears] == [
        "healthy, CellaVision 2",
        "ALL, C-NMC 2019",
        "healthy, C-NMC 2019",
        "healthy, JTSC",
    ]
    at = {image.rsplit("/", 1)[1].split(".")[0]: row for row, image in enumerate(index.ids.tolist())}
    for title, picture in smears[1:3]:
        np.testing.assert_array_equal(picture, read_picture(index.paths[at[title.rsplit(", ", 1)[1]]])[0])
