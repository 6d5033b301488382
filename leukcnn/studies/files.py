"""A study as a paper's file, for the user to edit and to run."""

from leukcnn import papers, spec
from leukcnn.argument_types import user_path
from leukcnn.errors import ArgumentError
from leukcnn.papers.source import source_of, write_source
from leukcnn.start import Place

__all__ = ["check_paper_file", "save"]

_OPTION = "save_paper (--save-paper)"


def check_paper_file(place: Place) -> None:
    """Checks that a paper can be written into a file and read from there, before anything is computed.

    Raises:
        ArgumentError: The name can't be that of a paper's file.
    """
    path = user_path(place, _OPTION)
    if path.suffix != ".py" or not path.stem.isidentifier() or path.is_dir():
        raise ArgumentError(
            f"{_OPTION} got {str(place)!r}.",
            expected="the name of a file that ends in .py, of letters, digits and _, such as my_study.py",
        )


def save(paper: spec.Paper, place: Place, *, earlier: spec.Paper | None = None) -> None:
    """Writes a paper into a user's file, unless another one is there.

    Args:
        paper: The paper.
        place: The file.
        earlier: A paper that may be in the file and is replaced.

    Raises:
        ArgumentError: The file exists and has other content.
        StoreError: The folder can't be written to.
    """
    path = user_path(place, _OPTION)
    known = [source_of(one).encode() for one in (paper, earlier) if one]
    if not path.exists() or path.read_bytes() in known[1:]:
        write_source(paper, path)
    elif path.read_bytes() != known[0]:
        raise ArgumentError(
            f"{_OPTION} got {str(place)!r}, which exists and isn't this study.",
            expected="a new file, so that none of your changes is lost",
            remedy="name another file, or run that one: leukcnn reproduce "
            + (f"{place}" if papers.is_file_name(str(place)) else f"./{place}"),
        )


def __dir__() -> list[str]:
    return sorted(__all__)
