"""Small folders of images that look like a dataset's."""

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def write_cell():
    """Returns a function that writes an image; its content depends on `seed` only."""

    def write(path: Path, *, seed: int, image_size: int = 450) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        blocks = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        image = cv2.resize(blocks, (image_size, image_size), interpolation=cv2.INTER_NEAREST)
        assert cv2.imwrite(str(path), image)
        return path

    return write


@pytest.fixture
def archive(tmp_path, write_cell) -> Path:
    """Returns a folder in the archive's layout: 6 training, 3 preliminary and 3 final cells."""
    root = tmp_path / "C-NMC_Leukemia"
    names = [
        "training_data/fold_0/all/UID_11_1_1_all.bmp",
        "training_data/fold_0/hem/UID_H11_1_1_hem.bmp",
        "training_data/fold_1/all/UID_2_10_1_all.bmp",
        "training_data/fold_1/all/UID_2_2_1_all.bmp",
        "training_data/fold_2/hem/UID_h3_1_1_hem.bmp",
        "training_data/fold_2/hem/UID_H5_1_1_hem.bmp",
        *(f"validation_data/C-NMC_test_prelim_phase_data/{i}.bmp" for i in (1, 2, 10)),
    ]
    for seed, name in enumerate(names):
        write_cell(root / name, seed=seed)
    for i in (1, 2, 10):
        write_cell(root / f"testing_data/C-NMC_test_final_phase_data/{i}.bmp", seed=100 + i, image_size=600)
    (root / "validation_data/C-NMC_test_prelim_phase_data_labels.csv").write_text(
        "Patient_ID,new_names,labels\n"
        "UID_57_29_1_all.bmp,1.bmp,1\n"
        "UID_H49_35_1_hem.bmp,2.bmp,0\n"
        "UID_h49_36_1_hem.bmp,10.bmp,0\n"
    )
    return root
