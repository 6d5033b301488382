from pathlib import Path

import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.outputs.titles import describe, file_stem


def index_of(*datasets: str) -> ImageIndex:
    n = len(datasets)
    return ImageIndex(
        paths=[Path(f"{i}.bmp") for i in range(n)],
        ids=np.array([f"{dataset}/field.{i}.bmp" for i, dataset in enumerate(datasets)]),
        labels=np.arange(n) % 2,
        class_names=("healthy", "ALL"),
        dataset=np.array(datasets),
        group=np.array(["H7"] + [""] * (n - 1)),
        part=np.full(n, "all"),
        fold=np.full(n, -1),
        sha256=np.array(["0"] * n),
    )


@pytest.mark.parametrize(
    ("datasets", "titles"),
    [
        (("cnmc2019", "cnmc2019"), ["healthy, subject H7", "ALL, subject unknown"]),
        (("taleghani", "taleghani"), ["healthy, field.0", "ALL, field.1"]),
        (("jtsc", "allidb2"), ["healthy, JTSC", "ALL, ALL-IDB 2"]),
    ],
)
def test_picture_is_told_by_what_tells_it_from_others(datasets, titles):
    index = index_of(*datasets)
    assert [describe(index, row) for row in range(2)] == titles


def test_stem_of_an_id():
    assert file_stem("allidb1/ALL/Im001_1.jpg") == "Im001_1"
    assert file_stem(np.str_("007.bmp")) == "007"
