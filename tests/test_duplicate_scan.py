import csv
import dataclasses

import cv2
import numpy as np
import pytest

from leukcnn import duplicate_scan, papers, synthetic
from leukcnn.datasets import pairs_between
from leukcnn.datasets.indexing import load
from leukcnn.datasets.many import load_many
from leukcnn.datasets.verification import verify
from leukcnn.duplicate_scan import scan_duplicates, scan_reports
from leukcnn.paths import PAIR_COLUMNS
from leukcnn.spec import Preprocessing
from leukcnn.splits import leave_one_dataset_out, related_datasets

NAMES = ("jtsc", "ufg", "allidb1", "allidb2", "atlas")
PAPER = papers.get("alertnet")
SMALL = Preprocessing(resize=64)


def scan_folders(names, root, **options):
    return scan_reports([verify(name, root) for name in names], **options)


def write_image(path, seed, *, brighter=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(20, 230, (20, 20, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (120, 120), interpolation=cv2.INTER_CUBIC)
    assert cv2.imwrite(str(path), cv2.add(image, np.full_like(image, brighter)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Returns five datasets: jtsc has a copy and a near copy of ufg images, ufg has four identical images."""
    root = tmp_path_factory.mktemp("data")
    folders = [
        "jtsc/healthy",
        "ufg/healthy",
        "ufg/AML",
        "atlas/AML",
        *(f"allidb{i}/{c}" for i in (1, 2) for c in ("healthy", "ALL")),
    ]
    for place, folder in enumerate(folders):
        for number in range(4):
            write_image(root / folder / f"{number}.png", 10 * place + number)
    write_image(root / "jtsc/healthy/copy.png", 10)
    write_image(root / "jtsc/healthy/near.png", 11, brighter=3)
    for twin in ("healthy/twin 1.png", "healthy/twin 2.png", "healthy/twin 3.png"):
        write_image(root / "ufg" / twin, 12)
    return root


@pytest.fixture(scope="module")
def scan(root, tmp_path_factory):
    return scan_folders(NAMES, root, paper=PAPER, folder=tmp_path_factory.mktemp("cache"))


def places(scan, pairs):
    return [tuple("/".join(scan.index.paths[row].parts[-3:]) for row in pair) for pair in pairs]


def test_identical_and_near_pairs_are_distinguished(scan):
    assert places(scan, scan.near) == [("jtsc/healthy/near.png", "ufg/healthy/1.png")]
    first, *others = places(scan, scan.identical)
    assert first == ("jtsc/healthy/copy.png", "ufg/healthy/0.png")
    assert len(others) == 6
    assert all(place.startswith("ufg/") for pair in others for place in pair)
    assert scan.pairs.tolist() == [*scan.identical.tolist(), *scan.near.tolist()]


def test_all_pairs_are_written_with_what_their_images_are(scan, tmp_path):
    scan.write(tmp_path / "pairs.csv")
    with (tmp_path / "pairs.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert tuple(rows[0]) == PAIR_COLUMNS
    assert [row["kind"] for row in rows] == ["identical"] * 7 + ["nearly identical"]
    near = rows[-1]
    assert (near["dataset_a"], near["image_a"]) == ("jtsc", "jtsc/healthy/near.png")
    assert (near["dataset_b"], near["image_b"]) == ("ufg", "ufg/healthy/1.png")
    assert 0 <= float(near["distance"]) < 0.2
    assert {row["distance"] for row in rows[:-1]} == {"0.0000"}
    assert {row["same_class"] for row in rows} == {"yes"}
    assert {row["same_subject"] for row in rows} == {""}


def test_pairs_by_name_alone_are_written_too(scan, tmp_path):
    named = dataclasses.replace(scan, named=np.array([[0, 1]]))
    *_, last = named.rows()
    assert (last["kind"], last["distance"]) == ("by name", "")
    assert "1 other by their names" in named.lines()[0]


def test_lines_count_by_pair_of_datasets_and_name_examples(scan):
    first, *lines = scan.lines()
    assert first == ("duplicates among 37 images of 5 datasets: 7 byte-identical pairs, 1 near one")
    between, within = (
        lines.index("  between jtsc and ufg: 1 identical, 1 near"),
        lines.index("  within ufg: 6 identical, 0 near"),
    )
    assert within == between + 3
    assert [sign for line in lines[between:within] for sign in "=~" if f" {sign} " in line] == ["=", "~"]
    assert ["jtsc/" in line and "ufg/" in line for line in lines[between + 1 : within]] == [True, True]
    assert [line.count(" = ufg/") for line in lines[within + 1 : within + 4]] == [1, 1, 1]
    assert lines[within + 4] == "    and 3 more"
    assert lines[within + 5 :] == [
        "datasets that are declared to share cells: allidb1 (allidb2); allidb2 (allidb1)",
        "datasets that a strict split treats as related: "
        "allidb1 (allidb2); allidb2 (allidb1); jtsc (ufg); ufg (jtsc)",
    ]


def test_splitter_takes_the_pairs(scan):
    (split,) = [
        split for split in leave_one_dataset_out(scan.index, pairs=scan.pairs) if split.dataset == "ufg"
    ]
    assert pairs_between(scan.pairs, split.train, split.test) == 2
    assert related_datasets(scan.index, scan.pairs)["ufg"] == ("jtsc",)


def test_experiment_finds_the_images_in_the_cache(root, tmp_path, monkeypatch):
    scan_folders(NAMES[::-1], root, paper=PAPER, folder=tmp_path)
    ordered = ("allidb1", "allidb2", "atlas", "jtsc", "ufg")
    index = load_many(ordered, root, class_names=PAPER.classes, class_of=PAPER.class_of)
    monkeypatch.setattr("leukcnn.image_cache.decode_image", None)
    assert len(scan_duplicates(index, folder=tmp_path).near) == 1


def test_near_copies_in_two_classes_are_counted(tmp_path):
    for number in range(3):
        write_image(tmp_path / "ufg/healthy" / f"{number}.png", number)
        write_image(tmp_path / "ufg/AML" / f"{number}.png", 10 + number)
    write_image(tmp_path / "ufg/AML/near.png", 1, brighter=3)
    lines = scan_folders(("ufg",), tmp_path / "ufg", folder=tmp_path / "cache").lines()
    assert lines[1] == "  within ufg: 0 identical, 1 near, 1 of them in two classes"


def test_scan_of_one_dataset_mentions_no_other(root, tmp_path):
    lines = scan_folders(("ufg",), root, folder=tmp_path).lines()
    assert "of ufg: 6 byte-identical pairs, 0 near ones" in lines[0]
    assert lines[1].startswith("  within ufg: 6 identical, 0 near")
    assert not any("strict" in line or "declaration" in line for line in lines)


def test_without_duplicates_one_line_says_so(root, tmp_path):
    index = load("allidb1", root)
    (line,) = scan_duplicates(index, SMALL, folder=tmp_path).lines()
    assert line.endswith("of allidb1: 0 byte-identical pairs, 0 near ones")


def test_paper_on_one_dataset_is_scanned(tmp_path):
    counts = synthetic.SyntheticCounts(4, 4, 2, 2, 1, 1, 2)
    root = synthetic.write("cnmc2019", tmp_path, seed=0, counts=counts)
    scan = scan_folders(("cnmc2019",), root, paper=papers.get("cnmc2019"), folder=tmp_path)
    assert len(scan.index) == 12
    assert len(scan.pairs) == 0


def test_images_of_no_class_of_the_paper_are_not_compared(tmp_path):
    write_image(tmp_path / "atlas" / "other" / "1.png", 0)
    first, second = scan_folders(("atlas",), tmp_path, paper=PAPER, folder=tmp_path).lines()
    assert first.startswith("duplicates among 0 images")
    assert second == "  not searched: atlas: 1 image of other is left out"


@pytest.fixture
def faulty(tmp_path):
    """Returns a folder of two datasets that share an image; each also has an image that can't be read."""
    for place, name in enumerate(("jtsc/healthy", "atlas/AML")):
        for number in range(3):
            write_image(tmp_path / name / f"{number}.png", 10 * place + number)
        (tmp_path / name / "broken.png").write_text("no image")
    return tmp_path


def test_sound_images_of_datasets_with_faults_are_searched(faulty):
    write_image(faulty / "jtsc/healthy/copy.png", 10)
    scan = scan_folders(("jtsc", "atlas"), faulty, paper=PAPER, folder=faulty / "cache")
    assert len(scan.index) == 7
    assert len(scan.identical) == 1
    lines = scan.lines()
    assert lines[1:3] == [
        "  not searched: atlas: 1 image with faults, see above",
        "  not searched: jtsc: 1 image with faults, see above",
    ]
    assert lines[-1].endswith("treats as related: atlas (jtsc); jtsc (atlas)")


def test_that_datasets_share_nothing_is_said_of_what_was_searched_only(faulty):
    lines = scan_folders(("jtsc", "atlas"), faulty, paper=PAPER, folder=faulty / "cache").lines()
    for what in ("are declared to share cells", "a strict split treats as related"):
        assert f"datasets that {what}: none among the images searched, of atlas, jtsc" in lines


def test_relatives_with_faults_are_declared(tmp_path):
    for place, name in enumerate(("allidb1", "allidb2")):
        for number in range(2):
            write_image(tmp_path / name / "ALL" / f"{number}.png", 10 * place + number)
            write_image(tmp_path / name / "healthy" / f"h{number}.png", 10 * place + 5 + number)
    reports = [verify(name, tmp_path) for name in ("allidb1", "allidb2")]
    assert not reports[1].ok
    lines = scan_reports(reports, paper=PAPER, folder=tmp_path).lines()
    assert "datasets that are declared to share cells: allidb1 (allidb2); allidb2 (allidb1)" in lines


def test_a_dataset_without_a_sound_image_is_named(faulty):
    for path in (faulty / "atlas/AML").glob("?.png"):
        path.unlink()
    lines = scan_folders(("jtsc", "atlas"), faulty, paper=PAPER, folder=faulty / "cache").lines()
    assert "of jtsc: 0 byte-identical pairs" in lines[0]
    assert lines[1] == "  not searched: atlas: 1 image with faults, see above"
    lines = scan_folders(("atlas",), faulty, folder=faulty / "cache").lines()
    assert lines[0].startswith("duplicates among 0 images")


def test_real_cells_of_two_datasets_are_related_to_none(real_data, tmp_path):
    scan = scan_folders(("jtsc", "cellavision2"), real_data, paper=PAPER, folder=tmp_path)
    assert len(scan.identical) == 1
    assert set(scan.index.dataset[scan.near].ravel()) == {"jtsc"}
    assert scan.lines()[-1] == "datasets that a strict split treats as related: none"


def test_what_a_killed_search_left_in_the_cache_goes_with_the_next_one(tmp_path):
    decoded = tmp_path / "images" / "0123.npy"
    decoded.parent.mkdir()
    np.save(decoded, np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8))
    draft = tmp_path / "copies" / f".draft-0-0123-{duplicate_scan.COPIES_FORMAT}.npz"
    draft.parent.mkdir()
    draft.touch()
    images = np.load(decoded, mmap_mode="r")
    duplicate_scan._cached_copies(images, workers=1, counting=duplicate_scan.uncounted)
    assert [path.name for path in draft.parent.iterdir()] == [f"0123-{duplicate_scan.COPIES_FORMAT}.npz"]
