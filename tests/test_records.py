import dataclasses
import json

import pytest

from leukcnn.errors import StoreError
from leukcnn.files import write_json
from leukcnn.records import ExperimentRecord, PlannedTrial, relative
from leukcnn.runs import STORE_VERSION

RECORD = ExperimentRecord(
    paper="cnmc2019",
    profile="smoke",
    split="fold",
    seed=3,
    runs=2,
    backend="tensorflow",
    assumed={"split_fractions": [0.8, 0.1, 0.1], "augmentation": "fresh"},
    changes={"training.deterministic": True},
    trials=[
        PlannedTrial(row="vgg16", run=run, fold=fold, seed=3 + run, name=f"{run}{fold}", split="fold")
        for run in range(2)
        for fold in range(3)
    ],
    controls=[PlannedTrial(row="majority", run=0, fold=0, seed=3, name="c", split="lodocv", tested=("ufg",))],
    probe=PlannedTrial(row="dataset_border", run=0, fold=-1, seed=3, name="p", split="probe"),
    counts={"test": {"before": {"healthy": 339, "malignant": 727}}},
    datasets={"cnmc2019": {"healthy": 3389, "malignant": 7272}},
    related={"allidb1": ["allidb2"]},
    missing={"final": "the data hold no C-NMC test final phase data"},
    final_total=2586,
    not_comparable="smoke profile",
    data_notes=["59 of 10,661 training cells"],
    masked={"border": [PlannedTrial(row="vgg16", run=0, fold=-1, seed=3, name="m", split="cell")]},
)


def edit(folder, change) -> None:
    path = folder / "experiment.json"
    write_json(path, change(json.loads(path.read_text())))


def test_a_record_is_read_as_it_was_saved(tmp_path):
    RECORD.save(tmp_path / "experiment")
    assert ExperimentRecord.load(tmp_path / "experiment") == RECORD


def test_the_same_record_gives_the_same_bytes(tmp_path):
    for name in "ab":
        RECORD.save(tmp_path / name)
    assert (tmp_path / "a/experiment.json").read_bytes() == (tmp_path / "b/experiment.json").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values | {"store_version": STORE_VERSION + 1},
        lambda values: {key: value for key, value in values.items() if key != "store_version"},
        lambda values: {key: value for key, value in values.items() if key != "trials"},
        lambda values: {key: value for key, value in values.items() if key != "profile"},
        lambda values: values | {"column": 1},
        lambda values: values | {"trials": [{"row": "vgg16"}]},
        lambda values: [values],
    ],
    ids=["version", "no version", "no trials", "no profile", "another field", "half a trial", "a list"],
)
def test_record_of_another_version_is_refused(tmp_path, change):
    RECORD.save(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(StoreError, match="another version of leukcnn") as caught:
        ExperimentRecord.load(tmp_path)
    assert caught.value.expected == f"a store of version {STORE_VERSION}"


def test_the_version_that_wrote_a_record_is_reported(tmp_path):
    RECORD.save(tmp_path)
    edit(tmp_path, lambda values: values | {"store_version": 5})
    with pytest.raises(StoreError, match="store version 5") as caught:
        ExperimentRecord.load(tmp_path)
    assert "choose another --out" in caught.value.remedy


def test_a_missing_record_is_reported(tmp_path):
    with pytest.raises(StoreError, match=r"experiment\.json can't be read"):
        ExperimentRecord.load(tmp_path)


def test_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECORD.seed = 4


def test_a_path_below_the_working_folder_is_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert relative(tmp_path / "work/runs/cnmc2019") == "runs/cnmc2019"
    assert relative(tmp_path / "elsewhere") == str(tmp_path / "elsewhere")
