"""Whether all that a paper names can be had, before any data are read."""

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
    """Resolves what a paper names in datasets, networks and augmentation, without loading Keras.

    A network of one's own that isn't imported yet is; that it loads Keras is its own affair.

    Raises:
        SpecError: Something can't be had; the message names the field, the value and what is allowed.
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


def check_paper(paper: spec.Paper) -> None:
    """Resolves all that a paper names, at last the arguments of its optimizers, for which Keras is loaded.

    Raises:
        SpecError: As `check_names`.
    """
    check_names(paper)

    import keras

    for owner, setup in _setups(paper):
        training = setup.training
        with explained(f"{owner}: {_optimizer(training)}"):
            keras.optimizers.get(
                {"class_name": training.optimizer, "config": dict(training.optimizer_arguments)}
            )
        keras.losses.get(training.loss)


def _setups(paper: spec.Paper) -> Iterator[tuple[str, spec.Setup]]:
    """Yields what each row does, as it is written, under each profile and with each choice of an assumption.

    Each stands beside what a message calls it; what equals the row as it is written is left out.
    """
    for row in paper.rows:
        owner = f"Row {row.id!r}"
        yield owner, row.setup
        changed = [(f"profile {profile.name!r}", {"profile": profile.name}) for profile in paper.profiles]
        changed += [
            (f"assumption {assumption.name} = {choice!r}", {"assumed": {assumption.name: choice}})
            for assumption in paper.assumptions
            for choice in assumption.choices
        ]
        for change, options in changed:
            setup = paper.setup(row.id, **options)
            if setup != row.setup:
                yield f"{owner}, {change}", setup


def _optimizer(training: spec.Training) -> str:
    return f"training.optimizer_arguments of {training.optimizer!r}"


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
    for dataset, counts in paper.synthetic_images.items():
        allowed = [name for name, count in card(dataset).subsets[0].images.items() if count]
        for name, count in counts.items():
            if name not in allowed or count < 1:
                raise SpecError(
                    f"{owner}: synthetic_images has {count} images of {name!r} of {dataset}.",
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
            f"{owner}: weights = {weights!r} of {model.name}, where there is no file.",
            expected="None, 'imagenet' or the path of a file",
            remedy=did_you_mean(str(weights), ("imagenet",)) or "get the file, or name it by its whole path",
        )


_OF_ARGUMENTS = (ArgumentError, TypeError, ValueError)


@contextmanager
def explained(owner: str, kinds: tuple[type[Exception], ...] = _OF_ARGUMENTS) -> Iterator[None]:
    """Turns what is said of arguments inside into what is said of the paper.

    Args:
        owner: Whose arguments they are.
        kinds: The errors that are turned.

    Raises:
        SpecError: One of these errors was raised.
    """
    try:
        yield
    except kinds as error:
        raise SpecError(
            f"{owner}: {getattr(error, 'found', '') or f'{type(error).__name__}: {error}'}",
            expected=getattr(error, "expected", "arguments that it takes"),
            remedy=getattr(error, "remedy", "change this value of the paper"),
        ) from error
