"""The words for classes that people name folders by, one table for each task, and those for splits.

A word that can mean one class only is read as that class, whatever its case, separators and brackets. A word
that might mean several isn't: `may_be` says which, and the user says which of them it is.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import NoneType

from leukcnn.argument_types import require_type
from leukcnn.errors import ArgumentError

GivenClasses = Mapping[str, str] | Sequence[str] | None
"""The classes that a user gives to folders: folder -> class, or texts FOLDER=CLASS."""

_FORM = 'a class for each folder, such as {"positive": "ALL"} or "positive=ALL"'
_HEALTHY = (
    "healthy",
    "normal",
    "HBS",
    "healthy blood smear",
    "healthy control",
    "healthy donor",
    "non-cancer",
    "non-cancerous",
    "non-malignant",
    "non-leukaemia",
    "non-leukaemic",
    "no leukaemia",
    "no cancer",
)
_ALL = (
    "ALL",
    "acute lymphoblastic leukaemia",
    "acute lymphocytic leukaemia",
    "acute lymphoid leukaemia",
    "ALL leukaemia",
    "lymphoblast",
    "B-ALL",
    "T-ALL",
)
_AML = (
    "AML",
    "acute myeloid leukaemia",
    "acute myeloblastic leukaemia",
    "acute myelocytic leukaemia",
    "acute myelogenous leukaemia",
    "AML leukaemia",
    "myeloblast",
)
_DISEASED = (
    "leukaemia",
    "leukaemic",
    "cancer",
    "cancerous",
    "malignant",
    "blast",
    "abnormal",
    "pathological",
    "unhealthy",
    "diseased",
)

# Task -> class -> the words that mean it for certain. A task has one healthy class, its first.
_TASKS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "kind of leukaemia": {"healthy": _HEALTHY, "ALL": _ALL, "AML": _AML, "other": ("other",)},
    "leukaemia or not": {"healthy": _HEALTHY, "pathological": (*_ALL, *_AML)},
    "malignant cell or not": {
        "healthy": (*_HEALTHY, "hem", "hematogone", "benign"),
        "malignant": (*_ALL, "malignant lymphoblast"),
    },
    "stage of ALL": {
        "benign": ("benign", *_HEALTHY),
        "early": (
            *("early", "early pre", "early pre-B", "early pre-B ALL"),
            *("malignant early", "malignant early pre", "malignant early pre-B"),
        ),
        "pre": ("pre", "pre-B", "pre-B ALL", "malignant pre", "malignant pre-B"),
        "pro": ("pro", "pro-B", "pro-B ALL", "malignant pro", "malignant pro-B"),
    },
}
# Words that fit the healthy class or the others, depending on who sorted the images.
_EITHER = ("positive", "negative", "pos", "neg", "yes", "no", "true", "false")
_PERHAPS_HEALTHY = ("benign", "hem", "hematogone", "control", "non-ALL", "non-AML")
_STAGES = [f"{kind}{stage}" for kind in ("", "malignant ") for stage in ("early pre-B", "pre-B", "pro-B")]
_PERHAPS_DISEASED = (
    *(
        *_DISEASED,
        "acute leukaemia",
        "patient",
        "sick",
        "disease",
        "tumour",
        "tumor",
        "other",
        "CLL",
        "CML",
        "APL",
    ),
    *("L1", "L2", "L3", "early", "pre", "pro", *_STAGES),
)
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NUMBERED = re.compile(r"(?:class|label|category|type|group)?\d{1,2}")
# Words of a folder's name that don't name a class.
_FILLERS = {"cell", "image", "smear", "sample", "cells", "images", "smears", "samples"}


def normalised(name: str) -> str:
    """Returns the form in which names of folders are compared.

    Case, spaces, underscores, hyphens, brackets, a number before other words ("1-ALL"), "cells", "images",
    "smears" and "samples", and the difference between "leukaemia" and "leukemia" don't count.

    Args:
        name: Name of a folder.
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold())
    kept = [word for word in words if word not in _FILLERS] or words
    if len(kept) > 1 and kept[0].isdecimal():
        kept = kept[1:]
    return "".join(kept).replace("leukaem", "leukem").replace("leucem", "leukem")


def class_words(*classes: str) -> dict[str, str]:
    """Returns the words that mean one of some classes for certain.

    A general word for disease ("leukaemia", "malignant") means the one class that isn't healthy. If there are
    several, it means none of them for certain.

    Args:
        *classes: Classes of one task: out of "healthy", "ALL", "AML" and "other"; of "healthy" and
            "pathological" (leukaemia of a type that isn't stated); of "healthy" and "malignant" (cells); or
            of "benign", "early", "pre" and "pro" (stages of ALL).

    Returns:
        The class of each word; the words are as `normalised` returns them.
    """
    return dict(_words(classes))


def class_of(name: str, words: Mapping[str, str]) -> str:
    """Returns the class that a folder's name means for certain, "" if it means none.

    Args:
        name: Name of the folder.
        words: The class of each word, as returned by `class_words`.
    """
    word = normalised(name)
    # "Lymphoblasts" is a plural, "HBS" isn't.
    return words.get(word) or (words.get(word.removesuffix("s"), "") if len(word) > 4 else "")


def split_of(name: str) -> str:
    """Returns the split that a folder's name means: "train", "validation", "test", or "" if it means none."""
    word = normalised(name)
    return next(
        (_SPLITS[form] for end in ("", "set", "data") if (form := word.removesuffix(end)) in _SPLITS), ""
    )


def split_notes(given: Iterable[str]) -> list[str]:
    """Returns a line on images that come in folders of a split; none if there are no such folders.

    Args:
        given: The split of each image, "" for none.
    """
    count = Counter(given)
    parts = [f"{count[name]:,} {name}" for name in ("train", "validation", "test") if count[name]]
    if not parts:
        return []
    rest = f" and {count['']:,} other{'s' * (count[''] > 1)}" if count[""] else ""
    return [
        f"the folders are split into {', '.join(parts)}{rest}: --split given keeps this split, all others "
        "join them first"
    ]


def may_be(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes that a folder's name might mean; the user has to say which.

    Args:
        name: Name of the folder.
        classes: The classes of the dataset, the healthy one first if it has one.

    Returns:
        Some of the classes; () if the name isn't a word for a class at all.
    """
    word = normalised(name)
    forms = {word, word.removesuffix("s")}
    healthy = [name for name in classes if name in ("healthy", "benign")]
    if forms & {*map(normalised, _EITHER)} or _NUMBERED.fullmatch(word):
        return tuple(classes)
    if forms & {*map(normalised, (*_HEALTHY, *_PERHAPS_HEALTHY))}:
        return tuple(healthy)
    if forms & {*map(normalised, (*_PERHAPS_DISEASED, *(_ALL if "pre" in classes else ())))}:
        return tuple(name for name in classes if name not in healthy)
    return ()


@cache
def _words(classes: tuple[str, ...]) -> dict[str, str]:
    task = next((of_task for of_task in _TASKS.values() if {*classes} <= {*of_task}), {})
    found = {normalised(word): name for name in classes for word in task.get(name, (name,))}
    diseased = [name for name in classes if name not in ("healthy", "benign")]
    if len(diseased) == 1 and diseased != ["other"]:
        found |= {normalised(word): diseased[0] for word in _DISEASED}
    return found


def given_classes(classes: GivenClasses) -> dict[str, str]:
    """Returns the classes that a user gives to folders, as folder -> class.

    Args:
        classes: The same, or one or several texts FOLDER=CLASS, also with commas between them; or None.

    Raises:
        ArgumentError: It has another form, or gives a folder two classes.
    """
    require_type((Mapping, str, Sequence, NoneType), _FORM, classes=classes)
    if isinstance(classes, Mapping):
        for pair in classes.items():
            for word in pair:
                require_type(str, _FORM, classes=word)
        return dict(classes)
    texts = [classes] if isinstance(classes, str) else [*(classes or ())]
    for text in texts:
        require_type(str, _FORM, classes=text)
    found: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",")):
        folder, equals, name = (word.strip() for word in part.partition("="))
        if not (folder and equals and name):
            raise ArgumentError(f"classes (--classes) got {part!r:.80}.", expected=_FORM)
        if found.setdefault(folder, name) != name:
            raise ArgumentError(
                f"classes (--classes) got {folder!r} twice: {found[folder]} and {name}.",
                expected="each folder once",
            )
    return found


def with_classes(words: Mapping[str, str], given: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """Returns the words of a dataset with those that the user gives a class, which outrank the table.

    Args:
        words: The class of each word.
        given: Folder -> the class of its images, which may be written as any word for it. Entries whose class
            the dataset lacks are passed over, since they may be meant for another dataset.
        known: Classes of the dataset.
    """
    classes = {folder: name if name in known else class_of(name, words) for folder, name in given.items()}
    return {**words, **{normalised(folder): name for folder, name in classes.items() if name}}
