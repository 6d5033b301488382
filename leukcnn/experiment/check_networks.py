"""Checks that the networks of a study can be built, before any data are read."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from leukcnn import models, spec
from leukcnn.errors import StoreError
from leukcnn.experiment.check import explained
from leukcnn.experiment.plan import trial_identity
from leukcnn.experiment.study import Study, StudyRow
from leukcnn.files import digest
from leukcnn.models.bases import penultimate
from leukcnn.models.published import check_weights
from leukcnn.models.unfilled import unfilled, without_sampling
from leukcnn.runs import Store
from leukcnn.training import network_of

_OF_ROW = ("paper", "row", "profile", "setup", "backend", "builder")
"""What a trial's identity says about its row, whatever the seed, the fold and the data."""


def check_networks(study: Study, store: Store) -> None:
    """Builds each network that a study trains or takes features from, without values, before data are read.

    Rows with a finished trial are left out: their networks have been built. `check_row_weights` checks the
    weights.

    Args:
        study: What is done.
        store: Where finished trials are.

    Raises:
        SpecError: A builder fails, refuses an argument, or its network doesn't suit the classes.
    """
    checked = []
    built = _finished_rows(store)
    for row in (row for row in study.rows if row.wanted):
        if built and not built.isdisjoint(_row_digests(study, row)):
            continue
        setup, features = row.setup, row.setup.features
        if row.source:
            setup = study.row(row.source).setup
        image_size = setup.preprocessing.image_size
        for model in map(_without_weights, setup.models):
            key = (model, image_size, features is not None, row.source)
            if key in checked:
                continue
            checked.append(key)
            with explained(f"Row {row.id!r}, {model.name}", (Exception,)), unfilled():
                if features is None or row.source:
                    network = network_of(model, image_size=image_size, classes=len(study.paper.classes))
                else:
                    network = models.build(
                        model.name, **{"input_shape": (image_size, image_size, 3), **model.arguments}
                    )
                if features is not None:
                    penultimate(network)


def check_row_weights(study: Study, row: StudyRow, *, classes: int) -> None:
    """Checks the weights of a row's networks: a file may be missing or belong to another network.

    Args:
        study: What is done.
        row: The row.
        classes: Number of classes.

    Raises:
        WeightsError: The weights can't be found, downloaded or loaded.
    """
    if row.source:
        return
    if row.lacking:
        raise row.lacking
    setup = row.setup
    for model in setup.models:
        with explained(f"Row {row.id!r}, {model.name}"):
            # Networks that compute features keep their own top.
            n = None if setup.features else classes
            check_weights(model, image_size=setup.preprocessing.image_size, classes=n)


def weights_at_the_door(study: Study, store: Store) -> set[str]:
    """Checks the weights of the rows that are to be trained, before data are read, which may take minutes.

    Optional rows are left out, and so is everything if there are finished trials: what is then still to be
    trained depends on the data.

    Returns:
        Ids of the rows whose weights can be used.

    Raises:
        WeightsError: As `check_row_weights`.
    """
    if next(store.root.glob("trials/*/done.json"), None) is not None:
        return set()
    rows = [row for row in study.rows if row.wanted and not row.optional]
    for row in rows:
        check_row_weights(study, row, classes=len(study.paper.classes))
    return {row.id for row in rows}


def _finished_rows(store: Store) -> set[str]:
    """Returns `_row_digest` of all finished trials that can be read."""
    found = set()
    for path in store.root.glob("trials/*/done.json"):
        # A trial that can't be read is reported when it is needed.
        with suppress(StoreError):
            found.add(_row_digest(store.open_trial(path.parent.name).identity))
    return found


def _row_digests(study: Study, row: StudyRow) -> set[str]:
    """Returns `_row_digest` of a row's trials, one for each kind of split."""
    identities = (
        trial_identity(study, row.id, row.under(kind), seed=study.seed, fold=-1, images="")
        for kind in row.splits
    )
    return {_row_digest(identity) for identity in identities}


def _row_digest(identity: Mapping[str, Any]) -> str:
    return digest([identity.get(name) for name in _OF_ROW])


def _without_weights(model: spec.Model) -> spec.Model:
    """Returns a network that starts from random values, which aren't sampled here."""
    model = without_sampling(model)
    if "weights" not in models.arguments_of(model.name).names:
        return model
    return replace(model, arguments={**model.arguments, "weights": None})
