import dataclasses
import hashlib
import re

import cv2
import keras
import numpy as np
import pytest
from leukcnn.outputs.sketches import Sketches, make_sketches

from leukcnn import papers
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import ImageIndex, read_picture
from leukcnn.errors import StoreError
from leukcnn.experiment.request import Request
from leukcnn.fields import replace_at
from leukcnn.outputs import sketches as module
from leukcnn.spec import Figure, Model, Table

PICTURE = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
SKETCHES = Sketches(
    samples=[("malignant, subject 1", PICTURE), ("healthy, subject H1", PICTURE[:2])],
    augmentations=[("source", PICTURE), ("gespiegelt – Ärger", 255 - PICTURE)],
    topology={"figure4": [["(a) VGG16", [["Dense 512, ReLU", "512"], ["Dense 2, softmax", "2"]]]]},
    segmentation=[("malignant, subject 1", PICTURE), ("segmented: 0 % kept", 0 * PICTURE)],
    smears=[("malignant, C-NMC 2019, 00", np.zeros((5, 7, 3), np.uint8))],
)

PAPER = papers.get("cnmc2019")
# Pictures are as large as the paper's profile crops them, though the network of another sees them smaller.
SMALL = dataclasses.replace(
    PAPER,
    rows=tuple(
        dataclasses.replace(r, setup=replace_at(r.setup, "preprocessing.crop", 20)) for r in PAPER.rows
    ),
)


def sketches_of(index, *, seed=0, paper=SMALL, **options):
    return make_sketches(Request(paper=paper, data="d", profile="smoke", seed=seed, **options), index)


def tiny_network(**options) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(options.get("input_shape", (16, 16, 3))),
            keras.layers.GlobalAveragePooling2D(name="gap"),
            keras.layers.Dense(7, activation="softmax", name="predictions"),
        ]
    )


@pytest.fixture
def no_large_networks(monkeypatch):
    """What is asked for of Keras Applications and of the paper's builders, neither of which is built."""
    asked = []

    def build(name, **options):
        asked.append((name, options))
        return tiny_network(**options)

    monkeypatch.setattr(module.models, "build", build)
    for name in ("VGG16", "Xception"):
        monkeypatch.setattr(
            keras.applications, name, lambda weights, _name=name: build(_name, weights=weights)
        )
    return asked


@pytest.fixture
def index(tmp_path, monkeypatch) -> ImageIndex:
    """Six malignant and six healthy training cells, then two without a label and two of another part."""
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:02}.png" for i in range(16)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    return ImageIndex(
        paths=paths,
        ids=np.array([path.name for path in paths]),
        labels=np.array([1, 0] * 6 + [-1, -1, 1, 0]),
        class_names=("healthy", "malignant"),
        dataset=np.full(16, "cnmc2019"),
        group=np.array([str(i) for i in range(15)] + [""]),
        part=np.array(["training"] * 14 + ["preliminary"] * 2),
        fold=np.full(16, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


def same(one, other) -> bool:
    return [title for title, _ in one] == [title for title, _ in other] and all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(one, other, strict=True)
    )


def test_sketches_come_back_as_they_were(tmp_path):
    assert not Sketches.exist(tmp_path / "experiment")
    SKETCHES.save(tmp_path / "experiment")
    assert Sketches.exist(tmp_path / "experiment")
    loaded = Sketches.load(tmp_path / "experiment")
    assert same(loaded.samples, SKETCHES.samples)
    assert same(loaded.augmentations, SKETCHES.augmentations)
    assert loaded.topology == SKETCHES.topology
    assert same(loaded.segmentation, SKETCHES.segmentation)
    assert same(loaded.smears, SKETCHES.smears)


@pytest.mark.parametrize("content", [None, b"", b"no zip", "cut"])
def test_sketches_that_cannot_be_read_are_named(tmp_path, content):
    SKETCHES.save(tmp_path)
    path = tmp_path / "sketches.npz"
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(StoreError, match="can't be read") as caught:
        Sketches.load(tmp_path)
    assert str(tmp_path) in caught.value.found


@pytest.mark.parametrize("seed", range(5))
def test_samples_are_training_cells_of_both_classes_the_positive_first(index, no_large_networks, seed):
    sketches = sketches_of(index, seed=seed)
    assert len(sketches.samples) == 8
    for i, (title, picture) in enumerate(sketches.samples):
        name, subject = title.split(", subject ")
        row = int(subject)
        assert name == ("malignant" if i < 4 else "healthy")
        assert row < 12
        assert index.class_names[index.labels[row]] == name
        # As large as it is cropped, though the network sees it smaller.
        np.testing.assert_array_equal(picture, read_picture(index.paths[row])[0][2:22, 2:22])
    assert len({title for title, _ in sketches.samples}) == 8


def test_seed_picks_the_samples(index, no_large_networks):
    one, again, other = (sketches_of(index, seed=seed) for seed in (0, 0, 1))
    assert same(one.samples, again.samples)
    assert same(one.augmentations, again.augmentations)
    assert not same(one.samples, other.samples)


def test_unknown_subject_is_called_so(index, no_large_networks):
    blank = dataclasses.replace(index, group=np.full(16, ""))
    titles = [title for title, _ in sketches_of(blank, seed=0).samples]
    assert set(titles) == {"malignant, subject unknown", "healthy, subject unknown"}


def test_where_groups_are_no_subjects_a_picture_is_named_by_its_file(index, no_large_networks):
    fields = dataclasses.replace(index, dataset=np.full(16, "taleghani"), part=np.full(16, "taleghani"))
    titles = [title for title, _ in sketches_of(fields).samples]
    assert all(re.fullmatch(r"(malignant|healthy), \d\d", title) for title in titles)


def test_each_segmented_picture_follows_its_own_without_the_request_s_mask(
    index, no_large_networks, monkeypatch
):
    monkeypatch.setattr(module.preprocessing, "hsv_segment", lambda picture: picture[..., 0] > 127)
    figures = (*SMALL.figures, Figure("segmentation", "What is kept", "segmentation", ""))
    sketches = sketches_of(index, paper=dataclasses.replace(SMALL, figures=figures), mask="background")
    titles, pictures = zip(*sketches.segmentation, strict=True)
    assert len(titles) == 2 * 2 * 2
    by_title = dict(sketches.samples)
    for i in range(0, 8, 2):
        whole, kept = pictures[i], pictures[i][..., 0] > 127
        row = int(titles[i].split(", subject ")[1])
        np.testing.assert_array_equal(whole, read_picture(index.paths[row])[0][2:22, 2:22])
        np.testing.assert_array_equal(pictures[i + 1], np.where(kept[..., None], whole, 0))
        assert titles[i + 1] == f"segmented: {100 * kept.mean():.0f} % kept"
        # The samples show what the networks of this run see.
        assert not np.array_equal(by_title[titles[i]], whole)
    assert sketches_of(index).segmentation == []


@pytest.mark.parametrize("kind", ["histograms", "extraction"])
def test_whole_labelled_pictures_of_the_first_part_are_kept_for_what_shows_thresholding(
    index, no_large_networks, kind
):
    figures = (*SMALL.figures, Figure("figure2b", "Thresholding", kind, ""))
    smears = sketches_of(index, paper=dataclasses.replace(SMALL, figures=figures)).smears
    assert [title.split(", ")[0] for title, _ in smears] == ["malignant", "healthy"]
    for title, picture in smears:
        row = int(title.split(", ")[2])
        assert row < 12
        np.testing.assert_array_equal(picture, read_picture(index.paths[row])[0])
    assert sketches_of(index).smears == []


def test_pictures_for_thresholding_change_no_other_sketch(index, no_large_networks):
    figures = (*SMALL.figures, Figure("figure2b", "Thresholding", "extraction", ""))
    one, other = (
        sketches_of(index, paper=paper) for paper in (SMALL, dataclasses.replace(SMALL, figures=figures))
    )
    assert same(one.samples, other.samples)
    assert same(one.augmentations, other.augmentations)


def test_scores_of_masks_are_kept_under_their_table(index, no_large_networks, monkeypatch):
    monkeypatch.setattr(module, "measure_masks", lambda pictures: {"cnmc2019": {"pictures": len(pictures)}})
    masks = Table("masks", "t", "mask_scores", "")
    sketches = sketches_of(index, paper=dataclasses.replace(SMALL, tables=(masks,)))
    assert sketches.topology["masks"] == {"cnmc2019": {"pictures": 16}}
    assert "masks" not in sketches_of(index).topology


def test_table_of_layers_is_kept_as_its_row_s_builder_gives_them(index, no_large_networks):
    layers = Table("layers", "t", "layers", "", rows=("vgg16",))
    sketches = sketches_of(index, paper=dataclasses.replace(SMALL, tables=(layers,)))
    assert sketches.topology["layers"] == {
        "layers": [
            ["gap (GlobalAveragePooling2D)", "(None, 3)", 0],
            ["predictions (Dense)", "(None, 7)", 28],
        ],
        "trainable": 28,
        "frozen": 0,
    }
    assert no_large_networks[-1][0] == "CNMCVGG16"


def test_augmentations_show_the_first_sample_and_its_variants(index, no_large_networks):
    sketches = sketches_of(index, seed=0)
    (_, source), *variants = sketches.augmentations
    np.testing.assert_array_equal(source, sketches.samples[0][1])
    assert [title for title, _ in variants] == [
        "mirrored both ways",
        "rotated by 60 degrees",
        "Gaussian blur, 17x17",
        "sheared by 0.3",
        "salt and pepper, 2 %",
    ]
    np.testing.assert_array_equal(variants[0][1], source[::-1, ::-1])
    augmenter = ImageAugmenter(fill_mode="constant")
    np.testing.assert_array_equal(variants[1][1], augmenter.apply_transform(source, {"theta": 60.0}))
    changed = (variants[4][1] != source).any(axis=-1)
    assert changed.sum() <= 0.02 * 400
    assert set(np.unique(variants[4][1][changed])) <= {0, 255}


def test_topology_is_read_off_the_paper_s_networks_and_the_originals(index, no_large_networks):
    sketches = sketches_of(index, seed=0)
    layers = [("Global average pooling", "3"), ("Dense 7, softmax", "7")]
    assert [
        (title, [(box.text, box.shape) for box in boxes]) for title, boxes in sketches.topology["figure4"]
    ] == [
        ("(a) Xception, original", layers),
        ("(b) Xception, the paper's", layers),
        ("(c) VGG16 and VGG19, original", layers),
        ("(d) VGG16 and VGG19, the paper's", layers),
    ]
    # No weights are downloaded, and the paper's networks have its own input size.
    assert [name for name, _ in no_large_networks] == ["Xception", "CNMCXception", "VGG16", "CNMCVGG16"]
    assert no_large_networks[0][1] == {"weights": None}
    assert no_large_networks[3][1] == {
        "input_shape": (20, 20, 3),
        "classes": 2,
        "penalty": 1e-4,
        "dropout_rate": 0.5,
        "kernel_initializer": "glorot_uniform",
    }


def test_figure_s_network_has_the_paper_s_outputs_and_needs_no_weights(index, no_large_networks):
    arguments = {"classes": 1, "weights": "imagenet", "kernel_initializer": "glorot_uniform"}
    rows = tuple(
        dataclasses.replace(r, setup=dataclasses.replace(r.setup, model=Model("CNMCVGG16", arguments)))
        for r in SMALL.rows
    )
    figures = tuple(
        dataclasses.replace(f, kind="networks", networks=(("LeukNet", "CNMCVGG16"),)) if f.networks else f
        for f in SMALL.figures
    )
    sketches = sketches_of(
        index, paper=dataclasses.replace(SMALL, rows=rows, figures=figures, assumptions=())
    )
    assert list(sketches.topology) == ["figure4"]
    assert no_large_networks == [
        ("CNMCVGG16", {"input_shape": (20, 20, 3), **arguments, "weights": None}),
    ]
    # What the paper's rows say stays as it is.
    assert arguments["weights"] == "imagenet"


@pytest.fixture
def smears(index) -> ImageIndex:
    """The same pictures as fields of three classes from two datasets."""
    return dataclasses.replace(
        index,
        labels=np.arange(16) % 3,
        class_names=("HBS", "ALL", "AML"),
        dataset=np.array(["allidb2"] * 8 + ["atlas"] * 8),
        part=np.full(16, "all"),
    )


def test_samples_of_several_datasets_name_theirs_the_last_class_first(smears, no_large_networks):
    alertnet = papers.get("alertnet")
    small = dataclasses.replace(
        alertnet,
        rows=tuple(
            dataclasses.replace(r, setup=replace_at(r.setup, "preprocessing.resize", 20))
            for r in alertnet.rows
        ),
    )
    part = {str(name): module.card(str(name)).parts[0].key for name in np.unique(smears.dataset)}
    smears = dataclasses.replace(smears, part=np.array([part[name] for name in smears.dataset]))
    sketches = sketches_of(smears, paper=small)
    titles = [title for title, _ in sketches.samples]
    assert [title.split(", ")[0] for title in titles] == ["AML"] * 4 + ["ALL"] * 4 + ["HBS"] * 4
    named = {module.card(name).name for name in ("allidb2", "atlas")}
    assert {title.split(", ", 1)[1] for title in titles} <= named
    assert all(picture.shape == (20, 20, 3) for _, picture in sketches.samples)
    assert sketches.augmentations == []
    assert list(sketches.topology) == ["figure2"]
    assert [title for title, _ in sketches.topology["figure2"]] == ["Alert Net", "Alert Net-R", "Alert Net-X"]
