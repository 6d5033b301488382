"""A run of a paper as it is read in a notebook: `open_run` and `Run`.

Tables, figures and predictions come from the store alone; Keras is loaded where one of them needs it.
"""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from leukcnn import papers, quiet, spec
from leukcnn.backend import start_backend
from leukcnn.errors import SpecError, StoreError, UnknownNameError
from leukcnn.fields import did_you_mean, did_you_mean_folder
from leukcnn.start import PaperName, Place, find_paper

if TYPE_CHECKING:
    import pandas as pd

    from leukcnn.experiment.report import Report
    from leukcnn.prediction import SavedNetwork
    from leukcnn.rendering.tables import Table
    from leukcnn.results.results import Results
    from leukcnn.runs import Predictions, Trial

__all__ = ["Run", "open_run"]

_Item = TypeVar("_Item")


def open_run(folder: Place, paper: PaperName | None = None) -> "Run":
    """Opens a finished or interrupted run, without its data and without training.

    Args:
        folder: The folder of one experiment, `runs/<paper>/experiments/<name>`, or the `out` folder of a run
            that holds one experiment only.
        paper: The paper: its key, its file, or the paper itself. It is needed for a paper in a file of your
            own; None takes leukcnn's paper of the key that the experiment names.

    Raises:
        StoreError: There is no experiment, there are several, or it can't be read.
        SpecError: The paper isn't known, or the experiment is of another one.
    """
    from leukcnn.records import ExperimentRecord

    wanted = None if paper is None else find_paper(paper)
    found = _experiment(Path(folder).expanduser(), wanted)
    key = ExperimentRecord.load(found).paper
    if wanted is None and key not in papers.list_papers():
        raise SpecError(
            f"{found} is a run of the paper {key!r}, which isn't one of leukcnn's own.",
            expected="the file of that paper",
            remedy='pass it: open_run(folder, paper="my_paper.py")',
        )
    wanted = wanted or find_paper(key)
    if wanted.key != key:
        raise SpecError(
            f"{found} is a run of the paper {key!r}.",
            expected=f"a run of {wanted.key!r}",
            remedy="pass another folder or another paper",
        )
    return Run(found, wanted)


class Run:
    """A run of a paper: tables, figures, predictions and networks, read from the run's folder when asked for.

    `leukcnn.reproduce` and `leukcnn.open_run` return it. In a notebook it shows its summary.

        run["table2"]                        # a table, or the path of a figure's PNG file
        run.predictions("vgg16")             # a DataFrame
        run.network("vgg16").predict(paths)  # probabilities of any images

    Args:
        folder: Folder of the experiment.
        paper: Its paper.
        report: What `reproduce` wrote; None for a run that was opened.

    Attributes:
        folder: Folder of the experiment, with `tables` and `figures` as files.
        paper: Its paper.
        record: What was asked for and which data were there.
        report: The tables that were asked for, the files that were written and the seconds of each stage;
            None for a run that was opened.

    Raises:
        StoreError: The folder can't be read, or its paper has changed since.
    """

    def __init__(self, folder: Path, paper: spec.Paper, *, report: "Report | None" = None):
        from leukcnn.experiment.report import read_record

        self.folder, self.paper, self.report = Path(folder), paper, report
        self.record = read_record(self.folder, paper)

    @cached_property
    def tables(self) -> Mapping[str, "Table"]:
        """The paper's tables by id, and "assumptions"; each is built when it is asked for."""
        ready = {table.id: table for table in self.report.tables} if self.report else {}
        names = [*(table.id for table in self.paper.tables), "assumptions"]
        return _Items("table", names, self._table, ready)

    @cached_property
    def figures(self) -> Mapping[str, Path]:
        """The PNG files of the paper's figures by name: a figure's id, or id_variant where it takes several.

        Figures that the run hasn't plotted yet, since it was interrupted, are plotted on first use.
        """
        from leukcnn.outputs.build import build_figures
        from leukcnn.runs import note_files

        paths = self._plotted()
        if not paths and self.paper.figures:
            paths = build_figures(self._results, self.folder)
            note_files(self.folder, paths)
        by_name = {path.stem: path for path in paths}
        return _Items("figure", list(by_name), by_name.__getitem__)

    @cached_property
    def summary(self) -> "Table":
        """The paper's main metric of each row: published, measured with its 95 % interval, and the verdict.

        Its notes name the rows that weren't trained, and why.
        """
        from leukcnn.outputs.summary import summary_table

        return summary_table(self._results)

    def predictions(self, row: str, *, split: str = "") -> "pd.DataFrame | Predictions":
        """Returns what a row's networks predicted for each tested image.

        Args:
            row: Id of a row, or a control.
            split: Kind of split; "" for the run's main one.

        Returns:
            A DataFrame with the columns of `predictions.csv` (image, subset, checkpoint, group, label,
            p_<class> ...), then `run` and `fold`, -1 where there are no folds. Without pandas it is a
            `leukcnn.runs.Predictions` without these two.

        Raises:
            UnknownNameError: There is no such row or split.
            StoreError: The row isn't trained.
        """
        from leukcnn.runs import Predictions

        trials = self._trials(row, split)
        several = [trial.predictions() for _, trial in trials]
        every = Predictions.join(several)
        try:
            import pandas as pd
        except ImportError:
            return every
        lengths = [len(one) for one in several]
        columns = {name: getattr(every, name) for name in ("image", "subset", "checkpoint", "group", "label")}
        columns |= {f"p_{name}": every.probabilities[:, i] for i, name in enumerate(every.class_names)}
        for name, values in (
            ("run", [run for run, _ in trials]),
            ("fold", [trial.identity["fold"] for _, trial in trials]),
        ):
            columns[name] = [value for value, n in zip(values, lengths, strict=True) for _ in range(n)]
        return pd.DataFrame(columns)

    def network(
        self, row: str, fold: int = 0, run: int = 0, *, dataset: str = "", split: str = ""
    ) -> "SavedNetwork":
        """Returns a trained network together with its preprocessing and its class names.

        It is a `leukcnn.prediction.SavedNetwork` and not only the Keras model, which is its `network`: the
        model alone can't say how an image becomes its input.

        Args:
            row: Id of the row.
            fold: Number of the fold; 0 where the split has none.
            run: Number of the repetition.
            dataset: Key of the tested dataset, where datasets are tested one by one; "" for the first.
            split: Kind of split; "" for the run's main one.

        Raises:
            UnknownNameError: There is no such row, split or tested dataset.
            StoreError: The row isn't trained, has no such fold or run, or saves no network.
        """
        every = [*self._trials(row, split)]
        datasets = {name: None for _, trial in every for name in trial.identity.get("tested", ())}
        if dataset and dataset not in datasets:
            raise _unknown("tested dataset", dataset, [*datasets])
        found = [
            trial
            for number, trial in every
            if number == run
            and max(trial.identity["fold"], 0) == fold
            and (not dataset or dataset in trial.identity.get("tested", ()))
        ]
        where = f"fold {fold} of run {run}" + (f" on {dataset}" if dataset else "")
        if not found:
            trained = sorted((number, trial.identity["fold"]) for number, trial in every)
            raise StoreError(
                f"Row {row!r} has no {where}.",
                expected=f"a run and a fold of {', '.join(f'({r}, {max(f, 0)})' for r, f in trained)}",
            )
        path = found[0].path / "model.keras"
        if not path.exists():
            raise StoreError(
                f"Row {row!r} has no saved network in {where}.",
                expected="a row that trains a network; controls and classifiers of features save none",
            )
        start_backend()

        from leukcnn.prediction import SavedNetwork

        return SavedNetwork.load(path)

    def __getitem__(self, name: str) -> "Table | Path":
        """Returns a table, or the path of a figure's PNG file, by its id.

        Raises:
            UnknownNameError: There is neither.
        """
        if name in self.tables:
            return self.tables[name]
        if name in self._figure_names():
            return self.figures[name]
        raise _unknown("table or figure", name, [*self])

    def __iter__(self) -> Iterator[str]:
        return iter([*self.tables, *self._figure_names()])

    def __repr__(self) -> str:
        return f"<Run of {self.paper.key}: {self.folder.name}, {self._trained()}>"

    def _repr_html_(self) -> str:
        names = {"Tables": [*self.tables], "Figures": self._figure_names()}
        lines = [f"{what}: {', '.join(map(html.escape, of))}" for what, of in names.items() if of]
        head = f"<p><b>{html.escape(self.paper.title)}</b><br>{html.escape(self.folder.name)}, "
        return f"{head}{self._trained()}</p>{self.summary._repr_html_()}<p>{'<br>'.join(lines)}</p>"

    def _ipython_key_completions_(self) -> list[str]:
        return [*self]

    def _trained(self) -> str:
        """Returns how many rows are trained, in words."""
        trained = sum(bool(self._results.predictions[row]) for row in self.paper.row_ids)
        return f"{trained} of {len(self.paper.row_ids)} rows trained"

    @cached_property
    def _results(self) -> "Results":
        from leukcnn.results.results import Results
        from leukcnn.runs import Store

        root = self.folder.absolute().parents[1]
        return Results(self.paper, self.record, Store(root.parent, root.name))

    def _table(self, name: str) -> "Table":
        from leukcnn.outputs.assumptions import assumption_table
        from leukcnn.outputs.build import build_tables, kind_of
        from leukcnn.outputs.captures import Captured

        if name == "assumptions":
            return assumption_table(self._results)
        with quiet.held_stderr():
            # Some kinds load Keras.
            kind_of(next(table for table in self.paper.tables if table.id == name))
        (table,) = build_tables(self._results, Captured(self.folder), only=name)
        return table

    def _plotted(self) -> list[Path]:
        return sorted((self.folder / "figures").glob("*.png"))

    def _figure_names(self) -> list[str]:
        """Returns the names of the figures; where none is plotted yet, the paper's ids."""
        return [path.stem for path in self._plotted()] or [figure.id for figure in self.paper.figures]

    def _trials(self, row: str, split: str) -> list[tuple[int, "Trial"]]:
        """Returns the number of the run and the trial, for each finished one of a row under a split."""
        known = (*self.paper.row_ids, *self.paper.controls)
        if row not in known:
            raise _unknown("row or control", row, known)
        splits = [*dict.fromkeys((self.record.split, *(trial.split for trial in self.record.trials)))]
        if split and split not in splits:
            raise _unknown("split", split, splits)
        results = self._results.under(split)
        if not results.trials[row]:
            raise StoreError(
                f"Row {row!r} has no predictions: {results.why_missing(row, 'test')}.",
                expected="a row that is trained",
                remedy=f"train it: leukcnn.reproduce({self.paper.key!r}, only={row!r}, ...)",
            )
        return [(run, trial) for run, _, trial in results.trials[row]]


class _Items(Mapping[str, _Item]):
    """Tables or figures by name, each made when it is asked for."""

    def __init__(
        self,
        what: str,
        names: Sequence[str],
        make: Callable[[str], _Item],
        ready: Mapping[str, _Item] | None = None,
    ):
        self._what, self._names, self._make = what, names, make
        self._ready = dict(ready or {})

    def __getitem__(self, name: str) -> _Item:
        if name not in self._names:
            raise _unknown(self._what, name, self._names)
        if name not in self._ready:
            self._ready[name] = self._make(name)
        return self._ready[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{self._what}s: {', '.join(self._names)}>"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._names)


def _experiment(folder: Path, paper: spec.Paper | None) -> Path:
    """Returns the folder of the only experiment in a place; the place may be that folder.

    Raises:
        StoreError: There is none, or there are several.
    """
    depths = ("", "experiments/*/", "*/experiments/*/")
    found = sorted(path.parent for depth in depths for path in folder.glob(f"{depth}experiment.json"))
    found = [one for one in found if paper is None or len(found) == 1 or one.parents[1].name == paper.key]
    if not found:
        raise StoreError(
            f"There are no runs in {folder}." if folder.exists() else f"There is no folder {folder}.",
            expected="the folder of an experiment, or a folder that `reproduce` wrote to",
            remedy=(did_you_mean_folder(folder) if not folder.exists() else "") or "check the path",
        )
    if len(found) > 1:
        names = "\n".join(f"  {one.relative_to(folder)}" for one in found)
        raise StoreError(
            f"{folder} holds {len(found)} runs:\n{names}", expected="one run", remedy="pass the folder of one"
        )
    (one,) = found
    if not (one.absolute().parents[1] / "trials").is_dir():
        raise StoreError(
            f"{one} is outside the folder that it was written to: its trials aren't there.",
            expected="<out>/<paper>/experiments/<name>, with <out>/<paper>/trials",
            remedy="move or copy the whole --out folder",
        )
    return one


def _unknown(what: str, name: str, known: Sequence[str]) -> UnknownNameError:
    return UnknownNameError(
        f"There is no {what} named {name!r}.",
        expected=", ".join(known) or f"a run that has a {what}",
        remedy=did_you_mean(str(name), known),
    )
