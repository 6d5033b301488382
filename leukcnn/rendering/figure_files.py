"""Which files a figure takes: PNG, and PDF or SVG next to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

FORMS: Mapping[str, tuple[str, ...]] = {
    "png": (".png",),
    "pdf": (".png", ".pdf"),
    "svg": (".png", ".svg"),
    "paper": (".png", ".pdf", ".md"),
}
"""Form of the figures -> the extensions of each one's files.

"paper" is for a manuscript, which has its own captions: 300 dpi, and neither mark nor caption in the figure.
Both are in the file's metadata and in an .md file next to it.
"""


@dataclass(frozen=True)
class FigureFiles:
    """The form of the figures that are plotted, and the files that they took.

    Attributes:
        form: One of `FORMS`; None for that of the files that are there, at first PNG.
        written: The files so far.
    """

    form: str | None = None
    written: list[Path] = field(default_factory=list)

    def form_of(self, path: Path) -> str:
        """Returns the form of a figure from the path of its PNG file."""
        if self.form is not None:
            return self.form
        # Most files first: a figure for a paper has a PDF file too.
        forms = sorted(FORMS, key=lambda form: -len(FORMS[form]))
        there = (form for form in forms if all(path.with_suffix(ending).exists() for ending in FORMS[form]))
        return next(there, "png")


_files: ContextVar[FigureFiles | None] = ContextVar("figure_files", default=None)


@contextmanager
def figures_as(form: str | None) -> Iterator[FigureFiles]:
    """Plots the figures of the block in a form, as in `FigureFiles`; yields what they took."""
    files = FigureFiles(form)
    token = _files.set(files)
    try:
        yield files
    finally:
        _files.reset(token)


def figure_files() -> FigureFiles:
    """Returns the form of the figures that are plotted now."""
    return _files.get() or FigureFiles()
