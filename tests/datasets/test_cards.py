from dataclasses import replace

import pytest

from leukcnn.datasets.cards import Layout, Subset
from leukcnn.datasets.catalog import card
from leukcnn.errors import SpecError

CNMC = card("cnmc2019")


def test_card_checks_its_classes_and_subsets():
    with pytest.raises(SpecError, match="benign"):
        replace(CNMC, class_words={"hem": "benign"})
    with pytest.raises(SpecError, match="AML"):
        replace(CNMC, subsets=(*CNMC.subsets, Subset(key="x", title="x", images={"AML": 1})))
    with pytest.raises(SpecError, match="ALL"):
        replace(CNMC, layouts=(Layout.one_folder("training", "ALL"),))
    with pytest.raises(SpecError, match="nowhere"):
        replace(CNMC, layouts=(Layout.one_folder("nowhere", "healthy"),))


def test_images_are_summed_over_the_subsets():
    assert CNMC.images == {"healthy": 3389 + 648, "malignant": 7272 + 1219, "": 2586}
    assert sum(CNMC.images.values()) == CNMC.total


def test_unknown_subset_is_refused_with_the_list():
    with pytest.raises(SpecError, match=r"'test'(.|\n)*training"):
        CNMC.subset("test")


def test_lines_show_subjects_where_they_are_known():
    lines = CNMC.lines()
    assert lines[0] == "C-NMC 2019 (cnmc2019): 15,114 images, classes healthy, malignant"
    assert "  C-NMC test final phase data: 2,586 unlabelled of 17 subjects, 600x600 pixels" in lines
    assert "Availability: open download from The Cancer Imaging Archive, free of charge" in lines


def test_lines_show_only_counts_where_subjects_are_unknown():
    lines = card("atlas").lines()
    assert lines[:2] == [
        "Atlas (atlas): 88 images, classes ALL, AML, other",
        "  Atlas: 25 ALL, 40 AML, 23 other",
    ]
    assert "Availability: unknown" in lines
    assert lines[-1].endswith("atlas/{ALL,AML,other}/*.{bmp,png,jpg,jpeg,tif,tiff}")


def test_lines_list_the_datasets_that_show_the_same_cells():
    assert "  Shows the same cells as allidb1, allidb2." in card("allidb1_crop").lines()
    assert not any("same cells" in line for line in card("atlas").lines())
