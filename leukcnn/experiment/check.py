"""Checks that everything a paper names exists, before any data are read."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leukcnn import models, spec
from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets import CATALOG, card
from leukcnn.errors import ArgumentError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.models.backbones import BACKBONES, MODES
from leukcnn.spec.names import BUILDERS, OPTIMIZER_ARGUMENTS


def check_names(paper: spec.Paper) -> None:
    """Checks the names of a paper's datasets, networks and arguments, without loading Keras.

    A network of the user's own is imported if it isn't yet, which may load Keras.

    Raises:
        SpecError: Something doesn't exist; the message names the field, the value and what is allowed.
    """
    _check_classes(paper)
    for owner, setup in _setups(paper):
        for model in setup.models:
            _check_arguments(owner, model, trained=setup.features is None or bool(setup.features.row))
        training, arguments = setup.training, setup.augmentation.arguments
        for field, given, known in (
            ("augmentation.arguments", arguments, inspect.signature(ImageAugmenter).parameters),
            (_optimizer(training), training.optimizer_arguments, OPTIMIZER_ARGUMENTS[training.optimizer]),
        ):
            for name in (name for name in given if name not in known):
                raise SpecError(
                    f"{owner}: {field} has {name!r}.",
                    expected=", ".join(known),
                    remedy=did_you_mean(name, known),
                )
        with explained(f"{owner}: augmentation.arguments"):
            ImageAugmenter(**arguments)


def check_optimizers(paper: spec.Paper) -> None:
    """Creates each optimizer of a paper, to check its arguments, and each loss. Loads Keras.

    Args:
        paper: The paper; `check_names` has accepted it.

    Raises:
        SpecError: An optimizer refuses an argument; the message names the row and the optimizer.
    """
    import keras

    for owner, setup in _setups(paper):
        training = setup.training
        with explained(f"{owner}: {_optimizer(training)}"):
            keras.optimizers.get(
                {"class_name": training.optimizer, "config": dict(training.optimizer_arguments)}
            )
        keras.losses.get(training.loss)


def _setups(paper: spec.Paper) -> Iterator[tuple[str, spec.Setup]]:
    """Yields each row's setup as it is written, under each profile and with each choice of an assumption.

    Each setup comes with its name in messages. A setup that equals the row as it is written is left out.
    """
    for row in paper.rows:
        owner = f"Row {row.id!r}"
        yield owner, row.setup
        changed = [
            (f"profile {profile.name!r}", paper.setup(row.id, profile=profile.name))
            for profile in paper.profiles
        ]
        changed += [
            (
                f"assumption {assumption.name} = {choice!r}",
                paper.setup(row.id, assumed={assumption.name: choice}),
            )
            for assumption in paper.assumptions
            for choice in assumption.choices
        ]
        for change, setup in changed:
            if setup != row.setup:
                yield f"{owner}, {change}", setup


def _optimizer(training: spec.Training) -> str:
    return f"training.optimizer_arguments of {training.optimizer!r}"


def _check_classes(paper: spec.Paper) -> None:
    """Checks the paper's classes against the classes of its datasets."""
    owner, cards = f"Paper {paper.key!r}", [card(key) for key in paper.datasets]
    of_cards = tuple(dict.fromkeys(name for one in cards for name in one.classes))
    if not paper.class_of and (len(cards) > 1 or paper.classes != of_cards):
        raise SpecError(
            f"{owner}: classes = {paper.classes} for {', '.join(paper.datasets)}, without class_of.",
            expected=f"the classes on the card of one dataset, {of_cards}",
            remedy="use these, or set class_of, which maps each of them to a class of the paper",
        )
    # --datasets may name other datasets than the paper's own.
    every = dict.fromkeys(name for one in (*CATALOG.values(), *cards) for name in one.classes)
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
            f"{owner}: class_of maps no class of its datasets to {', '.join(sorted(lacking))}.",
            expected=f"class_of with each of {', '.join(paper.classes)} among its values",
        )
    for dataset, counts in paper.synthetic_images.items():
        allowed = [name for name, count in card(dataset).subsets[0].images.items() if count]
        for name, count in counts.items():
            if name not in allowed or count < 1:
                raise SpecError(
                    f"{owner}: synthetic_images has {count} images of the class {name!r} of {dataset}.",
                    expected=f"a whole number above 0 for each of {', '.join(allowed)}",
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
            or "each network must take input_shape, classes and the arguments that the paper gives it",
        )
    if lacking := {*known.required} - given:
        raise SpecError(
            f"{owner}: {model.name} lacks the argument {', '.join(sorted(lacking))}.",
            expected=f"a value for {', '.join(known.required)}",
            remedy="add it to the model's arguments",
        )
    for name, allowed in (("backbone", BACKBONES), ("mode", MODES)):
        value = model.arguments.get(name)
        if model.name in BUILDERS and name in model.arguments and value not in allowed:
            raise SpecError(
                f"{owner}: {name} = {value!r} of {model.name}.",
                expected=", ".join(allowed),
                remedy=did_you_mean(str(value), allowed),
            )
    weights = model.arguments.get("weights")
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise SpecError(
            f"{owner}: weights = {weights!r} of {model.name} is no file.",
            expected="None, 'imagenet' or the path of a file",
            remedy=did_you_mean(str(weights), ("imagenet",)) or "download the file, or give its full path",
        )


_OF_ARGUMENTS = (ArgumentError, TypeError, ValueError)


@contextmanager
def explained(owner: str, kinds: tuple[type[Exception], ...] = _OF_ARGUMENTS) -> Iterator[None]:
    """Context that turns errors about arguments into an error about the paper.

    Args:
        owner: What the arguments belong to, with which the message begins.
        kinds: The errors that are turned into a `SpecError`.

    Raises:
        SpecError: An error of these kinds was raised inside.
    """
    try:
        yield
    except kinds as error:
        raise SpecError(
            f"{owner}: {getattr(error, 'found', '') or f'{type(error).__name__}: {error}'}",
            expected=getattr(error, "expected", "arguments that are allowed"),
            remedy=getattr(error, "remedy", "change this value of the paper"),
        ) from error
