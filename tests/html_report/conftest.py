"""Pages of runs that no training made."""

import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.html_report import Contents, write
from leukcnn.outputs.answer import answer_of
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.captures import COPIES, MISTAKES, Captured
from leukcnn.outputs.kind import Capture
from leukcnn.outputs.page_images import _jpeg
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions
from tests.stores import FakeExperiment, separate_datasets, stages_paper, tested  # noqa: F401

HOSTILE = "<script>alert('x')</script>\"&{{ 7 * 7 }}"
"""A text that must be shown as it is."""

TABLE = spec.Table("report", f"Report {HOSTILE}", "metrics", axes=("row",), metrics=("accuracy", "macro_f1"))


def sampled(
    class_names: tuple[str, ...], *, n: int = 120, skill: float = 0.7, seed: int = 0, labels=None
) -> Predictions:
    """Returns predictions with spread-out probabilities, right more often the higher `skill` is."""
    rng, k = np.random.default_rng(seed), len(class_names)
    labels = np.arange(n) % k if labels is None else labels
    logits = rng.normal(size=(n, k)) + 4 * skill * np.eye(k)[labels]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(
        image=np.array([f"folder/image {i}.png" for i in range(n)]),
        subset=np.full(n, "test"),
        checkpoint=np.full(n, "val_accuracy"),
        group=np.array([f"patient {i // 3}" for i in range(n)]),
        label=labels,
        probabilities=p,
        class_names=class_names,
    )


def paper_of(class_names: tuple[str, ...], *, label: str = "From scratch") -> spec.Paper:
    """Returns a paper with these classes, two rows and two controls."""
    paper = stages_paper(TABLE)
    return replace(
        paper,
        title=f"Own images {HOSTILE}",
        classes=class_names,
        positive_class="",
        class_of={one: one for one in class_names},
        rows=(paper.rows[0], replace(paper.rows[1], label=label)),
        findings=(spec.Finding(f"A finding {HOSTILE}", "Table 1"),),
        controls=("majority", "border"),
    )


def made(experiment: FakeExperiment, folder: Path, *, audit: Table | None = None, **record) -> str:
    """Writes the page of an experiment, and returns it."""
    values = {"split": "random", "datasets": {}, "counts": {}, "final_total": 0} | record
    results = experiment.results(**values)
    return page_of(results, folder, audit=audit)


def page_of(results: Results, folder: Path, *, audit: Table | None = None, faults=()) -> str:
    answer = answer_of(results).lines()
    contents = Contents(answer, build_tables(results), assumption_table(results), faults=faults, audit=audit)
    return write(results, folder, contents).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """Returns the text of a page without its tags."""
    body = page[page.index("<body>") : page.index("<script>")]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def keep_images(folder: Path, row: str) -> None:
    """Keeps two mistakes of a row and one pair of copies with hostile names."""
    image = _jpeg(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8), 32)
    mistakes = {
        "names": [f"folder/{HOSTILE}.png", "folder/b.png"],
        "true": ["normal", "blast"],
        "predicted": [HOSTILE, "normal"],
        "scores": [0.97, 0.61],
        "fold": 0,
        "n_wrong": 5,
        "n_tested": 40,
        "layer": "relu_4",
        "why_no_heat": "",
        "images": [image, image],
        "heat": [image, image],
    }
    pairs = [
        {"images": [f"a{i}.png", f"b{i} {HOSTILE}.png"], "classes": ["normal", "blast"], "identical": i > 0}
        for i in range(3)
    ]
    copies = {"pairs": pairs, "n_identical": 2, "n_near": 1, "n_two_classes": 3, "images": [image, image]}
    captured = Captured(folder)
    captured.keep(Capture(f"{MISTAKES}_{row}", "a", lambda: mistakes))
    captured.keep(Capture(COPIES, "a", lambda: copies))


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory) -> Path:
    """The folder with the page of a run whose every name is markup."""
    out = tmp_path_factory.mktemp("hostile")
    classes = ("normal", "blast", HOSTILE)
    experiment = FakeExperiment(out, paper_of(classes, label=f"Row {HOSTILE}"))
    experiment.add("scratch", sampled(classes), run=0)
    experiment.add("frozen", sampled(classes, skill=0.3, seed=1), run=0)
    experiment.add_control("border", sampled(classes, skill=0.5, seed=2))
    experiment.add_control("majority", sampled(classes, skill=0.0, seed=3))
    folder = out / "experiment"
    keep_images(folder, "scratch")
    rows = [(f"claim {i}", HOSTILE, "consistent") for i in range(6)]
    audit = Table("audit", f"Claims {HOSTILE}", ["Claim", "Text", "Verdict"], rows)
    (folder / "figures").mkdir()
    notes = [f"a note {HOSTILE}"]
    made(experiment, folder, audit=audit, data_notes=notes, datasets={"taleghani": {HOSTILE: 7}})
    return folder
