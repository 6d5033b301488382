"""Every number below is copied from the paper's text, not from the module."""

import pytest

from leukcnn.papers.allidb_lightweight import PAPER
from leukcnn.papers.allidb_lightweight_tables import TABLES

# Table 1: accuracy, precision, recall, F1-score in percent.
TABLE_1 = {
    ("ResNet50", "allidb1"): (96, 96, 96, 96),
    ("RegNet", "allidb1"): (97, 97, 97, 97),
    ("Proposed CNN", "allidb1"): (99, 99, 99, 99),
    ("ResNet50", "allidb2"): (98, 98, 98, 98),
    ("RegNet", "allidb2"): (98, 98, 98, 98),
    ("Proposed CNN", "allidb2"): (98, 98, 98, 98),
}
METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1")


def table(table_id):
    return next(table for table in TABLES if table.id == table_id)


@pytest.mark.parametrize(("network", "dataset"), TABLE_1)
def test_table_1(network, dataset):
    (row,) = [row.id for row in PAPER.rows if row.label == network]
    printed = [table("table1").printed(row, metric, dataset=dataset) for metric in METRICS]
    assert tuple(value.value for value in printed) == TABLE_1[network, dataset]
    assert all(value.std is None for value in printed)


def test_table_1_has_no_other_values():
    assert len(table("table1").published) == len(TABLE_1) * len(METRICS)


def test_images_of_each_class():
    counts = {(dataset, name): n for dataset, name, n in table("confusion").reference}
    # The printed 39 is a slip: section 3 has 108 images, 59 of them healthy.
    assert counts["allidb1", "healthy"] == 59
    assert counts["allidb1", "ALL"] == 108 - 59
    assert counts["allidb2", "healthy"] == counts["allidb2", "ALL"] == 130


def test_folds_grouped_by_field_are_compared_with_folds_by_image():
    assert (table("strict").split, table("strict").compared_split) == ("kfold", "grouped_kfold")
    assert PAPER.splits == ("kfold", "grouped_kfold", "block_kfold")


def test_only_tables_with_published_values_name_a_table_of_the_paper():
    for one in TABLES:
        assert bool(one.published) == one.where.startswith("Table"), one.id
