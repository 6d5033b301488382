"""Tests of the figures of samples, of augmentations and of segmentation."""

import re
from dataclasses import replace

import numpy as np
import pytest

from leukcnn import papers, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import card, read_image
from leukcnn.outputs import segmentation as segmentation_module
from tests.outputs.png import captured, keys, material_of, same, with_size

PAPER = papers.get("cnmc2019")
# Images have the size of the paper's profile, though networks of other profiles see smaller ones.
SMALL = with_size(PAPER, "crop", 20)
SAMPLES, AUGMENTATIONS, *_ = PAPER.figures
SEGMENTATION = spec.Figure("segmentation", "What is kept", "segmentation", "")


@pytest.fixture
def capture(tmp_path):
    """Returns a function that returns what a figure captures of images."""

    def of(figure, index, *, paper=SMALL, **record):
        (kept,) = captured(figure, material_of(index, paper, tmp_path, **record)).values()
        return kept

    return of


@pytest.mark.parametrize("seed", range(5))
def test_samples_are_training_cells_of_each_class_in_the_order_of_the_tables(capture, cells, seed):
    kept = capture(SAMPLES, cells, seed=seed)
    assert len(kept["images"]) == 8
    for i, (title, image) in enumerate(zip(kept["titles"], kept["images"], strict=True)):
        name, subject = title.split(", subject ")
        row = int(subject)
        assert name == ("healthy" if i < 4 else "malignant")
        assert row < 12
        assert cells.class_names[cells.labels[row]] == name
        # Cropped at the paper's size, though the network sees a smaller image.
        np.testing.assert_array_equal(image, read_image(cells.paths[row])[0][2:22, 2:22])
    assert len(set(kept["titles"])) == 8


@pytest.mark.parametrize("kind", ["samples", "segmentation", "histograms", "extraction"])
def test_figures_of_images_have_the_classes_in_the_order_of_the_tables(kind, capture, smears):
    paper = with_size(papers.get("alertnet"), "resize", 20)
    subset = {str(name): card(str(name)).subsets[0].key for name in np.unique(smears.dataset)}
    smears = replace(smears, subset=np.array([subset[name] for name in smears.dataset]))
    titles = capture(spec.Figure(kind, "Images", kind), smears, paper=paper)["titles"]
    shown = [title.split(", ")[:2] for title in titles if not title.startswith("segmented")]
    # Figures of single smears show one dataset after the other.
    several = kind in ("histograms", "extraction")
    assert len({name for name, _ in shown}) > 1
    for dataset in {name for _, name in shown} if several else {""}:
        classes = [name for name, of in shown if dataset in ("", of)]
        assert classes == sorted(classes, key=paper.classes.index)


def test_seed_picks_the_samples(capture, cells):
    for figure in (SAMPLES, AUGMENTATIONS, SEGMENTATION):
        one, again, other = (capture(figure, cells, seed=seed) for seed in (0, 0, 1))
        assert same(one, again)
        assert not same(one, other)


def test_unknown_subject_is_shown_as_unknown(capture, cells):
    titles = capture(SAMPLES, replace(cells, group=np.full(16, "")))["titles"]
    assert set(titles) == {"malignant, subject unknown", "healthy, subject unknown"}


def test_where_groups_are_no_subjects_an_image_is_named_by_its_file(capture, cells):
    fields = replace(cells, dataset=np.full(16, "taleghani"), subset=np.full(16, "taleghani"))
    titles = capture(SAMPLES, fields)["titles"]
    assert all(re.fullmatch(r"(malignant|healthy), \d\d", title) for title in titles)


def test_samples_of_several_datasets_name_them_in_the_order_of_the_classes(capture, smears):
    subset = {str(name): card(str(name)).subsets[0].key for name in np.unique(smears.dataset)}
    smears = replace(smears, subset=np.array([subset[name] for name in smears.dataset]))
    kept = capture(SAMPLES, smears, paper=with_size(papers.get("alertnet"), "resize", 20))
    assert [title.split(", ")[0] for title in kept["titles"]] == ["HBS"] * 4 + ["ALL"] * 4 + ["AML"] * 4
    named = {card(name).name for name in ("allidb2", "atlas")}
    assert {title.split(", ", 1)[1] for title in kept["titles"]} <= named
    assert all(image.shape == (20, 20, 3) for image in kept["images"])


def test_samples_show_what_the_networks_of_this_run_see(capture, cells):
    whole = capture(SAMPLES, cells)
    blanked = capture(SAMPLES, cells, changes={"preprocessing.mask": "border"})
    assert whole["titles"] == blanked["titles"]
    for one, other in zip(whole["images"], blanked["images"], strict=True):
        changed = (one != other).any(axis=-1)
        assert changed.any()
        np.testing.assert_array_equal(one[~changed], other[~changed])
        assert len(np.unique(other[changed], axis=0)) == 1


def test_augmentations_show_a_sample_of_the_last_class_and_its_variants(capture, cells):
    kept = capture(AUGMENTATIONS, cells)
    source, *variants = kept["images"]
    np.testing.assert_array_equal(source, capture(SAMPLES, cells)["images"][4])
    assert kept["titles"] == [
        "source",
        "mirrored both ways",
        "rotated by 60 degrees",
        "Gaussian blur, 17x17",
        "sheared by 0.3",
        "salt and pepper, 2 %",
    ]
    np.testing.assert_array_equal(variants[0], source[::-1, ::-1])
    augmenter = ImageAugmenter(fill_mode="constant")
    np.testing.assert_array_equal(variants[1], augmenter.apply_transform(source, {"theta": 60.0}))
    changed = (variants[4] != source).any(axis=-1)
    assert changed.sum() <= 0.02 * 400
    assert set(np.unique(variants[4][changed])) <= {0, 255}


def test_each_image_is_followed_by_its_segmentation_without_the_run_s_mask(capture, cells, monkeypatch):
    monkeypatch.setattr(segmentation_module.preprocessing, "hsv_segment", lambda image: image[..., 0] > 127)
    kept = capture(SEGMENTATION, cells, changes={"preprocessing.mask": "background"})
    titles, images = kept["titles"], kept["images"]
    assert len(titles) == 2 * 2 * 2
    assert {*titles[::2]} <= {*capture(SAMPLES, cells)["titles"]}
    for i in range(0, 8, 2):
        whole, mask = images[i], images[i][..., 0] > 127
        row = int(titles[i].split(", subject ")[1])
        np.testing.assert_array_equal(whole, read_image(cells.paths[row])[0][2:22, 2:22])
        np.testing.assert_array_equal(images[i + 1], np.where(mask[..., None], whole, 0))
        assert titles[i + 1] == f"segmented: {100 * mask.mean():.0f} % kept"


@pytest.mark.parametrize("figure", [SAMPLES, AUGMENTATIONS, SEGMENTATION], ids=lambda figure: figure.kind)
def test_key_depends_on_seed_size_and_images(cells, tmp_path, figure):
    def key(index=cells, paper=SMALL, **record):
        return keys(figure, material_of(index, paper, tmp_path, **record))

    others = [
        key(seed=1),
        key(paper=with_size(PAPER, "crop", 18)),
        key(replace(cells, group=np.full(16, ""))),
    ]
    assert key() == key()
    assert all(key() != other for other in others)
