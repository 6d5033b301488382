"""Features of a frozen base: the same result as training end to end, computed once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

from leukcnn import features, models, papers
from leukcnn.arrays import stored_arrays, write_quickly
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import find_devices
from leukcnn.experiment.plan import plan
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.features import Frozen, kept_features, weights_digest
from leukcnn.models.layers import MeanSubtraction
from leukcnn.pipeline import Entries
from leukcnn.runs import Store
from leukcnn.spec import Model
from leukcnn.trials import TrialContext, run_trial
from tests import tiny
from tests.indices import index_of


def NestedNetwork(*, input_shape, classes=3, dropout_rate=0.5, initializer="glorot_uniform"):
    """A frozen base that is one layer, then flattening, dropout and classifier, like TaleghaniResNet50."""
    inner = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, strides=4, kernel_initializer=initializer)(inner)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    base = keras.Model(inner, x, name="base")
    base.trainable = False
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten(name="flatten")(base(inputs))
    x = keras.layers.Dropout(dropout_rate, name="dropout")(x)
    outputs = keras.layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="nested_network")


@pytest.fixture(autouse=True)
def known():
    tiny.register()
    models.register("NestedNetwork", NestedNetwork)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> ImageIndex:
    """Thirty images of three classes, which differ in colour."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    paths = [folder / f"{i:02}.png" for i in range(30)]
    for i, path in enumerate(paths):
        image = rng.integers(0, 120, (24, 24, 3), dtype=np.uint8)
        image[..., i % 3] += 100
        cv2.imwrite(str(path), image)
    return index_of(
        np.arange(30) % 3,
        class_names=("HBS", "ALL", "AML"),
        dataset="jtsc",
        paths=paths,
        ids=np.array([path.name for path in paths]),
    )


def setup_of(*, dropout_rate=0.0, **augmentation):
    setup = papers.get("alertnet").setup("alertnet", profile="smoke")
    return replace(
        setup,
        model=Model("tests.tiny.TwoPartNetwork", {"dropout_rate": dropout_rate}),
        preprocessing=replace(setup.preprocessing, resize=24),
        augmentation=replace(setup.augmentation, **augmentation),
        split=replace(setup.split, n_splits=3, limit_per_class=None),
        training=replace(setup.training, epochs=3, batch_size=8),
    )


def run(index, setup, folder, *, fold=0, seed=0, keep_features=True, observer=None, validated=0):
    """Trains one fold, with its first training images for validation; returns its predictions and weights."""
    planned = plan(study_of(Request(paper=papers.get("alertnet"), data="d", profile="smoke")), index)
    trials = [trial for trial in planned.trials if trial.row == "alertnet"]
    name = trials[fold % len(trials)].name
    split_rows = planned.split_rows[name]
    train = split_rows.train
    split_rows = replace(split_rows, train=train[validated:], validation=train[:validated])
    identity = {**planned.identities[name], "fold": fold, "seed": seed, "kept": keep_features}
    trial = Store(folder / "runs", "alertnet").trial(identity)
    context = TrialContext(index, find_devices(), observer or tiny.Progress(), cache=folder / "cache")
    run_trial(trial, setup, split_rows, context, seed=seed, keep_features=keep_features)
    network = keras.models.load_model(trial.path / "model.keras", compile=False)
    return trial.predictions(), [keras.ops.convert_to_numpy(w) for w in network.weights], trial


@pytest.mark.backend
@pytest.mark.parametrize("dropout_rate", [0.0, 0.5])
def test_training_on_kept_features_equals_training_end_to_end(index, tmp_path, dropout_rate):
    setup = setup_of(dropout_rate=dropout_rate)
    kept, kept_weights, _ = run(index, setup, tmp_path)
    plain, plain_weights, _ = run(index, setup, tmp_path, keep_features=False)
    np.testing.assert_array_equal(kept.image, plain.image)
    np.testing.assert_allclose(kept.probabilities, plain.probabilities, atol=1e-5)
    for one, other in zip(kept_weights, plain_weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def once(setup, *, model):
    """Returns a setup that shows each image as it is."""
    plain = replace(setup.augmentation, variants_per_image=None)
    return replace(setup, model=model, augmentation=plain)


def assert_ends_alike(index, setup, folder):
    kept, kept_weights, _ = run(index, setup, folder, validated=6)
    plain, plain_weights, _ = run(index, setup, folder, validated=6, keep_features=False)
    assert set(kept.checkpoint) == {"last", "val_accuracy", "val_loss"}
    np.testing.assert_array_equal(kept.image, plain.image)
    np.testing.assert_allclose(kept.probabilities, plain.probabilities, atol=1e-5)
    for one, other in zip(kept_weights, plain_weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.backend
def test_features_of_a_base_that_is_one_layer_give_the_same_result(index, tmp_path):
    assert_ends_alike(index, once(setup_of(), model=Model("NestedNetwork")), tmp_path)


@pytest.mark.release
def test_features_of_the_frozen_resnet50_give_the_same_result(index, tmp_path):
    setup = once(setup_of(), model=Model("TaleghaniResNet50", {"weights": None}))
    # Random features are large: at a high rate the softmax saturates.
    training = replace(setup.training, initial_learning_rate=1e-4, optimizer="adam", optimizer_arguments={})
    setup = replace(setup, preprocessing=replace(setup.preprocessing, resize=32), training=training)
    assert_ends_alike(index, setup, tmp_path)


def test_every_image_passes_the_base_once_for_all_splits_folds_and_seeds(index, tmp_path, monkeypatch):
    passed, original = [], features.forward

    def counted(base, inputs, devices):
        passed.append(len(inputs))
        return original(base, inputs, devices)

    monkeypatch.setattr(features, "forward", counted)
    # These weights are the same for every seed, like published ones.
    setup = once(setup_of(), model=Model("NestedNetwork", {"initializer": "ones"}))
    run(index, setup, tmp_path, validated=6)
    assert sum(passed) == len(index)
    run(index, setup, tmp_path, fold=1, seed=1, validated=6)
    assert sum(passed) == len(index)


def test_training_changes_the_head_and_not_the_base(index, tmp_path):
    setup = setup_of()
    _, weights, _ = run(index, setup, tmp_path)
    still = replace(setup, training=replace(setup.training, initial_learning_rate=1e-12))
    _, before, _ = run(index, still, tmp_path, fold=1)
    for i, (one, other) in enumerate(zip(weights, before, strict=True)):
        # Kernel and bias of the convolution and four of the normalisation are the base's.
        assert np.allclose(one, other, atol=1e-7) == (i < 6 or not np.abs(one).any())


def test_other_folds_use_the_features_of_the_first(index, tmp_path):
    first, second = tiny.Progress(), tiny.Progress()
    run(index, setup_of(), tmp_path, fold=0, observer=first)
    run(index, setup_of(), tmp_path, fold=1, observer=second)
    assert any("computing its features" in message for message in first.messages)
    assert not second.messages


def widened(setup):
    return replace(
        setup, augmentation=replace(setup.augmentation, arguments={**setup.augmentation.arguments, "cval": 9})
    )


CHANGES = {
    # The base is the same for every seed, like published weights; only the variants change.
    "seed": lambda index, setup: {"seed": 1},
    "augmentation": lambda index, setup: {"setup": widened(setup)},
    "preprocessing": lambda index, setup: {
        "setup": replace(setup, preprocessing=replace(setup.preprocessing, scale=1 / 127.5))
    },
    "images": lambda index, setup: {
        "index": replace(index, paths=index.paths[::-1], sha256=index.sha256[::-1].copy())
    },
    "network": lambda index, setup: {
        "setup": replace(setup, model=Model("tests.tiny.TwoPartNetwork", {"base_initializer": "zeros"}))
    },
}


@pytest.fixture(scope="module")
def kept(index, tmp_path_factory):
    """Returns the setup of a trial of one epoch, and the cache that holds its features."""
    tiny.register()
    fixed = Model("tests.tiny.TwoPartNetwork", {"base_initializer": "ones"})
    setup, folder = setup_of(), tmp_path_factory.mktemp("kept")
    setup = replace(setup, model=fixed, training=replace(setup.training, epochs=1))
    progress = tiny.Progress()
    run(index, setup, folder, observer=progress)
    assert any("computing its features" in message for message in progress.messages)
    return setup, folder / "cache"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_what_features_depend_on_has_them_computed_again(index, kept, tmp_path, change):
    setup, cache = kept
    # Another trial on the cache of the first.
    (tmp_path / "cache").symlink_to(cache)
    progress = tiny.Progress()
    options = {"index": index, "setup": setup} | change(index, setup)
    run(folder=tmp_path, observer=progress, **options)
    assert any("computing its features" in message for message in progress.messages)


@pytest.mark.backend
def test_a_run_stopped_between_epochs_ends_like_an_uninterrupted_one(index, tmp_path):
    class Stops(tiny.Progress):
        def end_epoch(self, *, epoch, logs):
            super().end_epoch(epoch=epoch, logs=logs)
            if len(self.epochs) == 2:
                raise KeyboardInterrupt

    setup = setup_of(dropout_rate=0.5)
    whole, whole_weights, _ = run(index, setup, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(index, setup, tmp_path / "stopped", observer=Stops())
    rest = tiny.Progress()
    again, weights, trial = run(index, setup, tmp_path / "stopped", observer=rest)
    assert 1 <= len(rest.epochs) < 3
    assert len(trial.history()["loss"]) == 3
    np.testing.assert_array_equal(again.probabilities, whole.probabilities)
    for one, other in zip(weights, whole_weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_fresh_variants_are_trained_with_a_message_that_features_are_not_kept(index, tmp_path):
    progress = tiny.Progress()
    predictions, _, _ = run(index, setup_of(variants="fresh"), tmp_path, observer=progress)
    assert len(predictions) == 15
    assert any("can't be kept" in message for message in progress.messages)
    assert not (tmp_path / "cache" / "features").exists()


class Counted:
    """Inputs for entries, with a count of the requested ones."""

    def __init__(self):
        self.asked = 0

    def __call__(self, entries: Entries) -> np.ndarray:
        self.asked += len(entries)
        values = entries.rows * 100 + entries.variants
        return np.tile(values[:, None].astype(np.float32), (1, 2))


def base_of(scale=2.0):
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(3, use_bias=False, name="base", trainable=False)(inputs)
    base = keras.Model(inputs, outputs)
    base.set_weights([np.full((2, 3), scale / 2, dtype=np.float32)])
    return base


def features_of(folder, rows, *, inputs=None, base=None, key=None, images=200, variants=3, **options):
    key = key or {"images": "a"}
    frozen = Frozen(base or base_of(), inputs or Counted(), images, variants, key, find_devices())
    return kept_features(frozen, np.asarray(rows), folder=folder, **options)


@pytest.mark.backend
def test_features_are_indexed_by_row_and_variant(tmp_path):
    features = features_of(tmp_path, [3, 150])
    assert features.shape == (200, 3, 3)
    for row, variant in ((3, 0), (3, 2), (150, 1)):
        np.testing.assert_allclose(features[row, variant], 2 * (100 * row + variant))


def test_a_pass_is_divided_evenly_among_devices():
    sizes = []

    def outputs(base, batches):
        parts = [batches[i][0] for i in range(len(batches))]
        sizes.extend(map(len, parts))
        return np.concatenate(parts)

    inputs = np.arange(70, dtype=np.float32)[:, None]
    found = features.forward(base_of(), inputs, SimpleNamespace(replicas=3, outputs=outputs))
    np.testing.assert_array_equal(found, inputs)
    assert len(set(sizes)) == 1 and sizes[0] % 3 == 0


def test_only_missing_features_are_computed(tmp_path):
    inputs = Counted()
    features_of(tmp_path, [3], inputs=inputs)
    first = inputs.asked
    assert 3 <= first <= 64
    features_of(tmp_path, [3], inputs=inputs)
    assert inputs.asked == first
    features_of(tmp_path, [3, 150], inputs=inputs)
    assert inputs.asked == 2 * first


@pytest.mark.parametrize("change", [{"base": 3.0}, {"key": {"images": "b"}}, {"variants": 4}])
def test_other_weights_images_or_variants_are_computed_again(tmp_path, change):
    inputs = Counted()
    features_of(tmp_path, [3], inputs=inputs)
    asked = inputs.asked
    if "base" in change:
        change = {"base": base_of(change["base"])}
    features_of(tmp_path, [3], inputs=inputs, **change)
    assert inputs.asked > asked


def test_an_interrupted_computation_is_resumed(tmp_path):
    class Stops(Counted):
        def __call__(self, entries):
            if self.asked > 400:
                raise KeyboardInterrupt
            return super().__call__(entries)

    rows = np.arange(600)
    with pytest.raises(KeyboardInterrupt):
        features_of(tmp_path, rows, inputs=Stops(), images=600, variants=1)
    # It saves after every sixteenth block: a block counts as finished only if it is on disk.
    inputs = Counted()
    features = features_of(tmp_path, rows, inputs=inputs, images=600, variants=1)
    assert inputs.asked == 600
    np.testing.assert_allclose(features[:, 0, 0], 200 * rows)
    again = Counted()
    features_of(tmp_path, rows, inputs=again, images=600, variants=1)
    assert again.asked == 0


def test_features_are_computed_again_if_their_file_was_removed(tmp_path):
    features_of(tmp_path, [3])
    (values,) = [p for p in (tmp_path / "features").glob("*.npy") if ".done" not in p.name]
    values.unlink()
    features = features_of(tmp_path, [3, 150])
    np.testing.assert_allclose(features[3, 1], 2 * 301)
    np.testing.assert_allclose(features[150, 1], 2 * 15001)


def test_more_variants_than_inputs_of_a_forward_pass(tmp_path):
    features = features_of(tmp_path, [1], images=3, variants=70)
    np.testing.assert_allclose(features[1, :, 0], 2 * (100 + np.arange(70)))


@pytest.mark.parametrize("is_nested", [False, True])
def test_another_mean_image_is_another_network(is_nested):
    inputs = keras.Input((8, 8, 3))
    subtraction = MeanSubtraction()
    base = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(subtraction(inputs)))
    if is_nested:
        outer = keras.Input((8, 8, 3))
        base = keras.Model(outer, base(outer))
    before = weights_digest(base)
    assert weights_digest(base) == before
    subtraction.mean = subtraction.mean + 1
    assert weights_digest(base) != before


@pytest.fixture
def quick(monkeypatch):
    """Computes the base's outputs with NumPy."""
    monkeypatch.setattr(features, "forward", lambda base, inputs, devices: inputs @ base.get_weights()[0])


def files_of(folder):
    """Returns the files of features in a cache: the values and the list of finished blocks."""
    values, finished = (next((folder / "features").glob(kind)) for kind in ("*.npy", "*.done.npz"))
    return {"values": values, "finished": finished}


def assert_right(features, rows):
    expected = 2 * (100 * rows[:, None] + np.arange(features.shape[1]))
    np.testing.assert_allclose(features[rows], np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("file", ["values", "finished"])
@pytest.mark.parametrize("kind", ["flipped", "cut"])
def test_damage_anywhere_is_repaired_with_a_note(quick, tmp_path, file, kind):
    rows, base = np.arange(200), base_of()
    features_of(tmp_path, rows, base=base)
    path = files_of(tmp_path)[file]
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 21).astype(int).tolist():
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        path.write_bytes({"flipped": flipped, "cut": content[:place]}[kind])
        inputs, notes = Counted(), []
        assert_right(features_of(tmp_path, rows, base=base, inputs=inputs, on_note=notes.append), rows)
        (note,) = notes
        assert note.startswith("Features are computed again: ")
        assert str(path) in note
        # A byte of the values costs its block, unless it belongs to the header.
        one_block = (file, kind) == ("values", "flipped") and place >= 128
        assert (inputs.asked <= 64) == one_block
        assert path.read_bytes() == content
        features_of(tmp_path, rows, base=base, inputs=inputs, on_note=notes.append)
        assert len(notes) == 1


@pytest.mark.parametrize("file", ["values", "finished"])
@pytest.mark.parametrize("kind", ["empty", "other type", "other shape", "other features", "zeros"])
def test_foreign_file_of_features_is_replaced_with_a_note(quick, tmp_path, file, kind):
    rows, notes, base = np.arange(200), [], base_of()
    features_of(tmp_path / "other", rows, base=base_of(3.0))
    features_of(tmp_path, rows, base=base)
    path = files_of(tmp_path)[file]
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "other features":
        # Of the same shape.
        path.write_bytes(files_of(tmp_path / "other")[file].read_bytes())
    elif file == "values":
        right = np.load(path)
        changed = {"other type": right.astype(np.int32), "other shape": right[:-1], "zeros": right * 0}
        np.save(path, changed[kind])
    else:
        with stored_arrays(path) as stored:
            right = stored["sha256"]
        changed = {"other type": right.astype(np.int8), "other shape": right[:-1], "zeros": right * 0 + 1}
        write_quickly(path, sha256=changed[kind])
    assert_right(features_of(tmp_path, rows, base=base, on_note=notes.append), rows)
    assert len(notes) == 1


def test_damage_of_features_that_are_not_needed_is_left(quick, tmp_path):
    features_of(tmp_path, [3, 150])
    path = files_of(tmp_path)["values"]
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    inputs, notes = Counted(), []
    features_of(tmp_path, [3], inputs=inputs, on_note=notes.append)
    assert (inputs.asked, notes) == (0, [])


def test_drafts_of_killed_processes_are_removed(quick, tmp_path):
    features_of(tmp_path, [3])
    drafts = [path.with_name(f".draft-1-{path.name}") for path in files_of(tmp_path).values()]
    for draft in drafts:
        draft.touch()
    features_of(tmp_path, [3, 150])
    assert not any(draft.exists() for draft in drafts)


def test_full_disk_is_reported_before_any_feature_is_computed(run_on_disk):
    printed = run_on_disk(
        "size=64k",
        f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from leukcnn.errors import StoreError
from tests.test_features import features_of
def refuse(entries):
    raise AssertionError("computed")
try:
    features_of(disk, [3], inputs=refuse, images=20_000)
except StoreError as error:
    print(error.found)
print(*disk.rglob("*.npy"))
""",
    )
    assert "The disk is full: " in printed
    assert printed.endswith("space.\n\n")
