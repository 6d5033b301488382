"""The resources of a run."""

from pathlib import Path

import pytest

from leukcnn.datasets import index_from_manifest
from leukcnn.distribution import find_devices
from leukcnn.experiment.session import Session
from leukcnn.records import PlannedTrial
from leukcnn.runs import Store
from leukcnn.trials import TrialContext
from tests import tiny
from tests.stores import finish


@pytest.fixture
def session(tmp_path) -> Session:
    progress = tiny.Progress()
    shared = TrialContext(index_from_manifest("cnmc2019"), find_devices(), progress)
    return Session(Store(tmp_path, "cnmc2019"), progress, shared)


def test_a_session_shows_messages_and_has_images_and_devices(session):
    session.say("a sentence")
    assert session.progress.messages == ["a sentence"]
    assert session.index is session.shared.index
    assert session.devices is session.shared.devices


def test_trials_that_the_store_lacks_or_that_have_begun_are_unfinished(session):
    planned = []
    for row in ("done", "begun", "new"):
        trial = session.store.trial({"row": row})
        planned.append(PlannedTrial(row, run=0, fold=-1, seed=0, name=Path(trial.path).name, split="cell"))
        if row == "done":
            finish(trial)
        if row == "new":
            (trial.path / "trial.json").unlink()
    assert [trial.row for trial in session.unfinished(planned)] == ["begun", "new"]


def test_each_session_has_caches_of_its_own(session):
    other = TrialContext(session.index, session.devices, session.progress)
    assert session.shared.networks is not other.networks
    assert session.shared.control_features is not other.control_features
