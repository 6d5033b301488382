import cv2
import numpy as np
import pytest

from leukcnn.datasets.duplicates import duplicate_pairs
from leukcnn.datasets.indexing import load
from leukcnn.datasets.near_duplicates import MAX_DISTANCE, near_duplicate_pairs, perceptual_hashes
from leukcnn.datasets.read import read_image
from leukcnn.errors import ArgumentError

IMAGE_SIZE = 112


def square(image, *, image_size=IMAGE_SIZE):
    """Returns the image's central square at one size, as the cache of decoded images has it."""
    least = min(image.shape[:2])
    top, left = ((length - least) // 2 for length in image.shape[:2])
    return cv2.resize(
        image[top : top + least, left : left + least], (image_size, image_size), interpolation=cv2.INTER_AREA
    )


def resized(image, factor):
    height, width = (round(factor * length) for length in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def encoded(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def brighter(image, levels):
    return np.clip(image.astype(int) + levels, 0, 255).astype(np.uint8)


def cropped(image, fraction):
    rows, columns = (round(fraction * length) for length in image.shape[:2])
    return image[rows:-rows, columns:-columns]


def grey(image):
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


@pytest.fixture(scope="module")
def smears(copy_smears, tmp_path_factory):
    """Returns synthetic images of three datasets at their own size."""
    root = copy_smears(tmp_path_factory.mktemp("synthetic"), "jtsc", "ufg", "atlas")
    return [read_image(path)[0] for path in sorted(root.rglob("*.bmp"))]


@pytest.fixture(scope="module")
def noise():
    """Returns hashes like those of 600 unrelated images: half of the bits set, at random."""
    half = np.repeat([[True, False]], 128, axis=1)
    return np.random.default_rng(0).permuted(np.repeat(half, 600, axis=0), axis=1)


def every_distance(hashes):
    """Returns (i, j, number of different bits) of every pair in its nearest orientation, bit by bit."""
    odd = np.arange(16) % 2 == 1
    signs = [np.zeros((16, 16), bool), np.tile(odd, (16, 1)), np.tile(odd, (16, 1)).T]
    signs.append(signs[1] ^ signs[2])
    square = hashes.reshape(-1, 16, 16)
    turned = np.stack([one ^ sign for one in (square, square.swapaxes(1, 2)) for sign in signs], axis=1)
    return [
        (i, j, np.count_nonzero(square[i] != turned[j], axis=(1, 2)).min())
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
    ]


@pytest.mark.parametrize(
    "altered",
    [
        lambda image: encoded(image, 50),
        lambda image: resized(image, 0.98),
        lambda image: resized(image, 1.3),
        lambda image: brighter(image, 3),
        lambda image: brighter(image, -15),
        lambda image: encoded(brighter(resized(image, 0.98), 3), 90),
        lambda image: cropped(image, 0.01),
        grey,
    ],
    ids=["JPEG", "smaller", "larger", "brighter", "darker", "all three", "cropped", "grey"],
)
def test_altered_copy_is_found_and_nothing_else(smears, altered):
    n = len(smears)
    images = np.stack([square(image) for image in (*smears, *map(altered, smears))])
    pairs = near_duplicate_pairs(perceptual_hashes(images))
    assert pairs.tolist() == [[i, i + n] for i in range(n)]


def test_hashes_at_64_pixels_are_close_to_those_at_224(smears):
    hashes = [
        perceptual_hashes(np.stack([square(p, image_size=image_size) for p in smears]))
        for image_size in (64, 224)
    ]
    assert np.count_nonzero(hashes[0] != hashes[1], axis=1).max() < MAX_DISTANCE / 2


def test_half_of_the_bits_are_set_with_any_number_of_workers(smears):
    images = np.stack([square(image) for image in smears])
    hashes = perceptual_hashes(images)
    assert hashes.shape == (len(smears), 256)
    assert hashes.dtype == bool
    assert set(np.count_nonzero(hashes, axis=1)) == {128}
    np.testing.assert_array_equal(hashes, perceptual_hashes(images, workers=1))


def test_memory_map_gives_the_same_hashes(smears, tmp_path):
    images = np.stack([square(image) for image in smears[:3]])
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    np.testing.assert_array_equal(perceptual_hashes(mapped), perceptual_hashes(images))


def test_flat_images_match_nothing():
    slope = np.broadcast_to(np.arange(IMAGE_SIZE, dtype=np.uint8), (IMAGE_SIZE, IMAGE_SIZE))
    flat = [np.full((IMAGE_SIZE, IMAGE_SIZE), level, np.uint8) for level in (0, 1, 128, 255, 255)]
    planes = [*flat, slope, slope.T, slope // 2, np.where(slope > 50, 200, 0).astype(np.uint8)]
    hashes = perceptual_hashes(np.stack([np.repeat(plane[..., None], 3, axis=2) for plane in planes]))
    assert near_duplicate_pairs(hashes, max_distance=256).shape == (0, 2)


@pytest.mark.parametrize("max_distance", [0, MAX_DISTANCE - 1, MAX_DISTANCE, 100])
def test_pairs_are_those_within_the_distance_in_ascending_order(noise, max_distance):
    # Copies of the first 60 images; the r-th copy differs in 2 r bits.
    copies = noise[:60].copy()
    for r, copy in enumerate(copies):
        copy[np.flatnonzero(noise[r])[:r]] = False
        copy[np.flatnonzero(~noise[r])[:r]] = True
    hashes = np.concatenate([noise, copies])
    expected = [[i, j] for i, j, bits in every_distance(hashes) if bits <= max_distance]
    assert [0, 600] in expected
    assert near_duplicate_pairs(hashes, max_distance=max_distance).tolist() == expected
    near = [[r, 600 + r] for r in range(60) if 2 * r <= max_distance]
    assert max_distance > MAX_DISTANCE or expected == near


def test_positions_include_flat_images(noise):
    hashes = np.concatenate([np.zeros((2, 256), bool), noise[:300], np.zeros((1, 256), bool), noise[299:300]])
    assert near_duplicate_pairs(hashes).tolist() == [[301, 303]]


def test_zero_or_one_image_gives_no_pair():
    for n in (0, 1):
        hashes = perceptual_hashes(np.zeros((n, 8, 8, 3), np.uint8))
        assert hashes.shape == (n, 256)
        pairs = near_duplicate_pairs(hashes)
        assert pairs.shape == (0, 2)
        assert pairs.dtype == np.int64


def test_wrong_arrays_are_refused():
    with pytest.raises(ArgumentError, match=r"float64 of the shape \(2, 8, 8, 3\)"):
        perceptual_hashes(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ArgumentError, match=r"\(8, 8, 3\)"):
        perceptual_hashes(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ArgumentError, match=r"\(2, 64\)"):
        near_duplicate_pairs(np.zeros((2, 64), bool))
    with pytest.raises(ArgumentError, match="uint8"):
        near_duplicate_pairs(np.zeros((2, 256), np.uint8))


@pytest.mark.slow
def test_every_known_pair_of_taleghani_is_found(real_data):
    index = load("taleghani", real_data)
    images = np.stack([square(read_image(path)[0]) for path in index.paths])
    found = {tuple(pair) for pair in near_duplicate_pairs(perceptual_hashes(images)).tolist()}
    known = {
        (i, j)
        for group in np.unique(index.group[index.group != ""])
        if len(rows := np.flatnonzero(index.group == group)) > 1
        for i in rows.tolist()
        for j in rows.tolist()
        if i < j
    }
    assert len(known) == 90
    assert known <= found
    assert {tuple(pair) for pair in duplicate_pairs(index).tolist()} <= found
    assert len(found - known) < 15


def test_no_real_dataset_looks_like_another(real_data):
    indices = [load(name, real_data) for name in ("cellavision2", "jtsc", "cnmc2019")]
    images = [square(read_image(path)[0]) for index in indices for path in index.paths]
    dataset = np.concatenate([index.dataset for index in indices])
    pairs = near_duplicate_pairs(perceptual_hashes(np.stack(images)), max_distance=MAX_DISTANCE + 20)
    assert len(pairs)
    assert np.all(dataset[pairs[:, 0]] == dataset[pairs[:, 1]])
