"""What is kept for the page of a run: confident mistakes with Grad-CAM, and copies."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from leukcnn.outputs import page_images
from leukcnn.outputs.captures import COPIES, MISTAKES, Captured
from leukcnn.outputs.kind import Material
from leukcnn.outputs.page_images import best_rows, capture_copies, capture_mistakes
from leukcnn.trial_files import write_predictions
from tests.outputs.trained import TESTED, predictions_of
from tests.stores import finish_again


def shape_of(jpeg: np.ndarray) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg.tobytes())) as image:
        assert image.format == "JPEG"
        return image.size


@pytest.mark.backend
def test_the_most_confident_mistakes_of_each_class_are_kept_with_their_heat(three_classes, tmp_path):
    material, faults = three_classes, []
    capture_mistakes(material, tmp_path / "run", faults=faults)
    found = Captured(tmp_path / "run")[f"{MISTAKES}_deep"]
    assert faults == []
    # Right are 5 and 6 alone, so that 2 and 8 (AML), 3 (HBS), 4 and 7 (ALL) are wrong.
    assert found["true"] == ["HBS", "ALL", "ALL", "AML", "AML"]
    assert found["predicted"] == ["ALL", "AML", "AML", "HBS", "HBS"]
    assert (found["n_wrong"], found["n_tested"]) == (5, 7)
    assert found["layer"] == "narrow" and len(found["heat"]) == 5
    assert {shape_of(one) for one in found["images"]} == {(24, 24)}
    assert {shape_of(one) for one in found["heat"]} == {(16, 16)}


def test_the_same_networks_give_the_same_bytes(two_classes, tmp_path):
    contents = []
    for name in ("one", "two"):
        capture_mistakes(two_classes, tmp_path / name, faults=[])
        contents.append(Captured(tmp_path / name)[f"{MISTAKES}_deep"])
    assert contents[0].keys() == contents[1].keys()
    for one, other in zip(contents[0]["heat"], contents[1]["heat"], strict=True):
        assert np.array_equal(one, other)


def test_a_network_without_mistakes_keeps_nothing(three_classes, tmp_path):
    trial = three_classes.results.store.finished_trial(three_classes.results.record.trials[0].name)
    write_predictions(
        trial.path / "predictions.csv",
        predictions_of(three_classes.index, three_classes.index.labels[TESTED]),
    )
    finish_again(trial)
    results = replace(three_classes.results, store=fresh(three_classes))
    capture_mistakes(Material(results, three_classes.index), tmp_path / "run", faults=[])
    assert [*Captured(tmp_path / "run")] == []
    assert best_rows(results) == ["deep"]


def fresh(material: Material):
    """Returns the store as another process opens it."""
    store = material.results.store
    return type(store)(store.root.parent, store.root.name)


def test_a_row_that_saves_no_network_has_its_mistakes_without_heat(three_classes, tmp_path):
    trial = three_classes.results.store.finished_trial(three_classes.results.record.trials[0].name)
    (trial.path / "model.keras").unlink()
    finish_again(trial)
    results = replace(three_classes.results, store=fresh(three_classes))
    capture_mistakes(Material(results, three_classes.index), tmp_path / "run", faults=[])
    found = Captured(tmp_path / "run")[f"{MISTAKES}_deep"]
    assert found["why_no_heat"] == "this row saves no network"
    assert len(found["images"]) == 5 and not found.get("heat")


def test_pairs_of_copies_are_kept_those_of_two_classes_first(left_out, smears, tmp_path):
    material = Material(left_out().results(), replace(smears, sha256=np.array(["a"] * 2 + ["b"] * 14)))
    # 0 and 3 have one class, so have 6 and 9; 0 and 1 two.
    capture_copies(material, tmp_path / "run", np.array([[0, 3], [0, 1], [6, 9]]))
    found = Captured(tmp_path / "run")[COPIES]
    assert [pair["classes"] for pair in found["pairs"]] == [["HBS", "ALL"], ["HBS", "HBS"], ["HBS", "HBS"]]
    assert [pair["identical"] for pair in found["pairs"]] == [True, False, True]
    assert (found["n_identical"], found["n_near"], found["n_two_classes"]) == (2, 1, 1)
    assert len(found["images"]) == 6


def test_without_copies_an_empty_list_is_kept(left_out, smears, tmp_path):
    capture_copies(Material(left_out().results(), smears), tmp_path / "run", np.empty((0, 2), np.int64))
    assert Captured(tmp_path / "run")[COPIES]["pairs"] == []


def test_a_quick_profile_looks_into_the_best_network_alone(three_classes, tmp_path, monkeypatch):
    results = three_classes.results
    profiles = (replace(results.paper.profiles[0], not_comparable="quick"),)
    quick = replace(results, paper=replace(results.paper, profiles=profiles))
    monkeypatch.setattr(page_images, "best_rows", lambda results: ["shallow", "deep"])
    capture_mistakes(Material(quick, three_classes.index), tmp_path / "run", faults=[])
    found = Captured(tmp_path / "run")[f"{MISTAKES}_deep"]
    assert found["why_no_heat"] == "in a quick profile, only the best network has it"
    assert len(found["images"]) == 5 and not found.get("heat")
