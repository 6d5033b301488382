"""A paper's trials in order, from the data's folder to its tables; the only module that sees all stages."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np

from leukcnn import spec, synthetic
from leukcnn.callbacks import resume_epoch
from leukcnn.datasets import ImageIndex, card, load, load_many, require_classes
from leukcnn.distribution import Devices, find_devices, make_deterministic
from leukcnn.errors import DataError, WeightsError
from leukcnn.evaluation.controls import KnownFeatures
from leukcnn.experiment.estimate import Stopwatch, say_how_long
from leukcnn.experiment.plan import Plan, make_record, plan
from leukcnn.experiment.request import SYNTHETIC, Request
from leukcnn.files import digest
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.outputs.build import build_figures, build_tables, capture, kind_of
from leukcnn.outputs.challenge import write_challenge_file
from leukcnn.outputs.kind import Material
from leukcnn.picture_cache import cache_folder, prepared_pictures, shows_nothing
from leukcnn.progress import TrainingProgress
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.rendering.renderings import to_csv, write
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.training import Networks, build_network
from leukcnn.trials import (
    FeatureNetworks,
    epoch_entries,
    feature_network,
    run_control,
    run_feature_trial,
    run_probe,
    run_trial,
)


@dataclass(frozen=True)
class Report:
    """What an experiment gave.

    Attributes:
        folder: Folder of the experiment.
        record: What was asked for.
        tables: The tables.
        assumptions: The table of assumptions, with what is amiss in the paper as its notes.
        files: Every file written: tables, figures, challenge files.
        seconds: Stage -> wall-clock time of this run in seconds; empty where nothing was run.
    """

    folder: Path
    record: ExperimentRecord
    tables: list[Table]
    assumptions: Table
    files: list[Path]
    seconds: dict[str, float] = field(default_factory=dict)


def reproduce(request: Request, *, progress: TrainingProgress) -> Report:
    """Runs all trials of a request that aren't finished yet and draws its tables and figures.

    Args:
        request: What to do.
        progress: The terminal's display, already entered.

    Raises:
        LeukCNNError: The data, the options, the devices or the output folder can't be used.
    """
    watch, store = Stopwatch(), Store(request.out, request.paper.key)
    store.check_writable()
    if any(request.setup(row).training.deterministic for row in request.paper.row_ids):
        make_deterministic()
    devices = find_devices(request.devices)
    index = _load(request, progress)
    watch.lap("reading")
    planned = _plan(request, index, progress)
    wanted = [t for t in planned.trials if request.wants(t.row, t.split, t.tested)]
    if planned.trials and request.rows_to_train and not wanted:
        progress.message(
            f"Nothing is trained: {request.only} rests on a split that isn't among this run's, "
            f"{', '.join(sorted({trial.split for trial in planned.trials}))}."
        )
    to_do = [trial for trial in wanted if store.finished_trial(trial.name) is None]
    lacking = _check_weights(request, to_do, len(index.class_names), devices, progress)
    to_do = [trial for trial in to_do if trial.row not in lacking]
    record = make_record(request, index, planned, lacking=lacking)
    record = replace(record, data_notes=[*record.data_notes, *_emptied(request, index, wanted)])
    folder = store.experiment(experiment_name(record))
    record.save(folder)
    capture(Material(Results(request.paper, record, store), index), folder, trained=False)
    progress.message(f"Devices: {', '.join(devices.names)}; backend: {keras.backend.backend()}.")
    say_how_long(request, to_do, index, planned, devices, progress)
    watch.lap("planning")
    if request.rows_to_train:
        _run_controls(request, store, index, planned, progress)
    watch.lap("controls")
    networks, feature_networks = Networks(), FeatureNetworks()
    for number, trial in enumerate(to_do, start=1):
        here = (request, store, trial, index, planned, devices)
        if request.setup(trial.row).features:
            _run_features(*here, feature_networks, progress)
        else:
            _run(*here, networks, progress, (number, len(to_do)))
    finished = [store.finished_trial(trial.name) for trial in to_do]
    watch.lap_of_trials(trial for trial in finished if trial is not None)
    capture(Material(Results(request.paper, record, store), index), folder, trained=True)
    done = report(store, folder, request.paper, only=request.only)
    watch.lap("tables and figures")
    return replace(done, seconds=watch.seconds)


def report(store: Store, folder: Path, paper: spec.Paper, *, only: str | None = None) -> Report:
    """Draws an experiment's tables, figures and challenge files from the store, without data or training.

    Raises:
        StoreError: The store can't be read or written to.
    """
    record = ExperimentRecord.load(folder)
    results = Results(paper, record, store)
    tables, assumptions = build_tables(results, folder, only=only), assumption_table(results)
    files = [path for table in (*tables, assumptions) for path in write(table, folder / "tables")]
    files += build_figures(results, folder, only=only)
    for row in paper.row_ids:
        for predictions in results.runs(row, part="final")[:1]:
            if len(predictions) == record.final_total:
                path = folder / "challenge" / f"{row}.zip"
                files.append(write_challenge_file(path, predictions, expected=record.final_total))
    return Report(folder, record, tables, assumptions, files)


def experiment_name(record: ExperimentRecord) -> str:
    """Returns the name of an experiment's folder: readable, then the hash of its trials and data."""
    what = digest([[trial.name for trial in record.trials], record.datasets])[:8]
    return f"{record.profile}-{record.split}-seed{record.seed}-{what}"


def _load(request: Request, progress: TrainingProgress) -> ImageIndex:
    paper, names = request.paper, request.dataset_keys
    if request.data == SYNTHETIC:
        progress.message(f"Drawing pictures with the names and layout of {paper.key}'s datasets ...")
        place = cache_folder() / SYNTHETIC
        if paper.class_of:
            root = synthetic.write_many(names, place, seed=request.seed, counts=paper.drawn)
        else:
            root = synthetic.write(names[0], place, seed=request.seed)
    else:
        root = Path(request.data).expanduser()
    progress.message("Reading the pictures for their SHA-256 ...")

    def tell(done: int, total: int) -> None:
        if done % 2000 == 0:
            progress.message(f"{done:,} of {total:,} files read")

    if paper.class_of:
        options = {"class_names": paper.classes, "class_of": paper.class_of}
        index = load_many(names, root, **options, progress=tell)
    else:
        index = load(names[0], root, progress=tell)
        require_classes(index)
    for note in index.notes:
        progress.message(note)
    return index


def _plan(request: Request, index: ImageIndex, progress: TrainingProgress) -> Plan:
    held = np.unique(index.labels[index.labels >= 0])
    if len(held) < 2:
        absent = [name for label, name in enumerate(index.class_names) if label not in held]
        reason = f"the data hold no picture of {' and '.join(absent)}"
        if request.rows_to_train:
            progress.message(
                f"{', '.join(request.rows_to_train)} can't be trained: {reason}. Get more of the datasets "
                "(`leukcnn datasets` lists them), name others (--datasets), or draw them (--data synthetic)."
            )
        return Plan([], [], {}, {}, reason=reason)
    try:
        return plan(request, index)
    except DataError:
        if request.rows_to_train:
            raise
        return Plan([], [], {}, {}, reason="the data hold too few pictures")


def _emptied(request: Request, index: ImageIndex, wanted: list[PlannedTrial]) -> list[str]:
    """Says of which datasets thresholding leaves black pictures, for the networks asked for."""
    notes = []
    settings = [request.setup(row).preprocessing for row in dict.fromkeys(trial.row for trial in wanted)]
    for preprocessing in dict.fromkeys(one for one in settings if one.threshold != "none"):
        pictures = prepared_pictures(index, preprocessing)
        black = np.array([shows_nothing(picture) for picture in pictures], dtype=bool)
        for name in np.unique(index.dataset[black]).tolist():
            own = index.dataset == name
            notes.append(
                f"{name}: {np.count_nonzero(black & own):,} of {np.count_nonzero(own):,} pictures are black, "
                f"or nearly so, as the networks see them: '{preprocessing.threshold}' leaves no cell there"
            )
    return list(dict.fromkeys(notes))


def _check_weights(
    request: Request,
    to_do: list[PlannedTrial],
    classes: int,
    devices: Devices,
    progress: TrainingProgress,
) -> dict[str, str]:
    """Lays published weights in once before anything is trained: a file may be lacking or be another's.

    Returns:
        Optional row that can't have its weights -> why.
    """
    lacking = {}
    for row in dict.fromkeys(trial.row for trial in to_do):
        setup = request.setup(row)
        if request.paper.source(row):
            continue
        try:
            if error := request.missing_weights(row):
                raise error
            for model in setup.models:
                if model.arguments.get("weights") is None:
                    continue
                if setup.features:
                    feature_network(model, setup, seed=0, devices=devices)
                else:
                    options = {"side": setup.preprocessing.side, "classes": classes}
                    build_network(model, **options, training=setup.training, seed=0, devices=devices)
                keras.utils.clear_session()
        except WeightsError as error:
            if not request.paper.row(row).optional or request.only == row:
                raise
            lacking[row] = "its published weights aren't at hand"
            progress.message(f"{request.paper.row(row).label} is left out: {error}")
    return lacking


def _run_controls(
    request: Request, store: Store, index: ImageIndex, planned: Plan, progress: TrainingProgress
) -> None:
    wanted = {t.split for t in planned.trials if request.wants(t.row, t.split, t.tested)}
    to_do = [
        control
        for control in planned.controls
        if control.split in wanted and store.finished_trial(control.name) is None
    ]
    if to_do:
        progress.message(f"Working out {len(to_do)} controls, which need no network ...")
    # All controls look at the same pictures, fold after fold.
    known: KnownFeatures = {}
    for control in to_do:
        run_control(
            store.trial(planned.identities[control.name]),
            control.row,
            request.control_preprocessing,
            index,
            planned.parts[control.name],
            seed=control.seed,
            known=known,
        )
    probe = planned.probe
    if probe is not None and store.finished_trial(probe.name) is None:
        progress.message("Trying to tell the datasets apart by the border of their pictures ...")
        preprocessing = request.control_preprocessing
        run_probe(store.trial(planned.identities[probe.name]), preprocessing, index, seed=probe.seed)


def _run(
    request: Request,
    store: Store,
    trial: PlannedTrial,
    index: ImageIndex,
    planned: Plan,
    devices: Devices,
    networks: Networks,
    progress: TrainingProgress,
    position: tuple[int, int],
) -> None:
    setup, parts = request.setup(trial.row), planned.parts[trial.name]
    stored = store.trial(planned.identities[trial.name])
    label = _label(request, trial)
    entries, _ = epoch_entries(index, setup, parts, seed=trial.seed)
    resumed = resume_epoch(stored.path / "state.npz")
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
        stored,
        setup,
        index,
        parts,
        seed=trial.seed,
        devices=devices,
        observer=progress,
        workers=request.workers,
        tensorboard=request.tensorboard,
        networks=networks,
    )
    progress.end_trial()


def _label(request: Request, trial: PlannedTrial) -> str:
    label = request.paper.row(trial.row).label
    if request.n_runs > 1:
        label += f", run {trial.run + 1}"
    if trial.tested:
        label += f", {trial.split}: {', '.join(card(key).name for key in trial.tested)}"
    by_fold = trial.fold >= 0 and trial.split not in spec.LODOCV_KINDS
    return label + (f", fold {trial.fold}" if by_fold else "")


def _run_features(
    request: Request,
    store: Store,
    trial: PlannedTrial,
    index: ImageIndex,
    planned: Plan,
    devices: Devices,
    networks: FeatureNetworks,
    progress: TrainingProgress,
) -> None:
    label = _label(request, trial)
    identity = planned.identities[trial.name]
    source = identity.get("features_of")
    trained = store.finished_trial(source) if source else None
    if source is not None and trained is None:
        progress.message(f"{label} is left out: the network that gives its features isn't trained.")
        return
    progress.message(f"{label}: a support vector machine on features ...")
    run_feature_trial(
        store.trial(identity),
        request.setup(trial.row),
        index,
        planned.parts[trial.name],
        seed=trial.seed,
        devices=devices,
        observer=progress,
        source=trained,
        networks=networks,
    )


def verify_report(store: Store, folder: Path, paper: spec.Paper) -> list[str]:
    """Returns what doesn't hold of an experiment's stored files and tables; empty where all does.

    Every finished trial's files must have the SHA-256 that was noted, and every table that was written must
    come out the same from the stored predictions.

    Raises:
        StoreError: The store can't be read.
    """
    record = ExperimentRecord.load(folder)
    planned = [*record.trials, *record.controls, *([record.probe] if record.probe else [])]
    planned += [one for of_mask in record.masked.values() for one in of_mask]
    trials = [store.finished_trial(name) for name in dict.fromkeys(one.name for one in planned)]
    faults = [fault for trial in trials if trial is not None for fault in trial.faults()]
    growing = {table.id for table in paper.tables if kind_of(table).every_mask}
    for table in build_tables(Results(paper, record, store), folder):
        written = folder / "tables" / f"{table.id}.csv"
        if table.id not in growing and written.exists() and written.read_text() != to_csv(table):
            faults.append(f"{written}: the stored predictions give another table")
    return faults
