from pathlib import PurePosixPath

import numpy as np
import pytest

from leukcnn.datasets import index_from_manifest, research_sets, taleghani
from leukcnn.datasets.image_paths import place
from leukcnn.papers.allidb_lightweight import PAPER


@pytest.mark.parametrize(
    ("dataset", "path", "depth", "identity", "class_name"),
    [
        (research_sets.ALLIDB1, "ALL_IDB1/im/Im006_1.jpg", 1, "Im006_1.jpg", "ALL"),
        (research_sets.ALLIDB1, "ALL_IDB1/IM/im064_0.JPG", 1, "Im064_0.jpg", "healthy"),
        (research_sets.ALLIDB1, "ALL_IDB1/im/WBC_Healthy_10.jpg", 1, "WBC_Healthy_10.jpg", "healthy"),
        (research_sets.ALLIDB1, "allidb1/Im006_1.jpg", 0, "Im006_1.jpg", "ALL"),
        (research_sets.ALLIDB1, "allidb1/all/Im001_1.jpg", 1, "Im001_1.jpg", "ALL"),
        (research_sets.ALLIDB1, "allidb1/hbs/field 7.png", 1, "hbs/field 7.png", "healthy"),
        (research_sets.ALLIDB2, "ALL_IDB2/img/Im001_1.tif", 1, "Im001_1.tif", "ALL"),
        (research_sets.ALLIDB2, "ALL_IDB2/img/Im260_0.tif", 1, "Im260_0.tif", "healthy"),
        (research_sets.ALLIDB2, "allidb2/healthy/Im260_0.png", 1, "Im260_0.tif", "healthy"),
        (research_sets.ALLIDB1_CROP, "allidb1_crop/7.bmp", 0, "7.bmp", "ALL"),
        (research_sets.OMID2015, "omid2015/a.jpg", 0, "a.jpg", "AML"),
        (research_sets.JTSC, "segmentation_wbc/dataset 1/001.bmp", 0, "Dataset 1/001.bmp", "healthy"),
        (research_sets.JTSC, "jtsc/001.bmp", 0, "Dataset 1/001.bmp", "healthy"),
        (
            research_sets.LISC,
            "LISC Database/Main Dataset/Baso/7.bmp",
            1,
            "Main Dataset/baso/7.bmp",
            "healthy",
        ),
        (research_sets.LISC, "lisc/Main Dataset/mixt/7.bmp", 2, "Main Dataset/mixt/7.bmp", "healthy"),
        (research_sets.LISC, "lisc/healthy/7.png", 1, "healthy/7.png", "healthy"),
        (research_sets.LISC, "lisc/7.bmp", 0, "7.bmp", "healthy"),
        (research_sets.JTSC, "jtsc/normal/my.png", 1, "normal/my.png", "healthy"),
        (
            taleghani.TALEGHANI,
            "taleghani/Original/Pre/WBC-Malignant-Pre-001.jpg",
            1,
            "Original/Pre/WBC-Malignant-Pre-001.jpg",
            "pre",
        ),
        (
            taleghani.TALEGHANI,
            "taleghani/benign/wbc-benign-001.png",
            1,
            "Original/Benign/WBC-Benign-001.jpg",
            "benign",
        ),
        (
            taleghani.TALEGHANI_SEGMENTED,
            "taleghani/Segmented/Pro/WBC-Malignant-Pro-001.jpg",
            1,
            "Segmented/pro/WBC-Malignant-Pro-001.jpg",
            "pro",
        ),
    ],
)
def test_place_gives_id_and_class(dataset, path, depth, identity, class_name):
    found = place(dataset, PurePosixPath(path), depth=depth)
    assert found.id == identity
    assert dataset.classes[found.label] == class_name
    assert not (found.foreign or found.contradictory)


def test_masks_of_lisc_are_not_images():
    mask = PurePosixPath("LISC Database/Ground Truth Segmentation/Baso/areaforexpert1/7_expert.bmp")
    assert place(research_sets.LISC, mask, depth=3) is None


def test_names_that_contradict_their_folder_are_marked():
    for dataset, path in (
        (research_sets.ALLIDB1, "allidb1/healthy/Im001_1.jpg"),
        (taleghani.TALEGHANI, "Original/Pro/WBC-Benign-001.jpg"),
    ):
        assert place(dataset, PurePosixPath(path), depth=1).contradictory


def test_name_without_a_label_is_foreign():
    found = place(research_sets.ALLIDB1, PurePosixPath("ALL_IDB1/im/field.jpg"), depth=1)
    assert found.foreign
    assert found.label == -1


def test_datasets_of_several_classes_need_class_folders():
    assert place(research_sets.UFG, PurePosixPath("ufg/1.png"), depth=0) is None
    assert place(research_sets.OMID2014, PurePosixPath("omid2014/aml/1.png"), depth=1) is None


def test_all_idb_2s_card_counts_the_crops_without_a_known_field():
    index = index_from_manifest("allidb2")
    unknown = index.group == ""
    leukaemic = unknown & (index.labels == index.class_names.index("ALL"))
    known, n, of_all = (int(rows.sum()) for rows in (~unknown, unknown, leukaemic))
    remark = " ".join(research_sets.ALLIDB2.remarks)
    assert f"{known} of the {len(index)} were found" in remark
    assert f"{of_all} of the {n} crops without a known field are ALL" in remark
    finding = next(f.text for f in PAPER.findings if "grouped_kfold" in f.text)
    assert f"for {n} crops it isn't, and {of_all} of them" in finding


def test_all_idb_2s_crops_are_numbered_field_by_field():
    index = index_from_manifest("allidb2")
    for label in (0, 1):
        fields = index.group[(index.labels == label) & (index.group != "")]
        stretches = 1 + np.count_nonzero(fields[1:] != fields[:-1])
        assert stretches <= len(set(fields.tolist())) + 2
