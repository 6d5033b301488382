"""Runs one planned trial: a network, a support vector machine on features, a control or the probe."""

from dataclasses import dataclass, replace

from leukcnn import signals
from leukcnn.callbacks import resume_epoch
from leukcnn.errors import DivergenceError, StoreError
from leukcnn.experiment.estimate import Estimate, Work
from leukcnn.experiment.plan import Plan
from leukcnn.experiment.session import Session
from leukcnn.experiment.study import Study
from leukcnn.experiment.tracked import tracked
from leukcnn.outputs.titles import trial_title
from leukcnn.records import PlannedTrial, why_diverged
from leukcnn.trials import epoch_entries, run_applied, run_control, run_feature_trial, run_probe, run_trial


@dataclass(frozen=True)
class Outcome:
    """What prevented a trial from getting a result; nothing if it has one or was left out.

    Attributes:
        diverged: The trial's title and how its training diverged; "" if it didn't.
        fault: What is wrong with a file of another trial that this one needs; "" if nothing is.
    """

    diverged: str = ""
    fault: str = ""


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs trials of a plan, each by itself.

    Attributes:
        study: The paper with the options applied.
        session: Where trials are stored, what they share, and what shows them.
        planned: The plan.
        waiting: The trials that are to be run, in order; the display counts them.
        estimate: Estimates how long they will take; None for no estimate.
    """

    study: Study
    session: Session
    planned: Plan
    waiting: list[PlannedTrial]
    estimate: Estimate | None = None

    def control(self, control: PlannedTrial) -> None:
        """Runs a control."""
        session, planned = self.session, self.planned
        stored = session.store.trial(planned.identities[control.name])
        title = trial_title(self.study.paper, control, runs=self.study.runs)
        with tracked(session, self.study.paper, control, title):
            run_control(
                stored,
                control.row,
                self.study.whole,
                planned.split_rows[control.name],
                session.shared,
                seed=control.seed,
            )

    def probe(self, probe: PlannedTrial) -> None:
        """Runs the probe that distinguishes datasets."""
        self.session.say("Testing whether the borders of the images distinguish the datasets ...")
        stored = self.session.store.trial(self.planned.identities[probe.name])
        run_probe(stored, self.study.whole, self.session.shared, seed=probe.seed)

    def trial(self, trial: PlannedTrial) -> Outcome:
        """Runs a trial of a row; says what prevented it from getting a result."""
        label = trial_title(self.study.paper, trial, runs=self.study.runs)
        try:
            setup = self.study.row(trial.row).setup
            if setup.features:
                return self._features(trial, label)
            if setup.trained:
                session, split_rows = self.session, self.planned.split_rows[trial.name]
                session.say(f"{label}: the trained network is applied ...")
                stored = session.store.trial(self.planned.identities[trial.name])
                run_applied(stored, setup.trained, split_rows, session.alone)
            else:
                self._network(trial, label)
        except DivergenceError as error:
            # The others are trained nevertheless.
            self.session.say(f"{label}: {error}")
            return Outcome(diverged=f"{label}: {error.why}")
        return Outcome()

    def _network(self, trial: PlannedTrial, label: str) -> None:
        session, split_rows = self.session, self.planned.split_rows[trial.name]
        setup, number = self.study.row(trial.row).setup, self.waiting.index(trial) + 1
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
            label, number, len(self.waiting), epochs, steps, first_epoch=min(resumed + 1, epochs)
        )
        shared = session.shared
        if self.estimate:
            trials = sum(other.row == trial.row for other in self.waiting)
            name = self.study.row(trial.row).label
            work = Work(trial.row, name, epochs, steps, validation_steps, trials)
            shared = replace(shared, observer=self.estimate.watch(work))
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

    def _features(self, trial: PlannedTrial, label: str) -> Outcome:
        session = self.session
        identity, setup = self.planned.identities[trial.name], self.study.row(trial.row).setup
        source = identity.get("features_of")
        trained = session.store.finished_trial(source) if source else None
        if source is not None and trained is None:
            diverged = why_diverged(session.store.root / "trials" / source)
            why = f"has diverged ({diverged})" if diverged else "isn't trained"
            if source in session.store.damaged:
                why = "is damaged"
            session.say(f"{label} is left out: the network that computes its features {why}.")
            return Outcome()
        try:
            if trained is not None:
                trained.checked("model.keras")
        except StoreError as error:
            fault = f"{label} is left out: {error}"
            session.say(fault)
            return Outcome(fault=fault)
        session.say(f"{label}: a support vector machine on features ...")
        stored, split_rows = session.store.trial(identity), self.planned.split_rows[trial.name]
        with tracked(session, self.study.paper, trial, label, setup):
            run_feature_trial(stored, setup, split_rows, session.alone, seed=trial.seed, source=trained)
        return Outcome()
