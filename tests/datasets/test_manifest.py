import re

import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import DataError


def test_manifest_of_cnmc2019_is_complete():
    published = manifest("cnmc2019")
    assert len(published) == card("cnmc2019").total
    assert {file.bytes for file in published.values()} == {608_454, 608_538, 1_080_054}
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in published.values())


def test_one_row_of_it():
    file = manifest("cnmc2019")["testing_data/C-NMC_test_final_phase_data/1.bmp"]
    assert file.sha256 == "fe1e48b5f2fe431914bbef25c37ff085c7b7cbf6a0d82568d02e5233acaf475c"
    assert file.bytes == 1_080_054


def test_it_can_be_read_only():
    with pytest.raises(TypeError):
        manifest("cnmc2019")["new"] = None


def test_unknown_dataset():
    with pytest.raises(DataError, match="nonsense"):
        manifest("nonsense")
