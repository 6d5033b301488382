"""Loads the images of a paper's datasets, real or synthetic."""

from collections.abc import Callable, Sequence
from pathlib import Path

from leukcnn import spec, synthetic
from leukcnn.argument_types import user_path
from leukcnn.counting import Counting, uncounted
from leukcnn.datasets import ImageIndex, load, load_many, require_classes
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.datasets.own_folders import load_folder, places_of
from leukcnn.experiment.request import SYNTHETIC
from leukcnn.image_cache import cache_folder

Say = Callable[[str], None]


def data_folder(
    data: str, names: Sequence[str], *, say: Say, paper: spec.Paper | None = None, seed: int = 0
) -> Path:
    """Returns the folder of some datasets. Synthetic ones are rendered first, unless they are in the cache.

    Args:
        data: Value of --data; "" where every dataset has a path of its own.
        names: Keys of the datasets.
        say: Called with a message before images are rendered.
        paper: The paper that says how many synthetic images there are; None for each dataset's default.
        seed: Root seed of the synthetic images.

    Raises:
        DataError: The synthetic images can't be rendered or written.
    """
    if data != SYNTHETIC:
        return user_path(data) if data else Path()
    say(f"Rendering synthetic images in the layout of {paper.key if paper else names[0]}'s datasets ...")
    place = cache_folder() / SYNTHETIC
    if paper:
        return synthetic.write_for(paper, names, place, seed=seed, on_note=say)
    return synthetic.write_many(names, place, seed=seed, on_note=say)


def load_images(
    paper: spec.Paper,
    names: Sequence[str],
    data: str,
    *,
    classes: GivenClasses = None,
    seed: int,
    say: Say,
    counting: Counting = uncounted,
) -> ImageIndex:
    """Returns the index of a paper's images, with the paper's classes.

    Args:
        paper: The paper.
        names: Keys of the datasets.
        data: Value of --data.
        classes: As for `leukcnn.datasets.load`.
        seed: Root seed of the synthetic images.
        say: Called with a message before each step, and with each note about the folder.
        counting: Shows how many files are read.

    Raises:
        DataError: The folder can't be used, or the paper has one dataset and the folder holds one class.
    """
    root = data_folder(data, names, say=say, paper=paper, seed=seed)
    say("Computing the SHA-256 of each image ...")
    places = places_of(paper.folders, names, data)
    with counting("Reading files") as count:
        own = [
            load_folder(folder, places[folder.key], progress=count)
            for name in names
            for folder in paper.folders
            if folder.key == name
        ]
        if paper.class_of:
            index = load_many(
                [name for name in names if name not in places],
                root,
                class_names=paper.classes,
                class_of=paper.class_of,
                classes=classes,
                progress=count,
                own=own,
            )
        elif own:
            (index,) = own
        else:
            index = load(names[0], root, classes=classes, progress=count)
            require_classes(index)
    for note in index.notes:
        say(note)
    return index
