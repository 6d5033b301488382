"""Plain convolutional networks with a given number of parameters, by exhaustive search."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

_CONTROLS = 200


class Found(NamedTuple):
    """The networks of a family that have a number of parameters.

    Attributes:
        networks: Their descriptions; first those whose filters most nearly double at each convolution.
        size: Number of networks in the family.
        description: The family in words.
        controls: How many other numbers near the printed one were tried.
        matched_controls: How many of these are the parameters of some network of the family.
    """

    networks: list[str]
    size: int
    description: str
    controls: int
    matched_controls: int


def parameters_of_family(
    parameters: int,
    *,
    filters: Sequence[int],
    kernels: Sequence[int],
    convolutions: int,
    dense_units: Sequence[int],
    map_sides: Sequence[int],
    classes: int,
) -> Found:
    """Searches plain networks for a number of parameters.

    Each network has convolutions with bias, each followed by batch normalisation, whose filters never become
    fewer and whose kernels never become larger; then a flattened map, two dense layers and the output.

    Args:
        parameters: The number of parameters, those of batch normalisation that aren't trained included.
        filters: Possible numbers of filters.
        kernels: Possible sizes of kernels.
        convolutions: Number of convolutions.
        dense_units: Possible numbers of units of each of the two dense layers.
        map_sides: Possible heights, equal to the widths, of the last feature map.
        classes: Number of outputs.

    Returns:
        The networks, the size of the family, and how often numbers near the printed one match too.
    """
    heads: dict[int, dict[int, list[str]]] = {}
    for last in filters:
        of_last: dict[int, list[str]] = defaultdict(list)
        heads[last] = of_last
        for side, first, second in itertools.product(map_sides, dense_units, dense_units):
            count = (side * side * last + 1) * first + (first + 1) * second + (second + 1) * classes
            of_last[count].append(f"map {side} x {side}, dense {first}-{second}")
    near = [parameters + step for step in range(-_CONTROLS // 2, _CONTROLS // 2 + 1) if step]
    matched: Counter[int] = Counter()
    networks: list[tuple[float, str]] = []
    bases = 0
    sizes = sorted(kernels, reverse=True)
    for chosen in itertools.combinations_with_replacement(sorted(filters), convolutions):
        weights = [before * after for before, after in zip((3, *chosen), chosen, strict=False)]
        # A bias, and four parameters of batch normalisation, for each filter.
        fixed, head_counts = 5 * sum(chosen), heads[chosen[-1]]
        for kernel in itertools.combinations_with_replacement(sizes, convolutions):
            bases += 1
            count = fixed + sum(side * side * n for side, n in zip(kernel, weights, strict=True))
            for head in head_counts.get(parameters - count, ()):
                text = f"filters {_joined(chosen)}, kernels {_joined(kernel)}, {head}"
                networks.append((_far_from_doubling(chosen), text))
            matched.update(n for n in near if n - count in head_counts)
    size = bases * len(map_sides) * len(dense_units) ** 2
    description = (
        f"{convolutions} convolutions with batch normalisation, filters of {_joined(sorted(filters))} never "
        f"fewer, kernels of {_joined(sizes)} never larger, last map of {_joined(map_sides)} in each "
        f"direction, two dense layers of {_joined(dense_units)}"
    )
    return Found([text for _, text in sorted(networks)], size, description, len(near), len(matched))


def _far_from_doubling(filters: Sequence[int]) -> float:
    return sum(abs(math.log2(after / before) - 1) for before, after in itertools.pairwise(filters))


def _joined(numbers: Sequence[int]) -> str:
    return "-".join(map(str, numbers))
