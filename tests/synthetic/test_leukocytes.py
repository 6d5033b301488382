"""Synthetic leukocytes: the forms of a textbook, measured on the masks."""

import cv2
import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.seeding import generator
from leukcnn.synthetic.leukocytes import (
    AZURE,
    BAND,
    CLL_LYMPHOCYTE,
    EOSIN,
    FORMS,
    LYMPHOBLAST,
    LYMPHOCYTE,
    METHYLENE_BLUE,
    MONOCYTE,
    MYELOBLAST,
    NEUTROPHIL,
    SMUDGE,
    draw_leukocyte,
    pick_form,
)

SCALE = 8.0
ALL_FORMS = (LYMPHOBLAST, MYELOBLAST, NEUTROPHIL, LYMPHOCYTE, MONOCYTE, BAND, CLL_LYMPHOCYTE, SMUDGE)
INTACT = ALL_FORMS[:-1]


def cells_of(form, count=25, scale=SCALE):
    return [draw_leukocyte(generator(0, form.nucleus, number), form, scale=scale) for number in range(count)]


def nucleus_fraction(leukocyte):
    return np.count_nonzero(leukocyte.nucleus) / np.count_nonzero(leukocyte.cell)


def solidity(mask):
    """Returns the area divided by that of the convex hull of all pieces: 1 for a round nucleus."""
    points = cv2.findNonZero(mask)
    return np.count_nonzero(mask) / cv2.contourArea(cv2.convexHull(points))


def mean_of(measure, form):
    return np.mean([measure(leukocyte) for leukocyte in cells_of(form)])


@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_cell_contains_its_nucleus_and_is_within_its_patch(form):
    for leukocyte in cells_of(form, count=10):
        image_size = len(leukocyte.cell)
        assert image_size % 2 == 1
        assert leukocyte.dyes.shape == (image_size, image_size, 3)
        assert leukocyte.dyes.dtype == np.float32
        assert leukocyte.dyes.min() >= 0
        assert set(np.unique(leukocyte.cell)) == set(np.unique(leukocyte.nucleus)) == {0, 255}
        assert not np.any(leukocyte.nucleus & ~leukocyte.cell)
        assert not leukocyte.cell[[0, -1]].any()
        assert not leukocyte.cell[:, [0, -1]].any()


@pytest.mark.parametrize("form", INTACT)
def test_diameter_and_nucleus_fraction_are_those_of_the_form(form):
    diameter = mean_of(lambda cell: 2 * np.sqrt(np.count_nonzero(cell.cell) / np.pi) / SCALE, form)
    assert diameter == pytest.approx(form.diameter, rel=0.06)
    assert mean_of(nucleus_fraction, form) == pytest.approx(form.nucleus_fraction, rel=0.2)


def test_classes_differ_in_fraction_and_shape_of_the_nucleus():
    fractions = {form: mean_of(nucleus_fraction, form) for form in (LYMPHOBLAST, MYELOBLAST, NEUTROPHIL)}
    assert fractions[LYMPHOBLAST] > fractions[MYELOBLAST] + 0.2
    assert fractions[MYELOBLAST] > fractions[NEUTROPHIL] + 0.1
    solidities = {form: mean_of(lambda cell: solidity(cell.nucleus), form) for form in fractions}
    assert solidities[LYMPHOBLAST] > solidities[MYELOBLAST] + 0.05
    assert solidities[MYELOBLAST] > solidities[NEUTROPHIL] + 0.1


def test_a_neutrophil_has_two_to_five_lobes():
    counts = set()
    for leukocyte in cells_of(NEUTROPHIL, count=60):
        # Opening removes the threads between the lobes, which are under a micrometre wide.
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (19, 19))
        lobes, _ = cv2.connectedComponents(cv2.morphologyEx(leukocyte.nucleus, cv2.MORPH_OPEN, kernel))
        counts.add(lobes - 1)
    assert counts <= {1, 2, 3, 4, 5}, "lobes may touch"
    assert len(counts) >= 3


def test_myeloblasts_show_more_nucleoli_than_lymphoblasts():
    def light_spots(leukocyte):
        azure = leukocyte.dyes[..., AZURE]
        middle = cv2.erode(leukocyte.nucleus, np.ones((15, 15))) > 0
        return np.mean(azure[middle] < 0.75 * np.median(azure[middle]))

    assert mean_of(light_spots, MYELOBLAST) > 2 * mean_of(light_spots, LYMPHOBLAST)


def test_only_myeloblasts_have_auer_rods():
    def has_rod(leukocyte):
        # Only a rod in the cytoplasm has much of both dyes.
        cytoplasm = cv2.erode(leukocyte.cell & ~leukocyte.nucleus, np.ones((5, 5))) > 0
        dyes = leukocyte.dyes[cytoplasm]
        return np.any((dyes[:, EOSIN] > 0.3) & (dyes[:, AZURE] > 0.4)) and form.basophilia > 0

    rods = {}
    for form in (MYELOBLAST, LYMPHOBLAST, LYMPHOCYTE, MONOCYTE):
        rods[form] = np.mean([has_rod(leukocyte) for leukocyte in cells_of(form, count=60)])
    assert 0.1 < rods.pop(MYELOBLAST) < 0.6
    assert set(rods.values()) == {0}


def test_small_and_large_nuclei_take_up_the_same_amount_of_stain():
    def total(leukocyte):
        return leukocyte.dyes[..., AZURE][leukocyte.nucleus > 0].sum()

    totals = [mean_of(total, form) for form in INTACT]
    areas = [mean_of(lambda cell: np.count_nonzero(cell.nucleus), form) for form in INTACT]
    assert max(areas) > 2 * min(areas)
    assert max(totals) < 1.5 * min(totals)


def test_cytoplasm_of_blasts_is_blue_and_of_neutrophils_pink():
    def blueness(leukocyte):
        cytoplasm = leukocyte.dyes[(leukocyte.cell & ~leukocyte.nucleus) > 0]
        return cytoplasm[:, METHYLENE_BLUE].mean() - cytoplasm[:, EOSIN].mean()

    assert mean_of(blueness, LYMPHOBLAST) > 0.1
    assert mean_of(blueness, MYELOBLAST) > 0.1
    assert mean_of(blueness, NEUTROPHIL) < -0.1


def test_a_smudge_cell_is_all_nucleus():
    assert all(nucleus_fraction(leukocyte) == 1 for leukocyte in cells_of(SMUDGE, count=5))


@pytest.mark.parametrize("form", ALL_FORMS)
def test_every_form_has_a_nucleus_at_the_smallest_scale(form):
    for leukocyte in cells_of(form, count=20, scale=1.0):
        assert leukocyte.nucleus.any()


def test_forms_have_their_fractions():
    rng = generator(0, "forms")
    sampled = [pick_form(rng, "healthy") for _ in range(600)]
    for expected, form in FORMS["healthy"]:
        # Four standard errors of a fraction of 600.
        assert sampled.count(form) / 600 == pytest.approx(expected, abs=4 * np.sqrt(expected / 600))
    assert {form for _, form in FORMS["pathological"]} == {LYMPHOBLAST, MYELOBLAST}
    for forms in FORMS.values():
        assert sum(fraction for fraction, _ in forms) == pytest.approx(1)


def test_an_unknown_class_and_a_scale_too_small_are_refused():
    with pytest.raises(ArgumentError, match=r"'CML'(.|\n)*healthy, ALL, AML, other, pathological"):
        pick_form(generator(0), "CML")
    for scale in (0.9, float("nan")):
        with pytest.raises(ArgumentError, match="pixels per micrometre"):
            draw_leukocyte(generator(0), LYMPHOBLAST, scale=scale)
