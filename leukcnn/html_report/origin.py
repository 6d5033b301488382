"""What a run rests on: its options, data, software and the command that repeats it."""

import contextlib
import json
import shlex
from pathlib import Path
from typing import Any

from leukcnn import papers, spec
from leukcnn.datasets import card
from leukcnn.errors import StoreError
from leukcnn.outputs.answer import is_synthetic
from leukcnn.papers.source import STORED
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.run_options import FILE_NAME, command_in
from leukcnn.runs import STORE_VERSION

_OPTIONS = {"preprocessing.mask": "--mask"}
_EVALUATE = "evaluate"


def command_of(results: Results, folder: Path) -> str:
    """Returns the command that repeats a run.

    Args:
        results: The experiment.
        folder: Its folder. `leukcnn evaluate` is repeated from the options that it holds, whose folders are
            the user's own, and another paper than leukcnn's from its file there.
    """
    record, paper = results.record, results.paper
    if command_in(folder / FILE_NAME) == _EVALUATE:
        return f"leukcnn {_EVALUATE} --config {FILE_NAME}"
    data = "synthetic" if is_synthetic(results) else "DIR"
    own_file = STORED if (folder / STORED).exists() else f"{paper.key}.py"
    name = paper.key if paper.key in papers.list_papers() else own_file
    parts = ["leukcnn", "reproduce", name, "--data", data, "--profile", record.profile]
    # Rows of one paper may have splits of their own.
    if record.split != paper.rows[0].setup.split.kind:
        parts += ["--split", record.split]
    if [*record.datasets] != sorted(paper.datasets):
        parts += ["--datasets", " ".join(record.datasets)]
    parts += ["--runs", str(record.runs), "--seed", str(record.seed)]
    for name, value in record.assumed.items():
        parts += ["--assume", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    parts += [text for path, value in record.changes.items() for text in _option(path, value)]
    return shlex.join(parts)


def _option(path: str, value: Any) -> list[str]:
    return [_OPTIONS[path], str(value)] if path in _OPTIONS else []


def options_table(results: Results) -> Table:
    """Returns the options of a run."""
    record, against_paper = results.record, results.paper.prints_values
    rows = [
        ("Paper" if against_paper else "Study", record.paper),
        *([("Profile", record.profile)] if against_paper else []),
        ("Split", spec.SPLITS[record.split].title),
        ("Seed", str(record.seed)),
        ("Runs", str(record.runs)),
        ("Backend", record.backend),
        *([("Margin of agreement (points)", f"{record.margin:g}")] if against_paper else []),
        *((f"Assumption {name}", str(value)) for name, value in record.assumed.items()),
        *((f"Changed: {name}", str(value)) for name, value in record.changes.items()),
    ]
    return Table("options", "Options of this run", ["Option", "Value"], rows)


def data_table(results: Results) -> Table:
    """Returns the number of images of each dataset and class."""
    record = results.record
    classes = [*dict.fromkeys(name for counts in record.datasets.values() for name in counts)]
    rows = []
    for key, counts in record.datasets.items():
        rows += [(card(key).name, of_class, counts.get(of_class, 0)) for of_class in classes]
    columns: list[Column | str] = ["Dataset", "Class", Column("Images", "integer")]
    return Table("data", "Images of each dataset and class", columns, rows)


def software_table(results: Results) -> Table:
    """Returns software, devices and data of the finished trials; one line for each value that occurs."""
    found: dict[tuple[str, str], None] = {("Store version", str(STORE_VERSION)): None}
    for planned in results.record.every_trial:
        trial = results.store.finished_trial(planned.name)
        if trial is None:
            continue
        if "data" in trial.identity:
            found["SHA-256 of the data", str(trial.identity["data"])] = None
        if "environment.json" in trial.result["files"]:
            with contextlib.suppress(StoreError):
                found |= dict.fromkeys(_software(trial.environment()))
    return Table("software", "Software and data", ["What", "Value"], sorted(found))


def _software(environment: dict[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for name, value in environment.items():
        if name == "versions" and isinstance(value, dict):
            lines += [(str(package), str(version)) for package, version in value.items() if version]
        elif name in ("backend", "python", "platform", "commit", "devices") and value:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((name.capitalize(), shown))
    return lines
