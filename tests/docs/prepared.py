"""The folder in which the commands of the pages are run, and papers that are small enough for it."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn import papers, spec, synthetic
from leukcnn.prediction import SavedNetwork
from tests import tiny
from tests.own_papers import own_paper

# A row of each paper's smoke profile is enough to see that its command works.
ROWS = {
    "cnmc2019": "vgg16",
    "alertnet": "alertnet_rwd",
    "leuknet_lodocv": "leuknet",
    "taleghani_resnet50": "four_blocks",
    "allidb_lightweight": "lightweight",
}
CLASSES = {"normal": (214, 186, 205), "blast": (168, 120, 190), "reactive": (190, 150, 160)}


def small_papers() -> Callable[[str], spec.Paper]:
    """Returns a function in place of `papers.get`, which gives small papers."""
    made = {
        "cnmc2019": tiny.tiny_paper(),
        "alertnet": tiny.tiny_folds_paper(),
        "leuknet_lodocv": tiny.tiny_lodocv_paper(),
        "taleghani_resnet50": tiny.tiny_stages_paper(),
        "allidb_lightweight": tiny.tiny_separate_datasets_paper(),
    }
    for key, row in ROWS.items():
        profiles = tuple(
            replace(profile, rows=(row,), runs=1) if profile.name == "smoke" else profile
            for profile in made[key].profiles
        )
        made[key] = replace(made[key], profiles=profiles)
    get = papers.get
    return lambda name: made[name] if name in made else get(name)


def scale_down(patch: pytest.MonkeyPatch, *, figures: bool = True) -> None:
    """Lets papers, forests and the networks of `leukcnn evaluate` be small.

    Without `figures`, a figure is a file of one pixel, and mistakes have no heat maps: most of a small run's
    time is spent on them.
    """
    patch.setattr(papers, "get", small_papers())
    patch.setattr("leukcnn.evaluation.controls._TREES", 5)
    patch.setattr("leukcnn.studies.study._FOLDS", 2)
    patch.setattr("leukcnn.studies.study._FEWEST_EPOCHS", 1)
    patch.setattr("leukcnn.studies.study._MOST_EPOCHS", 1)
    patch.setattr("leukcnn.studies.study.SMALL_IMAGE", 32)
    patch.setattr("leukcnn.studies.study._CONTROL_SIZE", 64)
    patch.setattr("leukcnn.html_report.curves.N_RESAMPLES", 20)
    if not figures:
        pixel = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
        patch.setattr("leukcnn.rendering.canvas._plotted", lambda *_, **__: pixel)
        no_heat = (np.empty((0, 1, 1)), "", "left out in this test")
        patch.setattr("leukcnn.outputs.page_images._heat", lambda *_: no_heat)


def prepare(folder: Path) -> None:
    """Writes what the pages name: images of one's own, with labels, a paper, and a dataset."""
    write_smears(folder / "my_smears")
    for number, name in enumerate(("lab_a", "lab_b"), start=1):
        write_smears(folder / name, seed=number)
    write_labels(folder)
    shutil.copy(min((folder / "my_smears" / "blast").glob("*.png")), folder / "smear.png")
    own_paper(folder, "my_paper")
    synthetic.write("cnmc2019", folder / "data", seed=0, counts=tiny.COUNTS)
    for name in ("model.keras", "fold0.keras", "fold1.keras"):
        write_network(folder / name)


def write_network(path: Path) -> None:
    """Writes a network of the classes of `my_smears`, as a trial saves one."""
    network = tiny.TinyNetwork(input_shape=(24, 24, 3), classes=len(CLASSES))
    origin = {"paper": "my_study", "row": "tiny", "profile": "paper", "seed": 0}
    SavedNetwork(network, spec.Preprocessing(resize=24), tuple(CLASSES), origin).save(path)


def write_smears(folder: Path, *, seed: int = 0) -> None:
    """Writes 12 images of each class, three patients each, with a colour that differs a little by class."""
    rng = np.random.default_rng(seed)
    for number, (name, colour) in enumerate(CLASSES.items()):
        (folder / name).mkdir(parents=True)
        for image in range(12):
            patient = f"patient_{3 * number + image % 3 + 1:02d}"
            pixels = np.clip(rng.normal(colour, 14, (64, 64, 3)), 0, 255).astype(np.uint8)
            centre = tuple(map(int, rng.integers(20, 44, 2)))
            cv2.circle(pixels, centre, 8 + 3 * number, (120, 40, 90), -1)
            cv2.imwrite(str(folder / name / f"{patient}_slide_{image % 2 + 1}_{image:02d}.png"), pixels)


def write_labels(folder: Path) -> None:
    """Writes `labels.csv`, which names the images of `my_smears` with label, patient and slide."""
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "patient", "slide"])
        for path in sorted((folder / "my_smears").rglob("*.png")):
            patient, slide = path.name[:10], path.name[11:18]
            writer.writerow([path.relative_to(folder).as_posix(), path.parent.name, patient, slide])
