"""Every number below is copied from the paper's text or computed from it, not from the module."""

import itertools

import pytest

from leukcnn.papers.taleghani_resnet50_tables import TABLES

SUPPORTS = (95, 191, 206, 159)
# Class, then precision, recall, F1-score.
REPORT = ((0.97, 0.99, 0.98), (0.99, 0.99, 0.99), (1.00, 0.99, 0.99), (1.00, 0.99, 1.00))
REPORT_MODIFIED = ((0.98, 0.98, 0.98), (0.98, 0.99, 0.99), (1.00, 0.99, 0.99), (1.00, 0.99, 1.00))
REPORTS = {"report": REPORT, "report_modified": REPORT_MODIFIED}
IMAGES = 3256


def table(table_id):
    return next(table for table in TABLES if table.id == table_id)


def rounds_to(value, printed, *, digits=2):
    return f"{value:.{digits}f}" == f"{printed:.{digits}f}"


@pytest.mark.parametrize("table_id", REPORTS)
def test_reports(table_id):
    *classes, accuracy, macro, weighted = table(table_id).reference
    for line, support, (number, printed) in zip(classes, SUPPORTS, enumerate(REPORTS[table_id]), strict=True):
        assert line == (str(number), *printed, support)
    assert accuracy == ("accuracy", None, None, 0.99, 651)
    assert macro == ("macro avg", 0.99, 0.99, 0.99, 651)
    assert weighted == ("weighted avg", 0.99, 0.99, 0.99, 651)
    assert sum(SUPPORTS) == 651


@pytest.mark.parametrize("table_id", REPORTS)
def test_averages_follow_from_the_classes_up_to_their_rounding(table_id):
    *classes, _, macro, weighted = table(table_id).reference
    for place in (1, 2, 3):
        scores = [line[place] for line in classes]
        # The classes are rounded by up to .005 each, and so is the average.
        assert sum(scores) / 4 == pytest.approx(macro[place], abs=0.01)
        mean = sum(score * support for score, support in zip(scores, SUPPORTS, strict=True)) / 651
        assert mean == pytest.approx(weighted[place], abs=0.01)


def counts_that_give(printed):
    """Yields counts of right and predicted images of each class that round to a printed report."""
    options = [
        [
            (right, predicted)
            for right in range(1, support + 1)
            if rounds_to(right / support, recall)
            for predicted in range(right, 2 * support)
            if rounds_to(right / predicted, precision) and rounds_to(2 * right / (support + predicted), f1)
        ]
        for support, (precision, recall, f1) in zip(SUPPORTS, printed, strict=True)
    ]
    for counts in itertools.product(*options):
        wrong = 651 - sum(right for right, _ in counts)
        fits = all(
            (support - right) + (predicted - right) <= wrong
            for support, (right, predicted) in zip(SUPPORTS, counts, strict=True)
        )
        if sum(predicted for _, predicted in counts) == 651 and fits:
            averages = zip(
                *(
                    (right / predicted, right / support, 2 * right / (support + predicted))
                    for support, (right, predicted) in zip(SUPPORTS, counts, strict=True)
                ),
                strict=True,
            )
            if all(rounds_to(sum(scores) / 4, 0.99) for scores in averages):
                yield counts


@pytest.mark.parametrize(
    ("table_id", "by_recall", "by_all", "benign"),
    [("report", (643, 646), {645, 646}, 94), ("report_modified", (642, 645), {644, 645}, 93)],
)
def test_finding_on_right_images(table_id, by_recall, by_all, benign):
    right = [
        [n for n in range(support + 1) if rounds_to(n / support, recall)]
        for support, (_, recall, _) in zip(SUPPORTS, REPORTS[table_id], strict=True)
    ]
    assert (sum(map(min, right)), sum(map(max, right))) == by_recall
    assert right[0] == [benign]
    found = list(counts_that_give(REPORTS[table_id]))
    assert {sum(n for n, _ in counts) for counts in found} == by_all
    assert [n for n in range(652) if rounds_to(n / 651, 0.97)] == list(range(629, 635))


def test_finding_on_validation_accuracies():
    printed = (0.9343, 0.9859, 0.9785)

    def fits(value, n):
        near = int(value * n)
        return any(rounds_to(k / n, value, digits=4) for k in (near, near + 1))

    assert [fits(value, 326) for value in printed] == [False, False, True]
    assert 304 / 326 < 0.93425 < 0.93435 < 305 / 326
    assert 321 / 326 < 0.98585 < 0.98595 < 322 / 326
    assert rounds_to(319 / 326, 0.9785, digits=4)
    assert not any(fits(0.9343, n) for n in range(290, 335))
    assert next(n for n in range(1, IMAGES) if all(fits(value, n) for value in printed)) == 1491
    # 71 whole batches of 32 and a last one of 1 to 32.
    assert not any(fits(0.9911, n) for n in range(71 * 32 + 1, 72 * 32 + 1))


def test_72_steps_are_the_training_images():
    trained = round(0.7 * IMAGES)
    assert (trained, round(0.1 * IMAGES), IMAGES - trained - 326) == (2279, 326, 651)
    assert -(-trained // 32) == 72


def test_layers():
    layers = table("layers")
    assert layers.columns == ("Layer (type)", "Output Shape", "Param #")
    assert layers.reference == (
        ("resnet50 (Functional)", "(None, 7, 7, 2048)", 23_587_712),
        ("flatten (Flatten)", "(None, 100352)", 0),
        ("dropout (Dropout)", "(None, 100352)", 0),
        ("dense (Dense)", "(None, 4)", 401_412),
    )
    assert 7 * 7 * 2048 == 100_352
    assert 100_352 * 4 + 4 == 401_412


def test_log():
    assert table("log").reference == (
        (1, 0.6686, 3.8103, 0.9343, 0.4046),
        (2, 0.9718, 0.2245, 0.9859, 0.0896),
        (3, 0.9911, 0.0534, 0.9785, 0.1388),
    )
    # The second epoch is the best by both monitors, as the assumption on the checkpoint says.
    epochs = table("log").reference
    assert max(epochs, key=lambda line: line[3])[0] == min(epochs, key=lambda line: line[4])[0] == 2


def test_published_accuracy_is_that_of_the_reports_in_percent():
    printed = [shown.printed("resnet50", "accuracy") for shown in TABLES]
    assert {value.value for value in printed if value} == {99.0}
    assert {p.row for shown in TABLES for p in shown.published} == {"resnet50"}
    assert table("splits").printed("resnet50", "macro_f1").value == 99.0


def test_confusion_has_the_supports():
    assert table("confusion").reference == tuple((str(i), n) for i, n in enumerate(SUPPORTS))
