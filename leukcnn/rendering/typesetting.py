"""Widths of text in LaTeX's standard font, estimated without LaTeX."""

from collections.abc import Sequence
from typing import NamedTuple

# Widths of characters in Computer Modern Roman at 10 pt, in hundredths of a point.
_GROUPS = {
    278: "il.,;:'`!|[]",
    306: "jf",
    333: "- ",
    361: "I",
    389: "()",
    394: "rst",
    444: "cez",
    500: '0123456789aog*/–?†°"',
    528: "kvxy",
    556: "bdhnpquSJ",
    681: "EFLPZ",
    736: "BCRTw",
    785: "ADGHKNOQUVXY+=<>±×≠≈−≥≤&~^#$_@",
    833: "m%",
    917: "M…",
}
_WIDTHS = {character: width / 100 for width, characters in _GROUPS.items() for character in characters}
_WIDEST = 10.3


class Font(NamedTuple):
    """A size of LaTeX's standard font.

    Attributes:
        command: The command that sets it.
        scale: Width of its letters compared with those at 10 pt.
        line_height: Distance of two lines in points.
    """

    command: str
    scale: float
    line_height: float


FONTS: Sequence[Font] = (
    Font(r"\small", 0.925, 11.0),
    Font(r"\footnotesize", 0.85, 9.5),
    Font(r"\scriptsize", 0.797, 8.0),
)
"""The fonts that a table may have, the largest first. Smaller ones are relatively wider."""


def text_width(text: str, font: Font) -> float:
    """Returns the width of a line of text in points."""
    return font.scale * sum(_WIDTHS.get(character, _WIDEST) for character in text)


def fill(text: str, width: float, font: Font) -> list[str]:
    """Returns the lines of a text that is broken at spaces; a longer word has a line of its own.

    Args:
        text: The text.
        width: Width of a line in points.
        font: Its font.
    """
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, font) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines or [""]
