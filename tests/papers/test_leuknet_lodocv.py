"""Tests of the findings, computed from the printed values, and of the settings of every row and profile."""

import numpy as np
import pytest
from scipy import stats

from leukcnn.papers.leuknet_lodocv import PAPER, REPLACED_VGGS, TRAINED, WITH_KERAS_BACKBONE
from leukcnn.results.metrics import kappa as kappa_of

RUNS = 5
# Pathological and non-pathological images of the datasets with both classes (Table II).
SIZES = {"allidb1": (49, 59), "allidb2": (130, 130), "ufg": (64, 57)}
MODES = {"sft": "SFT", "dft": "DFT", "msft": "mSFT", "mdft": "mDFT"}


def table(table_id):
    return next(table for table in PAPER.tables if table.id == table_id)


def printed(table_id, row, dataset, subset="test"):
    of_class = ("precision", "recall", "specificity")
    names = [f"weighted_{name}" for name in of_class] if row == "vogado2018" else of_class
    metrics = ("accuracy", *names, "kappa")
    found = [table(table_id).printed(row, metric, dataset=dataset, subset=subset) for metric in metrics]
    return [value and value.value for value in found]


def cut_or_rounded(value, shown):
    """Returns whether a value is the one that the paper shows with two decimals, rounded or cut off."""
    return abs(value - shown) <= 0.0101


def finding(words):
    (found,) = [f.text for f in PAPER.findings if words in f.text]
    return found


TRIPLES = sorted(
    {
        (t.id, value.row, value.dataset)
        for t in PAPER.tables
        for value in t.published
        if value.metric in ("specificity", "weighted_specificity") and value.dataset
    }
)


@pytest.mark.parametrize(("table_id", "row", "dataset"), TRIPLES)
def test_counts_over_five_runs_give_all_printed_rows_except_two(table_id, row, dataset):
    accuracy, _, recall, specificity, _ = printed(table_id, row, dataset)
    positives, negatives = SIZES[dataset]
    whole = {
        (right, correct)
        for right in range(RUNS * positives + 1)
        if cut_or_rounded(100 * right / (RUNS * positives), recall)
        for correct in range(RUNS * negatives + 1)
        if cut_or_rounded(100 * correct / (RUNS * negatives), specificity)
        and cut_or_rounded(100 * (right + correct) / (RUNS * (positives + negatives)), accuracy)
    }
    impossible = (row, dataset) in {("inceptionv3_mdft", "allidb1"), ("vogado2018", "ufg")}
    assert len(whole) == (0 if impossible else 1)
    if (row, dataset) == ("leuknet", "allidb1"):
        assert whole == {(238, 286)}
        assert "238 of 245 pathological and 286 of 295 healthy" in finding("LeukNet's row on ALL-IDB 1")
    if (row, dataset) == ("leuknet", "allidb2"):
        assert whole == {(600, 472)}


@pytest.mark.parametrize(
    ("table_id", "row", "dataset", "implied"),
    [("table4", "inceptionv3_mdft", "allidb1", 66.81), ("table9", "vogado2018", "ufg", 50.03)],
)
def test_rows_that_imply_another_accuracy(table_id, row, dataset, implied):
    accuracy, _, recall, specificity, _ = printed(table_id, row, dataset)
    weighted = np.average([recall, specificity], weights=SIZES[dataset])
    assert weighted == pytest.approx(implied, abs=0.005)
    assert abs(accuracy - weighted) > 1
    assert f"{implied:.2f}" in finding("InceptionV3" if row.startswith("inception") else "row on UFG")


def test_rows_of_table_8_imply_another_accuracy():
    for row, implied in (("leuknet", 98.18), ("vogado2018", 92.56)):
        accuracy, _, recall, specificity, _ = printed("table8", row, "")
        for positives in (2089, 2102):
            weighted = np.average([recall, specificity], weights=[positives, 1434])
            assert weighted == pytest.approx(implied, abs=0.008)
            assert accuracy - weighted > 0.05


def test_row_of_vogado_on_ufg_is_weighted_by_class_size():
    accuracy, precision, recall, specificity, _ = printed("table9", "vogado2018", "ufg")
    positives, negatives = SIZES["ufg"]
    n, found = positives + negatives, []
    for right in range(positives + 1):
        for correct in range(negatives + 1):
            wrong, missed = negatives - correct, positives - right
            if right + wrong == 0 or correct + missed == 0:
                continue
            percent = 100 * np.array(
                [
                    (right + correct) / n,
                    (positives * right / (right + wrong) + negatives * correct / (correct + missed)) / n,
                    (right + correct) / n,
                    (positives * correct / negatives + negatives * right / positives) / n,
                ]
            )
            # All but the accuracy are printed with one decimal and a zero.
            if (
                np.abs(percent - [accuracy, precision, recall, specificity]) < [0.0101, 0.05, 0.05, 0.05]
            ).all():
                found.append((right, correct, *np.round(percent, 2)))
    assert found == [(56, 7, 52.07, 49.93, 52.07, 47.71)]
    for words in ("56 of 64", "7 of 57", "A 52.07, P 49.93, R 52.07 and S 47.71"):
        assert words in finding("row on UFG")
    assert 100 * positives / n == pytest.approx(52.89, abs=0.005)


def test_vgg_19_s_row_fits_five_runs_with_n_minus_1():
    right, correct = np.array([48, 48, 48, 48, 47]), 57
    fractions = {
        "accuracy": (right + correct) / 108,
        "precision": right / (right + 59 - correct),
        "recall": right / 49,
        "specificity": np.full(RUNS, correct / 59),
    }
    for metric, fraction in fractions.items():
        value = table("table4").printed("vgg19_dft", metric, dataset="allidb1")
        assert 100 * fraction.mean() == pytest.approx(value.value, abs=0.0051)
        assert 100 * fraction.std(ddof=1) == pytest.approx(value.std, abs=0.0051)
    assert abs(100 * fractions["recall"].std(ddof=0) - 0.91) > 0.05


def test_leuknet_s_stds_on_allidb2_are_too_small_for_percentage_points():
    for metric, together, n in (("accuracy", 1072, 260), ("specificity", 472, 130)):
        value = table("table4").printed("leuknet", metric, dataset="allidb2")
        counts = np.full(RUNS, together // RUNS)
        counts[: together % RUNS] += 1
        smallest = 100 * (counts / n).std(ddof=1)
        assert smallest > 2 * value.std
        assert smallest == pytest.approx({"accuracy": 0.21, "specificity": 0.42}[metric], abs=0.005)
    assert "at least 0.21 points" in finding("can't be percentage points")
    for test in ("t_test_table4", "t_test_table5"):
        (reference,) = [row for row in table(test).reference if row[0] == "allidb2"]
        assert reference[2:4] == (82.46, 2.0)


@pytest.mark.parametrize("subset", ["test", "within"])
@pytest.mark.parametrize("dataset", ["allidb1", "allidb2"])
@pytest.mark.parametrize("row", ["features_dft", "features_mdft", "features_imagenet"])
def test_one_confusion_matrix_gives_each_row_of_table_6(row, dataset, subset):
    accuracy, precision, recall, _, kappa = printed("table6", row, dataset, subset)
    positives, negatives = SIZES[dataset]
    swapped = (row, dataset, subset) == ("features_mdft", "allidb1", "within")
    if swapped:
        recall, kappa = 100 * kappa, recall / 100
    fitting = []
    for right in range(positives + 1):
        for correct in range(negatives + 1):
            wrong = negatives - correct
            if right + wrong == 0:
                continue
            percent = (
                100 * (right + correct) / (positives + negatives),
                100 * right / (right + wrong),
                100 * right / positives,
            )
            matrix = np.array([[correct, wrong], [positives - right, right]])
            # Kappa -.007 is cut off after three decimals, the others after four.
            tolerance = 0.00101 if kappa < 0 else 0.000101
            if all(map(cut_or_rounded, percent, (accuracy, precision, recall))):
                assert abs(kappa_of(matrix) - kappa) <= tolerance
                fitting.append((right, correct))
    assert len(fitting) == 1
    if swapped:
        assert fitting == [(42, 57)]


def test_t_tests_of_the_printed_values():
    p_values = {}
    for test in ("t_test_table4", "t_test_table5"):
        for dataset, verdict, *values in table(test).reference:
            assert verdict == "equivalent"
            mean, std, other_mean, other_std = values
            result = stats.ttest_ind_from_stats(mean, std, RUNS, other_mean, other_std, RUNS)
            p_values[test, dataset] = result.pvalue
            other = table(test).rows[1]
            source = table("table4" if test == "t_test_table4" else "table5")
            assert source.printed(other, "accuracy", dataset=dataset).value == other_mean
            assert source.printed(other, "accuracy", dataset=dataset).std == other_std
    assert p_values["t_test_table4", "allidb2"] == pytest.approx(0.37, abs=0.005)
    assert p_values["t_test_table5", "allidb1"] == pytest.approx(0.057, abs=0.0005)
    assert p_values["t_test_table5", "allidb2"] == pytest.approx(0.0004, abs=0.00005)


def test_every_row_is_trained_as_in_the_paper():
    for row in PAPER.row_ids:
        setup = PAPER.setup(row)
        assert (setup.split.kind, setup.split.n_splits) == ("lodocv", 5)
        training = setup.training
        assert (training.optimizer, training.optimizer_arguments) == ("sgd", {"momentum": 0.8})
        assert (training.initial_learning_rate, training.final_learning_rate) == (0.001, None)
        assert (training.batch_size, training.epochs, training.checkpoint) == (32, 50, "last")
        assert training.loss == "binary_crossentropy"
        assert setup.augmentation.variants_per_image == 20
    assert PAPER.runs == 5


def test_classes_of_all_datasets_are_mapped_to_the_paper_s():
    assert PAPER.classes == ("non-pathological", "pathological")
    assert PAPER.positive_class == "pathological"
    for name, wanted in PAPER.class_of.items():
        assert (wanted == "non-pathological") == (name in ("healthy", "benign"))
    assert {"ALL", "AML", "other", "malignant", "early", "pre", "pro", "pathological"} < set(PAPER.class_of)
    assert len(PAPER.datasets) == 18


def test_assumptions_list_the_rows_that_have_their_field():
    for row in PAPER.row_ids:
        setup = PAPER.setup(row)
        assert (row in WITH_KERAS_BACKBONE) == ("include_preprocessing" in setup.model.arguments)
        assert (row in TRAINED) == (setup.features is None)
        if row in REPLACED_VGGS:
            assert setup.model.arguments["dropout_rates"] == (0.5, 0.6)
        elif row in TRAINED:
            assert "dropout_rates" not in setup.model.arguments


def test_smoke_profile_has_rows_of_every_table():
    profile = PAPER.profile("smoke")
    assert {PAPER.feature_source(row) for row in profile.rows} - {""} <= set(profile.rows)
    for table in PAPER.tables:
        assert set(table.rows) & set(profile.rows) or not table.rows
        # What the feature space shows has to be complete; a t-test needs more runs than one.
        if table.id == "table6":
            assert set(table.rows) <= set(profile.rows)
    assert profile.runs == 1


def test_modes_and_backbones_agree_with_the_row_ids():
    names = {
        "vgg16": "VGG16",
        "vgg19": "VGG19",
        "resnet50": "ResNet50",
        "inceptionv3": "InceptionV3",
        "xception": "Xception",
    }
    ablation = set(table("ablation").rows)
    expected = {f"{name}_{mode}" for name in names for mode in MODES} - {"vgg16_mdft"} | {"leuknet"}
    assert ablation == expected
    for row in ablation - {"leuknet"}:
        name, mode = row.rsplit("_", 1)
        model = PAPER.setup(row).model
        assert model.name == "FineTuned"
        assert (model.arguments["backbone"], model.arguments["mode"]) == (names[name], MODES[mode])
