"""Every number below is copied from the paper's text or computed by hand, not from the module."""

import dataclasses

import numpy as np
import pytest

from leukcnn.datasets import catalog
from leukcnn.papers.cnmc2019 import PAPER

VGGS = ("vgg16", "vgg19")

# Table 2: accuracy, precision, sensitivity, specificity, F1-score.
TABLE_2 = {
    "vgg16": (92.48, 91.14, 94.10, 90.86, 92.60),
    "vgg19": (91.59, 90.06, 93.51, 86.68, 91.75),
    "xception": (90.41, 87.64, 94.10, 86.73, 90.76),
}
# True positives and true negatives on 339 malignant and 339 healthy cells.
COUNTS = {"vgg16": (319, 308), "vgg19": (317, 304), "xception": (319, 294)}

TABLE_3 = (92.60, 92.50, 91.70, 90.30, 89.47, 87.89, 87.58, 87.46, 86.74, 85.70, 84.00, 81.79)

TABLE_5 = (
    ("Yongsheng Pan", 1, 0.910),
    ("Ekansh Verma", 2, 0.894),
    ("Jonas Prellberg", 3, 0.889),
    ("Fenrui Xiao", 4, 0.885),
    ("Tian Shi", 5, 0.879),
    ("Ying Liu", 6, 0.876),
    ("Salman Shah", 7, 0.866),
    ("Yifan Ding", 8, 0.855),
    ("Xinpeng Xie", 9, 0.848),
)


def table(table_id: str):
    return next(table for table in PAPER.tables if table.id == table_id)


def test_counts_of_table_1():
    assert table("table1").reference == (
        ("Training", 4364, 2034, 10_000, 10_000),
        ("Validation", 2181, 1016, 5_000, 5_000),
        ("Test", 727, 339, None, None),
    )


def test_counts_of_table_1_add_up_to_the_dataset():
    malignant, healthy = (sum(row[column] for row in table("table1").reference) for column in (1, 2))
    assert (malignant, healthy) == (7272, 3389)
    assert malignant + healthy == 10_661
    published = catalog.card("cnmc2019").subset("training").images
    assert dict(published) == {"malignant": malignant, "healthy": healthy}


def test_values_of_table_2():
    metrics = ("accuracy", "precision", "sensitivity", "specificity", "f1")
    expected = {
        (row, metric): value
        for row, values in TABLE_2.items()
        for metric, value in zip(metrics, values, strict=True)
    }
    published = table("table2").published
    assert {(p.row, p.metric): p.value for p in published} == expected
    assert len(published) == 15


@pytest.mark.parametrize("row", COUNTS)
def test_table_2_follows_from_counts_on_a_balanced_test_set(row):
    tp, tn = COUNTS[row]
    fp, fn = 339 - tn, 339 - tp
    fractions = ((tp + tn) / 678, tp / (tp + fp), tp / 339, tn / 339, 2 * tp / (2 * tp + fp + fn))
    expected = list(TABLE_2[row])
    # Two slips: VGG19's specificity and Xception's F1-score, which follows from the rounded values.
    if row == "vgg19":
        expected[3] = 89.68
    if row == "xception":
        assert round(2 * 87.64 * 94.10 / (87.64 + 94.10), 2) == expected[4]
        expected[4] = 90.75
    assert [round(100 * fraction, 2) for fraction in fractions] == expected


def counts_that_give(row: str, malignant: int, healthy: int) -> list[tuple[int, int]]:
    """Returns all (TP, TN) whose accuracy, precision and sensitivity round to those of Table 2."""
    tp, tn = np.mgrid[1 : malignant + 1, 0 : healthy + 1]
    fractions = ((tp + tn) / (malignant + healthy), tp / (tp + healthy - tn), tp / malignant)
    fits = [
        np.abs(100 * f - printed) <= 0.005 for f, printed in zip(fractions, TABLE_2[row][:3], strict=True)
    ]
    found = np.logical_and.reduce(fits)
    return list(zip(tp[found].tolist(), tn[found].tolist(), strict=True))


@pytest.mark.parametrize("row", COUNTS)
def test_table_2_fits_one_pair_of_counts_on_the_balanced_test_set_alone(row):
    assert counts_that_give(row, 339, 339) == [COUNTS[row]]
    assert counts_that_give(row, 727, 339) == []


def test_findings_have_the_computed_counts():
    text = " ".join(finding.text for finding in PAPER.findings)
    for words in ("VGG16 319, 308", "VGG19 317, 304", "Xception 319, 294", "89.68 %, not 86.68 %", "90.75 %"):
        assert words in text


def test_values_of_table_3():
    reference = table("table3").reference
    assert tuple(row[1] for row in reference) == TABLE_3
    assert reference[0][0] == "The paper's VGG16"
    assert [row[0] for row in reference[1:]] == [
        f"{name}, 2019"
        for name in (
            "Pan et al.",
            "Honnalgere and Nayak",
            "Xiao et al.",
            "Verma and Singh",
            "Prellberg and Kramer",
            "Shah et al.",
            "Marzahl et al.",
            "Ding et al.",
            "Kulhalli et al.",
            "Liu and Long",
            "Khan and Choo",
        )
    ]


def test_values_of_table_4():
    published = [(p.row, p.metric, p.value) for p in table("table4").published]
    assert published == [
        ("xception", "weighted_f1", 86.35177019),
        ("vgg16", "weighted_f1", 83.24786937),
        ("vgg19", "weighted_f1", 82.59010758),
    ]


def test_values_of_table_5():
    assert table("table5").reference == TABLE_5


def test_best_of_table_4_would_be_eighth_in_table_5():
    # The abstract's claim: seven entries of the ranking are above 86.35 %.
    best = max(p.value for p in table("table4").published) / 100
    assert sum(score > best for *_, score in table("table5").reference) == 7


@pytest.mark.parametrize("row", PAPER.row_ids)
def test_common_settings_of_all_networks(row):
    setup = PAPER.setup(row)
    assert setup.preprocessing.crop == 450 - 2 * 100
    assert setup.preprocessing.resize is None
    assert setup.preprocessing.scale == 1 / 255.0
    assert setup.preprocessing.subtract_channel_mean
    assert (setup.split.kind, setup.split.fractions, setup.split.limit_per_class) == (
        "cell",
        (0.6, 0.3, 0.1),
        None,
    )
    assert (setup.augmentation.train_per_class, setup.augmentation.validation_per_class) == (10_000, 5_000)
    assert setup.augmentation.variants == "once"
    assert (setup.training.epochs, setup.training.batch_size) == (400, 20)
    assert setup.training.final_learning_rate == 0.000001
    assert setup.training.optimizer == "adam"
    assert setup.training.optimizer_arguments == {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
    assert setup.model.arguments["dropout_rate"] == 0.5
    assert setup.model.arguments["kernel_initializer"] == "glorot_uniform"


@pytest.mark.parametrize(
    ("row", "builder", "penalty", "rate"),
    [
        ("vgg16", "CNMCVGG16", 0.0001, 0.00001),
        ("vgg19", "CNMCVGG19", 0.0001, 0.00001),
        ("xception", "CNMCXception", 0.0007, 0.000005),
    ],
)
def test_own_settings_of_each_network(row, builder, penalty, rate):
    setup = PAPER.setup(row)
    assert setup.model.name == builder
    assert setup.model.arguments["penalty"] == penalty
    assert setup.training.initial_learning_rate == rate


def test_vgg19_is_trained_like_vgg16():
    first, second = (PAPER.setup(row) for row in VGGS)
    assert dataclasses.replace(second, model=first.model) == first
    assert first.model.arguments == second.model.arguments


def test_augmentation_is_that_of_section_2_2():
    arguments = PAPER.setup("vgg16").augmentation.arguments
    assert arguments["flips"] == "one_of"
    assert arguments["rotation_range"] == (20, 339)
    assert (arguments["fill_mode"], arguments["cval"]) == ("constant", 0.0)
    assert arguments["one_of"] == (
        {},
        {"shear_factor": (0.1, 0.35)},
        {"salt_and_pepper": 0.02},
        {"gaussian_blur": 5},
    )


def test_figure_3_has_the_parameters_of_its_caption():
    (figure,) = [figure for figure in PAPER.figures if figure.id == "figure3"]
    assert [parameters for _, parameters in figure.variants] == [
        {"flip_horizontal": True, "flip_vertical": True},
        {"theta": 60.0},
        {"gaussian_blur": 17},
        {"shear_factor_x": 0.3},
        {"salt_and_pepper": 0.02},
    ]


def test_figures_5_to_7_are_the_histories_of_the_three_networks():
    histories = {f.where: f.rows for f in PAPER.figures if f.kind == "history" and f.where}
    assert histories == {"Figure 5": ("vgg16",), "Figure 6": ("vgg19",), "Figure 7": ("xception",)}


def test_maps_have_several_positions_where_their_pooling_is_compared():
    for profile in PAPER.profiles:
        preprocessing = PAPER.setup("vgg16_max_pooling", profile=profile.name).preprocessing
        assert preprocessing.image_size // 2**5 > 1, profile.name
