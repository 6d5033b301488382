"""Tables of a training log: accuracy and loss of each epoch, published and measured."""

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import framed, not_trained, state_of, table_lines
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.runs import Trial

_CURVES = {"accuracy": "Accuracy", "loss": "Loss", "val_accuracy": "Val. accuracy", "val_loss": "Val. loss"}
_KEPT = "weights kept"


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns accuracy and loss after every epoch of each trained row's first run.

    The published values are those of the table's first row. `table.reference` lists them: epoch, accuracy,
    loss, validation accuracy, validation loss.
    """
    results = results.under(table.split)
    first = (table.rows or results.paper.row_ids)[0]
    networks = {row: label for row, label in table_lines(results, table.rows) if row not in CONTROLS}
    shown = [row for row in networks if results.trials[row] or row == first]
    rows = []
    for row in shown:
        trials = results.trials[row]
        printed = {int(line[0]): line[1:] for line in table.reference} if row == first else {}
        measured = _measured(trials[0][2]) if trials else {}
        why = "not run" if trials else state_of(results.why_missing(row, "test"))
        for epoch in sorted({*printed, *measured}):
            published = printed.get(epoch, (None,) * len(_CURVES))
            *here, rate, state = measured.get(epoch, (*[None] * (len(_CURVES) + 1), why))
            pairs = [cell for pair in zip(published, here, strict=True) for cell in pair]
            rows.append((networks[row], epoch, *pairs, rate, state))
    columns: list[Column | str] = ["Network", Column("Epoch", "integer")]
    for title in _CURVES.values():
        columns += [Column(f"{title}, {source}", "quantity") for source in ("published", "here")]
    columns += [Column("Learning rate", "number"), "State"]
    if all(row[-2] is None for row in rows):
        columns, rows = [*columns[:-2], columns[-1]], [(*row[:-2], row[-1]) for row in rows]
    notes = not_trained(results, {row: label for row, label in networks.items() if row not in shown})
    notes.append(f"'{_KEPT}': the network with this epoch's weights gives the results in the tables.")
    if any(len(results.trials[row]) > 1 for row, _ in table_lines(results, table.rows)):
        notes.append("First run only and, in cross-validation, its first fold.")
    return framed(results, table, columns, rows, notes=notes)


def _measured(trial: Trial) -> dict[int, tuple[Cell, ...]]:
    """Returns epoch, counted from 1 -> its values, the learning rate and whether its weights were kept."""
    history = trial.history()
    n_epochs = len(history["accuracy"])
    best = trial.result["best_epochs"].get(trial.result["checkpoint"], n_epochs)
    curves = [history.get(name, np.full(n_epochs, np.nan)) for name in (*_CURVES, "learning_rate")]
    # Without validation images there is no value (None), which differs from an undefined one (NaN).
    columns = [[None if np.isnan(value) else float(value) for value in curve] for curve in curves]
    return {
        epoch: (*values, rate and float(f"{rate:.3g}"), _KEPT if epoch == best else "")
        for epoch, (*values, rate) in enumerate(zip(*columns, strict=True), start=1)
    }


KIND = TableKind(build=build)
