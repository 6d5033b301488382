from dataclasses import replace
from typing import ClassVar

import keras
import numpy as np
import pytest

from leukcnn.image_cache import prepared_images
from leukcnn.models.litert import PRECISIONS, why_no_litert
from leukcnn.outputs import mobile
from leukcnn.outputs.captures import Captured, key_of
from leukcnn.outputs.mobile import KIND, build
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork, TrainingSet
from leukcnn.spec import Published, Table
from tests.outputs.trained import PREPROCESSING, TESTED, trained

MOBILE = Table("mobile", "On mobile devices", "mobile", rows=("deep", "shallow"))


@pytest.fixture
def material(left_out, smears):
    """A trained network of the row "deep"; the others of the images are its training images."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    network = keras.Model(inputs, outputs)
    images = prepared_images(smears, PREPROCESSING)
    train = np.setdiff1d(np.arange(len(smears)), [*TESTED, 0])
    # It also knows a tested image, which must not calibrate.
    known = TrainingSet.of(images, smears.sha256, train=train, validation=TESTED[:1])
    return trained(left_out, smears, network, smears.labels[TESTED], known)


def captured(material):
    return {one.name: dict(one.make()) for one in KIND.capture(MOBILE, material)}


def lines(table):
    titles = [column.title for column in table.columns]
    return {(row[0], row[1]): dict(zip(titles, row, strict=True)) for row in table.rows}


def values(*, right, keras_right=190, images=200, tested=None, other=12):
    times = {"milliseconds": [3.0, 2.0, 9.0], "right": right, "other": other}
    formats = {name: {**times, "bytes": 2**20 * (i + 1)} for i, name in enumerate(PRECISIONS)}
    about = {"image_size": 224, "processor": "x86_64, Linux", "formats": formats}
    return {"images": images, "tested": tested or images, "right": keras_right, **about}


needs_litert = pytest.mark.skipif(bool(why_no_litert()), reason=why_no_litert() or "LiteRT runs here")


@pytest.fixture
def table_of(left_out):
    """Returns a function that builds the table of an experiment whose row "deep" has a capture."""
    return lambda kept: lines(build(MOBILE, left_out(MOBILE).results(), {"mobile-deep": kept}))


@pytest.mark.parametrize(
    ("right", "images", "verdict"),
    [(189, 200, "kept"), (188, 200, "lost"), (189, 199, "lost"), (190, 10_000, "kept"), (195, 200, "kept")],
)
def test_accuracy_is_kept_if_it_falls_by_at_most_half_a_point(table_of, right, images, verdict):
    row = table_of(values(right=right, images=images))["Deep", "int8"]
    assert row["Accuracy kept"] == verdict
    assert row["Difference"] == pytest.approx((right - 190) / images)
    assert (row["Accuracy"], row["Keras network"]) == (right / images, 190 / images)


def test_sizes_and_times_are_shown_of_each_precision(table_of):
    rows = table_of(values(right=190))
    assert [rows["Deep", name]["File (MiB)"] for name in PRECISIONS] == [1, 2, 3]
    row = rows["Deep", "float16"]
    assert row["File (MB)"] == 2 * 1.048576
    assert (row["Milliseconds"], row["Fastest and slowest round"]) == (3, (2, 9))
    assert (row["Images"], row["Other answers"], row["State"]) == (200, 12, "measured")


def test_untrained_rows_and_missing_libraries_say_so(table_of):
    rows = table_of({"missing": "LiteRT isn't installed"})
    assert rows["Deep", None]["State"] == "not measured: LiteRT isn't installed"
    assert rows["Shallow", None]["State"] == "not measured: this row has not been trained"


def test_notes_say_which_images_are_left_out(left_out):
    kept = {"mobile-deep": values(right=190, tested=5000)}
    assert any(
        "Deep: 200 of 5,000 images" in note for note in build(MOBILE, left_out().results(), kept).notes
    )
    kept = {"mobile-deep": values(right=190)}
    assert not any("Deep: " in note for note in build(MOBILE, left_out().results(), kept).notes)


def test_the_published_size_is_that_of_the_papers_other_tables(left_out):
    sizes = Table("table5", "Sizes", "metrics", published=(Published("shallow", "file_mb", 68),))
    table = build(MOBILE, left_out(sizes, MOBILE).results(), {"mobile-deep": values(right=190)})
    rows = lines(table)
    assert rows["Deep", "int8"]["Published file (MB)"] is None
    assert rows["Shallow", None]["Published file (MB)"] == 68


@needs_litert
def test_a_trained_network_is_measured_on_its_test_images(material):
    kept = captured(material)
    assert [*kept] == ["mobile-deep"]
    measured = kept["mobile-deep"]
    assert (measured["images"], measured["tested"], measured["right"]) == (7, 7, 7)
    ((_, _, trial),) = material.results.trials["deep"]
    network = SavedNetwork.load(trial.path / "model.keras").network
    inputs = scaled(prepared_images(material.index, PREPROCESSING)[TESTED], PREPROCESSING)
    right = (network.predict(inputs, verbose=0).argmax(axis=1) == material.index.labels[TESTED]).sum()
    for name in ("float32", "float16"):
        assert measured["formats"][name]["right"] == right
        # All stored predictions are right.
        assert measured["formats"][name]["other"] == 7 - right


class Watched:
    """In place of the process: notes what it is asked for."""

    asked: ClassVar[list] = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def measure(self, network, images, *, tested, calibration):
        self.asked.append((np.array(images[tested]), np.array(images[calibration])))
        formats = {"float32": {"bytes": 1, "milliseconds": [1.0], "predicted": [0] * len(tested)}}
        return {"formats": formats}


def test_only_training_images_calibrate(material, monkeypatch):
    monkeypatch.setattr(mobile, "why_no_litert", lambda: "")
    monkeypatch.setattr(mobile, "MeasuringProcess", Watched)
    Watched.asked.clear()
    captured(material)
    images = prepared_images(material.index, PREPROCESSING)
    ((tested, calibration),) = Watched.asked
    np.testing.assert_array_equal(tested, images[TESTED])
    # Image 0 is in neither set.
    others = np.setdiff1d(np.arange(len(images)), [*TESTED, 0])
    np.testing.assert_array_equal(calibration, images[others])


@needs_litert
def test_a_few_images_are_chosen_by_the_seed(material, monkeypatch):
    monkeypatch.setattr(mobile, "_MOST_TESTED", 3)
    first, again = (captured(material)["mobile-deep"] for _ in range(2))
    assert (first["images"], first["tested"]) == (3, 7)
    assert first["formats"]["int8"]["right"] == again["formats"]["int8"]["right"]


def test_a_capture_is_made_again_once_litert_is_installed(material, monkeypatch):
    keys, missing = [], "LiteRT isn't installed"
    for why in (missing, ""):
        monkeypatch.setattr(mobile, "why_no_litert", lambda why=why: why)
        (one,) = KIND.capture(MOBILE, material)
        keys.append(one.key)
        if why:
            assert one.make() == {"missing": missing}
    assert keys[0] != keys[1]


@needs_litert
def test_captures_are_read_back_for_their_table(material):
    stored = Captured(material.results.store.root / "experiments" / "one")
    for one in KIND.capture(MOBILE, material):
        stored.keep(one, of=key_of(MOBILE))
    assert stored.seen_by(MOBILE)["mobile-deep"]["images"] == 7


def test_a_failed_process_is_said_in_the_table_and_tried_again(material, monkeypatch, left_out):
    monkeypatch.setattr(mobile, "why_no_litert", lambda: "")
    monkeypatch.setattr(mobile, "MeasuringProcess", Watched)
    stored = Captured(material.results.store.root / "experiments" / "one")
    failed, why = {"missing": "the conversion's process was ended by SIGKILL"}, []
    for answer in (failed, None):
        with monkeypatch.context() as patch:
            if answer:
                patch.setattr(Watched, "measure", lambda *_, answer=answer, **__: answer)
            for one in KIND.capture(MOBILE, material):
                stored.keep(one, of=key_of(MOBILE))
        rows = lines(build(MOBILE, left_out(MOBILE).results(), stored.seen_by(MOBILE)))
        why.append(next(row["State"] for (label, _), row in rows.items() if label == "Deep"))
    assert why == [f"not measured: {failed['missing']}", "measured"]


def test_what_was_measured_once_is_not_measured_again(material, monkeypatch):
    monkeypatch.setattr(mobile, "why_no_litert", lambda: "")
    monkeypatch.setattr(mobile, "MeasuringProcess", Watched)
    Watched.asked.clear()
    stored, files = Captured(material.results.store.root / "experiments" / "one"), []
    for _ in range(2):
        for one in KIND.capture(MOBILE, material):
            files.append(stored.keep(one, of=key_of(MOBILE)).read_bytes())
    assert len(Watched.asked) == 1
    assert files[0] == files[1]


def test_the_smoke_profile_says_that_it_leaves_large_networks_out(material, monkeypatch):
    monkeypatch.setattr(mobile, "why_no_litert", lambda: "")
    monkeypatch.setattr(mobile, "MeasuringProcess", Watched)
    monkeypatch.setattr(mobile, "_LARGEST_QUICK", 0)
    states = []
    for profile in ("smoke", "paper"):
        record = replace(material.results.record, profile=profile)
        own = replace(material, results=replace(material.results, record=record))
        (one,) = KIND.capture(MOBILE, own)
        states.append(one.make().get("missing", "measured"))
    assert states == ["the smoke profile converts no network of more than 0 MB", "measured"]
