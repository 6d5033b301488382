"""A user's own folders as a paper: the same specification, tables and store as a published one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leukcnn.datasets.class_words import class_of, class_words
from leukcnn.errors import DataError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec import (
    Assumption,
    Augmentation,
    Figure,
    Model,
    Paper,
    Preprocessing,
    Profile,
    Row,
    Setup,
    Split,
    Table,
    Training,
    additional_tables,
)
from leukcnn.spec.folders import UNPUBLISHED
from leukcnn.spec.setups import LARGEST_INPUT
from leukcnn.studies.against import rows_against
from leukcnn.studies.networks import DEFAULT_NETWORKS, rows_of
from leukcnn.studies.surveys import SMALL_IMAGE, Survey, joined_classes

HOLDOUT = "holdout"
"""Value of --split for one test set: the kind "grouped"."""
STUDY_SPLITS = ("grouped_kfold", HOLDOUT, "kfold", "random", "block_kfold", "given")
"""Values of --split for one folder; several folders take those of `DATASET_SPLITS` too."""
DATASET_SPLITS = ("lodocv", "lodocv_strict")

_FOLDS = 5
_FRACTIONS = (0.7, 0.1, 0.2)
_CONTROL_SIZE = 224
_STEPS = 700  # of each network
_FEWEST_EPOCHS, _MOST_EPOCHS = 2, 40
_SMALL = 500  # images; with fewer, smaller batches give more steps
_MOST_SUBJECTS = 60
_WHERE = "leukcnn evaluate"


@dataclass(frozen=True)
class Choices:
    """What a user chooses for a study; None leaves the choice to `study_paper`.

    Attributes:
        networks: Names of networks, see `leukcnn.studies.networks`.
        split: One of `STUDY_SPLITS` or `DATASET_SPLITS`.
        image_size: Height and width of the networks' input in pixels.
        epochs: Number of passes over the training images.
        batch_size: Images in each step.
        positive_class: The positive class, where there are two.
        against: Files of trained networks, which are applied in place of training `networks`.
        classes: Class of the images -> class of those networks, where their names differ.
        most_folds: Most folds that copies among the images allow; None if that isn't known.
    """

    networks: tuple[str, ...] = DEFAULT_NETWORKS
    split: str | None = None
    image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    positive_class: str | None = None
    against: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    most_folds: int | None = None


def study_paper(surveys: list[Survey], choices: Choices | None = None) -> Paper:
    """Returns a paper whose datasets are a user's own folders.

    Its key and title come from the folder's name. It publishes no value, and its notes say what was chosen
    for the user. A small network with small images is trained for a number of steps that takes minutes on
    two cores; the controls see the images at 224 pixels.

    Args:
        surveys: The folders, one at least.
        choices: What the user chose.

    Raises:
        DataError: The images don't allow the split, or the datasets' classes don't fit together.
        SpecError: A choice isn't allowed.
    """
    choices, classes = choices or Choices(), joined_classes(surveys)
    for option in ("image_size", "epochs", "batch_size"):
        number = getattr(choices, option)
        if number is not None and not 1 <= number <= LARGEST_INPUT:
            raise SpecError(
                f"{option} (--{option.replace('_', '-')}) got {number!r:.80}.",
                expected=f"a whole number from 1 to {LARGEST_INPUT:,}",
            )
    positive, about_positive = _positive_class(classes, choices.positive_class)
    split, about_split = _split(surveys, choices.split, choices.most_folds)
    setup = _setup(surveys, split, choices)
    if choices.against:
        rows = rows_against(choices.against, setup=setup, classes=classes, given=choices.classes)
    else:
        rows = rows_of(choices.networks, setup=setup)
    chosen = [
        *about_split,
        *about_positive,
        "trained networks are applied, nothing is trained; the controls are cross-validated on these images"
        if choices.against
        else _about_networks(rows),
    ]
    notes = [
        *(f"{one.folder.title}: {note}." for one in surveys for note in one.notes()),
        *(f"{note[:1].upper()}{note[1:]}." for note in chosen),
    ]
    several, keys = len(surveys) > 1, tuple(one.folder.key for one in surveys)
    title = " and ".join(one.folder.title for one in surveys)
    return Paper(
        key="_".join(keys)[:60],
        title=f"{title}: networks and controls",
        authors=UNPUBLISHED,
        year=_YEAR,
        citation="images of the user's own",
        task=" or ".join([", ".join(classes[:-1]), classes[-1]]),
        datasets=keys,
        classes=classes,
        positive_class=positive,
        splits=_splits(split.kind, several=several),
        rows=rows,
        profiles=(Profile("paper", "The study's own setting."),),
        assumptions=_assumptions(split, trains=not choices.against),
        tables=_tables(surveys, rows, notes=tuple(notes)),
        figures=_figures(rows),
        findings=(),
        class_of={name: name for name in classes} if several else {},
        folders=tuple(one.folder for one in surveys),
        control_image_size=_CONTROL_SIZE,
    )


# Nobody published the study; a date would change its files from day to day.
_YEAR = 2025


def notes_of(paper: Paper) -> tuple[str, ...]:
    """Returns what `study_paper` chose for the user, one sentence each."""
    return next((table.notes for table in paper.tables if table.id == "images"), ())


def _about_networks(rows: tuple[Row, ...]) -> str:
    sizes = [f"{size}x{size}" for size in sorted({row.setup.preprocessing.image_size for row in rows})]
    pixels = " or ".join([*filter(None, [", ".join(sizes[:-1])]), sizes[-1]])
    n, epochs = len(rows), rows[0].setup.training.epochs
    return (
        f"the network{'s see' if n > 1 else ' sees'} {pixels} pixels for {epochs} epoch{'s' * (epochs > 1)}, "
        "for an answer in minutes; --image-size, --epochs and --batch-size change it"
    )


def _positive_class(classes: tuple[str, ...], named: str | None) -> tuple[str, list[str]]:
    if named is not None and (len(classes) > 2 or named not in classes):
        raise SpecError(
            f"positive_class (--positive-class) got {named!r}.",
            expected=f"one of {', '.join(classes)}" if len(classes) == 2 else "two classes, here are more",
            remedy=did_you_mean(named, classes) if len(classes) == 2 else "leave it out",
        )
    if len(classes) > 2:
        return "", []
    if named is not None:
        return named, []
    signs = [_sign(name) for name in classes]
    # The last class, unless the words say which is the disease.
    positive = classes[0] if signs[0] > signs[1] else classes[1]
    return positive, [f"the positive class is {positive}, to which sensitivity refers (--positive-class)"]


def _sign(name: str) -> int:
    """Returns 1 for a class whose name means a disease, -1 for a healthy one, 0 if it says neither."""
    if class_of(name, class_words("healthy", "malignant")) == "healthy":
        return -1
    diseased = class_of(name, class_words("healthy", "pathological")) == "pathological"
    return int(diseased or "blast" in name.lower())


def _split(surveys: list[Survey], named: str | None, most_folds: int | None) -> tuple[Split, list[str]]:
    """Returns the split, and what to know about it."""
    several = len(surveys) > 1
    allowed = (*DATASET_SPLITS, *STUDY_SPLITS) if several else STUDY_SPLITS
    if named is not None and named not in allowed:
        only = " (it needs --datasets)" if named in DATASET_SPLITS else ""
        raise SpecError(
            f"split (--split) got {named!r}{only}.",
            expected=", ".join(allowed),
            remedy=did_you_mean(named, allowed),
        )
    given = {name for one in surveys for name in one.listing.given}
    kind = named or (
        "lodocv" if several else "given" if {"train", "test"} <= given - {""} else "grouped_kfold"
    )
    notes = []
    if kind == "given" and named is None:
        notes.append("the folders train, val and test make the split; --split grouped_kfold makes another")
    kind = "grouped" if kind == HOLDOUT else kind
    n_splits, about_folds = _folds(surveys, kind)
    if most_folds is not None and most_folds < n_splits:
        n_splits = most_folds
        about_folds = [
            f"{n_splits} folds instead of {_FOLDS}: copies and near-duplicates are kept together, which "
            f"leaves a class {n_splits} groups"
        ]
    unknown = sum(one.unknown_groups for one in surveys)
    total = sum(len(one.listing.ids) for one in surveys)
    if unknown and kind in ("grouped_kfold", "grouped", "given", "block_kfold"):
        notes.append(
            f"the group (patient, slide) of {unknown:,} of {total:,} images is unknown: each image counts as "
            "its own, together with its copies and near-duplicates. If several images show one patient, the "
            "results are too good; --groups names the patients"
        )
    if kind in ("kfold", "random"):
        notes.append("the split ignores groups: images of one patient may be trained on and tested")
    split = Split(kind, fractions=_FRACTIONS, n_splits=n_splits, unknown_subjects="each")
    if kind in DATASET_SPLITS:
        _require_common_classes(surveys)
    return split, [*notes, *about_folds]


def _folds(surveys: list[Survey], kind: str) -> tuple[int, list[str]]:
    """Returns the number of folds that the groups allow, and a note where they are fewer than five."""
    counted: dict[str, int] = {}
    what = "images" if kind in ("kfold", "random", "block_kfold") else "groups"
    for one in surveys:
        labels = one.listing.labels.tolist()
        images = {name: labels.count(at) for at, name in enumerate(one.listing.class_names)}
        for name, n in (images if what == "images" else one.groups_by_class()).items():
            counted[name] = counted.get(name, 0) + n
    fewest = min(counted, key=lambda name: counted[name])
    if kind in (*DATASET_SPLITS, "given"):
        return _FOLDS, []
    if counted[fewest] < 2:
        grouped = what == "groups" and not all(one.unknown_groups for one in surveys)
        raise DataError(
            f"The class {fewest!r} has {counted[fewest]} {what[:-1] if grouped else 'image'}: nothing would "
            "be left to train on when it is tested.",
            expected=f"at least 2 {what if grouped else 'images'} of each class, better {_FOLDS} and more",
            remedy="add images of other patients, or --split kfold ignores the groups"
            if grouped
            else "add images, or remove the class",
        )
    n_splits = min(_FOLDS, counted[fewest])
    if n_splits == _FOLDS or kind in ("grouped", "random"):
        return n_splits, []
    return n_splits, [f"{n_splits} folds instead of {_FOLDS}: the class {fewest} has {n_splits} {what}"]


def _require_common_classes(surveys: list[Survey]) -> None:
    for one in surveys:
        others = {name for other in surveys if other is not one for name in other.folder.classes}
        lacking = [name for name in one.folder.classes if name not in others]
        if lacking and len(one.folder.classes) > 1:
            raise DataError(
                f"The class {lacking[0]!r} is in the dataset {one.folder.key} alone: no network could learn "
                "it while that dataset is left out.",
                expected="each class in two datasets or more",
                remedy="rename the folders or labels if they are the same class, or pass "
                "--split grouped_kfold",
            )
    if not any(len(one.folder.classes) > 1 for one in surveys):
        raise DataError(
            "Each dataset holds one class: the dataset gives away the class.",
            expected="a dataset with two or more classes, which can be tested",
            remedy="add images of the other classes of at least one dataset",
        )


def _splits(kind: str, *, several: bool) -> tuple[str, ...]:
    """Returns the kinds of split that the paper may be run with, the study's own first."""
    kinds = (*(DATASET_SPLITS if several else ()), *STUDY_SPLITS)
    return tuple(dict.fromkeys((kind, *("grouped" if one == HOLDOUT else one for one in kinds))))


def _setup(surveys: list[Survey], split: Split, choices: Choices) -> Setup:
    """Returns the setup of the study's networks, whose model is replaced by each of them."""
    total = sum(len(one.listing.ids) for one in surveys)
    batch_size = choices.batch_size if choices.batch_size is not None else (32 if total >= _SMALL else 16)
    steps = max(1, round(0.8 * total / max(1, batch_size)))
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_STEPS / steps)))
    return Setup(
        model=Model("FourBlockCNN"),
        preprocessing=Preprocessing(resize=SMALL_IMAGE if choices.image_size is None else choices.image_size),
        augmentation=Augmentation(
            {"horizontal_flip": True, "vertical_flip": True, "quarter_turns": True},
            variants_per_image=1,
            variants="fresh",
        ),
        split=split,
        training=Training(
            epochs=epochs if choices.epochs is None else choices.epochs,
            batch_size=batch_size,
            initial_learning_rate=1e-3,
            final_learning_rate=0.0,
            schedule="cosine",
            checkpoint="last",
            deterministic=True,
        ),
    )


def _assumptions(split: Split, *, trains: bool) -> tuple[Assumption, ...]:
    folds = Assumption("n_splits", "split.n_splits", "each image is tested once", where=_WHERE)
    of_training = (
        Assumption("image_size", "preprocessing.resize", "small, for an answer in minutes", where=_WHERE),
        Assumption("epochs", "training.epochs", "as many as fit into minutes on two cores", where=_WHERE),
        Assumption("batch_size", "training.batch_size", "smaller for few images", where=_WHERE),
    )
    return (*(of_training if trains else ()), *((folds,) if "kfold" in split.kind else ()))


def _tables(surveys: list[Survey], rows: tuple[Row, ...], *, notes: tuple[str, ...]) -> tuple[Table, ...]:
    ids, several = tuple(row.id for row in rows), len(surveys) > 1
    axes = ("dataset", "row") if several else ("row",)
    two = len({name for one in surveys for name in one.folder.classes}) == 2
    metrics = (
        ("accuracy", "sensitivity", "specificity", "f1", "auroc")
        if two
        else ("accuracy", "macro_recall", "macro_f1", "macro_auroc")
    )
    show, applied = ("metric", "measured", "interval"), any(row.setup.trained for row in rows)
    if applied:
        # Sensitivity and specificity of two classes, and their mean.
        metrics = tuple(dict.fromkeys(("accuracy", "macro_recall", "macro_f1", *metrics)))
    groups = {name for one in surveys for name in one.listing.groups}
    known = not any(one.unknown_groups for one in surveys)
    tables = (
        Table("images", "The images", "datasets", notes=notes),
        Table("results", "Networks and controls", "metrics", axes=axes, metrics=metrics, show=show),
        Table(
            "by_class",
            "Each class",
            "metrics",
            axes=(*axes, "class"),
            metrics=("recall", "precision", "f1"),
            show=show,
        ),
        Table("matrix", "Confusion matrix in numbers", "confusion"),
        *((Table("groups", "Each group", "subjects"),) if known and len(groups) <= _MOST_SUBJECTS else ()),
        *(
            (Table("shortcut", "Does the border distinguish the datasets?", "shortcut", rows=ids),)
            if several
            else ()
        ),
        *additional_tables(axes=axes, rows=ids),
    )
    if not applied:
        return tables
    # The same network predicts every fold: the error of training on other images isn't in its values.
    return tuple(replace(one, over="runs") if one.kind == "metrics" else one for one in tables)


def _figures(rows: tuple[Row, ...]) -> tuple[Figure, ...]:
    ids = tuple(row.id for row in rows if not (row.setup.features or row.setup.trained))
    return (
        Figure("samples", "Images of each class", "samples"),
        *((Figure("curves", "Accuracy and loss by epoch", "history", rows=ids),) if ids else ()),
        Figure("confusion", "Confusion matrix on the tested images", "confusion"),
        Figure("errors", "Misclassified images", "misclassified"),
    )
