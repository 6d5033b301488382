"""The audit of a paper's printed values, kept with an experiment for its HTML report."""

from pathlib import Path

from leukcnn import spec
from leukcnn.auditing.audit import audit
from leukcnn.errors import StoreError
from leukcnn.fields import to_plain
from leukcnn.files import digest, locked_folder
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import Capture
from leukcnn.records import note_files
from leukcnn.rendering.tables import Table

_NAME = "page_audit"


def keep_audit(folder: Path, paper: spec.Paper) -> None:
    """Audits a paper, which takes seconds, and keeps the claims with their verdicts.

    Args:
        folder: The experiment's folder.
        paper: Its paper.

    Raises:
        SpecError: A claim of the paper has wrong values.
        StoreError: The folder can't be written to.
    """

    def make() -> dict[str, list]:
        table = audit(paper).tables[0]
        columns = [column.title for column in table.shown_columns]
        return {"columns": columns, "rows": table.shown, "notes": [*table.notes]}

    with locked_folder(folder):
        note_files(folder, [Captured(folder).keep(Capture(_NAME, _key(paper), make))])


def kept_audit(folder: Path, paper: spec.Paper, faults: list[str]) -> Table | None:
    """Returns the audit that was kept; None if there is none, or the paper has changed since.

    Args:
        folder: The experiment's folder.
        paper: Its paper.
        faults: List to which a damaged file is added.
    """
    try:
        kept = Captured(folder).get(_NAME)
    except StoreError as error:
        faults.append(str(error))
        return None
    if kept is None or kept["key"] != _key(paper):
        return None
    return Table(
        "audit", "Claims about the printed values", kept["columns"], kept["rows"], notes=kept["notes"]
    )


def _key(paper: spec.Paper) -> str:
    return digest(to_plain(paper))
