"""The table of the details that a paper leaves open and of its mistakes; every paper has one."""

from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results


def assumption_table(results: Results) -> Table:
    """Returns the assumptions with their values in this experiment; the paper's findings are its notes."""
    paper, record = results.paper, results.record
    rows = []
    for assumption in paper.assumptions:
        value = paper.assumed_value(assumption.name, profile=record.profile, assumed=record.assumed)
        changed = "yes" if assumption.name in record.assumed else "no"
        rows.append((assumption.name, value, changed, assumption.reason, assumption.where))
    columns = ["Assumption", "Value", "Overridden", "Reason", "Where"]
    notes = (
        "Override with --assume NAME=VALUE.",
        *(f"{finding.where}: {finding.text}" for finding in paper.findings),
    )
    title = "Assumptions about details that the paper leaves open"
    return Table("assumptions", title, columns, rows, notes=notes)
