"""Runs a study, from the data's folder to the tables."""

from dataclasses import replace
from pathlib import Path

import keras

from leukcnn import signals
from leukcnn.experiment.estimate import Estimate, Stopwatch
from leukcnn.experiment.many_hosts import connected, dismiss, follow
from leukcnn.experiment.notes import announce_controls, say_controls
from leukcnn.experiment.plan import plan
from leukcnn.experiment.planning import Ended, Listing, listing, run_one
from leukcnn.experiment.prepare import Prepared, counting_what_is_kept, load_index, load_session, prepare
from leukcnn.experiment.report import Report, report
from leukcnn.experiment.request import Request
from leukcnn.experiment.runner import Outcome, Runner
from leukcnn.experiment.study import study_of
from leukcnn.files import locked_folder
from leukcnn.launchers import read_launcher
from leukcnn.outputs.build import capture
from leukcnn.outputs.page_images import capture_mistakes
from leukcnn.progress import TrainingProgress
from leukcnn.runs import Store


def reproduce(request: Request, *, progress: TrainingProgress) -> Report | None:
    """Runs all trials of a request that aren't finished yet, and builds its tables and figures.

    A host other than 0 takes part in the training only.

    Args:
        request: The options, which are applied to the paper here. The paper comes from
            `leukcnn.start.find_paper`, which checks the names in it.
        progress: The terminal's display, already entered.

    Returns:
        The results; None on a host other than 0.

    Raises:
        LeukCNNError: The data, the options, the devices or the output folder can't be used.
    """
    watch, study = Stopwatch(), study_of(request)
    store = Store(request.out, study.paper.key)
    say = progress.message
    with counting_what_is_kept(store, request.place), signals.seen(), connected(request, say=say) as hosts:
        session, checked = load_session(request, study, store, progress=progress, watch=watch, hosts=hosts)
        if not hosts.leads:
            follow(study, session)
            return None
        prepared = prepare(study, session, checked)
        session.say(f"Devices: {', '.join(session.devices.names)}; backend: {keras.backend.backend()}.")
        watch.lap("planning")
        launcher = read_launcher(request.launcher, request.scheduler, request.devices)
        if launcher is None:
            outcomes = _run_in_turn(prepared, watch)
            dismiss(hosts)
        else:
            # It loads the package distributed, which is optional.
            from leukcnn.experiment.launch import run_on_workers

            outcomes = run_on_workers(prepared, launcher, progress, devices=request.devices)
            watch.lap("controls and trials")
        return _report(prepared, outcomes, watch)


def reproduce_one(request: Request, name: str, *, progress: TrainingProgress) -> tuple[Path, Ended] | None:
    """Runs one trial or control of a request's plan, without tables and figures.

    Args:
        request: As for `reproduce`.
        name: Name of the trial.
        progress: The terminal's display, already entered.

    Returns:
        The experiment's folder, and what was done; None on a host other than 0.

    Raises:
        LeukCNNError: As for `reproduce`; or the plan has no such trial, or it needs one that isn't finished.
    """
    study = study_of(request)
    store = Store(request.out, study.paper.key)
    say = progress.message
    with counting_what_is_kept(store, request.place), signals.seen(), connected(request, say=say) as hosts:
        session, checked = load_session(
            request, study, store, progress=progress, watch=Stopwatch(), hosts=hosts
        )
        if not hosts.leads:
            follow(study, session)
            return None
        prepared = prepare(study, session, checked, trial=name)
        ended = run_one(prepared, name)
        dismiss(hosts)
        return prepared.folder, ended


def plan_of(request: Request, *, progress: TrainingProgress) -> Listing:
    """Returns the plan of a request, and how far its trials are. Nothing is written to the store.

    Args:
        request: As for `reproduce`.
        progress: The terminal's display, already entered.

    Raises:
        LeukCNNError: The data or the options can't be used.
    """
    study = study_of(request)
    index = load_index(request, study, progress=progress)
    planned = plan(study, index, counting=progress.counting)
    return listing(study, Store(request.out, study.paper.key), planned, images=len(index))


def _run_in_turn(prepared: Prepared, watch: Stopwatch) -> list[Outcome]:
    """Runs controls, probe and trials in this process, one after the other."""
    session, to_do = prepared.session, prepared.to_do
    runner = Runner(prepared.study, session, prepared.planned, to_do)
    controls = prepared.waiting_controls()
    announce_controls(session, len(controls))
    with session.progress.counting("Computing controls") as count:
        for done, control in enumerate(controls):
            count(done, len(controls))
            runner.control(control)
    if probe := prepared.waiting_probe():
        runner.probe(probe)
    say_controls(prepared.study, session, prepared.material().results)
    watch.lap("controls")
    runner = replace(runner, estimate=_estimate(prepared))
    outcomes = [runner.trial(trial) for trial in to_do]
    finished = [session.store.finished_trial(trial.name) for trial in to_do]
    watch.lap_of_trials(trial for trial in finished if trial is not None)
    return outcomes


def _estimate(prepared: Prepared) -> Estimate | None:
    """Returns what estimates the time of the training; None where it is short or on a GPU."""
    study, session = prepared.study, prepared.session
    networks = {trial.row for trial in prepared.to_do if study.row(trial.row).trains}
    if not networks or session.devices.accelerated or study.profile.not_comparable:
        return None
    smoke = any(profile.name == "smoke" for profile in study.paper.profiles)
    return Estimate(session.progress, rows=len(networks), shorter="--profile smoke" if smoke else "")


def _report(prepared: Prepared, outcomes: list[Outcome], watch: Stopwatch) -> Report:
    """Builds tables and figures after the trials."""
    study, session, folder = prepared.study, prepared.session, prepared.folder
    # New results, since the first ones keep what they read before the training.
    material, faults = prepared.material(), [one.fault for one in outcomes if one.fault]
    with locked_folder(folder):
        capture(material, folder, trained=True, faults=faults)
        capture_mistakes(material, folder, faults=faults)
    done = report(
        session.store,
        folder,
        study.paper,
        only=study.only,
        figures=study.figures,
        counting=session.progress.counting,
    )
    watch.lap("tables and figures")
    return replace(
        done,
        seconds=watch.seconds,
        diverged=tuple(one.diverged for one in outcomes if one.diverged),
        faults=[*dict.fromkeys((*faults, *done.faults))],
    )
