"""Prepares a run: study, images, plan and record, before anything is trained."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leukcnn.datasets import ImageIndex
from leukcnn.datasets.copies import COMPARED
from leukcnn.distribution import find_devices, make_deterministic
from leukcnn.errors import ArgumentError, SpecError, StoreError, WeightsError
from leukcnn.experiment.check import check_optimizers
from leukcnn.experiment.check_networks import check_networks, check_row_weights, weights_at_the_door
from leukcnn.experiment.estimate import Stopwatch
from leukcnn.experiment.leaks import unknown_group_notes
from leukcnn.experiment.loading import load_images
from leukcnn.experiment.many_hosts import require_same_images
from leukcnn.experiment.notes import (
    notes_on_black_images,
    notes_on_known_images,
    say_what_is_not_trained,
    say_what_is_shared,
)
from leukcnn.experiment.plan import Plan, plan
from leukcnn.experiment.record import experiment_name, make_record, store_options, store_paper
from leukcnn.experiment.request import Request
from leukcnn.experiment.session import RunProgress, Session
from leukcnn.experiment.study import Study
from leukcnn.fields import did_you_mean
from leukcnn.files import locked_folder, write_json
from leukcnn.host_names import Place
from leukcnn.hosts import Hosts
from leukcnn.outputs.build import capture
from leukcnn.outputs.kind import Material
from leukcnn.outputs.page_images import capture_copies
from leukcnn.records import ExperimentRecord, PlannedTrial, relative, why_diverged
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.tracking import Tracking
from leukcnn.trials import TrialContext, environment, seen_in_training


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run that is ready to train.

    Attributes:
        study: The paper with the options applied.
        session: Where trials are stored, what they share, and what shows them.
        planned: The plan.
        wanted: The trials of it that the command asks for, finished or not.
        to_do: Those that aren't finished and can be run.
        record: The record, which is stored.
        folder: The experiment's folder.
    """

    study: Study
    session: Session
    planned: Plan
    wanted: list[PlannedTrial]
    to_do: list[PlannedTrial]
    record: ExperimentRecord
    folder: Path

    def material(self) -> Material:
        """Returns what tables and figures are made of, as it is in the store now."""
        results = Results(self.study.paper, self.record, self.session.store)
        return Material(results, self.session.index)

    def waiting_controls(self) -> list[PlannedTrial]:
        """Returns the controls on the splits of this run that aren't finished; none if nothing needs them."""
        return self.session.unfinished(wanted_controls(self.study, self.planned, self.wanted))

    def waiting_probe(self) -> PlannedTrial | None:
        """Returns the probe that distinguishes datasets unless it is finished or nothing needs it."""
        if not self.planned.probe or not (self.study.trained or self.study.controls_only):
            return None
        return next(iter(self.session.unfinished([self.planned.probe])), None)


def wanted_trials(study: Study, planned: Plan) -> list[PlannedTrial]:
    """Returns the trials of a plan that a command asks for, finished or not."""
    return [trial for trial in planned.trials if study.wants(trial.row, trial.split, trial.tested)]


def wanted_controls(study: Study, planned: Plan, wanted: list[PlannedTrial]) -> list[PlannedTrial]:
    """Returns the controls on the splits of a command's trials; none if nothing needs them."""
    if not study.trained and not study.controls_only:
        return []
    splits = study.split_kinds if study.controls_only else {trial.split for trial in wanted}
    return [control for control in planned.controls if control.split in splits]


@contextlib.contextmanager
def counting_what_is_kept(store: Store, place: Place | None) -> Iterator[None]:
    """Adds to an interruption of the block how many finished trials are kept; host 0 alone has them."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if place and place.index:
            interrupt.add_note("Host 0 has what is finished.")
            raise
        n = sum(1 for _ in store.root.glob("trials/*/done.json"))
        interrupt.add_note(f"Finished trials are kept in {relative(store.root)}: {n:,}.")
        raise


def load_index(request: Request, study: Study, *, progress: RunProgress) -> ImageIndex:
    """Returns the images of a request.

    Raises:
        DataError: The folder can't be used.
    """
    return load_images(
        study.paper,
        study.datasets,
        request.data,
        classes=request.classes,
        seed=study.seed,
        say=progress.message,
        counting=progress.counting,
    )


def load_session(
    request: Request, study: Study, store: Store, *, progress: RunProgress, watch: Stopwatch, hosts: Hosts
) -> tuple[Session, set[str]]:
    """Checks the store, the devices and the networks, and loads the images.

    Args:
        request: The options.
        study: The paper with the options applied.
        store: The store of the paper.
        progress: What shows the run.
        watch: Measures the time.
        hosts: The hosts that train together, connected; host 0 alone uses the store.

    Returns:
        The session, and the ids of the rows whose weights are checked already.

    Raises:
        LeukCNNError: The data, the options, the devices or the output folder can't be used.
    """
    say = progress.message
    if hosts.leads:
        store.check_writable()
        if others := store.of_other_versions():
            say(others)
    if any(row.setup.training.deterministic for row in study.rows):
        make_deterministic()
    # Before the first variable, while the processor can still be split into logical devices.
    devices = find_devices(request.devices, hosts)
    for row in (row for row in study.rows if row.wanted and row.trains):
        devices.check_batch_size(row.setup.training.batch_size)
    check_optimizers(study.paper)
    check_networks(study, store)
    checked = weights_at_the_door(study, store)
    index = load_index(request, study, progress=progress)
    require_same_images(hosts, index)
    watch.lap("reading")
    shared = TrialContext(index, devices, progress, workers=request.workers)
    shared.prepare_together([COMPARED, *study.preprocessings])
    tracking = Tracking(request.track, request.out, warn=say)
    return Session(store, progress, shared, tracking), checked


def prepare(study: Study, session: Session, checked: set[str], *, trial: str = "") -> Prepared:
    """Plans a run, and writes its record and what it shows without training.

    Args:
        study: The paper with the options applied.
        session: Its resources.
        checked: Ids of the rows whose weights are checked already.
        trial: Name of the one trial that will be run; "" for all. Other processes may run other trials at the
            same time: a record that is there already is left as it is.

    Raises:
        LeukCNNError: The data, the weights, the output folder or the trial can't be used.
    """
    store, planned = session.store, plan(study, session.index, counting=session.progress.counting)
    wanted = wanted_trials(study, planned)
    if trial:
        _require_trial(study, store, planned, wanted, name=trial)
    say_what_is_not_trained(study, session, planned, wanted)
    to_do = session.unfinished(wanted)
    lacking = _check_weights(study, session, {trial.row for trial in to_do} - checked)
    to_do = [trial for trial in to_do if trial.row not in lacking]
    applied = {row.id: row.setup.trained for row in study.rows if row.wanted and row.setup.trained}
    seen = {row: seen_in_training(trained, session.shared) for row, trained in applied.items()}
    record = make_record(
        study,
        session.index,
        planned,
        lacking=lacking,
        seen=seen,
        notes=[
            *notes_on_black_images(study, session, wanted),
            *notes_on_known_images(study, seen, len(session.index)),
            *unknown_group_notes(
                session.index, {trial.split for trial in wanted}, offered=study.paper.splits
            ),
        ],
    )
    say_what_is_shared(session, record)
    folder = store.experiment(experiment_name(record))
    session.tracking.group = f"{study.paper.key}/{folder.name}"
    prepared = Prepared(study, session, planned, wanted, to_do, record, folder)
    if not trial or not _is_kept(prepared):
        _keep_what_was_asked(prepared)
    return prepared


def _require_trial(
    study: Study, store: Store, planned: Plan, wanted: list[PlannedTrial], *, name: str
) -> None:
    """Checks that a trial is in the plan, and that the network that it needs is trained.

    Raises:
        SpecError: It isn't in the plan.
        StoreError: The network isn't trained.
    """
    probes = [planned.probe] if planned.probe else []
    names = {one.name for one in (*wanted, *wanted_controls(study, planned, wanted), *probes)}
    if name not in names:
        raise SpecError(
            f"trial (--trial) got {name}, which isn't a trial or control of this run.",
            expected="a name that `leukcnn plan` lists",
            remedy=did_you_mean(name, sorted(names))
            or "use the options and the data of that plan: they are a part of each name",
        )
    source = planned.identities[name].get("features_of")
    if not source or store.finished_trial(name) or store.finished_trial(source):
        return
    if source in store.damaged:
        raise store.damage(source)
    diverged = why_diverged(store.root / "trials" / source)
    raise StoreError(
        f"trial (--trial) got {name}, which needs the network of the trial {source}, "
        + (f"whose training diverged: {diverged}." if diverged else "which isn't trained yet."),
        expected="that trial finished",
        remedy=f"run it first, with the same options: --trial {source}",
    )


def _is_kept(prepared: Prepared) -> bool:
    """Returns whether the folder has the record of this run, which is written before all else."""
    with contextlib.suppress(StoreError):
        return ExperimentRecord.load(prepared.folder) == prepared.record
    return False


def _keep_what_was_asked(prepared: Prepared) -> None:
    """Writes the record, the paper if it isn't leukcnn's own, the options, and what needs no training."""
    study, session, folder = prepared.study, prepared.session, prepared.folder
    material = prepared.material()
    with locked_folder(folder):
        prepared.record.save(folder)
        try:
            store_paper(study.paper, folder)
        except ArgumentError as error:
            session.say(f"The paper isn't kept with its run, whose tables then need its file: {error}")
        store_options(study, folder)
        write_json(folder / "environment.json", environment(session.devices))
        capture(material, folder, trained=False)
        capture_copies(material, folder, prepared.planned.pairs)


def _check_weights(study: Study, session: Session, rows: set[str]) -> dict[str, str]:
    """Checks the weights of some rows before training.

    Returns:
        Row -> why it is left out: it is optional, and its weights are missing.
    """
    lacking = {}
    for row in (row for row in study.rows if row.id in rows):
        try:
            check_row_weights(study, row, classes=len(session.index.class_names))
        except WeightsError as error:
            if not row.optional:
                raise
            lacking[row.id] = "its published weights aren't at hand"
            session.say(f"{row.label} is left out: {error}")
    return lacking
