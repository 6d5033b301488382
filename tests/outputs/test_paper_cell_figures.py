"""Tests of the figures of thresholding, of misclassified pictures and of datasets by themselves."""

from dataclasses import replace

import numpy as np
import pytest
from leukcnn.outputs.cell_sketches import Misclassified, tasks_of
from leukcnn.outputs.paper_figures import paper_figures
from leukcnn.outputs.sketches import Sketches

from leukcnn import spec
from leukcnn.outputs import paper_figures as module
from leukcnn.preprocessing import wbc_mask
from leukcnn.runs import Predictions


@pytest.fixture
def drawn(monkeypatch):
    """What each drawing function was called with."""
    calls = {}
    for name in ("histograms", "extraction", "confusions", "misclassified"):

        def record(*args, _name=name, **options):
            calls.setdefault(_name, []).append((args, options))
            return args[-1]

        monkeypatch.setattr(module, f"draw_{name}", record)
    return calls


def names(paths) -> list[str]:
    return [path.name for path in paths]


def smear(*, side=60) -> np.ndarray:
    """A nucleus, a paler disc and bright ground: three grey levels."""
    picture = np.full((side, side, 3), 230, np.uint8)
    picture[5:15, 5:25], picture[30:40, 30:50] = (90, 40, 120), 160
    return picture


SMEARS = [("ALL, ALL-IDB 1, Im001_1", smear()), ("healthy, ALL-IDB 2, Im9_0", smear(side=50))]
THRESHOLD = spec.Preprocessing(resize=16, threshold="least_frequent", squeeze=True)
CELLS = tuple(
    spec.Figure(f"figure{i}", f"Title {i}", kind, f"Figure {i}", rows=("deep",))
    for i, kind in ((2, "histograms"), (3, "extraction"), (4, "confusion"), (5, "misclassified"))
)


class Apart:
    """An experiment that thresholds, and cross-validates two datasets each by itself in two folds."""

    def __init__(self, experiment, preprocessing=THRESHOLD):
        rows = tuple(
            replace(row, setup=replace(row.setup, preprocessing=preprocessing))
            for row in experiment.paper.rows
        )
        threshold = spec.Assumption("threshold", sets="preprocessing.threshold", reason="r", where="w")
        figures = tuple(replace(f, rows=() if f.kind == "confusion" else f.rows) for f in CELLS)
        experiment.paper = replace(experiment.paper, rows=rows, assumptions=(threshold,), figures=figures)
        self.experiment = experiment

    def add(self, row, *datasets, folds=(0, 1), **counts):
        for fold in (0, 1):
            of_each = [
                replace(p, image=np.char.replace(p.image, "/", f"/{fold}_"))
                for p in (self.tested(dataset, **counts) for dataset in datasets)
            ]
            predictions = Predictions.join(of_each)
            self.experiment.add(row, predictions, fold=fold, tested=datasets, finished=fold in folds)

    def results(self, **changes):
        return self.experiment.results(**({"split": "kfold", "runs": 1} | changes))

    def keep(self, folder, *, row="deep", thresholded=True, **changes):
        """Keeps the misclassified pictures of a row, none of which is read."""
        results = self.results(**changes)
        for task in tasks_of(results, replace(CELLS[3], rows=(row,))):
            said = task.predictions
            wrong = np.flatnonzero(said.predicted != said.label)
            n = len(wrong)
            masks = np.zeros((n if thresholded else 0, 16, 16), np.uint8)
            masks[:, :4] = 255
            Misclassified(
                images=said.image[wrong].tolist(),
                label=said.label[wrong],
                predicted=said.predicted[wrong],
                score=said.probabilities.max(axis=1)[wrong],
                class_names=said.class_names,
                pictures=np.full((n, 16, 16, 3), 200, np.uint8),
                masks=masks,
                fed=np.full((n, 16, 16, 3), 90 if thresholded else 200, np.uint8),
                n_wrong=n + 5,
                n_tested=len(said),
                key=task.key,
            ).save(folder, task.name)


@pytest.fixture
def apart(left_out, tested, tmp_path):
    """Makes an experiment with its sketches beside."""
    Sketches([], [], {}, smears=SMEARS).save(tmp_path)

    def make(**options):
        made = Apart(left_out(), **options)
        made.tested = tested
        return made

    return make


def test_histograms_and_extraction_follow_the_first_row_s_rule(apart, drawn, tmp_path):
    results = apart().results(not_comparable="drawn data")
    assert names(paper_figures(results, tmp_path, only="figure2")) == ["figure2.png"]
    assert names(paper_figures(results, tmp_path, only="figure3")) == ["figure3.png"]
    ((smears, _), options) = drawn["histograms"][0]
    assert [title for title, _ in smears] == [title for title, _ in SMEARS]
    assert options["rule"] == "least_frequent"
    assert options["mark"] == "Not comparable with the paper: drawn data"
    ((extractions, _), options) = drawn["extraction"][0]
    for one, (title, picture) in zip(extractions, SMEARS, strict=True):
        assert one.title == title
        np.testing.assert_array_equal(one.mask, wbc_mask(picture, rule="least_frequent"))
        assert one.fed.shape == (16, 16, 3)
    assert options["caption"] == 'Figure 3: Title 3 (by the rule "least_frequent")'


@pytest.mark.parametrize("only", ["figure2", "figure3"])
def test_assumption_changes_the_rule_and_without_one_the_darkest_cluster_is_shown(
    apart, drawn, tmp_path, only
):
    for assumed in ("darkest", "none"):
        paper_figures(apart().results(assumed={"threshold": assumed}), tmp_path, only=only)
    (one, other) = (options for _, options in drawn["histograms" if only == "figure2" else "extraction"])
    assert one["caption"].endswith('(by the rule "darkest")')
    assert other["caption"].endswith('(by the rule "darkest"; the networks here see whole pictures)')
    if only == "figure2":
        assert one["rule"] == other["rule"] == "darkest"


def test_reduced_pictures_are_said_to_be(apart, drawn, tmp_path):
    large = np.zeros((300, 512, 3), np.uint8)
    Sketches([], [], {}, smears=[("large", large)]).save(tmp_path)
    paper_figures(apart().results(), tmp_path, only="figure2")
    assert "Larger pictures are reduced to 512 pixels here" in drawn["histograms"][0][1]["caption"]


def test_without_pictures_nothing_is_thresholded(apart, drawn, tmp_path):
    Sketches([], [], {}).save(tmp_path)
    for only in ("figure2", "figure3"):
        assert paper_figures(apart().results(), tmp_path, only=only) == []


def test_matrices_of_all_rows_and_datasets_stand_on_one_sheet(apart, drawn, tmp_path):
    experiment = apart()
    experiment.add("shallow", "allidb1", tp=3, fn=1, fp=2, tn=4)
    experiment.add("deep", "allidb1", tp=5, tn=5)
    experiment.add("deep", "jtsc", "bloodline", tp=2, tn=1, fp=1)
    experiment.add("shallow", "jtsc", "bloodline", tp=2, tn=2, folds=(0,))
    assert names(paper_figures(experiment.results(), tmp_path, only="figure4")) == ["figure4.png"]
    ((grid, class_names, _), options) = drawn["confusions"][0]
    assert class_names == ("non-pathological", "pathological")
    assert options["caption"] == "Figure 4: Title 4"
    (deep_one, deep_other), (shallow_one, shallow_other) = grid
    # Two folds of each; the columns are in the order of the trials.
    assert deep_one[0] == "Deep, k-fold on ALL-IDB 1"
    assert deep_other[0] == "Deep, k-fold on JTSC, Bloodline"
    np.testing.assert_array_equal(deep_one[1], [[10, 0], [0, 10]])
    np.testing.assert_array_equal(deep_other[1], [[4, 4], [0, 8]])
    np.testing.assert_array_equal(shallow_one[1], [[8, 4], [2, 6]])
    # A fold of it isn't finished.
    assert shallow_other is None


def test_rows_that_are_not_trained_have_no_line_of_matrices(apart, drawn, tmp_path):
    experiment = apart()
    assert paper_figures(experiment.results(), tmp_path, only="figure4") == []
    experiment.experiment.planned.clear()
    experiment.add("shallow", "allidb2", tp=3, tn=4)
    paper_figures(experiment.results(), tmp_path, only="figure4")
    (((title, _),),) = drawn["confusions"][0][0][0]
    assert title == "Shallow, k-fold on ALL-IDB 2"


def test_misclassified_have_a_sheet_for_each_dataset_of_their_row(apart, drawn, tmp_path):
    experiment = apart()
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    experiment.add("deep", "jtsc", "bloodline", tp=3, fp=1, tn=4)
    experiment.add("shallow", "allidb1", tp=3, fn=1, tn=4)
    experiment.keep(tmp_path)
    assert names(paper_figures(experiment.results(), tmp_path, only="figure5")) == [
        "figure5_deep_allidb1.png",
        "figure5_deep_jtsc_bloodline.png",
    ]
    ((panels, _), options), ((others, _), _) = drawn["misclassified"]
    assert len(panels) == 2
    title, pictures = panels[0]
    assert title.replace("\u00a0", " ") == (
        "0_3: true pathological, taken for non-pathological, score 0.80 for non-pathological; mask 25.0 %"
    )
    # The picture, its mask, what the network was fed.
    assert [int(picture.max()) for picture in pictures] == [200, 255, 90]
    assert options["caption"] == (
        "Figure 5: Title 5. Deep, k-fold on ALL-IDB 1: 1 to 2 of 7 misclassified pictures, of 16 tested, the "
        "surest mistakes first. From left to right the picture, its mask and what the network was fed"
    )
    # Of several datasets together, each picture's is named.
    assert {panel[0].split(":")[0].split(" ")[0] for panel in others} == {"JTSC", "Bloodline"}


def test_more_misclassified_than_a_sheet_holds_go_on_on_the_next(apart, drawn, tmp_path):
    experiment = apart()
    # In each of two folds 8 wrong.
    experiment.add("deep", "allidb1", tp=3, fn=8, tn=4)
    experiment.keep(tmp_path)
    paths = paper_figures(experiment.results(), tmp_path, only="figure5")
    assert names(paths) == ["figure5_deep_allidb1.png", "figure5_deep_allidb1_2.png"]
    sheets = [panels for ((panels, _), _) in drawn["misclassified"]]
    assert [len(panels) for panels in sheets] == [12, 4]
    titles = [title for panels in sheets for title, _ in panels]
    assert len(set(titles)) == 16
    assert "13 to 16 of 21 misclassified" in drawn["misclassified"][1][1]["caption"]


def test_misclassified_of_other_predictions_are_left_out(apart, drawn, tmp_path):
    experiment = apart()
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    assert paper_figures(experiment.results(), tmp_path, only="figure5") == []
    experiment.keep(tmp_path)
    assert len(paper_figures(experiment.results(), tmp_path, only="figure5")) == 1
    experiment.experiment.planned.clear()
    experiment.add("deep", "allidb1", tp=2, fn=2, tn=4)
    assert paper_figures(experiment.results(), tmp_path, only="figure5") == []


def test_without_threshold_the_misclassified_stand_alone(apart, drawn, tmp_path):
    experiment = apart(preprocessing=replace(THRESHOLD, threshold="none"))
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    experiment.keep(tmp_path, thresholded=False)
    paper_figures(experiment.results(), tmp_path, only="figure5")
    ((panels, _), options) = drawn["misclassified"][0]
    assert [len(pictures) for _, pictures in panels] == [1, 1]
    assert "mask" not in panels[0][0] + options["caption"]


def test_nothing_misclassified_is_said(apart, drawn, tmp_path):
    experiment = apart()
    experiment.add("deep", "allidb1", tp=4, tn=4)
    experiment.keep(tmp_path)
    assert names(paper_figures(experiment.results(), tmp_path, only="figure5")) == [
        "figure5_deep_allidb1.png"
    ]
    ((panels, _), options) = drawn["misclassified"][0]
    assert panels == []
    assert options["nothing"] == "no picture of 16 misclassified"
    assert options["caption"] == "Figure 5: Title 5. Deep, k-fold on ALL-IDB 1"


def test_figures_of_thresholding_are_written(apart, tmp_path):
    experiment = apart()
    experiment.add("deep", "allidb1", tp=3, fn=1, tn=4)
    experiment.keep(tmp_path)
    paths = paper_figures(experiment.results(), tmp_path)
    assert names(paths) == ["figure2.png", "figure3.png", "figure4.png", "figure5_deep_allidb1.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
