import dataclasses
import json
import os

import pytest

from leukcnn.datasets import Genuine
from leukcnn.errors import StoreError
from leukcnn.files import write_sealed_json
from leukcnn.records import (
    ExperimentRecord,
    PlannedTrial,
    changed_files,
    check_noted,
    note_files,
    relative,
)
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
    not_comparable_on={"kfold": {"": "it uses 260 of 368 published images", "allidb2": ""}},
    published_images={"allidb1": Genuine(108, verified=84, unverified=20, foreign=4)},
)

TRIAL = {"row": "vgg16", "run": 0, "fold": 0, "seed": 3, "name": "a", "split": "fold", "tested": []}


def edit(folder, change) -> None:
    """Changes a record as a version of leukcnn would that has other fields."""
    path = folder / "experiment.json"
    values = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    write_sealed_json(path, change(values))


def test_a_record_is_read_as_it_was_saved(tmp_path):
    RECORD.save(tmp_path / "experiment")
    assert ExperimentRecord.load(tmp_path / "experiment") == RECORD


def test_a_record_from_before_datasets_were_compared_by_themselves_is_read(tmp_path):
    RECORD.save(tmp_path)
    added = ("not_comparable_on", "published_images")
    edit(tmp_path, lambda values: {key: value for key, value in values.items() if key not in added})
    assert ExperimentRecord.load(tmp_path) == dataclasses.replace(
        RECORD, not_comparable_on={}, published_images={}
    )


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
        lambda values: values | {"trials": 3},
    ],
    ids=["version", "no version", "no trials", "no profile", "another field", "half a trial", "no list"],
)
def test_record_of_another_version_is_refused(tmp_path, change):
    RECORD.save(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(StoreError, match="another version of leukcnn") as caught:
        ExperimentRecord.load(tmp_path)
    assert caught.value.expected == f"a store of version {STORE_VERSION}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", "3"),
        ("seed", 3.5),
        ("runs", True),
        ("final_total", None),
        ("not_comparable", 1),
        ("assumed", []),
        ("datasets", {"cnmc2019": {"healthy": "3389"}}),
        ("counts", {"test": {"before": 3}}),
        ("related", {"allidb1": "allidb2"}),
        ("missing", {"final": None}),
        ("data_notes", "a note"),
        ("not_comparable_on", {"kfold": {"allidb2": 1}}),
        ("published_images", {"ash": {"published": "96"}}),
        ("trials", [TRIAL | {"run": "0"}]),
        ("trials", [TRIAL | {"name": "../../elsewhere"}]),
        ("trials", [TRIAL | {"tested": [1]}]),
        ("probe", TRIAL | {"seed": None}),
        ("masked", {"border": [TRIAL | {"name": "/"}]}),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path, field, value):
    RECORD.save(tmp_path)
    edit(tmp_path, lambda values: values | {field: value})
    with pytest.raises(StoreError, match=r"experiment\.json can't be used: .*") as caught:
        ExperimentRecord.load(tmp_path)
    assert "leukcnn reproduce" in caught.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"seed": 3', '"seed": 4', 1),
        lambda text: text.replace("3389", "3388"),
        lambda text: text.replace('"fold"', '"cell"'),
        lambda text: text.replace("3389", "NaN"),
        lambda text: text.replace("3389", "9" * 5000),
        lambda text: text + " ",
        lambda text: text.replace(" ", "  ", 1),
        lambda text: text.replace('"checksum"', '"checksums"'),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[" * 20_000,
        lambda text: f"[{text}]",
        lambda text: "\udcff",
    ],
)
def test_every_change_of_a_record_is_seen(tmp_path, change):
    RECORD.save(tmp_path)
    path = tmp_path / "experiment.json"
    changed = change(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed, errors="surrogateescape")
    with pytest.raises(StoreError, match=r"experiment\.json can't be read|another version"):
        ExperimentRecord.load(tmp_path)


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "experiment.json")
    with pytest.raises(StoreError, match=r"experiment\.json can't be read: it isn't a file"):
        ExperimentRecord.load(tmp_path)


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


def test_missing_and_changed_files_are_found(tmp_path):
    paths = [tmp_path / "figures" / f"{name}.png" for name in "abc"]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"whole")
    assert changed_files(tmp_path) == {}
    note_files(tmp_path, paths[:1])
    note_files(tmp_path, paths[1:])
    assert changed_files(tmp_path) == {}
    paths[0].unlink()
    paths[2].write_bytes(b"other")
    assert changed_files(tmp_path) == {paths[0]: "missing", paths[2]: "changed since it was written"}
    note_files(tmp_path, paths[2:])
    assert changed_files(tmp_path) == {paths[0]: "missing"}


def test_files_that_are_no_longer_written_are_removed_from_the_list(tmp_path):
    paths = [tmp_path / name for name in ("figures/a.png", "figures/b.png", "captured/c.npz")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"whole")
    note_files(tmp_path, paths)
    note_files(tmp_path, paths[:1], again=("figures",))
    for path in paths:
        path.unlink()
    assert changed_files(tmp_path) == {paths[0]: "missing", paths[2]: "missing"}


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b'{"figures/a.png": "0"}', b"\xff", b"[" * 20_000]
)
def test_a_damaged_list_of_files_is_named(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(b"whole")
    note_files(tmp_path, [path])
    noted = tmp_path / "written.json"
    noted.write_bytes(noted.read_bytes().replace(b"a.png", b"b.png") if content is None else content)
    check_noted(path, tmp_path)
    for use in (lambda: changed_files(tmp_path), lambda: note_files(tmp_path, [path])):
        with pytest.raises(StoreError, match=r"written\.json can't be read") as caught:
            use()
        assert "remove it and run `leukcnn reproduce`" in caught.value.remedy


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "figures/../../a.png"])
def test_a_list_of_files_elsewhere_is_refused(tmp_path, name):
    write_sealed_json(tmp_path / "written.json", {name: "0" * 64})
    with pytest.raises(StoreError, match="is outside the folder"):
        changed_files(tmp_path)


def test_a_file_is_compared_with_the_list(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"whole")
    check_noted(path, tmp_path)
    note_files(tmp_path, [path])
    check_noted(path, tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(StoreError, match=r"a\.npz: changed since it was written"):
        check_noted(path, tmp_path)
