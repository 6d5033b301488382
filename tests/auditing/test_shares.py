"""Whole numbers of images that print like a percentage."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leukcnn import papers
from leukcnn.auditing.printed import printed_number
from leukcnn.auditing.shares import counts_of, fold_sizes
from leukcnn.spec import Claim, Published, Sample
from tests.auditing.counts_of_papers import answers, check, claims
from tests.auditing.made_up import paper_of

CNMC = papers.get("cnmc2019")


def answer_to(**values):
    return check(CNMC, Claim("one", "shares", "a percentage", "Table 1", values))


@pytest.mark.parametrize(
    ("table", "row", "count", "modes"),
    [
        ("table3", "alertnet", 2317, ("rounded", "truncated")),
        ("table3", "alertnet_wd", 2336, ("truncated",)),
        ("table3", "alertnet_r", 2315, ("truncated",)),
        ("table3", "alertnet_rwd", 2347, ("rounded", "truncated")),
        ("table3", "alertnet_xwd", 2307, ("rounded",)),
        ("table5", "resnet50_sft", 1005, ("rounded", "truncated")),
        ("table5", "inceptionv3_sft", 1553, ("truncated",)),
        ("table5", "xception_sft", 1739, ("truncated",)),
        ("table6", "resnet50_dft", 2362, ("truncated",)),
        ("table3", "alertnet_x", None, ()),
    ],
)
def test_alert_net_accuracies_are_counts_of_2415(table, row, count, modes):
    tables = {one.id: one for one in papers.get("alertnet").tables}
    number = printed_number(tables[table].printed(row, "accuracy").value, 2, percent=True)
    for sizes in ((), fold_sizes(2415, 5)):
        counts = counts_of(number, 2415, sizes=sizes)
        assert counts.all == (() if count is None else (count,))
        assert counts.modes == modes


def test_an_impossible_percentage_names_its_neighbours():
    answer = answer_to(value=94.76, decimals=2, n=2415)
    assert answer.verdict == "impossible"
    assert "2288 of 2415 is 94.741, 2289 is 94.783" in answer.detail


@pytest.mark.parametrize(
    ("value", "verdict", "detail"),
    [
        (0.9785, "consistent", "319 of 326"),
        (0.9343, "impossible", "304 of 326 is 0.93252, 305 is 0.93558"),
        (0.9859, "impossible", "321 of 326 is 0.98466, 322 is 0.98773"),
    ],
)
def test_taleghani_validation_accuracies(value, verdict, detail):
    answer = answer_to(value=value, decimals=4, n=326)
    assert (answer.verdict, detail in answer.detail) == (verdict, True)


def test_all_idb_accuracies():
    found = answers("allidb_lightweight", "shares")
    for row, count in (("resnet50", 104), ("regnet", 105), ("lightweight", 107)):
        answer = found[f"shares-table1-{row}-accuracy-allidb1"]
        assert answer.verdict == "consistent"
        assert answer.detail.startswith(f"{count} of 108")
        assert answer.covers == (f"table1/{row}/accuracy/allidb1",)
    assert "254, 255, 256 (rounded)" in found["shares-table1-regnet-accuracy-allidb2"].detail


def test_inception_on_all_idb_1_is_no_count_over_five_runs():
    found = answers("leuknet_lodocv", "shares")
    for metric in ("recall", "specificity"):
        assert found[f"shares-table4-inceptionv3_mdft-{metric}-allidb1"].verdict == "impossible"
    assert found["shares-table4-inceptionv3_mdft-accuracy-allidb1"].verdict == "consistent"


def test_how_a_table_prints():
    found = answers("leuknet_lodocv", "shares")
    assert "it truncates" in found["shares-table6-printing"].detail
    assert "it rounds" in answers("cnmc2019", "shares")["shares-table2-printing"].detail
    assert found["shares-table4-printing"].verdict == "impossible"


def test_tables_of_other_works_are_checked_by_their_images():
    found = answers("leuknet_lodocv", "shares")
    # 88.25 % of 903 is no count, but a mean over five folds of 180 or 181 images can print it.
    ahmed = found["shares-table7-line8"]
    assert ahmed.verdict == "consistent"
    assert "796 of 903 is 88.151, 797 is 88.261" in ahmed.detail and "A mean over 2, 4, 5," in ahmed.detail
    assert "number of folds open" in ahmed.certainty
    assert "As 93.8 it could be 244 of 260" in found["shares-table7-line1"].detail
    leukonet = answers("cnmc2019", "shares")["leukonet-accuracy"]
    assert leukonet.verdict == "impossible"
    assert leukonet.certainty.startswith("exact if 89.70 has no zero added at its end; ")
    assert "smallest with 15 of 16 images" in found["shares-table1-line0"].detail
    assert found["shares-table7-line7"].covers == ("table7/7/1", "table7/7/3")


@given(st.integers(1, 300), st.integers(1, 5), st.integers(0, 3), st.data())
@settings(max_examples=60, deadline=None)
def test_every_percentage_of_a_count_is_possible(n, runs, decimals, data):
    k = data.draw(st.integers(0, n * runs))
    scale = 10**decimals * 100
    truncated, rounded = k * scale // (n * runs), int(Fraction(k * scale, n * runs) + Fraction(1, 2))
    for mode, digits in (("truncated", truncated), ("rounded", rounded)):
        number = printed_number(digits / 10**decimals, decimals, percent=True)
        assert k in counts_of(number, n, runs).fitting[mode]


@given(st.integers(5, 60), st.integers(2, 5), st.data())
@settings(max_examples=40, deadline=None)
def test_every_mean_over_unequal_folds_is_possible(n, folds, data):
    sizes = fold_sizes(n, folds)
    assert sum(sizes) == n and max(sizes) - min(sizes) <= 1
    right = [data.draw(st.integers(0, size)) for size in sizes]
    mean = sum(Fraction(k, size) for k, size in zip(right, sizes, strict=True)) / folds
    number = printed_number(int(mean * 10_000) / 100, 2, percent=True)
    assert sum(right) in counts_of(number, n, sizes=sizes).fitting["truncated"]


def test_counts_over_folds_are_those_of_trying_all():
    # 7 images in folds of 4 and 3.
    means = [(k / 4 / 2 + m / 3 / 2, k + m) for k in range(5) for m in range(4)]
    for value in np.arange(0, 100.01, 0.1).round(1):
        number = printed_number(float(value), 1, percent=True)
        fitting = {k for mean, k in means if int(mean * 1000 + 1e-9) == round(value * 10)}
        assert set(counts_of(number, 7, sizes=(4, 3)).fitting["truncated"]) == fitting


def test_without_errors_only_all_images_are_right():
    assert counts_of(printed_number(100, 2, percent=True), 2415).all == (2415,)
    assert counts_of(printed_number(100, 0, percent=True), 2415).all == tuple(range(2403, 2416))


def test_most_moved_percentages_are_impossible():
    fits = [
        bool(counts_of(printed_number(round(100 * k / 108 + by, 2), 2, percent=True), 108).all)
        for k in range(10, 100)
        for by in (-0.3, -0.1, 0.05, 0.2)
    ]
    assert np.mean(fits) < 0.02


def test_a_sixth_paper_gets_its_claims_from_its_values():
    published = (Published("vgg16", "accuracy", 92.48), Published("vgg16", "sensitivity", 94.10))
    paper = paper_of(published, Sample((339, 339)))
    found = {name: check(paper, claim) for name, claim in claims(paper, "shares").items()}
    assert found["shares-table2-vgg16-accuracy"].detail.startswith("627 of 678")
    assert found["shares-table2-vgg16-sensitivity"].detail.startswith("319 of 339")
    assert not claims(paper_of(published, Sample((339, 339), dataset="cnmc2019")), "shares")


def test_without_a_stated_validation_only_the_number_of_images_is_a_limit():
    found = answers("alertnet", "shares")
    # 99.85 % of at most 500 images; 99.50 % of at most 760, but not of all.
    assert found["shares-table1-line12"].verdict == "impossible"
    assert found["shares-table1-line12"].certainty.startswith("exact if each image counts once")
    assert "As 93.5 it could be" in found["shares-table1-line9"].detail
    assert found["shares-table1-line4"].verdict == "consistent"
    assert "Of all 760, none: 756 of 760 is 99.474" in found["shares-table1-line4"].detail
    # The paper's own line is of all images.
    assert found["shares-table4-line2"].detail.startswith("2347 of 2415")
