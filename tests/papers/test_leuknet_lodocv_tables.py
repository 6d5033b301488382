"""Every number below is copied from the paper's text, not from the module."""

import pytest

from leukcnn.papers.leuknet_lodocv_rows import ROWS
from leukcnn.papers.leuknet_lodocv_tables import TABLES

# A, P, R, S of Table IV, each with its std.
TABLE_4 = {
    "allidb1": {
        "leuknet": "97.04±1.21 96.42±2.45 97.14±1.83 96.95±2.21",
        "vgg19_dft": "97.04±0.41 95.98±0.04 97.55±0.91 96.61±0.00",
        "inceptionv3_mdft": "65.56±9.79 58.47±17.18 73.92±16.99 60.91±19.90",
        "xception_mdft": "77.41±8.65 69.40±9.76 94.69±3.10 63.05±18.11",
        "resnet50_mdft": "87.96±2.70 91.59±8.56 82.04±4.42 92.88±8.08",
    },
    "allidb2": {
        "leuknet": "82.46±0.02 77.59±0.04 92.30±0.08 72.61±0.09",
        "vgg19_mdft": "79.62±6.31 77.54±8.53 85.38±9.53 73.85±12.93",
        "inceptionv3_mdft": "58.38±3.09 56.95±2.42 70.00±12.38 46.77±11.66",
        "xception_mdft": "64.92±2.60 63.58±2.54 70.31±7.06 59.54±6.45",
        "resnet50_mdft": "69.46±6.26 66.96±7.05 80.31±10.17 58.62±16.71",
    },
}
TABLE_5 = {
    "allidb1": {
        "leuknet_512_256": "94.81±2.41 93.92±2.50 94.69±3.09 94.91±2.07",
        "leuknet": "97.04±1.21 96.42±2.45 97.14±1.83 96.95±2.21",
        "leuknet_1024_512": "93.14±3.73 92.95±7.62 92.65±3.09 93.55±7.89",
        "leuknet_1024_1024": "93.70±1.65 91.79±3.11 94.69±1.82 92.88±3.03",
    },
    "allidb2": {
        "leuknet_512_256": "71.53±4.97 70.91±4.20 74±13.98 69.07±9.90",
        "leuknet": "82.46±0.02 77.59±0.04 92.30±0.08 72.61±0.09",
        "leuknet_1024_512": "71.84±3.64 77.84±12.16 67.53±17.09 76.15±23.46",
        "leuknet_1024_1024": "69.15±2.11 69.91±4.94 69.23±9.41 69.07±11.52",
    },
}
TABLE_8 = {
    "": {"vogado2018": "92.79 92.90 92.80 92.22", "leuknet": "98.24 98.20 98.76 97.34"},
}
TABLE_9 = {
    "ufg": {
        "vogado2018": "52.06 49.90 52.10 47.70",
        "leuknet": "70.24±5.51 70.54±8.62 80.31±15.17 58.94±22.24",
    },
}
# A, P, R, kappa of Table VI: LODOCV, then k-fold.
TABLE_6 = {
    "allidb1": {
        "features_dft": "59.25 52.68 100 0.2362 99.07 98 100 0.9813",
        "features_mdft": "87.96 86.00 87.75 0.7575 91.66 95.45 83.04 0.8571",
        "features_imagenet": "68.51 59.49 95.91 0.3962 97.22 96 97.95 0.9440",
    },
    "allidb2": {
        "features_dft": "51.92 51.06 92.30 0.0384 94.23 93.89 94.61 0.8846",
        "features_mdft": "73.84 75.83 70.00 0.4769 85.00 84.21 86.15 0.7",
        "features_imagenet": "49.61 49.68 60 -0.007 87.69 87.69 87.69 0.7538",
    },
}
# Table II: non-pathological, pathological, total.
TABLE_2 = {
    "allidb1": (59, 49, 108),
    "allidb1_crop": (0, 510, 510),
    "allidb2": (130, 130, 260),
    "leukocytes": (149, 0, 149),
    "cellavision": (109, 0, 109),
    "atlas": (0, 88, 88),
    "omid2014": (154, 0, 154),
    "omid2015": (0, 27, 27),
    "ash": (0, 96, 96),
    "bloodline": (0, 204, 204),
    "onkodin": (0, 78, 78),
    "cellavision2": (100, 0, 100),
    "jtsc": (300, 0, 300),
    "ufg": (57, 64, 121),
    "pn_all": (0, 30, 30),
    "leukemia_images": (0, 140, 140),
    "midb": (0, 673, 673),
    "lisc": (376, 0, 376),
}
ACCURACIES = {
    "Patel and Mishra": (27, 93.75),
    "Singhal et al.": (260, 93.80),
    "Thanh et al.": (1188, 96.60),
    "Shafique et al.": (760, 99.50),
    "Rehman et al.": (330, 97.78),
    "Sipes et al.": (388, 88.00),
    "Vogado et al.": (1268, 99.76),
    "Pansombut et al.": (363, 81.74),
    "Ahmed et al.": (903, 88.25),
}
SCORES = ("accuracy", "precision", "recall", "specificity")
# Those of Vogado et al. are averages over the classes.
WEIGHTED = ("accuracy", "weighted_precision", "weighted_recall", "weighted_specificity")
NETWORKS = {
    "VGG-16": "VGG16",
    "VGG-19": "VGG19",
    "ResNet50": "ResNet50",
    "InceptionV3": "InceptionV3",
    "Xception": "Xception",
}


def table(table_id):
    return next(table for table in TABLES if table.id == table_id)


def as_copied(text):
    """Returns value and standard deviation of a text like "97.04±1.21"."""
    value, _, std = text.partition("±")
    return float(value), float(std) if std else None


@pytest.mark.parametrize(
    ("table_id", "copied"),
    [("table4", TABLE_4), ("table5", TABLE_5), ("table8", TABLE_8), ("table9", TABLE_9)],
)
def test_scores_with_their_stds(table_id, copied):
    seen = 0
    for dataset, rows in copied.items():
        for row, line in rows.items():
            scores = WEIGHTED if row == "vogado2018" else SCORES
            printed = [table(table_id).printed(row, metric, dataset=dataset) for metric in scores]
            assert [(p.value, p.std) for p in printed] == [as_copied(text) for text in line.split()]
            seen += len(printed)
    assert len(table(table_id).published) == seen
    assert set(table(table_id).rows) == {row for rows in copied.values() for row in rows}


def test_table_6():
    metrics = ("accuracy", "precision", "recall", "kappa")
    for dataset, rows in TABLE_6.items():
        for row, line in rows.items():
            printed = [
                table("table6").printed(row, metric, dataset=dataset, subset=subset)
                for subset in ("test", "within")
                for metric in metrics
            ]
            assert [p.value for p in printed] == [float(text) for text in line.split()]
            assert {p.std for p in printed} == {None}
    assert len(table("table6").published) == 48


def test_ablation_has_the_accuracies_of_table_4_and_no_other_value():
    accuracies = [f for f in table("table4").published if f.metric == "accuracy"]
    assert list(table("ablation").published) == accuracies
    assert len(accuracies) == 10
    assert len(table("ablation").rows) == len(set(table("ablation").rows)) == 20


def test_the_loss_is_measured_though_none_is_printed():
    for table_id in ("table4", "table5"):
        assert table(table_id).metrics == (*SCORES, "log_loss")
        assert "log_loss" not in {published.metric for published in table(table_id).published}


def test_rows_of_the_ablation_that_the_paper_never_ran_are_labelled():
    # Section III-D: only mSFT and mDFT for all networks but the VGGs.
    labelled = {row.id for row in ROWS if "not in the paper" in row.label}
    assert labelled == {
        f"{name}_{mode}" for name in ("resnet50", "inceptionv3", "xception") for mode in ("sft", "dft")
    }
    assert labelled < set(table("ablation").rows)
    assert not labelled & {published.row for t in TABLES for published in t.published}


def test_no_value_is_listed_twice():
    for each in TABLES:
        places = [(f.row, f.metric, f.dataset, f.subset) for f in each.published]
        assert len(set(places)) == len(places), each.id


def test_table_2():
    *rows, total = table("table2").reference
    assert {key: tuple(counts) for key, *counts in rows} == TABLE_2
    assert [key for key, *_ in rows] == list(TABLE_2)
    assert total == ("Total", 1434, 2102, 3536)


def test_table_2_does_not_add_up_for_bloodline():
    healthy, pathological, every = (sum(column) for column in zip(*TABLE_2.values(), strict=True))
    assert (healthy, pathological, every) == (1434, 2089, 3523)
    assert 2102 - pathological == 3536 - every == 217 - 204
    assert 3536 - sum(TABLE_2["ufg"][:2]) == 3415
    assert sum(0 in counts for counts in TABLE_2.values()) == 15


def test_tables_of_other_works():
    assert {row[0]: row[-3::2] for row in table("table1").reference} == ACCURACIES
    years = (2015, 2016, 2018, 2018, 2018, 2018, 2018, 2019, 2019)
    assert tuple(int(row[1]) for row in table("table1").reference) == years
    *others, leuknet = table("table7").reference
    assert {row[0]: row[1::2] for row in others} == ACCURACIES
    assert leuknet == ("LeukNet", 3536, "k-fold", 98.24)
    assert table("table7").measured == (("LeukNet", "leuknet", "accuracy"),)
    for row in others:
        first = next(other for other in table("table1").reference if other[0] == row[0])
        assert first[5] == row[2]


def test_table_3():
    copied = (
        (23, 138_357_544, 2014),
        (26, 143_667_240, 2014),
        (168, 25_636_712, 2015),
        (159, 23_851_784, 2016),
        (126, 22_910_480, 2017),
    )
    rows = table("table3").reference
    assert tuple(row[0] for row in rows) == tuple(NETWORKS)
    assert tuple((depth, parameters, int(year)) for _, depth, parameters, year in rows) == copied


def test_splits_of_the_tables():
    splits = {t.id: (t.split, t.compared_split) for t in TABLES if t.kind == "metrics" and t.published}
    assert splits.pop("table8") == ("kfold", "")
    assert set(splits.values()) == {("lodocv", "lodocv_strict")}
    assert table("table7").split == "kfold"
    assert table("single_class").split == "lodocv_single_class"
