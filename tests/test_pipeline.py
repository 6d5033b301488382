import threading
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from leukcnn.augmentation import ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.distribution import as_fed, find_devices
from leukcnn.errors import ArgumentError
from leukcnn.pipeline import (
    ArrayBatches,
    Entries,
    FeatureSequence,
    ImageSequence,
    balanced,
    fed,
    multiplied,
    originals,
    prediction_batch_size,
    scaled,
)
from leukcnn.spec import Preprocessing
from leukcnn.training import predict

IMAGE_SIZE, N = 6, 11
PLAIN = Preprocessing(crop=IMAGE_SIZE, scale=1.0)
AUGMENTER = ImageAugmenter(rotation_range=170, flips="one_of", one_of=({}, {"salt_and_pepper": 0.2}))
IDS = [f"UID_{i}_1_1_all.bmp" for i in range(N)]
LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1])
IMAGES = np.random.default_rng(0).integers(1, 255, (N, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
# The corner pixel identifies the image of an input without augmentation.
IMAGES[:, 0, 0, 0] = np.arange(N)
TOPPED_UP = balanced(np.arange(N), LABELS, IDS, per_class=10, seed=1)


def make_sequence(entries: Entries | None = None, **options) -> ImageSequence:
    values = {"labels": LABELS, "classes": 2, "batch_size": 4, "ids": IDS, "seed": 3}
    entries = originals(np.arange(N)) if entries is None else entries
    return ImageSequence(IMAGES, entries, **(values | options))


def make_augmented(**options) -> ImageSequence:
    return make_sequence(TOPPED_UP, augmenter=AUGMENTER, **options)


def at_epoch(sequence: ImageSequence, epoch: int) -> ImageSequence:
    sequence.epoch = epoch
    return sequence


def batches(sequence: ImageSequence) -> list[tuple[np.ndarray, ...]]:
    return [sequence[i] for i in range(len(sequence))]


def joined(sequence: ImageSequence) -> list[np.ndarray]:
    """Inputs and targets of a whole epoch."""
    return [np.concatenate(arrays) for arrays in zip(*batches(sequence), strict=True)]


def shown_rows(sequence: ImageSequence) -> list[int]:
    return joined(sequence)[0][:, 0, 0, 0].astype(int).tolist()


def assert_same_batches(one, other) -> None:
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(M,) bool, which images of two batches differ."""
    return (one != other).any(axis=(1, 2, 3))


def test_feature_batches_are_indexed_by_row_and_variant():
    features = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)
    sequence = FeatureSequence(
        features,
        multiplied(np.array([1, 0]), variants=2),
        labels=np.array([1, 0]),
        classes=2,
        batch_size=3,
        seed=0,
    )
    (first, targets), (last, _) = sequence[0], sequence[1]
    np.testing.assert_array_equal(first, features[[1, 1, 0], [1, 2, 1]])
    np.testing.assert_array_equal(targets, [[1, 0], [1, 0], [0, 1]])
    np.testing.assert_array_equal(last, features[[0], [2]])


def test_scaled_by_hand():
    image = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    image[0, :, :, 0] = [[0, 255], [255, 0]]
    image[0, :, :, 1] = 51
    image[0, :, :, 2] = [[0, 0], [0, 204]]
    plain = scaled(image, Preprocessing(crop=2, scale=1 / 255))
    np.testing.assert_allclose(plain[0, :, :, 2], [[0, 0], [0, 0.8]], atol=1e-7)
    centred = scaled(image, Preprocessing(crop=2, scale=1 / 255, subtract_channel_mean=True))
    assert plain.dtype == centred.dtype == np.float32
    np.testing.assert_allclose(centred[0, :, :, 0], [[-0.5, 0.5], [0.5, -0.5]], atol=1e-7)
    np.testing.assert_allclose(centred[0, :, :, 1], 0, atol=1e-7)
    np.testing.assert_allclose(centred[0, :, :, 2], [[-0.2, -0.2], [-0.2, 0.6]], atol=1e-7)


def test_each_images_own_mean_is_subtracted():
    inputs = scaled(IMAGES, Preprocessing(crop=IMAGE_SIZE, subtract_channel_mean=True))
    np.testing.assert_allclose(inputs.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(np.ptp(inputs, axis=(1, 2)), np.ptp(IMAGES, axis=(1, 2)) / 255, atol=1e-6)


@pytest.fixture(scope="module")
def identity_layers() -> keras.Model:
    return keras.Sequential([keras.Input(IMAGES.shape[1:]), keras.layers.Activation("linear")])


@pytest.mark.backend
@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_a_fed_network_scales_as_the_host_does(identity_layers, scale):
    plain = Preprocessing(crop=IMAGE_SIZE, scale=scale)
    model = fed(identity_layers, plain)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), scaled(IMAGES, plain))
    centred = replace(plain, subtract_channel_mean=True)
    found = fed(identity_layers, centred).predict(IMAGES, verbose=0)
    np.testing.assert_allclose(found, scaled(IMAGES, centred), rtol=0, atol=2e-7 * 255 * scale)


@pytest.mark.backend
def test_a_fed_network_augments_on_the_device_as_the_host_does(identity_layers):
    on_device = OnDevice(AUGMENTER, IMAGES.shape[1:])
    options = {"fresh": True, "shuffle": True}
    device = at_epoch(make_sequence(TOPPED_UP, augmenter=on_device, **options), 2)
    host, targets = joined(at_epoch(make_augmented(**options), 2))
    np.testing.assert_array_equal(np.concatenate([batch[1] for batch in batches(device)]), targets)
    found = fed(identity_layers, PLAIN, on_device).predict(device, verbose=0)
    assert np.abs(found - host).max() <= 1


@pytest.mark.parametrize("listed", [False, True])
def test_a_fed_network_shares_the_variables_in_their_order(listed):
    inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3)(inputs))
    outputs = keras.layers.Dense(2)(keras.layers.Dropout(0.5)(keras.layers.Flatten()(x)))
    network = keras.Model([inputs] if listed else inputs, outputs)
    model = fed(network, PLAIN)
    for name in ("variables", "weights", "trainable_variables"):
        own, shared = getattr(network, name), getattr(model, name)
        assert [id(variable) for variable in shared] == [id(variable) for variable in own]


def test_batches_hold_inputs_and_one_hot_targets():
    sequence = make_sequence()
    assert len(sequence) == 3
    inputs, targets = sequence[2]
    np.testing.assert_array_equal(inputs, IMAGES[8:11])
    np.testing.assert_array_equal(targets, [[0, 1], [0, 1], [0, 1]])
    np.testing.assert_array_equal(sequence[0][1], [[1, 0], [0, 1], [0, 1], [1, 0]])
    assert (inputs.dtype, targets.dtype) == (np.uint8, np.float32)
    assert len(make_sequence(labels=None)[0]) == 1


def test_stored_images_are_not_changed():
    before = IMAGES.copy()
    batches(make_augmented())
    np.testing.assert_array_equal(IMAGES, before)


def test_every_epoch_has_its_own_permutation():
    sequence, orders = make_sequence(shuffle=True), []
    for _ in range(4):
        orders.append(shown_rows(sequence))
        sequence.on_epoch_end()
    assert all(sorted(order) == list(range(N)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(N)]}) == 5
    assert shown_rows(make_sequence()) == list(range(N))


def test_targets_follow_their_images_when_shuffled():
    inputs, targets = joined(make_sequence(shuffle=True))
    assert targets.argmax(axis=1).tolist() == LABELS[inputs[:, 0, 0, 0].astype(int)].tolist()


def test_resuming_at_an_epoch_equals_never_stopping():
    sequence = make_augmented(shuffle=True, fresh=True)
    for _ in range(3):
        sequence.on_epoch_end()
    assert_same_batches(batches(at_epoch(make_augmented(shuffle=True, fresh=True), 3)), batches(sequence))


def test_batch_depends_on_its_number_alone():
    expected = batches(make_augmented(shuffle=True, fresh=True))
    sequence = make_augmented(shuffle=True, fresh=True)
    for i in (4, 0, 0, 3, 1, 4, 2):
        assert_same_batches([sequence[i]], [expected[i]])


def threads_of_batches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("leukcnn-batches")]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_batches_made_ahead_are_the_same_with_any_number_of_workers(workers):
    # A first batch that is taken twice, as `fit` does, three epochs, and a run that begins with the second.
    expected = [batches(at_epoch(make_augmented(shuffle=True, fresh=True), epoch)) for epoch in range(3)]
    for first in (0, 1):
        sequence = at_epoch(make_augmented(shuffle=True, fresh=True, workers=workers), first)
        with sequence.ahead(epochs=3):
            assert_same_batches([sequence[0]], expected[first][:1])
            for epoch in range(first, 3):
                assert_same_batches(batches(at_epoch(sequence, epoch)), expected[epoch])
        assert not threads_of_batches()


@pytest.mark.parametrize("workers", [1, 3])
def test_only_the_next_batches_are_made_ahead(monkeypatch, workers):
    made, sequence = [], make_sequence(shuffle=True, workers=workers, batch_size=1)
    original = ImageSequence.inputs

    def inputs(self, positions, *, epoch=0):
        made.append((epoch, int(positions[0])))
        return original(self, positions, epoch=epoch)

    monkeypatch.setattr(ImageSequence, "inputs", inputs)
    order = [(epoch, position) for epoch in (0, 1) for position in sequence._order(epoch)]
    with sequence.ahead(epochs=2):
        for batch in range(N):
            sequence[batch]
            wait_for(lambda done=batch + workers + 3: len(made) == done)
    # The first batches of the second epoch are made at the end of the first one; none is made twice.
    assert sorted(made) == sorted(order[: N + workers + 2])


def wait_for(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def test_validation_batches_are_made_ahead_for_the_next_validation_too(monkeypatch):
    sequence, plain = make_augmented(workers=2), batches(make_augmented())
    with sequence.ahead(epochs=3):
        for _ in range(3):
            assert_same_batches(batches(sequence), plain)
            sequence.on_epoch_end()


@pytest.mark.backend
def test_an_error_in_a_thread_is_raised_as_it_was(identity_network, monkeypatch):
    sequence = make_augmented(labels=None, workers=2)
    original = ImageSequence.inputs

    def inputs(self, positions, *, epoch=0):
        if positions[0] == 8:
            raise ArgumentError("An image is gone.")
        return original(self, positions, epoch=epoch)

    monkeypatch.setattr(ImageSequence, "inputs", inputs)
    with pytest.raises(ArgumentError, match="An image is gone"):
        predict(identity_network, sequence, devices=find_devices())
    assert not threads_of_batches()


def test_order_and_variants_depend_on_the_seed():
    one, other = (joined(make_augmented(seed=seed))[0] for seed in (3, 4))
    np.testing.assert_array_equal(differ(one, other), TOPPED_UP.variants > 0)
    assert shown_rows(make_sequence(shuffle=True, seed=3)) != shown_rows(make_sequence(shuffle=True, seed=4))


def epochs_of(fresh: bool) -> list[np.ndarray]:
    sequence = make_augmented(fresh=fresh)
    first = joined(sequence)[0]
    sequence.on_epoch_end()
    return [first, joined(sequence)[0]]


def test_variants_sampled_once_are_the_same_in_every_epoch():
    first, second = epochs_of(fresh=False)
    np.testing.assert_array_equal(first, second)


def test_fresh_variants_differ_by_epoch_and_the_originals_stay():
    first, second = epochs_of(fresh=True)
    np.testing.assert_array_equal(differ(first, second), TOPPED_UP.variants > 0)


def test_variants_of_one_image_differ_from_it_and_from_each_other():
    entries = Entries(rows=np.full(6, 4), variants=np.arange(6))
    inputs, _ = joined(make_sequence(entries, augmenter=AUGMENTER))
    np.testing.assert_array_equal(inputs[0], IMAGES[4])
    assert len({image.tobytes() for image in inputs}) == 6


def test_variant_depends_on_the_image_s_id_not_on_its_row_or_batch():
    entries = Entries(rows=np.array([4, 7]), variants=np.array([2, 1]))
    expected, _ = joined(make_sequence(entries, augmenter=AUGMENTER))
    order = np.random.default_rng(2).permutation(N)
    rows = np.argsort(order)[[0, 7, 4]]
    moved = ImageSequence(
        IMAGES[order],
        Entries(rows=rows, variants=np.array([3, 1, 2])),
        labels=None,
        classes=2,
        batch_size=1,
        ids=[IDS[i] for i in order],
        seed=3,
        augmenter=AUGMENTER,
    )
    np.testing.assert_array_equal(moved[2][0], expected[:1])
    np.testing.assert_array_equal(moved[1][0], expected[1:])


def weights_of(n: int, batch_size: int, replicas: int, mode: str) -> list[list[float]]:
    sequence = make_sequence(
        originals(np.arange(n)), batch_size=batch_size, replicas=replicas, padding_weights=mode
    )
    return [np.round(batch[2].astype(float), 6).tolist() for batch in batches(sequence)]


def test_padding_weights_by_hand():
    # The last batch has one image for two devices: it counts twice there, or all five count as six.
    assert weights_of(5, 4, 2, "batch") == [[1, 1, 1, 1], [2, 0]]
    assert weights_of(5, 4, 2, "set") == [[1.2, 1.2, 1.2, 1.2], [1.2, 0]]
    assert weights_of(5, 4, 4, "batch") == [[1, 1, 1, 1], [4, 0, 0, 0]]
    assert weights_of(5, 4, 4, "set") == [[1.6] * 4, [1.6, 0, 0, 0]]
    assert weights_of(6, 4, 2, "set") == weights_of(6, 4, 2, "batch") == [[1] * 4, [1] * 2]


@pytest.mark.parametrize("replicas", [2, 4])
def test_padding_keeps_the_means_of_one_device(replicas):
    loss = np.random.default_rng(0).random(N)

    def weighted_losses(mode: str) -> list[np.ndarray]:
        sequence = make_sequence(replicas=replicas, padding_weights=mode)
        return [weights * loss[inputs[:, 0, 0, 0].astype(int)] for inputs, _, weights in batches(sequence)]

    # Keras divides a batch's weighted sum by the number of its images, including the padding.
    means = [losses.mean() for losses in weighted_losses("batch")]
    np.testing.assert_allclose(means, [loss[:4].mean(), loss[4:8].mean(), loss[8:].mean()], rtol=1e-6)
    assert np.concatenate(weighted_losses("set")).mean() == pytest.approx(loss.mean(), rel=1e-6)


def test_padding_repeats_an_image_of_the_batch_after_the_others():
    inputs, targets, weights = make_sequence(replicas=4)[2]
    assert inputs[:, 0, 0, 0].tolist() == [8, 9, 10, 8]
    assert (targets.shape, weights.dtype) == ((4, 2), np.float32)
    (padded,) = make_sequence(labels=None)[2]
    np.testing.assert_array_equal(padded, inputs)


@pytest.mark.parametrize(
    ("inputs", "replicas", "size"),
    [(1, 1, 8), (33, 1, 40), (40, 1, 40), (57, 1, 64), (64, 1, 64), (3256, 1, 64), (9, 3, 18), (64, 3, 66)],
)
def test_batches_of_predictions_have_few_sizes(inputs, replicas, size):
    assert prediction_batch_size(inputs, replicas=replicas) == size


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"entries": originals([])}, "0 images"),
        ({"batch_size": 0}, "batches of 0"),
        ({"workers": 0}, "workers is 0"),
        ({"entries": TOPPED_UP}, "no augmenter"),
        ({"padding_weights": "sum"}, "padding_weights is 'sum'"),
    ],
)
def test_impossible_sequence_is_refused(options, named):
    with pytest.raises(ArgumentError, match=named):
        make_sequence(**options)


def tiny_network(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="uint8"), *layers])


@pytest.fixture(scope="module")
def identity_network() -> keras.Model:
    """A network that returns its input."""
    network = tiny_network(keras.layers.Activation("linear"))
    network.compile(jit_compile=False)
    return network


@pytest.mark.backend
@pytest.mark.parametrize("workers", [1, 3])
def test_keras_gets_the_same_batches_with_any_number_of_workers(identity_network, workers):
    expected = joined(make_augmented())[0]
    sequence = make_augmented(labels=None, workers=workers)
    for _ in range(2):
        with sequence.ahead():
            found = identity_network.predict(as_fed(sequence), verbose=0)[: len(expected)]
        np.testing.assert_array_equal(found, expected)


def fresh_classifier() -> keras.Model:
    keras.utils.set_random_seed(1)
    network = tiny_network(keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(2))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    network.compile("sgd", loss, weighted_metrics=["accuracy"], jit_compile=False)
    return network


@pytest.mark.backend
@pytest.mark.parametrize("workers", [1, 3])
def test_fit_uses_the_order_of_each_epoch_with_any_number_of_workers(workers):
    fitted, by_hand = fresh_classifier(), fresh_classifier()
    sequence = make_augmented(shuffle=True, fresh=True, workers=workers)
    # Keras also ends an epoch before the first one, so the test sets the number of the epoch.
    set_epoch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(sequence, "epoch", epoch)
    )
    validation = make_augmented(workers=workers)
    with sequence.ahead(epochs=3), validation.ahead(epochs=3):
        fitted.fit(
            as_fed(sequence),
            validation_data=as_fed(validation),
            epochs=3,
            callbacks=[set_epoch],
            shuffle=False,
            verbose=0,
        )
    for epoch in range(3):
        for batch in batches(at_epoch(make_augmented(shuffle=True, fresh=True), epoch)):
            by_hand.train_on_batch(*batch)
    for one, other in zip(fitted.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.backend
def test_keras_computes_the_means_of_one_device_from_padded_batches():
    network = fresh_classifier()
    plain, padded = (
        network.evaluate(make_sequence(replicas=replicas, padding_weights="set"), verbose=0)
        for replicas in (1, 4)
    )
    np.testing.assert_allclose(padded, plain, rtol=1e-5)


@pytest.mark.backend
def test_padded_last_batch_has_the_gradient_of_one_device():
    plain, padded = fresh_classifier(), fresh_classifier()
    before = plain.get_weights()
    plain.train_on_batch(*make_sequence()[2])
    padded.train_on_batch(*make_sequence(replicas=4)[2])
    for one, other, old in zip(plain.get_weights(), padded.get_weights(), before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert np.abs(one - old).max() > 1e-4


@pytest.mark.parametrize("batch_size", [1, 4, 11, 20])
def test_predictions_of_batches_of_an_array_are_those_of_the_array(batch_size):
    inputs = scaled(IMAGES, PLAIN)
    network = keras.Sequential([keras.Input(inputs.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(2)])
    batches = ArrayBatches(inputs, batch_size)
    assert np.array_equal(np.concatenate([batches[i][0] for i in range(len(batches))]), inputs)
    expected = network.predict(inputs, batch_size=batch_size, verbose=0)
    np.testing.assert_array_equal(network.predict(batches, verbose=0), expected)
