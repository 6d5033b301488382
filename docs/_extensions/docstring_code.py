"""Shows indented code in docstrings as code, where a terminal needs no `::` before it."""

from typing import Any

from sphinx.application import Sphinx


def indent_of(line: str) -> int:
    """Returns the number of spaces before a line's text."""
    return len(line) - len(line.lstrip())


def mark_code(lines: list[str]) -> list[str]:
    """Returns the lines of a docstring with `::` before each indented block that follows a blank line.

    The lines of a section, such as those of "Args:", follow its title directly, so that they aren't blocks.
    """
    marked: list[str] = []
    indent = 0
    for line in lines:
        follows_blank = bool(marked) and not marked[-1].strip()
        is_text = line.strip() and line.lstrip()[0] not in "-*"
        if is_text and follows_blank and indent_of(line) >= indent + 4 and not _before(marked).endswith("::"):
            marked += [" " * indent + "::", ""]
        marked.append(line)
        if line.strip():
            indent = indent_of(line)
    return marked


def _before(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "")


def process(app: Sphinx, what: str, name: str, item: object, options: Any, lines: list[str]) -> None:
    """Marks the code of a docstring; called for each object."""
    lines[:] = mark_code(lines)


def signature(
    app: Sphinx, what: str, name: str, item: object, options: Any, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Returns a signature that Sphinx can parse, so that its types are links; called for each object."""
    return arguments and arguments.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> dict[str, bool]:
    """Comes before Napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
