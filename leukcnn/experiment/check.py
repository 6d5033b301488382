"""Whether all that a paper names can be had, before any data are read."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from leukcnn import models, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import CATALOG, card
from leukcnn.errors import ArgumentError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.models.backbones import BACKBONES


def check_names(paper: spec.Paper) -> None:
    """Resolves what a paper names in datasets, networks and augmentation, without loading Keras.

    A network of one's own that isn't imported yet is; that it loads Keras is its own affair.

    Raises:
        SpecError: Something can't be had; the message names the field, the value and what is allowed.
    """
    _check_classes(paper)
    for row in paper.rows:
        owner = f"Row {row.id!r}"
        for model in row.setup.models:
            _check_arguments(owner, model, trained=row.setup.features is None)
        for profile in paper.profiles:
            arguments = paper.setup(row.id, profile=profile.name).augmentation.arguments
            known = [*inspect.signature(ImageAugmenter).parameters]
            for name in (name for name in arguments if name not in known):
                raise SpecError(
                    f"{owner}: augmentation.arguments has {name!r}.",
                    expected=", ".join(known),
                    remedy=did_you_mean(name, known),
                )
            with _explained(f"{owner}, profile {profile.name!r}: augmentation.arguments"):
                ImageAugmenter(**arguments)


def check_paper(paper: spec.Paper) -> None:
    """Resolves all that a paper names, at last the arguments of its optimizers, for which Keras is loaded.

    Raises:
        SpecError: As `check_names`.
    """
    check_names(paper)

    import keras

    for row in paper.rows:
        training = row.setup.training
        with _explained(f"Row {row.id!r}: training.optimizer_arguments of {training.optimizer!r}"):
            keras.optimizers.get(
                {"class_name": training.optimizer, "config": dict(training.optimizer_arguments)}
            )
        keras.losses.get(training.loss)


def _check_classes(paper: spec.Paper) -> None:
    """Checks the paper's classes against those that its datasets have."""
    owner, cards = f"Paper {paper.key!r}", [card(key) for key in paper.datasets]
    of_cards = tuple(dict.fromkeys(name for one in cards for name in one.classes))
    if not paper.class_of and (len(cards) > 1 or paper.classes != of_cards):
        raise SpecError(
            f"{owner}: classes = {paper.classes} of {', '.join(paper.datasets)}, without class_of.",
            expected=f"the classes of one dataset as its card has them, {of_cards}",
            remedy="or class_of, the paper's class for each of these",
        )
    # --datasets may name others than the paper's own.
    every = dict.fromkeys(name for one in CATALOG.values() for name in one.classes)
    for name in paper.class_of:
        if name not in every:
            raise SpecError(
                f"{owner}: class_of has {name!r}, a class that no dataset has.",
                expected=", ".join(every),
                remedy=did_you_mean(name, every),
            )
    reached = {paper.class_of[name] for name in of_cards if name in paper.class_of}
    if lacking := set(paper.classes) - reached if paper.class_of else ():
        raise SpecError(
            f"{owner}: no class of its datasets becomes {', '.join(sorted(lacking))}.",
            expected=f"class_of with each of {', '.join(paper.classes)} among its values",
        )
    for dataset, counts in paper.drawn.items():
        allowed = [name for name, count in card(dataset).parts[0].pictures.items() if count]
        for name, count in counts.items():
            if name not in allowed or count < 1:
                raise SpecError(
                    f"{owner}: drawn has {count} pictures of {name!r} of {dataset}.",
                    expected=f"whole numbers above 0 of {', '.join(allowed)}",
                    remedy=did_you_mean(name, allowed),
                )


def _check_arguments(owner: str, model: spec.Model, *, trained: bool) -> None:
    """Checks the names of a builder's arguments."""
    known = models.arguments_of(model.name)
    given = {"input_shape", *(("classes",) if trained else ()), *model.arguments}
    for name in () if known.others else sorted(given - {*known.names}):
        raise SpecError(
            f"{owner}: {model.name} has no argument {name!r}.",
            expected=", ".join(known.names),
            remedy=did_you_mean(name, known.names)
            or "each network takes input_shape and classes, and what the paper gives it",
        )
    if lacking := {*known.required} - given:
        raise SpecError(
            f"{owner}: {model.name} lacks its argument {', '.join(sorted(lacking))}.",
            expected=f"a value for {', '.join(known.required)}",
            remedy="give it among the model's arguments",
        )
    backbone = model.arguments.get("backbone", "VGG16")
    if model.name in models.list_models() and backbone not in BACKBONES:
        raise SpecError(
            f"{owner}: backbone = {backbone!r} of {model.name}.",
            expected=", ".join(BACKBONES),
            remedy=did_you_mean(str(backbone), BACKBONES),
        )


@contextmanager
def _explained(owner: str) -> Iterator[None]:
    """Turns what is said of arguments inside into what is said of the paper."""
    try:
        yield
    except (ArgumentError, TypeError, ValueError) as error:
        raise SpecError(
            f"{owner}: {getattr(error, 'found', error)}",
            expected=getattr(error, "expected", "arguments that it takes"),
            remedy=getattr(error, "remedy", "change this value of the paper"),
        ) from error
