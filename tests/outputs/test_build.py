"""Tests of which figures are plotted, and of their marks and captions."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.errors import StoreError
from leukcnn.outputs.build import build_figures
from leukcnn.rendering.figures import heat, overlay
from tests.outputs.png import keep, names

IMAGE = np.full((30, 30, 3), 90, dtype=np.uint8)
KEPT = {
    "figure2": {"titles": ["malignant, subject 1", "healthy, subject H1"], "images": [IMAGE, IMAGE]},
    "figure3": {"titles": ["source", "rotated"], "images": [IMAGE, IMAGE]},
    "figure4": {"columns": [["(a)", [["Dense 2, softmax", "dense", []]]], ["(b)", [["Flatten", "", []]]]]},
}


@pytest.fixture
def trained(experiment, make_predictions, tmp_path):
    """VGG16 and Xception are trained, VGG19 isn't; the captures are in the experiment's folder."""
    keep(tmp_path, **KEPT)
    for row in ("vgg16", "xception"):
        experiment.add(row, make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


def test_figures_of_what_was_trained_are_written(trained, tmp_path):
    paths = build_figures(trained.results(), tmp_path)
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
def test_only_that_figure_is_plotted(trained, plotted, tmp_path, only, expected):
    assert names(build_figures(trained.results(), tmp_path, only=only)) == expected


def test_a_row_s_id_plots_all_figures(trained, plotted, tmp_path):
    assert len(build_figures(trained.results(), tmp_path, only="vgg16")) == 7


def test_segmented_images_are_next_to_their_originals_two_pairs_in_a_line(staged, plotted, tmp_path):
    titles, images = ["benign, a", "segmented: 0 % kept"], [IMAGE, 0 * IMAGE]
    keep(tmp_path, segmentation={"titles": titles, "images": images})
    figure = spec.Figure("segmentation", "What is kept", "segmentation", "")
    assert names(build_figures(staged(figures=(figure,)).results(), tmp_path)) == ["segmentation.png"]
    ((panels, _), options) = plotted["images"][0]
    assert [title for title, _ in panels] == titles
    np.testing.assert_array_equal(panels[1][1], 0 * IMAGE)
    assert options["n_columns"] == 4


def test_each_figure_gets_its_own_captures(trained, plotted, tmp_path):
    build_figures(trained.results(), tmp_path)
    for name, ((panels, _), _) in zip(("figure2", "figure3"), plotted["images"], strict=True):
        assert [title for title, _ in panels] == KEPT[name]["titles"]
    assert plotted["topology"][0][0][0] == KEPT["figure4"]["columns"]


@pytest.mark.parametrize("name", KEPT)
def test_a_missing_capture_is_a_store_error(trained, tmp_path, name):
    (tmp_path / "captured" / f"{name}.npz").unlink()
    with pytest.raises(StoreError, match=rf"{name}\.npz is gone"):
        build_figures(trained.results(), tmp_path)


def test_all_figures_but_the_topology_have_the_mark(trained, plotted, tmp_path):
    build_figures(trained.results(not_comparable="synthetic data"), tmp_path)
    for name, calls in plotted.items():
        mark = "" if name == "topology" else "Not comparable with the paper: synthetic data"
        assert {options.get("mark", "") for _, options in calls} == {mark}


def test_comparable_figures_have_no_mark_and_name_their_place(trained, plotted, tmp_path):
    build_figures(trained.results(), tmp_path)
    assert {options.get("mark", "") for calls in plotted.values() for _, options in calls} == {""}
    assert plotted["images"][0][1]["caption"] == "Figure 2: Cells of both classes"
    assert plotted["confusion_matrices"][0][1]["caption"] == "Confusion matrices on the test set"


MAPS = {
    "titles": ["HBS, Atlas", "ALL, UFG"],
    "images": np.stack([IMAGE, IMAGE]),
    "mean": np.linspace(0, 1, 50, dtype=np.float32).reshape(2, 5, 5),
    "grad_cam": np.linspace(1, 0, 50, dtype=np.float32).reshape(2, 5, 5),
    "layer": "conv5",
}


def test_activation_maps_are_next_to_their_image(alertnet, plotted, tmp_path):
    keep(tmp_path, figure3=MAPS)
    results = alertnet.results(split="kfold", datasets={}, not_comparable="synthetic data")
    assert names(build_figures(results, tmp_path, only="figure3")) == ["figure3.png"]
    ((panels, _), options) = plotted["images"][0]
    names_of_one = ("Mean activation", "Grad-CAM")
    assert [title for title, _ in panels] == [t for one in MAPS["titles"] for t in (one, *names_of_one)]
    assert options["n_columns"] == 3
    for i in range(2):
        expected = (IMAGE, *(overlay(IMAGE, MAPS[name][i]) for name in ("mean", "grad_cam")))
        for (_, image), right in zip(panels[3 * i : 3 * i + 3], expected, strict=True):
            np.testing.assert_array_equal(image, right)
    assert options["caption"] == "Figure 3: Activation maps of Alert Net-RWD (layer conv5)"
    assert options["mark"] == "Not comparable with the paper: synthetic data"


def test_activation_maps_are_plotted_when_their_row_is_trained(alertnet, tmp_path):
    results = alertnet.results(split="kfold", datasets={})
    assert build_figures(results, tmp_path, only="figure3") == []
    keep(tmp_path, figure3=MAPS)
    (path,) = build_figures(results, tmp_path, only="figure3")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_filters_are_next_to_their_image(left_out, plotted, tmp_path):
    experiment, rng = left_out(), np.random.default_rng(0)
    figure = spec.Figure("figure3", "Filters", "filters", "Figure 3", rows=("deep",))
    experiment.paper = replace(experiment.paper, figures=(figure,))
    assert build_figures(experiment.results(), tmp_path) == []
    kept = {
        "titles": ["pathological, ALL-IDB 1", "non-pathological, ALL-IDB 1"],
        "images": np.stack([IMAGE, 255 - IMAGE]),
        "layers": ["block1_conv2", "block5_conv3"],
        "filters": [np.array([[3, 1], [0, 2]]), np.array([[511], [7]])],
        "maps": [rng.random((2, 2, 8, 8)), rng.random((2, 1, 2, 2))],
    }
    keep(tmp_path, figure3=kept)
    assert names(build_figures(experiment.results(), tmp_path)) == ["figure3.png"]
    ((panels, _), options) = plotted["images"][0]
    lines = [panels[i : i + 3] for i in range(0, 12, 3)]
    assert [[panel and panel[0] for panel in line] for line in lines[2:]] == [
        ["non-pathological, ALL-IDB 1", "block1_conv2, filter 0", "block5_conv3, filter 7"],
        [None, "block1_conv2, filter 2", None],
    ]
    np.testing.assert_array_equal(lines[2][0][1], kept["images"][1])
    np.testing.assert_array_equal(lines[3][1][1], heat(kept["maps"][0][1, 1]))
    assert options["n_columns"] == 3
    assert options["caption"].startswith("Figure 3: Filters (the filters with the strongest response")
