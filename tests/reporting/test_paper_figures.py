import numpy as np
import pytest

from leukcnn.errors import StoreError
from leukcnn.reporting import paper_figures as module
from leukcnn.reporting.paper_figures import paper_figures
from leukcnn.reporting.sketches import ActivationMaps, Sketches

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
    for name in ("samples", "topology", "history", "confusion", "overlays"):

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
