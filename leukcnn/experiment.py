"""A paper's trials in order, from the data's folder to its tables; the only module that sees all stages."""

from dataclasses import dataclass
from pathlib import Path

import keras

from leukcnn import spec
from leukcnn.callbacks import resume_epoch
from leukcnn.datasets import ImageIndex, card, load, require_classes, synthetic
from leukcnn.distribution import Devices, find_devices, make_deterministic
from leukcnn.evaluation.challenge import write_challenge_file
from leukcnn.picture_cache import cache_folder
from leukcnn.planning import SYNTHETIC, Request, data_digest, make_record, plan, trial_identity
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.reporting.paper_figures import paper_figures
from leukcnn.reporting.paper_tables import Results, assumption_table, paper_tables
from leukcnn.reporting.sketches import Sketches, make_sketches
from leukcnn.reporting.tables import Table, to_csv, write
from leukcnn.reporting.terminal import TrainingProgress
from leukcnn.runs import Store, digest
from leukcnn.training import seconds_per_picture
from leukcnn.trials import Parts, epoch_entries, run_trial


@dataclass(frozen=True)
class Report:
    """What an experiment gave.

    Attributes:
        folder: Folder of the experiment.
        record: What was asked for.
        tables: The tables.
        assumptions: The table of assumptions, with what is amiss in the paper as its notes.
        files: Every file written: tables, figures, challenge files.
    """

    folder: Path
    record: ExperimentRecord
    tables: list[Table]
    assumptions: Table
    files: list[Path]


def reproduce(request: Request, *, progress: TrainingProgress) -> Report:
    """Runs all trials of a request that aren't finished yet and draws its tables and figures.

    Args:
        request: What to do.
        progress: The terminal's display, already entered.

    Raises:
        LeukCNNError: The data, the options, the devices or the output folder can't be used.
    """
    store = Store(request.out, request.paper.key)
    store.check_writable()
    if any(request.setup(row).training.deterministic for row in request.paper.row_ids):
        make_deterministic()
    devices = find_devices(request.devices)
    index = _load(request, progress)
    planned, parts = plan(request, index)
    record = make_record(request, index, planned, parts)
    folder = store.experiment(experiment_name(record))
    record.save(folder)
    if not Sketches.exist(folder):
        setup = request.setup(planned[0].row)
        make_sketches(request.paper, setup, index, seed=request.seed).save(folder)
        keras.utils.clear_session()
    progress.message(f"Devices: {', '.join(devices.names)}; backend: {keras.backend.backend()}.")
    to_do = [
        trial
        for trial in planned
        if trial.row in request.rows_to_train and store.finished_trial(trial.name) is None
    ]
    _say_how_long(request, to_do, index, parts, devices, progress)
    for number, trial in enumerate(to_do, start=1):
        _run(request, store, trial, index, parts[trial.name], devices, progress, (number, len(to_do)))
    return report(store, folder, request.paper, only=request.only)


def report(store: Store, folder: Path, paper: spec.Paper, *, only: str | None = None) -> Report:
    """Draws an experiment's tables, figures and challenge files from the store, without data or training.

    Raises:
        StoreError: The store can't be read or written to.
    """
    record = ExperimentRecord.load(folder)
    results = Results(paper, record, store)
    tables, assumptions = paper_tables(results, only=only), assumption_table(results)
    files = [path for table in (*tables, assumptions) for path in write(table, folder / "tables")]
    files += paper_figures(results, Sketches.load(folder), folder / "figures", only=only)
    for row in paper.row_ids:
        for predictions in results.part(row, "final")[:1]:
            if len(predictions) == record.final_total:
                path = folder / "challenge" / f"{row}.zip"
                files.append(write_challenge_file(path, predictions, expected=record.final_total))
    return Report(folder, record, tables, assumptions, files)


def experiment_name(record: ExperimentRecord) -> str:
    """Returns the name of an experiment's folder: readable, then the hash of its trials."""
    return f"{record.profile}-{record.split}-seed{record.seed}-{digest([t.name for t in record.trials])[:8]}"


def _load(request: Request, progress: TrainingProgress) -> ImageIndex:
    name = request.paper.dataset
    if request.data == SYNTHETIC:
        progress.message(f"Drawing cells with the names and layout of {card(name).name} ...")
        root = synthetic.write(name, cache_folder() / SYNTHETIC, seed=request.seed)
    else:
        root = Path(request.data).expanduser()
    progress.message(f"Reading the pictures of {card(name).name} for their SHA-256 ...")

    def tell(done: int, total: int) -> None:
        if done % 2000 == 0:
            progress.message(f"{done:,} of {total:,} files read")

    index = load(name, root, progress=tell)
    for note in index.notes:
        progress.message(note)
    require_classes(index)
    return index


def _run(
    request: Request,
    store: Store,
    planned: PlannedTrial,
    index: ImageIndex,
    parts: Parts,
    devices: Devices,
    progress: TrainingProgress,
    position: tuple[int, int],
) -> None:
    setup = request.setup(planned.row)
    identity = trial_identity(
        request, planned.row, setup, seed=planned.seed, fold=planned.fold, pictures=data_digest(index)
    )
    trial = store.trial(identity)
    label = request.paper.row(planned.row).label
    if request.runs > 1:
        label += f", run {planned.run + 1}"
    if planned.fold >= 0:
        label += f", fold {planned.fold}"
    entries, _ = epoch_entries(index, setup, parts, seed=planned.seed)
    resumed = resume_epoch(trial.path / "state.npz")
    if resumed:
        progress.message(f"{label} goes on after epoch {resumed}.")
    progress.start_trial(
        label,
        *position,
        setup.training.epochs,
        -(-len(entries) // setup.training.batch_size),
        first_epoch=min(resumed + 1, setup.training.epochs),
    )
    run_trial(
        trial,
        setup,
        index,
        parts,
        seed=planned.seed,
        devices=devices,
        observer=progress,
        workers=request.workers,
        tensorboard=request.tensorboard,
    )
    progress.end_trial()
    # Graphs and weights of the finished network would stay in memory beside the next one's.
    keras.utils.clear_session()


def _say_how_long(
    request: Request,
    to_do: list[PlannedTrial],
    index: ImageIndex,
    parts: dict[str, Parts],
    devices: Devices,
    progress: TrainingProgress,
) -> None:
    """Says on a processor, before a long training, how long it will take."""
    if devices.accelerated or not to_do or request.paper.profile(request.profile).not_comparable:
        return
    progress.message("There is no GPU; timing one step of each network ...")
    total = 0.0
    for row in dict.fromkeys(trial.row for trial in to_do):
        setup, label = request.setup(row), request.paper.row(row).label
        trials = [trial for trial in to_do if trial.row == row]
        train, validation = epoch_entries(index, setup, parts[trials[0].name], seed=trials[0].seed)
        # A validation picture goes forward only, about a third of a training step's work.
        pictures = len(train) + len(validation) / 3
        epoch = seconds_per_picture(setup, classes=len(index.class_names), devices=devices) * pictures
        total += epoch * setup.training.epochs * len(trials)
        progress.message(
            f"{label}: about {epoch / 3600:,.1f} hours an epoch on this processor, {setup.training.epochs} "
            f"epochs, {len(trials)} trial(s)"
        )
    progress.message(
        f"All together about {total / 86400:,.0f} days on this processor. A GPU takes a small part of that; "
        "--profile smoke takes minutes. Every epoch is kept: the run may be stopped and started again."
    )


def verify_report(store: Store, folder: Path, paper: spec.Paper) -> list[str]:
    """Returns what doesn't hold of an experiment's stored files and tables; empty where all does.

    Every finished trial's files must have the SHA-256 that was noted, and every table that was written must
    come out the same from the stored predictions.

    Raises:
        StoreError: The store can't be read.
    """
    record = ExperimentRecord.load(folder)
    trials = [store.finished_trial(planned.name) for planned in record.trials]
    faults = [fault for trial in trials if trial is not None for fault in trial.faults()]
    for table in paper_tables(Results(paper, record, store)):
        written = folder / "tables" / f"{table.id}.csv"
        if written.exists() and written.read_text() != to_csv(table):
            faults.append(f"{written}: the stored predictions give another table")
    return faults
