"""Every number below is copied from the paper's text, not from the module."""

import pytest

from leukcnn.papers.alertnet_tables import TABLES

# Table III: accuracy, loss, precision, recall, kappa.
TABLE_3 = {
    "alertnet": (95.94, 0.1186, 97.37, 93.45, 0.9317),
    "alertnet_wd": (96.72, 0.0953, 97.44, 95.58, 0.9481),
    "alertnet_r": (95.85, 0.1180, 98.01, 93.32, 0.9353),
    "alertnet_rwd": (97.18, 0.0940, 97.23, 97.18, 0.9564),
    "alertnet_x": (94.76, 0.1575, 94.94, 94.77, 0.9194),
    "alertnet_xwd": (95.53, 0.1399, 95.72, 95.20, 0.9324),
}
# Table V: each with its std, then parameters and file size.
TABLE_5 = {
    "resnet50_sft": ((41.61, 4.86), (1.2667, 0.11), (18.50, 1.48), (41.61, 4.86), (0, None), 24_638_339, 94),
    "inceptionv3_sft": (
        (64.30, 2.09),
        (0.8231, 0.03),
        (65.25, 1.73),
        (64.30, 2.09),
        (0.4501, 0.03),
        22_853_411,
        109,
    ),
    "xception_sft": (
        (72.00, 3.48),
        (0.6913, 0.02),
        (71.43, 3.64),
        (72.084, 3.47),
        (0.5601, 0.05),
        22_910_480,
        90,
    ),
    "alertnet_rwd": (
        (97.18, 0.61),
        (0.0940, 0.03),
        (97.23, 0.61),
        (97.18, 0.60),
        (0.9564, 0.0094),
        8_792_963,
        68,
    ),
}
# Table II: HBS, ALL, AML, other types, total.
TABLE_2 = (
    (59, 49, 0, 0, 108),
    (0, 510, 0, 0, 510),
    (130, 130, 0, 0, 260),
    (149, 0, 0, 0, 149),
    (109, 0, 0, 0, 109),
    (0, 25, 40, 23, 88),
    (154, 0, 0, 0, 154),
    (0, 0, 27, 0, 27),
    (0, 0, 96, 0, 96),
    (0, 0, 217, 0, 217),
    (0, 0, 78, 0, 78),
    (100, 0, 0, 0, 100),
    (300, 0, 0, 0, 300),
    (57, 10, 27, 27, 121),
    (0, 30, 0, 0, 30),
    (0, 40, 78, 22, 140),
)
METRICS = ("accuracy", "log_loss", "precision", "recall", "kappa")
TABLE_1_WORKS = (
    ("Vogado", "SVM"),
    ("Vincent", "MLP"),
    ("Singhal and Singh", "SVM"),
    ("Thanh", "CNN"),
    ("Shafique", "CNN"),
    ("Rehman", "CNN"),
    ("Sipes", "CNN"),
    ("Pansombut", "CNN"),
    ("Ahmed", "CNN"),
    ("Madhukar and Agaian", "SVM"),
    ("Goutam and Sailaja", "SVM"),
    ("Rawat", "GA-SVM"),
    ("Laosai and Chamnongthai", "SVM"),
)
TABLE_1_ACCURACIES = (
    *(99.76, 97.70, 93.80, 96.60, 99.50, 97.78, 88.00, 81.74, 88.25),
    *(93.50, 98.00, 99.50, 99.85),
)
TABLE_1_IMAGES = (1268, 100, 260, 1188, 760, 330, 388, 363, 2478, 50, 90, 420, 500)


def table(table_id):
    return next(table for table in TABLES if table.id == table_id)


@pytest.mark.parametrize("row", TABLE_3)
def test_table_3(row):
    assert tuple(table("table3").printed(row, metric).value for metric in METRICS) == TABLE_3[row]
    assert {table("table3").printed(row, metric).std for metric in METRICS} == {None}


@pytest.mark.parametrize("row", TABLE_5)
def test_table_5(row):
    *scores, parameters, file_mb = TABLE_5[row]
    printed = [table("table5").printed(row, metric) for metric in METRICS]
    assert [(p.value, p.std) for p in printed] == scores
    assert table("table5").printed(row, "parameters").value == parameters
    assert table("table5").printed(row, "file_mb").value == file_mb


def test_table_6_has_the_values_that_the_text_gives():
    printed = [table("table6").printed("resnet50_dft", metric) for metric in METRICS]
    assert [value and value.value for value in printed] == [97.80, None, 97.81, 97.80, 0.9660]
    assert table("table6").printed("xception_dft", "accuracy") is None
    proposed = [p for p in table("table5").published if p.row == "alertnet_rwd"]
    assert [p for p in table("table6").published if p.row == "alertnet_rwd"] == proposed
    assert len(table("table6").published) == 4 + len(proposed) == 11
    assert len(table("table5").published) == 4 * 7


def test_table_1():
    rows = table("table1").reference
    assert tuple(row[-1] for row in rows) == TABLE_1_ACCURACIES
    assert tuple(row[-2] for row in rows) == TABLE_1_IMAGES
    years = (2018, 2015, 2016, 2017, 2018, 2018, 2018, 2019, 2019, 2012, 2015, 2017, 2018)
    assert tuple(int(row[2]) for row in rows) == years
    assert tuple((row[0].removesuffix(" et al."), row[4]) for row in rows) == TABLE_1_WORKS


def test_table_2():
    rows = table("table2").reference
    assert tuple(row[1:] for row in rows) == TABLE_2
    assert [row[0] for row in rows[:3]] == ["allidb1", "allidb1_crop", "allidb2"]
    assert [row[0] for row in rows[-2:]] == ["pn_all", "leukemia_images"]


def test_table_2_sums_to_what_the_paper_says():
    columns = list(zip(*(row[1:] for row in table("table2").reference), strict=True))
    assert [sum(column) for column in columns] == [1058, 794, 563, 72, 2487]
    assert sum(sum(column) for column in columns[:3]) == 2415
    for row in table("table2").reference:
        assert sum(row[1:5]) == row[5]


def test_table_4():
    assert [row[-2:] for row in table("table4").reference] == [(420, 99.50), (500, 99.85), (2415, 97.18)]
