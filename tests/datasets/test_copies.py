"""Copies are found in every orientation, cropped and re-encoded; other images are not."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from leukcnn import synthetic
from leukcnn.counting import uncounted
from leukcnn.datasets import ImageIndex, copies, copy_pairs, duplicate_pairs, load, read_image
from leukcnn.datasets.copies import COMPARED, ORIENTATIONS, _turned, oriented
from leukcnn.errors import ArgumentError
from leukcnn.image_cache import prepare


def crop(image, top, bottom, left, right):
    height, width = image.shape[:2]
    rows = slice(round(top * height), height - round(bottom * height))
    return np.ascontiguousarray(image[rows, round(left * width) : width - round(right * width)])


def encoded(image, quality=75):
    content = cv2.imencode(".jpg", np.ascontiguousarray(image), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def resized(image, like):
    return cv2.resize(image, like.shape[1::-1], interpolation=cv2.INTER_LINEAR)


COPIES = {
    **{f"orientation {o}": lambda image, o=o: oriented(image, o) for o in ORIENTATIONS},
    "cropped by 4 % at each edge": lambda image: crop(image, 0.04, 0.04, 0.04, 0.04),
    "cropped and enlarged again": lambda image: resized(crop(image, 0.04, 0.04, 0.04, 0.04), image),
    "cropped at a corner": lambda image: crop(image, 0.04, 0, 0.04, 0),
    "cropped at one edge": lambda image: crop(image, 0, 0.04, 0, 0),
    "encoded": encoded,
    "brighter": lambda image: np.clip(image * 1.05, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.95).astype(np.uint8),
    "all together": lambda image: oriented(encoded(crop(image, 0.04, 0.04, 0.04, 0.04)), 6),
}


def found(images, made):
    """Returns the fraction of copies that are found, and the number of other pairs."""
    n = len(images)
    prepared = np.stack([prepare(image, COMPARED) for image in (*images, *map(made, images))])
    pairs = {tuple(pair) for pair in copy_pairs(prepared).tolist()}
    wanted = {(row, row + n) for row in range(n)}
    own = {(a, b) for a, b in pairs if b < n}
    related = (
        own | {(a + n, b + n) for a, b in own} | {(x, y + n) for a, b in own for x, y in ((a, b), (b, a))}
    )
    return len(wanted & pairs) / n, len(pairs - wanted - related)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Returns 40 synthetic cells on black."""
    counts = synthetic.SyntheticCounts(4, 4, 2, 5, 1, 1, 2)
    root = synthetic.write("cnmc2019", tmp_path_factory.mktemp("cells"), seed=0, counts=counts)
    return [read_image(path)[0] for path in load("cnmc2019", root).paths[:40]]


@pytest.fixture(scope="module")
def textures():
    """Returns 30 images without a black border, each of random blots."""
    rng = np.random.default_rng(0)
    blots = (rng.integers(30, 220, (24, 24, 3), dtype=np.uint8) for _ in range(30))
    return [cv2.resize(blot, (224, 224), interpolation=cv2.INTER_CUBIC) for blot in blots]


@pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
def test_copies_are_found_and_no_others(cells, textures, made):
    assert found(textures, made) == (1, 0)
    assert found(cells, made) == (1, 0)


@pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("name", ["taleghani", "cnmc2019", "aml_lmu", "pbc"])
def test_copies_of_real_images_are_found_and_no_others(real_data, name, made):
    known = name in ("taleghani", "cnmc2019")
    index = load(name, real_data / name) if known else ImageIndex.from_folder(real_data / name)
    rows = np.random.default_rng(1).choice(len(index), 40, replace=False)
    fraction, others = found([read_image(index.paths[row])[0] for row in rows], made)
    assert fraction >= 0.9
    assert others == 0


def test_pairs_are_ascending_and_include_identical_images(textures):
    prepared = np.stack([prepare(image, COMPARED) for image in (*textures[:3], textures[1], textures[0])])
    assert copy_pairs(prepared).tolist() == [[0, 4], [1, 3]]
    np.testing.assert_array_equal(copy_pairs(prepared, workers=1), copy_pairs(prepared))


def test_images_without_detail_are_in_no_pair():
    flat = np.stack([np.full((96, 96, 3), level, np.uint8) for level in (0, 0, 5, 128, 255, 255)])
    assert copy_pairs(flat).shape == (0, 2)
    assert copy_pairs(flat[:1]).shape == copy_pairs(flat[:0]).shape == (0, 2)


def test_other_shapes_are_refused():
    with pytest.raises(ArgumentError, match="float64"):
        copy_pairs(np.zeros((2, 96, 96, 3)))
    with pytest.raises(ArgumentError, match="8, 8"):
        copy_pairs(np.zeros((2, 8, 8, 3), np.uint8))


def test_every_known_pair_of_taleghani_is_found(real_data):
    index = load("taleghani", real_data)
    images = np.stack([prepare(read_image(path)[0], COMPARED) for path in index.paths])
    found = {tuple(pair) for pair in copy_pairs(images).tolist()}
    known = {
        (i, j)
        for group in np.unique(index.group[index.group != ""])
        for i in np.flatnonzero(index.group == group).tolist()
        for j in np.flatnonzero(index.group == group).tolist()
        if i < j
    }
    assert len(known) == 90
    assert known <= found
    assert {tuple(pair) for pair in duplicate_pairs(index).tolist()} <= found
    assert len(found) == 114


def test_no_real_dataset_looks_like_another(real_data):
    indices = [load(name, real_data) for name in ("cellavision2", "jtsc", "cnmc2019")]
    images = [prepare(read_image(path)[0], COMPARED) for index in indices for path in index.paths]
    dataset = np.concatenate([index.dataset for index in indices])
    pairs = copy_pairs(np.stack(images))
    assert len(pairs)
    assert np.all(dataset[pairs[:, 0]] == dataset[pairs[:, 1]])


def one_by_one(described, on_black):
    """Returns the candidates, each pair and orientation compared alone."""
    found = []
    for one in range(len(described)):
        for other in range(one + 1, len(described)):
            least = 0.75 if on_black[one] and on_black[other] else 0.5
            for orientation in ORIENTATIONS:
                alike = float((described[one] * _turned(described[other : other + 1], orientation)[0]).sum())
                found += [(one, other, orientation)] if alike > least else []
    return sorted(found)


@pytest.mark.parametrize("tile", [4, 7, 512])
def test_candidates_are_those_of_a_comparison_one_by_one(monkeypatch, tile):
    rng = np.random.default_rng(0)
    described = rng.standard_normal((30, 12, 12)).astype(np.float32)
    # The others are turned, and near the thresholds.
    for row in range(10, 30):
        turned = _turned(described[row % 10][None], row % 8)[0]
        described[row] = turned + rng.uniform(0.5, 2) * described[row]
    described /= np.linalg.norm(described, axis=(1, 2), keepdims=True)
    on_black = rng.random(30) < 0.5
    expected = one_by_one(described, on_black)
    assert len({orientation for *_, orientation in expected}) == 8
    monkeypatch.setattr(copies, "_TILE", tile)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(copies._candidates(described, on_black, pool, uncounted)) == expected


def test_memory_grows_by_little_more_than_a_small_grey_image_per_image():
    rng = np.random.default_rng(0)
    images = np.broadcast_to(rng.integers(0, 256, (1, 96, 96, 3), dtype=np.uint8), (1500, 96, 96, 3))

    class Different:
        """Random images that are made when they are asked for."""

        shape, ndim, dtype = images.shape, 4, images.dtype

        def __len__(self):
            return len(images)

        def __getitem__(self, row):
            return np.random.default_rng(row).integers(0, 256, (96, 96, 3), dtype=np.uint8)

    tracemalloc.start()
    assert len(copy_pairs(Different())) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1500 * 64 * 64 * 2 + 30 * 2**20
