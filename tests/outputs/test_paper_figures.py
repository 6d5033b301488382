from dataclasses import replace

import numpy as np
import pytest
from leukcnn.outputs.network_maps import ActivationMaps, FilterSketch
from leukcnn.outputs.paper_figures import paper_figures
from leukcnn.outputs.sketches import Sketches

from leukcnn import spec
from leukcnn.errors import StoreError
from leukcnn.evaluation.feature_space import Projection
from leukcnn.outputs import paper_figures as module
from leukcnn.runs import write_features

PICTURE = np.full((30, 30, 3), 90, dtype=np.uint8)
SKETCHES = Sketches(
    samples=[("malignant, subject 1", PICTURE), ("healthy, subject H1", PICTURE)],
    augmentations=[("source", PICTURE), ("rotated", PICTURE)],
    topology={"figure4": [["(a)", [["Dense 2, softmax", "2"]]], ["(b)", [["Dense 3, softmax", "3"]]]]},
)


@pytest.fixture
def trained(experiment, make_predictions, tmp_path):
    """VGG16 and Xception trained, VGG19 not; the sketches lie beside."""
    SKETCHES.save(tmp_path)
    for row in ("vgg16", "xception"):
        experiment.add(row, make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


@pytest.fixture
def drawn(monkeypatch):
    """What each drawing function was called with."""
    calls = {}
    drawers = [name for name in vars(module) if name.startswith("draw_")]
    for name in [name.removeprefix("draw_") for name in drawers]:

        def record(*args, _name=name, **options):
            calls.setdefault(_name, []).append((args, options))
            return next(value for value in args if hasattr(value, "with_name"))

        monkeypatch.setattr(module, f"draw_{name}", record)
    return calls


def names(paths) -> list[str]:
    return [path.name for path in paths]


def test_figures_of_what_was_trained_are_written(trained, tmp_path):
    paths = paper_figures(trained.results(), tmp_path)
    assert names(paths) == [
        "figure2.png",
        "figure3.png",
        "figure4.png",
        "figure5.png",
        "figure7.png",
        "confusion_vgg16.png",
        "confusion_xception.png",
    ]
    assert sorted((tmp_path / "figures").iterdir()) == sorted(paths)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("figure4", ["figure4.png"]),
        ("figure6", []),
        ("figure7", ["figure7.png"]),
        ("confusion_matrices", ["confusion_vgg16.png", "confusion_xception.png"]),
        ("table2", []),
    ],
)
def test_only_that_figure(trained, drawn, tmp_path, only, expected):
    assert names(paper_figures(trained.results(), tmp_path, only=only)) == expected


def test_a_row_s_id_draws_all(trained, drawn, tmp_path):
    assert len(paper_figures(trained.results(), tmp_path, only="vgg16")) == 7


def test_history_and_its_chosen_epoch(trained, drawn, tmp_path):
    paper_figures(trained.results(), tmp_path, only="figure5")
    (((curve,), _), _) = drawn["history"][0]
    assert (curve.title, curve.chosen_epoch) == ("VGG16", 2)
    assert curve.accuracy.tolist() == [0.5, 0.8]
    assert curve.val_accuracy.tolist() == [0.55, 0.75]
    assert (curve.loss.tolist(), curve.val_loss.tolist()) == ([0.7, 0.4], [0.69, 0.5])


def test_segmented_pictures_stand_beside_theirs_two_pairs_in_a_row(staged, drawn, tmp_path):
    shown = [("benign, a", PICTURE), ("segmented: 0 % kept", 0 * PICTURE)]
    replace(SKETCHES, segmentation=shown).save(tmp_path)
    figure = spec.Figure("segmentation", "What is kept", "segmentation", "")
    assert names(paper_figures(staged(figures=(figure,)).results(), tmp_path)) == ["segmentation.png"]
    ((pictures, titles, _), options) = drawn["samples"][0]
    assert titles == ("benign, a", "segmented: 0 % kept")
    np.testing.assert_array_equal(pictures[1], 0 * PICTURE)
    assert options["n_columns"] == 4


def test_history_has_a_curve_a_run_and_fold(experiment, make_predictions, drawn, tmp_path):
    SKETCHES.save(tmp_path)
    for run in range(2):
        for fold in range(2):
            test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
            experiment.add("vgg19", test, run=run, fold=fold)
    paper_figures(experiment.results(runs=2, split="fold"), tmp_path, only="figure6")
    ((curves, _), _) = drawn["history"][0]
    assert [curve.title for curve in curves] == [
        "VGG19, run 1, fold 0",
        "VGG19, run 1, fold 1",
        "VGG19, run 2, fold 0",
        "VGG19, run 2, fold 1",
    ]


def test_confusion_matrix_has_true_classes_in_rows(trained, drawn, tmp_path):
    paper_figures(trained.results(), tmp_path, only="confusion_matrices")
    (matrix, class_names, _), options = drawn["confusion"][0]
    assert class_names == ("healthy", "malignant")
    np.testing.assert_array_equal(matrix, [[4, 2], [1, 5]])
    assert options["title"] == "VGG16"


def test_sketches_go_where_they_belong(trained, drawn, tmp_path):
    paper_figures(trained.results(), tmp_path)
    for name, ((pictures, titles, _), _) in zip(("samples", "augmentations"), drawn["samples"], strict=True):
        assert list(titles) == [title for title, _ in getattr(SKETCHES, name)]
        assert len(pictures) == 2
    assert drawn["topology"][0][0][0] == SKETCHES.topology["figure4"]


def test_all_but_the_topology_bear_the_mark(trained, drawn, tmp_path):
    paper_figures(trained.results(not_comparable="drawn data"), tmp_path)
    for name, calls in drawn.items():
        mark = "" if name == "topology" else "Not comparable with the paper: drawn data"
        assert {options.get("mark", "") for _, options in calls} == {mark}


def test_comparable_figures_bear_none_and_name_their_place(trained, drawn, tmp_path):
    paper_figures(trained.results(), tmp_path)
    assert {options.get("mark", "") for calls in drawn.values() for _, options in calls} == {""}
    assert drawn["samples"][0][1]["caption"] == "Figure 2: Cells of both classes"
    assert drawn["confusion"][0][1]["caption"] == "Confusion matrices on the test set"


def test_broken_history_is_a_fault_of_the_store(trained, tmp_path):
    results = trained.results()
    (results.trials["vgg16"][0][2].path / "history.csv").write_text("epoch\nx\n")
    with pytest.raises(StoreError, match="holds no history"):
        paper_figures(results, tmp_path, only="figure5")


@pytest.fixture
def maps():
    values = np.linspace(0, 1, 2 * 5 * 5, dtype=np.float32).reshape(2, 5, 5)
    return ActivationMaps(
        titles=["HBS, Atlas", "ALL, UFG"],
        pictures=np.stack([PICTURE, PICTURE]),
        mean=values,
        grad_cam=1 - values,
        layer="conv5",
    )


def test_activation_maps_stand_beside_their_picture(alertnet, maps, drawn, tmp_path):
    maps.save(tmp_path, "figure3")
    results = alertnet.results(split="kfold", datasets={}, not_comparable="drawn data")
    assert names(paper_figures(results, tmp_path, only="figure3")) == ["figure3.png"]
    ((rows, _), options) = drawn["overlays"][0]
    assert [row[0] for row in rows] == maps.titles
    for at, values in ((1, maps.pictures), (2, maps.mean), (3, maps.grad_cam)):
        np.testing.assert_array_equal([row[at] for row in rows], values)
    assert options["caption"] == "Figure 3: Activation maps of Alert Net-RWD (layer conv5)"
    assert options["mark"] == "Not comparable with the paper: drawn data"


def test_activation_maps_are_drawn_when_their_row_is_trained(alertnet, maps, tmp_path):
    results = alertnet.results(split="kfold", datasets={})
    assert paper_figures(results, tmp_path, only="figure3") == []
    maps.save(tmp_path, "figure3")
    (path,) = paper_figures(results, tmp_path, only="figure3")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_confusion_matrix_of_several_runs_is_one_of_them(experiment, make_predictions, drawn, tmp_path):
    for run, right in enumerate((5, 6)):
        experiment.add("vgg16", make_predictions("test", tp=right, fn=1, fp=2, tn=4), run=run)
    paper_figures(experiment.results(runs=2), tmp_path, only="confusion_matrices")
    (((matrix, _, _), options),) = drawn["confusion"]
    np.testing.assert_array_equal(matrix, [[4, 2], [1, 5]])
    assert options["title"] == "VGG16, one of 2 runs"


FILTERS = spec.Figure("figure3", "Filters", "filters", "Figure 3", rows=("deep",))
SPACES = tuple(
    spec.Figure(f"figure{i}", f"Space {i}", "feature_space", f"Figure {i}", ("shallow", "deep"), dataset)
    for i, dataset in ((5, "allidb1"), (6, "allidb2"))
)
MATRICES = spec.Figure("matrices", "Confusion matrices", "confusion", "")


class LeftOut:
    """An experiment that leaves datasets out, with figures, whose rows have features."""

    def __init__(self, experiment, tested):
        paper = replace(experiment.paper, figures=(FILTERS, *SPACES, MATRICES))
        self.experiment, self.tested = experiment, tested
        experiment.paper = paper

    def add(self, row: str, *datasets: str, run: int = 0, split: str = "", n: int = 5, level: float = 0.0):
        """Adds a trial that tests datasets, n pictures of each class; `level` is in all its features."""
        for dataset in datasets[:1]:
            self.experiment.add(
                row, self.tested(dataset, tp=n, fn=1, tn=n), run=run, split=split, tested=datasets
            )
        trial = self.experiment.store.finished_trial(self.experiment.planned[-1].name)
        label = np.tile(np.repeat([0, 1], n), len(datasets))
        features = np.random.default_rng(0).normal(size=(len(label), 4)).astype(np.float32)
        write_features(
            trial.path / "features.npz",
            image=np.array([f"{dataset}/{i}.jpg" for dataset in datasets for i in range(2 * n)]),
            label=label,
            features=features + np.float32(level),
        )

    def draw(self, folder, *, only=None, **changes):
        return names(paper_figures(self.experiment.results(**changes), folder, only=only))


@pytest.fixture
def left_out_features(left_out, tested):
    return LeftOut(left_out(), tested)


@pytest.fixture
def projected(monkeypatch):
    """What was laid out in the plane: features, labels and seed."""
    calls = []

    def project(features, labels, *, seed):
        calls.append((features, labels, seed))
        return Projection(features[:, :2], labels, np.ones(2), 0.0, 1.0)

    monkeypatch.setattr(module, "project", project)
    return calls


def test_feature_space_of_its_own_dataset(left_out_features, drawn, projected, tmp_path):
    for row, level in (("deep", 100.0), ("shallow", 0.0)):
        left_out_features.add(row, "allidb2", "allidb1", level=level)
    assert left_out_features.draw(tmp_path, seed=7, not_comparable="drawn data") == [
        "figure5.png",
        "figure6.png",
        "confusion_deep.png",
        "confusion_shallow.png",
    ]
    # A panel for each row, in the figure's order, of the ten pictures of the dataset alone.
    assert [len(features) for features, _, _ in projected] == [10] * 4
    assert [features.mean() > 50 for features, _, _ in projected] == [False, True, False, True]
    assert all(labels.tolist() == [0] * 5 + [1] * 5 and seed == 7 for _, labels, seed in projected)
    (panels, class_names, _), options = drawn["feature_space"][0]
    assert [title for title, _ in panels] == ["Shallow", "Deep"]
    assert class_names == ("non-pathological", "pathological")
    assert options["caption"] == "Figure 5: Space 5"
    assert options["mark"] == "Not comparable with the paper: drawn data"


def test_feature_space_is_of_the_first_run_under_the_main_split(
    left_out_features, drawn, projected, tmp_path
):
    left_out_features.add("deep", "allidb1", split="lodocv_strict", level=300)
    left_out_features.add("deep", "allidb1", run=0, level=100)
    left_out_features.add("deep", "allidb1", run=1, level=200)
    left_out_features.draw(tmp_path, only="figure5")
    ((features, _, _),) = projected
    assert features.mean() == pytest.approx(100, abs=2)


def test_row_without_features_says_why(left_out_features, drawn, projected, tmp_path):
    left_out_features.add("deep", "allidb1")
    assert left_out_features.draw(
        tmp_path, only="figure5", missing={"shallow": "its published weights aren't at hand"}
    ) == ["figure5.png"]
    ((panels, *_), _) = drawn["feature_space"][0]
    assert panels[0] == ("Shallow", "Not measured: its published weights aren't at hand")
    assert isinstance(panels[1][1], Projection)


def test_row_that_never_tests_the_dataset_says_so(left_out_features, drawn, projected, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb2")
    left_out_features.draw(tmp_path, only="figure5")
    ((panels, *_), _) = drawn["feature_space"][0]
    assert panels[0] == ("Shallow", "Not measured: not tested by this row")


def test_features_that_have_no_plane_say_why(left_out_features, drawn, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb1", n=1)
    left_out_features.draw(tmp_path, only="figure5")
    ((panels, *_), _) = drawn["feature_space"][0]
    assert panels[0][1].startswith("Not drawn: There are 2 pictures")


def test_no_feature_space_where_no_row_has_features(left_out_features, drawn, tmp_path):
    left_out_features.add("deep", "allidb1", n=1)
    assert left_out_features.draw(tmp_path, only="figure5") == []
    assert left_out_features.draw(tmp_path, only="figure6") == []


def test_datasets_that_the_paper_does_not_test_stand_in_the_first_figure(
    left_out_features, drawn, projected, tmp_path
):
    left_out_features.add("deep", "ufg")
    left_out_features.add("deep", "jtsc")
    assert left_out_features.draw(tmp_path, only="figure5") == ["figure5_ufg.png", "figure5_jtsc.png"]
    assert left_out_features.draw(tmp_path, only="figure6") == []
    captions = [options["caption"] for _, options in drawn["feature_space"]]
    assert captions[0].startswith("Figure 5: Space 5, here of ")
    assert captions[0].endswith(" in place of ALL-IDB 1")


def test_they_stand_nowhere_where_one_of_the_paper_s_own_is_tested(
    left_out_features, drawn, projected, tmp_path
):
    left_out_features.add("deep", "allidb2")
    left_out_features.add("deep", "ufg")
    assert left_out_features.draw(tmp_path, only="figure5") == []
    assert left_out_features.draw(tmp_path, only="figure6") == ["figure6.png"]


def test_of_thousands_of_pictures_some_are_shown_and_always_the_same(
    left_out_features, drawn, projected, tmp_path
):
    left_out_features.add("deep", "allidb1", n=700)
    for seed in (0, 0, 1):
        left_out_features.draw(tmp_path, only="figure5", seed=seed)
    assert [len(features) for features, _, _ in projected] == [1000] * 3
    assert (projected[0][0] == projected[1][0]).all()
    assert (projected[0][0] != projected[2][0]).any()
    assert {options["caption"] for _, options in drawn["feature_space"]} == {
        "Figure 5: Space 5 (at most 1,000 pictures, drawn at random)"
    }


def test_filters_stand_beside_their_picture(left_out_features, drawn, tmp_path):
    rng = np.random.default_rng(0)
    assert left_out_features.draw(tmp_path, only="figure3") == []
    sketch = FilterSketch(
        titles=["pathological, ALL-IDB 1", "non-pathological, ALL-IDB 1"],
        pictures=np.stack([PICTURE, 255 - PICTURE]),
        layers=["block1_conv2", "block5_conv3"],
        filters=[np.array([[3, 1], [0, 2]]), np.array([[511], [7]])],
        maps=[rng.random((2, 2, 8, 8)), rng.random((2, 1, 2, 2))],
    )
    sketch.save(tmp_path, "figure3")
    assert left_out_features.draw(tmp_path, only="figure3") == ["figure3.png"]
    ((panels, _), options) = drawn["filters"][0]
    assert [panel.title for panel in panels] == sketch.titles
    np.testing.assert_array_equal(panels[1].picture, sketch.pictures[1])
    (name, filters, maps), (other, last, _) = panels[1].maps
    assert (name, filters.tolist(), other, last.tolist()) == ("block1_conv2", [0, 2], "block5_conv3", [7])
    np.testing.assert_array_equal(maps, sketch.maps[0][1])
    assert options["caption"].startswith("Figure 3: Filters (of the last convolution before each pooling")


def test_figures_of_left_out_datasets_are_written(left_out_features, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb1")
    assert left_out_features.draw(tmp_path, only="figure5") == ["figure5.png"]
    assert (tmp_path / "figures" / "figure5.png").read_bytes().startswith(b"\x89PNG")
