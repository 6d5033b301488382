"""A made-up paper of two classes, whose values are computed from confusion matrices."""

from dataclasses import replace

from sklearn import metrics

from leukcnn import papers
from leukcnn.spec import Published, Sample, Table


def two_digits(value):
    """Rounds half up to two decimals, as people do."""
    return int(value * 100 + 0.5 + 1e-9) / 100


def values_of(tp, positives, tn, negatives):
    """Returns metrics in percent and kappa of a confusion matrix, rounded; by scikit-learn."""
    truth = [1] * positives + [0] * negatives
    predicted = [1] * tp + [0] * (positives - tp) + [0] * tn + [1] * (negatives - tn)
    recall = {"recall": metrics.recall_score(truth, predicted)}
    recall["specificity"] = metrics.recall_score(truth, predicted, pos_label=0)
    found = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted, zero_division=0),
        **recall,
        "f1": metrics.f1_score(truth, predicted, zero_division=0),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        "weighted_precision": metrics.precision_score(truth, predicted, average="weighted", zero_division=0),
    }
    percent = {name: two_digits(100 * value) for name, value in found.items()}
    kappa = metrics.cohen_kappa_score(truth, predicted)
    return {**percent, "kappa": (1 if kappa >= 0 else -1) * int(abs(kappa) * 10_000 + 0.5 + 1e-9) / 10_000}


def paper_of(published, sample, table_id="table2"):
    """Returns a sixth paper: C-NMC's with one table of its own, and no claims."""
    table = Table(
        table_id, "A made-up table", "metrics", where="Table 2", published=published, samples=(sample,)
    )
    return replace(papers.get("cnmc2019"), key="sixth", tables=(table,), claims=(), findings=())


def paper_of_matrices(matrices, negatives, positives):
    """Returns a sixth paper whose rows are given confusion matrices, each as (TP, TN)."""
    rows = ("vgg16", "vgg19", "xception")
    published = tuple(
        Published(row, metric, value)
        for row, (tp, tn) in zip(rows, matrices, strict=False)
        for metric, value in values_of(tp, positives, tn, negatives).items()
    )
    return paper_of(published, Sample((negatives, positives)))
