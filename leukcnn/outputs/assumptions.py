"""The table of what the paper leaves open and what is amiss in it, beside every paper's own tables."""

from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results


def assumption_table(results: Results) -> Table:
    """Returns the assumptions with the values of this experiment, and what is amiss in the paper."""
    paper, record = results.paper, results.record
    rows = []
    for assumption in paper.assumptions:
        value = paper.assumed_value(assumption.name, profile=record.profile, assumed=record.assumed)
        changed = "yes" if assumption.name in record.assumed else "no"
        rows.append((assumption.name, value, changed, assumption.reason, assumption.where))
    columns = ["Assumption", "Value", "Overridden", "Reason", "Where"]
    notes = ("Override with --assume NAME=VALUE.", *(f"{f.where}: {f.text}" for f in paper.findings))
    return Table(
        "assumptions", "Assumptions, where the paper leaves a detail open", columns, rows, notes=notes
    )
