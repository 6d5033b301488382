"""Fixtures for the tests of networks."""

import pytest

from leukcnn.models.regnet_designs import DESIGNS, Design


@pytest.fixture
def small_regnets(monkeypatch):
    """RegNets "200mf" of five blocks: the published thirteen take JAX a minute, operation by operation.

    Their stages have 1, 1, 1 and 2 blocks of 24, 40, 64 and 96 channels, in groups of 8.
    """
    for family in ("RegNetX", "RegNetY"):
        monkeypatch.setitem(DESIGNS, f"{family}-200MF", Design(5, 24, 24.0, 1.6, 8, 0))
