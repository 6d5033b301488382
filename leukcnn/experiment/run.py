"""Runs a study, from the data's folder to the tables. Only this module knows all stages."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from leukcnn import signals, spec
from leukcnn.callbacks import resume_epoch
from leukcnn.datasets.copies import COMPARED
from leukcnn.distribution import find_devices, make_deterministic
from leukcnn.errors import ArgumentError, DivergenceError, StoreError, WeightsError
from leukcnn.experiment.check import check_optimizers
from leukcnn.experiment.check_networks import check_networks, check_row_weights, weights_at_the_door
from leukcnn.experiment.estimate import Estimate, Stopwatch, Work
from leukcnn.experiment.leaks import unknown_group_notes
from leukcnn.experiment.loading import load_images
from leukcnn.experiment.plan import Plan, plan
from leukcnn.experiment.record import experiment_name, make_record, store_options, store_paper
from leukcnn.experiment.report import Report, report
from leukcnn.experiment.request import Request
from leukcnn.experiment.session import Session
from leukcnn.experiment.study import Study, study_of
from leukcnn.experiment.tracked import tracked
from leukcnn.files import locked_folder, write_json
from leukcnn.image_cache import shows_nothing
from leukcnn.outputs.answer import answer_of
from leukcnn.outputs.answer_words import on_controls
from leukcnn.outputs.build import capture
from leukcnn.outputs.kind import Material
from leukcnn.outputs.page_images import capture_copies, capture_mistakes
from leukcnn.outputs.titles import trial_title
from leukcnn.progress import TrainingProgress
from leukcnn.records import ExperimentRecord, PlannedTrial, relative, why_diverged
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.tracking import Tracking
from leukcnn.trials import (
    TrialContext,
    environment,
    epoch_entries,
    run_applied,
    run_control,
    run_feature_trial,
    run_probe,
    run_trial,
    seen_in_training,
)


def reproduce(request: Request, *, progress: TrainingProgress) -> Report:
    """Runs all trials of a request that aren't finished yet, and builds its tables and figures.

    Args:
        request: The options, which are applied to the paper here. The paper comes from
            `leukcnn.start.find_paper`, which checks the names in it.
        progress: The terminal's display, already entered.

    Raises:
        LeukCNNError: The data, the options, the devices or the output folder can't be used.
    """
    watch, study = Stopwatch(), study_of(request)
    store = Store(request.out, study.paper.key)
    store.check_writable()
    if others := store.of_other_versions():
        progress.message(others)
    if any(row.setup.training.deterministic for row in study.rows):
        make_deterministic()
    # Before the first variable, while the processor can still be split into logical devices.
    devices = find_devices(request.devices)
    for row in (row for row in study.rows if row.wanted and row.trains):
        devices.check_batch_size(row.setup.training.batch_size)
    check_optimizers(study.paper)
    check_networks(study, store)
    checked = weights_at_the_door(study, store)
    say, workers = progress.message, request.workers
    try:
        with signals.seen():
            index = load_images(
                study.paper,
                study.datasets,
                request.data,
                classes=request.classes,
                seed=study.seed,
                say=say,
                counting=progress.counting,
            )
            watch.lap("reading")
            shared = TrialContext(index, devices, progress, workers=workers)
            shared.prepare_together([COMPARED, *study.preprocessings])
            tracking = Tracking(request.track, request.out, warn=say)
            return _run(study, Session(store, progress, shared, tracking), watch, checked)
    except KeyboardInterrupt as interrupt:
        n = sum(1 for _ in store.root.glob("trials/*/done.json"))
        interrupt.add_note(f"Finished trials are kept in {relative(store.root)}: {n:,}.")
        raise


def _run(study: Study, session: Session, watch: Stopwatch, checked: set[str]) -> Report:
    """Plans, trains and reports a study, some of whose rows' weights are checked already."""
    store, planned = session.store, plan(study, session.index, counting=session.progress.counting)
    wanted = [trial for trial in planned.trials if study.wants(trial.row, trial.split, trial.tested)]
    _say_what_is_not_trained(study, session, planned, wanted)
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
            *_notes_on_black_images(study, session, wanted),
            *_notes_on_known_images(study, seen, len(session.index)),
            *unknown_group_notes(
                session.index, {trial.split for trial in wanted}, offered=study.paper.splits
            ),
        ],
    )
    _say_what_is_shared(session, record)
    folder = store.experiment(experiment_name(record))
    session.tracking.group = f"{study.paper.key}/{folder.name}"
    material = Material(Results(study.paper, record, store), session.index)
    with locked_folder(folder):
        _keep_what_was_asked(study, session, material, folder)
        capture(material, folder, trained=False)
        capture_copies(material, folder, planned.pairs)
    session.say(f"Devices: {', '.join(session.devices.names)}; backend: {keras.backend.backend()}.")
    watch.lap("planning")
    if study.trained or study.controls_only:
        splits = study.split_kinds if study.controls_only else {trial.split for trial in wanted}
        _run_controls(study, session, planned, splits)
        if not study.controls_only:
            _say_controls(session, Results(study.paper, record, store))
    watch.lap("controls")
    training = _Training(study, session, planned, to_do)
    training.run()
    finished = [store.finished_trial(trial.name) for trial in to_do]
    watch.lap_of_trials(trial for trial in finished if trial is not None)
    # New results, since the first ones keep what they read before the training.
    material, faults = Material(Results(study.paper, record, store), session.index), training.faults
    with locked_folder(folder):
        capture(material, folder, trained=True, faults=faults)
        capture_mistakes(material, folder, faults=faults)
    counting = session.progress.counting
    done = report(store, folder, study.paper, only=study.only, figures=study.figures, counting=counting)
    watch.lap("tables and figures")
    return replace(
        done,
        seconds=watch.seconds,
        diverged=tuple(training.diverged),
        faults=[*dict.fromkeys((*faults, *done.faults))],
    )


def _keep_what_was_asked(study: Study, session: Session, material: Material, folder: Path) -> None:
    """Writes the record, the paper if it isn't leukcnn's own, the options and the environment."""
    material.results.record.save(folder)
    try:
        store_paper(study.paper, folder)
    except ArgumentError as error:
        session.say(f"The paper isn't kept with its run, whose tables then need its file: {error}")
    store_options(study, folder)
    write_json(folder / "environment.json", environment(session.devices))


def _say_what_is_not_trained(
    study: Study, session: Session, planned: Plan, wanted: list[PlannedTrial]
) -> None:
    if not study.trained:
        return
    if planned.reason:
        session.say(
            f"{', '.join(study.trained)} can't be trained: {planned.reason}. Download more of the datasets "
            "(`leukcnn datasets` lists them), name others (--datasets), or use synthetic ones "
            "(--data synthetic)."
        )
    elif not wanted:
        session.say(
            f"Nothing is trained: {study.only} needs a split that this run doesn't have. Its splits: "
            f"{', '.join(sorted({trial.split for trial in planned.trials}))}."
        )


def _say_what_is_shared(session: Session, record: ExperimentRecord) -> None:
    """Names each overlap of the authors' test sets with training once, and copies that splits separate."""
    for text, subset in {shared.describe(): shared.subset for shared in record.overlaps}.items():
        left_out = "Its values leave these images out." if subset == "external" else "It has no values here."
        session.say(f"The networks know some tested images: {text}. {left_out}")
    for kind, numbers in record.separated_pairs.items():
        session.say(
            f"{spec.SPLITS[kind].title} separates copies: {numbers.identical:,} pairs of identical and "
            f"{numbers.near:,} of nearly identical images are in the test and in the training or validation "
            "images."
        )


def _notes_on_black_images(study: Study, session: Session, wanted: list[PlannedTrial]) -> list[str]:
    """Returns notes with the number of images that thresholding makes black in the networks' input."""
    index, notes = session.index, []
    settings = [study.row(row).setup.preprocessing for row in dict.fromkeys(trial.row for trial in wanted)]
    for preprocessing in dict.fromkeys(one for one in settings if one.threshold != "none"):
        images = session.shared.prepared(preprocessing)
        black = np.array([shows_nothing(image) for image in images], dtype=bool)
        for name in np.unique(index.dataset[black]).tolist():
            own = index.dataset == name
            notes.append(
                f"{name}: {np.count_nonzero(black & own):,} of {np.count_nonzero(own):,} images are black, "
                f"or nearly black, in the networks' input: '{preprocessing.threshold}' leaves no cell in them"
            )
    return list(dict.fromkeys(notes))


def _notes_on_known_images(study: Study, seen: Mapping[str, int | None], total: int) -> list[str]:
    """Returns how many images the networks that are only applied were trained on, a note for each network."""
    notes = []
    for row, known in seen.items():
        label = study.row(row).label
        if known is None:
            notes.append(f"{label}: whether it was trained on these images isn't known")
        elif known:
            notes.append(
                f"{label} was trained or validated on {known:,} of the {total:,} images: its values are no "
                "test"
            )
        else:
            notes.append(
                f"{label} was trained on none of the {total:,} images, as far as files are identical"
            )
    return notes


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


def _run_controls(study: Study, session: Session, planned: Plan, splits: set[str]) -> None:
    """Runs the controls on some kinds of split, and the probe that distinguishes datasets."""
    to_do = session.unfinished([control for control in planned.controls if control.split in splits])
    if to_do:
        session.say(f"Computing {len(to_do)} controls, which need no network ...")
    with session.progress.counting("Computing controls") as count:
        for done, control in enumerate(to_do):
            count(done, len(to_do))
            trial = session.store.trial(planned.identities[control.name])
            split_rows = planned.split_rows[control.name]
            title = f"Control {control.row}, {control.split}" + f", fold {control.fold}" * (control.fold >= 0)
            with tracked(session, study.paper, control, title):
                run_control(trial, control.row, study.whole, split_rows, session.shared, seed=control.seed)
    for probe in session.unfinished([planned.probe] if planned.probe else []):
        session.say("Testing whether the borders of the images distinguish the datasets ...")
        trial = session.store.trial(planned.identities[probe.name])
        run_probe(trial, study.whole, session.shared, seed=probe.seed)


def _say_controls(session: Session, results: Results) -> None:
    """Says what the controls reach, before any network is trained."""
    answer = answer_of(results, networks=False)
    if answer.controls:
        session.say(f"Without any network. {' '.join(on_controls(answer))}")


class _Training:
    """Runs trials one after the other.

    Attributes:
        faults: A message for each trial that a damaged file of another one prevents.
    """

    def __init__(self, study: Study, session: Session, planned: Plan, to_do: list[PlannedTrial]):
        self.study, self.session, self.planned, self.to_do = study, session, planned, to_do
        self.faults: list[str] = []
        self.diverged: list[str] = []
        self._estimate: Estimate | None = None
        networks = {trial.row for trial in to_do if study.row(trial.row).trains}
        if networks and not session.devices.accelerated and not study.profile.not_comparable:
            smoke = any(profile.name == "smoke" for profile in study.paper.profiles)
            shorter = "--profile smoke" if smoke else ""
            self._estimate = Estimate(session.progress, rows=len(networks), shorter=shorter)

    def run(self) -> None:
        """Runs all of them."""
        for number, trial in enumerate(self.to_do, start=1):
            try:
                setup = self.study.row(trial.row).setup
                if setup.features:
                    self._run_features(trial)
                elif setup.trained:
                    session, split_rows = self.session, self.planned.split_rows[trial.name]
                    session.say(f"{self._label(trial)}: the trained network is applied ...")
                    stored = session.store.trial(self.planned.identities[trial.name])
                    run_applied(stored, setup.trained, split_rows, session.shared)
                else:
                    self._run_network(trial, number)
            except DivergenceError as error:
                # The others are trained nevertheless.
                label = self._label(trial)
                self.diverged.append(f"{label}: {error.why}")
                self.session.say(f"{label}: {error}")

    def _label(self, trial: PlannedTrial) -> str:
        return trial_title(self.study.paper, trial, runs=self.study.runs)

    def _run_network(self, trial: PlannedTrial, number: int) -> None:
        session, split_rows = self.session, self.planned.split_rows[trial.name]
        setup, label = self.study.row(trial.row).setup, self._label(trial)
        stored = session.store.trial(self.planned.identities[trial.name])
        if why := why_diverged(stored.path):
            raise DivergenceError.because(why)
        resumed = resume_epoch(stored.path / "state.npz")
        if resumed:
            session.say(f"{label} continues after epoch {resumed}.")
        epochs, batch_size = setup.training.epochs, setup.training.batch_size
        entries = epoch_entries(session.index, setup, split_rows, seed=trial.seed)
        steps, validation_steps = (-(-len(entry) // batch_size) for entry in entries)
        session.progress.start_trial(
            label, number, len(self.to_do), epochs, steps, first_epoch=min(resumed + 1, epochs)
        )
        shared = session.shared
        if self._estimate:
            trials = sum(other.row == trial.row for other in self.to_do)
            name = self.study.row(trial.row).label
            work = Work(trial.row, name, epochs, steps, validation_steps, trials)
            shared = replace(shared, observer=self._estimate.watch(work))
        try:
            with signals.seen(), tracked(session, self.study.paper, trial, label, setup) as on_epoch:
                shared = replace(shared, on_epoch=on_epoch)
                run_trial(stored, setup, split_rows, shared, seed=trial.seed, run=trial.run)
        except KeyboardInterrupt as interrupt:
            saved = resume_epoch(stored.path / "state.npz")
            state = f"the state after epoch {saved} is kept" if saved else "no epoch of it was saved yet"
            interrupt.add_note(f"In {session.progress.place(finished=saved)}: {state}.")
            raise
        except DivergenceError:
            session.progress.end_trial()
            raise
        session.progress.end_trial()

    def _run_features(self, trial: PlannedTrial) -> None:
        session, label = self.session, self._label(trial)
        identity, setup = self.planned.identities[trial.name], self.study.row(trial.row).setup
        source = identity.get("features_of")
        trained = session.store.finished_trial(source) if source else None
        if source is not None and trained is None:
            diverged = why_diverged(session.store.root / "trials" / source)
            why = f"has diverged ({diverged})" if diverged else "isn't trained"
            if source in session.store.damaged:
                why = "is damaged"
            session.say(f"{label} is left out: the network that computes its features {why}.")
            return
        try:
            if trained is not None:
                trained.checked("model.keras")
        except StoreError as error:
            self.faults.append(f"{label} is left out: {error}")
            session.say(self.faults[-1])
            return
        session.say(f"{label}: a support vector machine on features ...")
        stored, split_rows = session.store.trial(identity), self.planned.split_rows[trial.name]
        with tracked(session, self.study.paper, trial, label, setup):
            run_feature_trial(stored, setup, split_rows, session.shared, seed=trial.seed, source=trained)
