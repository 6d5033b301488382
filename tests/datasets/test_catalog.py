import subprocess
import sys
from dataclasses import replace

import pytest

from leukcnn.datasets.catalog import CATALOG, Layout, card
from leukcnn.errors import DataError, SpecError

CNMC = card("cnmc2019")


def test_published_counts_of_cnmc2019():
    assert [(part.key, part.total) for part in CNMC.parts] == [
        ("training", 10_661),
        ("preliminary", 1_867),
        ("final", 2_586),
    ]
    assert CNMC.total == 15_114
    assert sum(n for part in CNMC.parts for n in part.subjects.values()) == 118
    assert CNMC.part("training").pictures == {"healthy": 3389, "malignant": 7272}


def test_positive_class_is_the_second_output():
    assert CNMC.classes.index(CNMC.positive_class) == 1


@pytest.mark.parametrize("key", CATALOG)
def test_every_card_can_be_cited_found_and_got(key):
    dataset = card(key)
    assert dataset.key == key
    for text in (dataset.link, dataset.licence, dataset.citation, dataset.how_to_get, dataset.layout_help()):
        assert text


def test_unknown_dataset_is_refused_with_the_list():
    with pytest.raises(DataError, match=r"'cnmc2091'(.|\n)*cnmc2019"):
        card("cnmc2091")


def test_unknown_part_is_refused_with_the_list():
    with pytest.raises(SpecError, match=r"'test'(.|\n)*training"):
        CNMC.part("test")


def test_a_card_checks_its_classes_and_parts():
    with pytest.raises(SpecError, match="benign"):
        replace(CNMC, positive_class="benign")
    layout = Layout(name="x", part="nowhere", folder="x", stem="x", identity="x", example="x")
    with pytest.raises(SpecError, match="nowhere"):
        replace(CNMC, layouts=(layout,))


def test_catalog_and_index_load_no_heavy_library():
    code = (
        "import sys, leukcnn.datasets, leukcnn.datasets.catalog, leukcnn.datasets.index\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from leukcnn.datasets import read_picture, verify\n"
        "from leukcnn.datasets import verification\n"
        "assert 'cv2' in sys.modules and callable(verify) and verification.verify is verify\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_lists_and_resolves_its_names():
    import leukcnn.datasets as datasets

    assert all(getattr(datasets, name) is not None for name in dir(datasets))
    with pytest.raises(AttributeError, match="nothing"):
        _ = datasets.nothing
