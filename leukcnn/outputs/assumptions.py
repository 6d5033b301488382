"""The table of assumptions about what a paper leaves open, with the errors in the paper as its notes."""

from leukcnn import spec
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
    notes = ("Override with --assume NAME=VALUE.", *map(_note, paper.findings))
    title = "Assumptions about details that the paper leaves open"
    if paper.folders and not paper.findings:
        title, notes = "What was chosen, and can be changed", ()
    return Table("assumptions", title, columns, rows, notes=notes)


def _note(finding: spec.Finding) -> str:
    """Returns a finding with its place and the claims of `leukcnn audit` that prove it."""
    audited = f" (audit: {', '.join(finding.claims)})" if finding.claims else ""
    return f"{finding.where}: {finding.text}{audited}"
