"""Whether the networks of a study can be built as its paper needs them, before any data are read."""

from dataclasses import replace

from leukcnn import models, spec
from leukcnn.experiment.check import explained
from leukcnn.experiment.study import Study
from leukcnn.models.bases import penultimate
from leukcnn.models.unfilled import unfilled, without_sampling
from leukcnn.training import network_of


def check_networks(study: Study) -> None:
    """Builds each network that a study trains or cuts features from, without values, before data are read.

    What it starts from isn't looked at: `leukcnn.models.published.check_weights` does that for what is to be
    trained.

    Raises:
        SpecError: A builder fails, refuses an argument or makes something else than the classes need.
    """
    done = []
    for row in (row for row in study.rows if row.wanted):
        setup, features = row.setup, row.setup.features
        if row.source:
            setup = study.row(row.source).setup
        image_size = setup.preprocessing.image_size
        for model in map(_without_weights, setup.models):
            key = (model, image_size, features is not None, row.source)
            if key in done:
                continue
            done.append(key)
            with explained(f"Row {row.id!r}, {model.name}", (Exception,)), unfilled():
                if features is None or row.source:
                    network = network_of(model, image_size=image_size, classes=len(study.paper.classes))
                else:
                    network = models.build(
                        model.name, **{"input_shape": (image_size, image_size, 3), **model.arguments}
                    )
                if features is not None:
                    penultimate(network)


def _without_weights(model: spec.Model) -> spec.Model:
    """Returns a network that starts from random values, which are never drawn here."""
    model = without_sampling(model)
    if "weights" not in models.arguments_of(model.name).names:
        return model
    return replace(model, arguments={**model.arguments, "weights": None})
