"""What the tests share."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """Puts the slow tests last, so that a plain mistake shows early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Returns the folder of real pictures named by LEUKCNN_DATA, or skips the test."""
    root = os.environ.get("LEUKCNN_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("needs real pictures: LEUKCNN_DATA names no folder")
    return Path(root)
