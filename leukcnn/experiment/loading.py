"""The images of a paper's datasets, drawn or as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path

from leukcnn import spec, synthetic
from leukcnn.datasets import ImageIndex, load, load_many, require_classes
from leukcnn.experiment.request import SYNTHETIC
from leukcnn.image_cache import cache_folder

_FILES_A_LINE = 2000

Say = Callable[[str], None]


def data_folder(
    data: str, names: Sequence[str], *, say: Say, paper: spec.Paper | None = None, seed: int = 0
) -> Path:
    """Returns the folder of some datasets; drawn ones are drawn first, unless they are there.

    Args:
        data: Value of --data.
        names: Keys of the datasets.
        say: Told that they are drawn.
        paper: The paper that they are drawn for; None draws each as it is by itself.
        seed: Root seed of what is drawn.

    Raises:
        DataError: They can't be drawn, or not written.
    """
    if data != SYNTHETIC:
        return Path(data).expanduser()
    say(f"Drawing images with the names and layout of {paper.key if paper else names[0]}'s datasets ...")
    place = cache_folder() / SYNTHETIC
    if paper:
        return synthetic.write_for(paper, names, place, seed=seed)
    return synthetic.write_many(names, place, seed=seed)


def count_files(say: Say) -> Callable[[int, int], None]:
    """Returns what the reading of files calls with how many are done: it says so now and then."""

    def tell(done: int, total: int) -> None:
        if done % _FILES_A_LINE == 0:
            say(f"{done:,} of {total:,} files read")

    return tell


def load_images(paper: spec.Paper, names: Sequence[str], data: str, *, seed: int, say: Say) -> ImageIndex:
    """Returns the images of a paper with its classes.

    Args:
        paper: The paper.
        names: Keys of the datasets.
        data: Value of --data.
        seed: Root seed of what is drawn.
        say: Told what is done, and what was found in the folder.

    Raises:
        DataError: The folder can't be used, or holds one class where the paper has one dataset.
    """
    root = data_folder(data, names, say=say, paper=paper, seed=seed)
    say("Reading the images for their SHA-256 ...")
    if paper.class_of:
        options = {"class_names": paper.classes, "class_of": paper.class_of}
        index = load_many(names, root, **options, progress=count_files(say))
    else:
        index = load(names[0], root, progress=count_files(say))
        require_classes(index)
    for note in index.notes:
        say(note)
    return index
