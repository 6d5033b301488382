import re
import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from leukcnn.datasets.catalog import CATALOG, card, open_datasets
from leukcnn.datasets.headers import EXTENSIONS
from leukcnn.datasets.image_paths import place
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import DataError

# Table II of the Alert Net paper: HBS, ALL, AML, other types.
TABLE_II = {
    "allidb1": (59, 49, 0, 0),
    "allidb1_crop": (0, 510, 0, 0),
    "allidb2": (130, 130, 0, 0),
    "leukocytes": (149, 0, 0, 0),
    "cellavision": (109, 0, 0, 0),
    "atlas": (0, 25, 40, 23),
    "omid2014": (154, 0, 0, 0),
    "omid2015": (0, 0, 27, 0),
    "ash": (0, 0, 96, 0),
    "bloodline": (0, 0, 217, 0),
    "onkodin": (0, 0, 78, 0),
    "cellavision2": (100, 0, 0, 0),
    "jtsc": (300, 0, 0, 0),
    "ufg": (57, 10, 27, 27),
    "pn_all": (0, 30, 0, 0),
    "leukemia_images": (0, 40, 78, 22),
}
# What Table II of the LeukNet paper adds: non-pathological, pathological.
ADDED = {"midb": (0, 673), "lisc": (376, 0)}


def test_datasets_are_in_the_order_of_the_tables():
    first = ["cnmc2019", "taleghani", "taleghani_segmented"]
    assert list(CATALOG) == [*first, *TABLE_II, *ADDED, "aml_lmu", "pbc"]


@pytest.mark.parametrize("key", TABLE_II)
def test_counts_are_those_of_table_ii(key):
    counts = card(key).images
    assert tuple(counts.get(name, 0) for name in ("healthy", "ALL", "AML", "other")) == TABLE_II[key]
    assert set(counts) == set(card(key).classes)


def test_sums_are_those_of_table_ii():
    sums = {
        name: sum(card(key).images.get(name, 0) for key in TABLE_II) for name in ("healthy", "ALL", "AML")
    }
    assert sums == {"healthy": 1058, "ALL": 794, "AML": 563}
    assert sum(sums.values()) == 2415
    assert sum(card(key).images.get("other", 0) for key in TABLE_II) == 72
    assert sum(card(key).total for key in TABLE_II) == 2487


def test_leuknet_paper_adds_two_datasets_and_its_totals_fit():
    def count(key):
        healthy = card(key).images.get("healthy", 0)
        return healthy, card(key).total - healthy

    assert {key: count(key) for key in ADDED} == ADDED
    # The totals that its Table II prints. They fit 217 images of Bloodline; the table prints 204.
    counts = [count(key) for key in (*TABLE_II, *ADDED)]
    assert [sum(column) for column in zip(*counts, strict=True)] == [1434, 2102]


def test_open_datasets_are_those_that_anyone_may_download():
    # Taleghani's segmented images are open too, but show the same cells as its original ones.
    assert open_datasets() == (
        *("cnmc2019", "taleghani", "leukocytes", "cellavision2", "jtsc", "aml_lmu", "pbc"),
    )
    assert card("taleghani_segmented").open_access


def test_archives_belong_to_open_datasets_and_have_safe_names():
    archives = {key: card(key).archives for key in CATALOG if card(key).archives}
    assert set(archives) == {"jtsc", "cellavision2", "pbc"}
    assert all(card(key).open_access for key in archives)
    for one in (one for several in archives.values() for one in several):
        assert one.url.startswith("https://")
        assert re.fullmatch(r"[\w.-]+\.zip", one.name)


def test_counts_of_the_open_datasets_are_the_published_ones():
    assert card("aml_lmu").total == 18365
    assert card("aml_lmu").images == {"AML": 3268, "other cells": 15097}
    assert card("pbc").images == {"healthy": 17092}
    assert card("leukocytes").total == len(manifest("leukocytes")) == 149


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("PKG - AML/AML-Cytomorphology_LMU/MYO/MYO_0001.tiff", "AML"),
        ("aml_lmu/myo/MYO_0001.jpg", "AML"),
        ("aml_lmu/NGS/NGS_8484.tiff", "other cells"),
        ("aml_lmu/MOB/MOB_0001.tiff", "other cells"),
        ("aml_lmu/AML/any name.png", "AML"),
    ],
)
def test_only_myeloblasts_of_aml_lmu_count_as_aml(path, label):
    dataset = card("aml_lmu")
    found = place(dataset, PurePosixPath(path), depth=1)
    assert dataset.classes[found.label] == label
    assert not found.contradictory


def test_name_of_another_kind_of_cell_contradicts_its_folder():
    assert place(card("aml_lmu"), PurePosixPath("aml_lmu/NGS/MYO_0001.tiff"), depth=1).contradictory
    # Which mature kind it is doesn't change the class.
    assert not place(card("aml_lmu"), PurePosixPath("aml_lmu/NGS/NGB_0001.tiff"), depth=1).contradictory


def test_shared_cells_are_declared_by_all_datasets_that_show_them():
    related = {key: {*card(key).shares_cells_with} for key in CATALOG if card(key).shares_cells_with}
    families = ({"allidb1", "allidb1_crop", "allidb2"}, {"taleghani", "taleghani_segmented"})
    assert set(related) == set.union(*families)
    for family in families:
        for key in family:
            assert related[key] == family - {key}


def test_dataset_made_from_another_has_its_counts_and_its_cells():
    made = {key: card(key).made_from for key in CATALOG if card(key).made_from}
    assert made == {"taleghani_segmented": "taleghani"}
    for key, source in made.items():
        assert card(key).images == card(source).images
        assert source in card(key).shares_cells_with


@pytest.mark.parametrize("key", CATALOG)
def test_every_card_says_how_to_cite_find_and_get_the_dataset(key):
    dataset = card(key)
    assert dataset.key == key
    for text in (
        dataset.link,
        dataset.availability,
        dataset.licence,
        dataset.citation,
        dataset.how_to_get,
        dataset.layout_help(),
    ):
        assert text


def test_unknown_dataset_is_refused_with_the_list():
    with pytest.raises(DataError, match=r"'cnmc2091'(.|\n)*cnmc2019"):
        card("cnmc2091")


def test_no_two_datasets_have_the_same_folder_name():
    names = [name.lower() for key in CATALOG for name in card(key).folder_names]
    assert len(set(names)) == len(names)
    assert all(card(key).folder_names[0].lower() == key for key in CATALOG)


@pytest.mark.parametrize("key", CATALOG)
def test_every_card_is_read_from_a_folder_for_each_class(key):
    dataset = card(key)
    for position, name in enumerate(dataset.classes):
        folders = [word for word, meant in dataset.class_words.items() if meant == name and word not in "01"]
        for folder in (*folders, name, name.upper()):
            for extension in EXTENSIONS:
                found = place(dataset, PurePosixPath(f"{key}/{folder}/some image{extension}"), depth=1)
                assert found.label == position
                assert not found.foreign


def test_catalog_and_index_load_no_heavy_library():
    code = (
        "import sys, leukcnn.datasets, leukcnn.datasets.catalog, leukcnn.datasets.index\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from leukcnn.datasets import read_image, verify\n"
        "from leukcnn.datasets import verification\n"
        "assert callable(verify) and verification.verify is verify and callable(read_image)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_package_lists_and_resolves_its_names():
    import leukcnn.datasets as datasets

    assert all(getattr(datasets, name) is not None for name in dir(datasets))
    with pytest.raises(AttributeError, match="nothing"):
        _ = datasets.nothing
