"""Indices of images without their files."""

import numpy as np
import pytest

from leukcnn.datasets import index_from_manifest
from tests.indices import index_of


@pytest.fixture(scope="module")
def published():
    """The index of a complete copy, without its files."""
    return index_from_manifest("cnmc2019")


@pytest.fixture(scope="module")
def many():
    """Sixty images of three classes in three datasets; ALL-IDB 2 has crops of ALL-IDB 1's fields."""
    n = 60
    labels = np.repeat([0, 1, 2], 20)
    dataset = np.array(["allidb1"] * 10 + ["allidb2"] * 20 + ["atlas"] * 30)
    group = np.array([f"allidb1/Im{i % 10:03}_1.jpg" if i < 30 else "" for i in range(n)])
    sha256 = np.array([f"{i:064x}" for i in range(n)])
    sha256[41] = sha256[40]
    return index_of(
        labels,
        class_names=("HBS", "ALL", "AML"),
        dataset=dataset,
        ids=np.array([f"{dataset[i]}/{i:02}.png" for i in range(n)]),
        group=group,
        sha256=sha256,
    )
