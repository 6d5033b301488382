"""The code blocks of README and the pages of `docs`, and what their command lines say."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *sorted((ROOT / "docs").rglob("*.rst")))
_BLOCK = re.compile(r"^\.\. code-block:: (bash|python|console|shell|sh)$")
_NOT_RUN = re.compile(r"^\.\. not run: (.+)$")
OPERATORS = {"&&", "||", "|", ";", ">", ">>", "&"}


class Block(NamedTuple):
    """A code block of a page.

    Attributes:
        page: The page's path in the project.
        line: Number of its first line of code, from 1.
        language: "bash" or "python".
        text: The code without its indentation.
        not_run: Why it isn't run; "" if it is.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yields the place of each command line and the line, continued lines joined."""
        waiting, began = "", 0
        for number, line in enumerate(self.text.splitlines(), start=self.line):
            waiting, began = (waiting + line.strip(), began or number)
            if waiting.endswith("\\"):
                waiting = waiting[:-1]
                continue
            if waiting and not waiting.startswith("#"):
                yield f"{self.page}:{began}", waiting
            waiting, began = "", 0


def blocks(path: Path) -> list[Block]:
    """Returns the code blocks of a page in their order."""
    found, not_run, lines = [], "", path.read_text().splitlines()
    for place, line in enumerate(lines):
        if mark := _NOT_RUN.match(line):
            not_run = mark[1]
        elif start := _BLOCK.match(line):
            code = _indented(lines, place + 1)
            first = next(number for number, text in code if text.strip())
            text = dedent("\n".join(text for number, text in code if number >= first)).rstrip()
            page = path.relative_to(ROOT).as_posix()
            found.append(Block(page, first, start[1], text, not_run))
            not_run = ""
        elif line.strip() and not line.startswith(".. ci:"):
            not_run = ""
    return found


def _indented(lines: list[str], start: int) -> list[tuple[int, str]]:
    """Returns number and text of the indented lines from a place on, without the options of the directive."""
    code = []
    for number, line in enumerate(lines[start:], start=start + 1):
        if line and not line.startswith("   "):
            break
        if not re.match(r"   :\w+:", line):
            code.append((number, line))
    return code


def words(line: str) -> list[str]:
    """Returns the words of a command line as a shell reads them, with operators as words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    return [*lexer]


def leukcnn_commands(line: str) -> list[list[str]]:
    """Returns the arguments of each `leukcnn` in a command line, as `srun leukcnn papers` has one."""
    found, current, before = [], None, ""
    for word in words(line):
        if word in OPERATORS:
            current = None
        elif current is not None:
            current.append(word)
        elif Path(word).name == "leukcnn" and (before in {"", "srun", *OPERATORS} or "=" in before):
            found.append(current := [])
        before = word
    return found
