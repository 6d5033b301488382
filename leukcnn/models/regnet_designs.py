"""The published RegNets as data.

Source: Radosavovic et al. 2020, "Designing Network Design Spaces", Tables 5 and 6. The values with all their
digits, and the trained networks, are from the authors' code and model zoo: facebookresearch/pycls,
configs/dds_baselines and MODEL_ZOO.md.
"""

from itertools import groupby
from math import log
from typing import NamedTuple

ZOO_URL = "https://dl.fbaipublicfiles.com/pycls/dds_baselines/"
"""Folder in which the authors publish the networks that they trained on ImageNet."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's images as used by the zoo: red, green, blue, scale 0..1."""

STEM_WIDTH = 32
SQUEEZE_RATIO = 0.25
"""Channels in the middle of squeeze-and-excitation, as a fraction of the channels of the block's input."""

# Widths are multiples of this, before they are adapted to the groups.
_QUANTUM = 8


class Design(NamedTuple):
    """A network of the design space, in the paper's symbols (section 3.3, equations 2 to 4).

    Attributes:
        depth: d, number of blocks.
        w_0: Width of the first block, in channels.
        w_a: Increase of the width from block to block, in channels, before rounding.
        w_m: Ratio of the widths of two stages.
        group_width: g, channels per group of the 3x3 convolutions.
        model_id: Number of the trained network in the zoo.
    """

    depth: int
    w_0: int
    w_a: float
    w_m: float
    group_width: int
    model_id: int


class Stage(NamedTuple):
    """A stage: blocks of the same width. The first one halves the height and width of the feature maps.

    Attributes:
        depth: Number of blocks.
        width: Channels of each block.
        group_width: Channels per group.
    """

    depth: int
    width: int
    group_width: int


# Names in the zoo: X without, Y with squeeze-and-excitation, and the multiply-adds for an image of 224x224.
DESIGNS = {
    "RegNetX-200MF": Design(13, 24, 36.44, 2.49, 8, 160905981),
    "RegNetX-400MF": Design(22, 24, 24.48, 2.54, 16, 160905967),
    "RegNetX-600MF": Design(16, 48, 36.97, 2.24, 24, 160906442),
    "RegNetX-800MF": Design(16, 56, 35.73, 2.28, 16, 160906036),
    "RegNetX-1.6GF": Design(18, 80, 34.01, 2.25, 24, 160990626),
    "RegNetX-3.2GF": Design(25, 88, 26.31, 2.25, 48, 160906139),
    "RegNetX-4.0GF": Design(23, 96, 38.65, 2.43, 40, 160906383),
    "RegNetX-6.4GF": Design(17, 184, 60.83, 2.07, 56, 161116590),
    "RegNetX-8.0GF": Design(23, 80, 49.56, 2.88, 120, 161107726),
    "RegNetX-12GF": Design(19, 168, 73.36, 2.37, 112, 160906020),
    "RegNetX-16GF": Design(22, 216, 55.59, 2.1, 128, 158460855),
    "RegNetX-32GF": Design(23, 320, 69.86, 2.0, 168, 158188473),
    "RegNetY-200MF": Design(13, 24, 36.44, 2.49, 8, 176245422),
    "RegNetY-400MF": Design(16, 48, 27.89, 2.09, 8, 160906449),
    "RegNetY-600MF": Design(15, 48, 32.54, 2.32, 16, 160981443),
    "RegNetY-800MF": Design(14, 56, 38.84, 2.4, 16, 160906567),
    "RegNetY-1.6GF": Design(27, 48, 20.71, 2.65, 24, 160906681),
    "RegNetY-3.2GF": Design(21, 80, 42.63, 2.66, 24, 160906834),
    "RegNetY-4.0GF": Design(22, 96, 31.41, 2.24, 64, 160906838),
    "RegNetY-6.4GF": Design(25, 112, 33.22, 2.27, 72, 160907112),
    "RegNetY-8.0GF": Design(17, 192, 76.82, 2.19, 56, 161160905),
    "RegNetY-12GF": Design(19, 168, 73.36, 2.37, 112, 160907100),
    "RegNetY-16GF": Design(18, 200, 106.23, 2.48, 112, 161303400),
    "RegNetY-32GF": Design(20, 232, 115.89, 2.53, 232, 161277763),
}


def stages(design: Design) -> tuple[Stage, ...]:
    """Computes the stages of a design by equations 2 to 4 of the paper, and adapts them to the groups.

    The widths grow linearly from block to block. They are rounded to w_0 times a power of w_m, and then to a
    multiple of 8. Blocks of equal width form a stage. The width of a stage is rounded to a multiple of the
    group width; a stage that is narrower than a group becomes a single group. Halves are rounded to even, as
    in the authors' code: RegNetX-400MF ends with 384 channels.
    """
    linear = [design.w_0 + design.w_a * block for block in range(design.depth)]
    powers = [round(log(width / design.w_0) / log(design.w_m)) for width in linear]
    widths = [round(design.w_0 * design.w_m**power / _QUANTUM) * _QUANTUM for power in powers]
    found = []
    for width, blocks in groupby(widths):
        group_width = min(design.group_width, width)
        fitting = max(1, round(width / group_width)) * group_width
        found.append(Stage(sum(1 for _ in blocks), fitting, group_width))
    return tuple(found)


def zoo_file(name: str) -> str:
    """Returns the address of a trained network in the zoo.

    Args:
        name: One of `DESIGNS`.
    """
    return f"{ZOO_URL}{DESIGNS[name].model_id}/{name}_dds_8gpu.pyth"
