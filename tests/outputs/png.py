"""Images on disk and helpers that tests of captures and figures share."""

import hashlib
from dataclasses import replace
from importlib import import_module

import cv2
import numpy as np
import pytest

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.fields import replace_at
from leukcnn.outputs.build import kind_of
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import Capture, Material
from leukcnn.spec.kinds import FIGURES
from leukcnn.trial_files import Predictions
from tests import indices
from tests.stores import FakeExperiment


@pytest.fixture
def cells(tmp_path) -> ImageIndex:
    """Six malignant and six healthy training cells, then two without a label and two of another subset."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(16)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    return indices.index_of(
        np.array([1, 0] * 6 + [-1, -1, 1, 0]),
        class_names=("healthy", "malignant"),
        dataset="cnmc2019",
        paths=paths,
        ids=np.array([path.name for path in paths]),
        group=np.array([str(i) for i in range(15)] + [""]),
        subset=np.array(["training"] * 14 + ["preliminary"] * 2),
        sha256=indices.sha256_of(paths),
    )


@pytest.fixture
def smears(cells) -> ImageIndex:
    """The same images as smears of three classes from two datasets."""
    return replace(
        cells,
        labels=np.arange(16) % 3,
        class_names=("HBS", "ALL", "AML"),
        dataset=np.array(["allidb2"] * 8 + ["atlas"] * 8),
        subset=np.full(16, "all"),
    )


def material_of(index: ImageIndex, paper, folder, **record) -> Material:
    """Returns the material of some images before anything is trained."""
    return Material(FakeExperiment(folder, paper).results(profile="smoke", **record), index)


def captured(item, material: Material) -> dict:
    """Returns the captures of a table or figure, by name."""
    return {one.name: dict(one.make()) for one in kind_of(item).capture(item, material)}


def keys(item, material: Material) -> dict[str, str]:
    """Returns the keys of the captures of a table or figure, by name."""
    return {one.name: one.key for one in kind_of(item).capture(item, material)}


def with_size(paper, path: str, image_size: int):
    """Returns a paper with that image size, which is too small for the controls that look at a border."""
    rows = tuple(
        replace(row, setup=replace_at(row.setup, f"preprocessing.{path}", image_size)) for row in paper.rows
    )
    return replace(paper, rows=rows, controls=("majority",))


def same(one, other) -> bool:
    """Whether two captures of images are equal."""
    return one["titles"] == other["titles"] and all(
        np.array_equal(a, b) for a, b in zip(one["images"], other["images"], strict=True)
    )


def keep(folder, **captures) -> None:
    """Keeps captures in an experiment's folder, with the key "k" unless they have their own."""
    for name, values in captures.items():
        values = dict(values)
        Captured(folder).keep(Capture(name, values.pop("key", "k"), lambda values=values: values))


def names(paths) -> list[str]:
    return [path.name for path in paths]


@pytest.fixture
def plotted(monkeypatch):
    """Records the arguments of each plotting function, by its name without "plot_"."""
    calls = {}
    for module in map(import_module, sorted({kind.module for kind in FIGURES.values()})):
        for name in [name for name in vars(module) if name.startswith("plot_") and name != "plot_kept"]:

            def record(*args, _name=name, **options):
                calls.setdefault(_name.removeprefix("plot_"), []).append((args, options))
                return next(value for value in args if hasattr(value, "with_name"))

            monkeypatch.setattr(module, name, record)
    return calls


THRESHOLD = spec.Preprocessing(resize=16, threshold="least_frequent", squeeze=True)
CELLS = tuple(
    spec.Figure(f"figure{i}", f"Title {i}", kind, f"Figure {i}", rows=("deep",))
    for i, kind in ((2, "histograms"), (3, "extraction"), (4, "confusion"), (5, "misclassified"))
)


class ThresholdedTasks:
    """An experiment that thresholds, and cross-validates each task by itself in two folds."""

    def __init__(self, experiment, tested, preprocessing=THRESHOLD):
        rows = tuple(
            replace(row, setup=replace(row.setup, preprocessing=preprocessing))
            for row in experiment.paper.rows
        )
        threshold = spec.Assumption("threshold", field="preprocessing.threshold", reason="r", where="w")
        figures = tuple(replace(f, rows=() if f.kind == "confusion" else f.rows) for f in CELLS)
        experiment.paper = replace(
            experiment.paper, rows=rows, assumptions=(threshold,), figures=figures, controls=("majority",)
        )
        self.experiment, self.tested = experiment, tested

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


@pytest.fixture
def thresholded(left_out, tested):
    """Returns a function that makes an experiment that thresholds."""
    return lambda **options: ThresholdedTasks(left_out(), tested, **options)


def disc_image(number: int, shape=(30, 40)) -> np.ndarray:
    """Returns an image of a nucleus of 6 pixels radius and a paler disc; the number moves both."""
    image = np.full((*shape, 3), (240, 235, 230), np.uint8)
    cv2.circle(image, (8 + number % 9, 10), 6, (90, 40, 120), -1)
    cv2.circle(image, (30 - number % 5, 20), 6, (210, 160, 170), -1)
    return image


def index_of(folder, places: list[tuple[str, int]], **options) -> ImageIndex:
    """Returns images of discs, each with a dataset and a label."""
    paths = [folder / f"{i:02}.png" for i in range(len(places))]
    for i, path in enumerate(paths):
        cv2.imwrite(str(path), disc_image(i, **options)[..., ::-1])
    n = len(paths)
    return ImageIndex(
        paths=paths,
        ids=np.array([f"{dataset}/{path.name}" for (dataset, _), path in zip(places, paths, strict=True)]),
        labels=np.array([label for _, label in places]),
        class_names=("healthy", "ALL"),
        dataset=np.array([dataset for dataset, _ in places]),
        group=np.full(n, ""),
        subset=np.array([card(dataset).subsets[0].key for dataset, _ in places]),
        fold=np.full(n, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )
