"""The published designs: widths and depths as in the paper, parameters as in the authors' zoo."""

import pytest

from leukcnn.models.regnet_designs import DESIGNS, Design, stages, zoo_file
from tests.regnets import PRINTED, parameters

# Blocks and channels of the stages: the paper's Figures 16 and 17.
STAGES = {
    "RegNetX-200MF": ((1, 1, 4, 7), (24, 56, 152, 368)),
    "RegNetX-400MF": ((1, 2, 7, 12), (32, 64, 160, 384)),
    "RegNetX-8.0GF": ((2, 5, 15, 1), (80, 240, 720, 1920)),
    "RegNetX-32GF": ((2, 7, 13, 1), (336, 672, 1344, 2520)),
    "RegNetY-400MF": ((1, 3, 6, 6), (48, 104, 208, 440)),
    "RegNetY-800MF": ((1, 3, 8, 2), (64, 128, 320, 768)),
    "RegNetY-16GF": ((2, 4, 11, 1), (224, 448, 1232, 3024)),
    "RegNetY-32GF": ((2, 5, 12, 1), (232, 696, 1392, 3712)),
}


def test_designs_are_the_published_ones():
    assert list(DESIGNS) == list(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_parameters_are_the_zoos(name):
    """Computed from the stages alone; test_regnet compares the numbers with networks."""
    table = [(stage.depth, stage.width) for stage in stages(DESIGNS[name])]
    count = parameters(table, group_width=DESIGNS[name].group_width, squeezes=name.startswith("RegNetY"))
    assert f"{count / 1e6:.1f}" == PRINTED[name]


@pytest.mark.parametrize("name", STAGES)
def test_stages_are_the_papers(name):
    found = stages(DESIGNS[name])
    assert (tuple(s.depth for s in found), tuple(s.width for s in found)) == STAGES[name]


@pytest.mark.parametrize("name", PRINTED)
def test_four_stages_grow_in_width_and_fit_their_groups(name):
    found = stages(DESIGNS[name])
    assert len(found) == 4
    assert sum(stage.depth for stage in found) == DESIGNS[name].depth
    assert sorted(stage.width for stage in found) == [stage.width for stage in found]
    for stage in found:
        assert stage.width % stage.group_width == 0
        assert stage.group_width == min(DESIGNS[name].group_width, stage.width)


def test_widths_by_hand():
    # Linear 16, 24, 32, 40, whose log2 over 16 is 0, .58, 1 and 1.32: widths 16, 32, 32, 32.
    # In groups of 24: a single group of 16, and 32 rounded to 24 (1.33 groups).
    assert stages(Design(4, 16, 8.0, 2.0, 24, 0)) == ((1, 16, 16), (3, 24, 24))


def test_the_zoos_address():
    assert zoo_file("RegNetY-400MF") == (
        "https://dl.fbaipublicfiles.com/pycls/dds_baselines/160906449/RegNetY-400MF_dds_8gpu.pyth"
    )
    assert len({zoo_file(name) for name in DESIGNS}) == len(DESIGNS)
