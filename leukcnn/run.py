"""A stored run of a paper in a notebook: `open_run` and `Run`.

Tables, figures and predictions come from the store alone; Keras is loaded where one of them needs it.
"""

import html
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from leukcnn import papers, quiet, spec
from leukcnn.argument_types import require_type, user_path
from leukcnn.backend import start_backend
from leukcnn.errors import SpecError, StoreError, UnknownNameError
from leukcnn.run_items import FigureFile, Items, unknown_name
from leukcnn.start import PaperName, Place, find_paper, stored_paper

if TYPE_CHECKING:
    import pandas as pd

    from leukcnn.experiment.planning import Ended
    from leukcnn.experiment.report import Report
    from leukcnn.outputs.answer import Answer
    from leukcnn.prediction import SavedNetwork
    from leukcnn.rendering.tables import Table
    from leukcnn.results.results import Results
    from leukcnn.runs import Trial
    from leukcnn.trial_files import Predictions

__all__ = ["Run", "open_run"]


def open_run(folder: Place, paper: PaperName | None = None) -> "Run":
    """Opens a finished or interrupted run, without its data and without training.

    Args:
        folder: The folder of one experiment, `runs/<paper>/experiments/<name>`, or the `out` folder of a run
            that holds one experiment only. Experiments that can't be read don't count; `Run.faults` names
            them.
        paper: The paper: its key, its file, or the paper itself. None takes leukcnn's own paper by the key in
            the run, or the paper of your own that the run keeps.

    Raises:
        ArgumentError: An argument has another type.
        StoreError: There is no experiment, there are several, or it can't be read.
        SpecError: The paper isn't known, or the experiment is of another one.
    """
    require_type((str, os.PathLike), "a folder", folder=folder)
    if paper is not None:
        require_type((str, os.PathLike, spec.Paper), "a paper's key, its file, or the paper", paper=paper)

    from leukcnn.records import only_experiment

    wanted = None if paper is None else find_paper(paper)
    found, key, unreadable = only_experiment(user_path(folder).absolute(), wanted)
    if wanted is None:
        wanted = find_paper(key) if key in papers.list_papers() else stored_paper(found)
    if wanted.key != key:
        raise SpecError(
            f"{found} is a run of the paper {key!r}.",
            expected=f"a run of {wanted.key!r}",
            remedy="pass another folder or another paper",
        )
    return Run(found, wanted, unreadable=unreadable)


class Run:
    """A run of a paper: tables, figures, predictions and networks, read from the run's folder when asked for.

    `leukcnn.reproduce` and `leukcnn.open_run` return it. In a notebook it shows its answer and its summary.

        print(run.answer)                    # the answer in a few lines
        run["table2"]                        # a table
        run["figure2"]                       # a figure; its `path` is the PNG file
        run.predictions("vgg16")             # a DataFrame
        run.network("vgg16").predict(paths)  # probabilities of any images

    Args:
        folder: Folder of the experiment.
        paper: Its paper.
        report: What `reproduce` wrote; None for a run that was opened.
        ended: What `reproduce` did with the one trial that it was asked for; None for other runs.
        unreadable: Messages about other experiments next to it that can't be read.

    Attributes:
        folder: Folder of the experiment, with `tables` and `figures` as files.
        paper: Its paper.
        record: What was asked for and which data were there.
        report: The tables that were asked for, the files that were written and the seconds of each stage;
            None for a run that was opened, or of which one trial was run.
        ended: The one trial that was run (`trial=`), and how far the others are; None for other runs.

    Raises:
        StoreError: The folder can't be read, or its paper has changed since.
    """

    def __init__(
        self,
        folder: Path,
        paper: spec.Paper,
        *,
        report: "Report | None" = None,
        ended: "Ended | None" = None,
        unreadable: Sequence[str] = (),
    ):
        from leukcnn.experiment.report import read_record

        self.folder, self.paper, self.report, self.ended = Path(folder), paper, report, ended
        self.record = read_record(self.folder, paper)
        self._unreadable = list(unreadable)

    @cached_property
    def faults(self) -> list[str]:
        """What is wrong with the stored files, one message each; empty if they are as leukcnn wrote them.

        Damaged trials are in no value, and tables say so; damaged captures and figures aren't shown. Networks
        are checked when `network` loads them.
        """
        from leukcnn.experiment.report import damaged_trials
        from leukcnn.records import changed_files

        faults = [*self._unreadable, *(self.report.faults if self.report else [])]
        faults += damaged_trials(self._results)
        try:
            faults += [f"{path}: {what}" for path, what in changed_files(self.folder).items()]
        except StoreError as error:
            faults.append(str(error))
        return [*dict.fromkeys(faults)]

    @cached_property
    def tables(self) -> Mapping[str, "Table"]:
        """The paper's tables by id, and "assumptions"; each is built when it is asked for."""
        ready = {table.id: table for table in self.report.tables} if self.report else {}
        names = [*(table.id for table in self.paper.tables), "assumptions"]
        return Items("table", names, self._table, ready)

    @cached_property
    def figures(self) -> Mapping[str, FigureFile]:
        """The paper's figures by name: a figure's id, or id_variant where it takes several files.

        A notebook shows them; `run.figures["figure2"].path` is the PNG file. An interrupted run plots its
        figures on first use, and damaged files are plotted again. Figures that can't be plotted are left out;
        `run["figure2"]` says why.
        """
        from leukcnn.records import changed_files

        paths = self._plotted()
        if self.paper.figures and (not paths or not changed_files(self.folder).keys().isdisjoint(paths)):
            self._plot(faults=[])
            changed = changed_files(self.folder)
            paths = [path for path in self._plotted() if path not in changed]
        files = {path.stem: FigureFile(path) for path in paths}
        others = {figure.id for figure in self.paper.figures} - files.keys()
        return Items("figure", list(files), self._figure, files, others)

    @cached_property
    def answer(self) -> "Answer":
        """The answer in at most twelve lines: best network, best control, their difference, leaks.

        `print(run.answer)` shows it; `run.answer.to_json()` is the content of `summary.json`.
        """
        from leukcnn.outputs.answer import answer_of

        return answer_of(self._results)

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
            `leukcnn.trial_files.Predictions` without these two.

        Raises:
            UnknownNameError: There is no such row or split.
            StoreError: The row isn't trained.
        """
        from leukcnn.trial_files import Predictions

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
            StoreError: The row isn't trained, has no such fold or run, or saves no network; or the network's
                file is damaged.
        """
        every = self._trials(row, split)
        datasets = {name: None for _, trial in every for name in trial.identity.get("tested", ())}
        if dataset and dataset not in datasets:
            raise unknown_name("tested dataset", dataset, [*datasets])
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
        if "model.keras" not in found[0].result["files"]:
            raise StoreError(
                f"Row {row!r} has no saved network in {where}.",
                expected="a row that trains a network; controls and classifiers of features save none",
            )
        path = found[0].checked("model.keras")
        start_backend()

        from leukcnn.prediction import SavedNetwork

        return SavedNetwork.load(path)

    def __getitem__(self, name: str) -> "Table | FigureFile":
        """Returns a table or a figure by its id.

        Raises:
            UnknownNameError: There is neither, or the figure's rows aren't trained.
            StoreError: What it shows wasn't kept, or can't be read.
        """
        if name in self.tables:
            return self.tables[name]
        if name in (*self._figure_names(), *(figure.id for figure in self.paper.figures)):
            return self.figures[name]
        raise unknown_name("table or figure", name, [*self])

    def __iter__(self) -> Iterator[str]:
        return iter([*self.tables, *self._figure_names()])

    def __repr__(self) -> str:
        return f"<Run of {self.paper.key}: {self.folder.name}, {self._trained()}>"

    def _repr_html_(self) -> str:
        names = {"Tables": [*self.tables], "Figures": self._figure_names()}
        lines = [f"{what}: {', '.join(map(html.escape, of))}" for what, of in names.items() if of]
        head = f"<p><b>{html.escape(self.paper.title)}</b><br>{html.escape(self.folder.name)}, "
        faults = "".join(f"<pre>{html.escape(fault)}</pre>" for fault in self.faults)
        answer = "<br>".join(map(html.escape, self.answer.lines(self.folder)))
        body = f"<p>{answer}</p>{self.summary._repr_html_()}<p>{'<br>'.join(lines)}</p>"
        return f"{head}{self._trained()}</p>{faults}{body}"

    def _ipython_key_completions_(self) -> list[str]:
        return [*self]

    def _trained(self) -> str:
        """Returns how many rows are trained and how many faults there are, in words."""
        trained = sum(self._results.has_values(row) for row in self.paper.row_ids)
        faults = f", {len(self.faults)} damaged or unreadable (see .faults)" if self.faults else ""
        return f"{trained} of {len(self.paper.row_ids)} rows trained{faults}"

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

    def _figure(self, name: str) -> FigureFile:
        """Plots a figure that has no file yet.

        Raises:
            UnknownNameError: It can't be plotted, or takes several files that have other names.
            StoreError: What it shows wasn't kept, or can't be read.
        """
        paths = self._plot(only=name)
        if [path.stem for path in paths] == [name]:
            return FigureFile(paths[0])
        if paths:
            raise UnknownNameError(
                f"Figure {name!r} takes several files, one for each row or dataset.",
                expected=f"one of {', '.join(path.stem for path in paths)}",
            )
        (figure,) = (figure for figure in self.paper.figures if figure.id == name)
        rows = [row for row in self.paper.rows if row.id in (figure.rows or self.paper.row_ids)]
        lacking = [row for row in rows if not self._results.has_values(row.id)]
        why = "; ".join(f"{row.label}: {self._results.why_missing(row.id, 'test')}" for row in lacking)
        only = lacking[0].id if len(lacking) == 1 else name
        raise UnknownNameError(
            f"Figure {name!r} isn't plotted: {why or 'this run lacks what it shows'}.",
            expected=", ".join(self._figure_names()) if self._plotted() else "a run with figures",
            remedy=f"leukcnn.reproduce({self.paper.key!r}, only={only!r}, ...) plots it",
        )

    def _plot(self, only: str | None = None, faults: list[str] | None = None) -> list[Path]:
        from leukcnn.files import locked_folder
        from leukcnn.outputs.build import build_figures
        from leukcnn.records import note_files

        with locked_folder(self.folder):
            paths = build_figures(self._results, self.folder, only=only, faults=faults)
            note_files(self.folder, paths)
        return paths

    def _plotted(self) -> list[Path]:
        return sorted((self.folder / "figures").glob("*.png"))

    def _figure_names(self) -> list[str]:
        """Returns the names of the figures; where none is plotted yet, the paper's ids."""
        return [path.stem for path in self._plotted()] or [figure.id for figure in self.paper.figures]

    def _trials(self, row: str, split: str) -> list[tuple[int, "Trial"]]:
        """Returns the number of the run and the trial, for each finished one of a row under a split."""
        known = (*self.paper.row_ids, *self.paper.controls)
        if row not in known:
            raise unknown_name("row or control", row, known)
        splits = [*dict.fromkeys((self.record.split, *(trial.split for trial in self.record.trials)))]
        if split and split not in splits:
            raise unknown_name("split", split, splits)
        results = self._results.under(split)
        if not results.trials[row]:
            raise StoreError(
                f"Row {row!r} has no predictions: {results.why_missing(row, 'test')}.",
                expected="a row that is trained",
                remedy=f"train it: leukcnn.reproduce({self.paper.key!r}, only={row!r}, ...)",
            )
        return [(run, trial) for run, _, trial in results.trials[row]]
