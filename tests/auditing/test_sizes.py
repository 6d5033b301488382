"""Parameters and file sizes of networks, and families of plain networks."""

from dataclasses import replace

import pytest

from leukcnn import papers
from leukcnn.auditing import sizes
from leukcnn.auditing.families import parameters_of_family
from leukcnn.spec import Claim, Published

ALERTNET = papers.get("alertnet")
SMALL = {
    "filters": (8, 16),
    "kernels": (3, 5),
    "convolutions": 2,
    "dense_units": (4, 8),
    "map_sides": (1, 2),
    "classes": 3,
}


def check(paper, claim):
    return sizes.KINDS["network_size"].check(claim, paper)


def found(paper):
    return {claim.id: claim for claim in sizes.KINDS["network_size"].find(paper)}


def count(filters, kernels, side, dense, classes=3):
    """Counts the parameters of a plain network layer by layer."""
    total, before = 0, 3
    for n, kernel in zip(filters, kernels, strict=True):
        total += kernel * kernel * before * n + n + 4 * n
        before = n
    before *= side * side
    for units in (*dense, classes):
        total += before * units + units
        before = units
    return total


def test_family_finds_a_network_of_it_and_only_networks_with_that_count():
    wanted = count((8, 16), (5, 3), 2, (8, 4))
    result = parameters_of_family(wanted, **SMALL)
    assert "filters 8-16, kernels 5-3, map 2 x 2, dense 8-4" in result.networks
    # 3 pairs of filters, 3 of kernels, 2 maps, 4 pairs of dense layers.
    assert result.size == 3 * 3 * 2 * 4
    assert parameters_of_family(wanted + 10**6, **SMALL).networks == []


def test_layers_of_alertnet_are_not_unique():
    (claim,) = (claim for claim in ALERTNET.claims if claim.id == "layers-alertnet")
    answer = check(ALERTNET, claim)
    assert answer.verdict == "consistent"
    assert "isn't unique" in answer.detail
    assert "kernels 11-5-3-3-3, map 1 x 1, dense 2048-128" in answer.detail
    assert "kernels 11-5-3-3-3, map 2 x 2, dense 512-512" in answer.detail
    assert answer.detail.startswith("17 networks have 8,792,963 parameters")


@pytest.mark.parametrize(
    ("row", "verdict", "corrected", "words"),
    [
        ("resnet50_sft", "consistent", "", "24,638,339"),
        ("xception_sft", "slip", "21,912,107", "published Xception with 1000 classes"),
        ("alertnet_rwd", "slip", "8,799,875", "Alert Net and Alert Net-WD"),
    ],
)
def test_printed_parameters_of_alertnets_rows(row, verdict, corrected, words):
    answer = check(ALERTNET, found(ALERTNET)[f"parameters-{row}"])
    assert (answer.verdict, answer.corrected) == (verdict, corrected)
    assert words in answer.detail
    assert f"table5/{row}/parameters" in answer.covers


def test_parameters_of_no_network_are_impossible():
    tables = tuple(
        replace(table, published=(Published("alertnet_rwd", "parameters", 8_000_000),))
        if table.id == "table5"
        else replace(table, published=())
        for table in ALERTNET.tables
    )
    paper = replace(ALERTNET, tables=tables)
    answer = check(paper, found(paper)["parameters-alertnet_rwd"])
    assert (answer.verdict, answer.corrected) == ("impossible", "")


def with_files(megabytes):
    tables = tuple(
        replace(table, published=tuple(Published(*one) for one in megabytes) if table.id == "table5" else ())
        for table in ALERTNET.tables
    )
    return replace(ALERTNET, tables=tables)


def test_no_rule_gives_all_file_sizes_of_alertnet_but_one_gives_sizes_that_follow_it():
    answer = check(ALERTNET, found(ALERTNET)["file-sizes"])
    assert answer.verdict == "impossible"
    assert "no rule gives all 4" in answer.detail
    # Weights and one slot of the trainable parameters, in 2^20 bytes: 67.1 and 98.0.
    paper = with_files((("alertnet_rwd", "file_mb", 67), ("resnet50_sft", "file_mb", 98)))
    answer = check(paper, found(paper)["file-sizes"])
    assert answer.verdict in ("consistent", "unique solution")
    assert "1 optimizer slots of trainable parameters, in MB of 2^20 bytes" in answer.detail


def test_seven_times_fewer_than_alexnet():
    claim = next(claim for claim in ALERTNET.claims if claim.id == "seven-times-alexnet")
    assert check(ALERTNET, claim).verdict == "consistent"
    eight = Claim("eight", "network_size", "", "", {**claim.values, "times": 8})
    assert check(ALERTNET, eight).verdict == "impossible"


def test_layers_of_the_taleghani_network():
    paper = papers.get("taleghani_resnet50")
    answer = check(paper, found(paper)["layers-parameters"])
    assert answer.verdict == "consistent"
    assert "23,989,124" in answer.detail


def test_table_of_published_networks():
    paper = papers.get("leuknet_lodocv")
    claims = found(paper)
    assert check(paper, claims["table3-parameters"]).verdict == "consistent"
    depth = check(paper, claims["table3-depth"])
    assert depth.verdict == "undecidable"
    assert "ResNet50 169, printed 168" in depth.detail
