from pathlib import PurePosixPath

import pytest

from leukcnn.datasets import web_sets
from leukcnn.datasets.image_paths import place


@pytest.mark.parametrize(
    ("dataset", "path", "depth", "identity", "class_name"),
    [
        (web_sets.CELLAVISION2, "segmentation_WBC/Dataset 2/001.bmp", 0, "Dataset 2/001.bmp", "healthy"),
        (web_sets.CELLAVISION, "cellavision/1.tif", 0, "1.tif", "healthy"),
        (web_sets.ATLAS, "atlas/Other/CLL 3.jpeg", 1, "other/CLL 3.jpeg", "other"),
        (web_sets.ASH, "ASH-OK/60.jpg", 0, "60.jpg", "AML"),
        (web_sets.BLOODLINE, "bloodline/AML/60.jpg", 1, "aml/60.jpg", "AML"),
        (web_sets.LEUKEMIA_IMAGES, "leukemia-images/all/60.jpg", 1, "all/60.jpg", "ALL"),
        (web_sets.MIDB, "midb/Leukemia/60.jpg", 1, "leukemia/60.jpg", "pathological"),
        (web_sets.MIDB, "midb/60.jpg", 0, "60.jpg", "pathological"),
    ],
)
def test_place_gives_id_and_class(dataset, path, depth, identity, class_name):
    found = place(dataset, PurePosixPath(path), depth=depth)
    assert found.id == identity
    assert dataset.classes[found.label] == class_name


def test_two_datasets_of_one_repository_are_separate():
    assert place(web_sets.CELLAVISION2, PurePosixPath("segmentation_WBC/Dataset 1/001.bmp"), depth=1) is None
