"""The experiments with frozen tables, as plain values: this module doesn't import leukcnn.

`store.py` makes a store of each; `CASES` lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NETWORKS = "networks"
CONTROLS = "controls"
PROBE = "probe"


class Image(NamedTuple):
    """An image of an index. `twin` is the id of the image that it is a copy of, or its own id."""

    id: str
    label: int
    dataset: str
    group: str
    subset: str
    fold: int
    twin: str


class Trial(NamedTuple):
    """The properties of a planned trial that a case can use."""

    row: str
    run: int
    fold: int
    split: str
    tested: tuple[str, ...]
    mask: str


@dataclass(frozen=True)
class Case:
    """An experiment whose tables are frozen.

    Attributes:
        paper: Key of the paper.
        name: Name of the case.
        classes: Names of the classes, in the paper's order.
        images: The images.
        options: Options of `leukcnn reproduce`.
        synthetic: Whether the images are synthetic.
        finished: Returns whether a trial of a network or control is finished.
        masks: Masks whose trials are in the store too, as well as those of the case itself.
        interrupted: Returns whether the last process ran only the last epoch of a trial.
        constant: Rows that predict the first class for every image.
        perfect: Rows that are always right.
        skilled: Row -> right predictions in a thousand; the others' depend on the row's name.
        probe: Whether the probe is finished.
        within: Whether trials on features have a cross-validation within the tested dataset.
        learning_rate: Whether histories have a column with the learning rate.
        lacking: Row -> why its weights are missing.
        record: Fields of the record that differ from those of the plan.
        reason: Why there are no trials at all; "" if there are.
        kept: Table -> stored values of networks and masks that it shows.
        tables: Ids of the tables that are frozen; empty for all.
    """

    paper: str
    name: str
    classes: tuple[str, ...]
    images: tuple[Image, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    synthetic: bool = False
    finished: Callable[[Trial], bool] = lambda trial: True
    masks: tuple[str, ...] = ()
    interrupted: Callable[[Trial], bool] = lambda trial: False
    constant: tuple[str, ...] = ()
    perfect: tuple[str, ...] = ()
    skilled: Mapping[str, int] = field(default_factory=dict)
    probe: bool = True
    within: bool = True
    learning_rate: bool = True
    lacking: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Name of its folder."""
        return f"{self.paper}-{self.name}"


CHECKPOINTS = {
    "cnmc2019": ("val_accuracy", "val_loss"),
    "taleghani_resnet50": ("val_loss", "val_accuracy"),
    "alertnet": ("last",),
    "leuknet_lodocv": ("last",),
    "allidb_lightweight": ("last",),
}
"""Paper -> checkpoints of a trial; its results are those of the first."""

COMPARABLE = {"not_comparable": "", "not_comparable_on": {}, "published_images": {}}
"""The record of an experiment whose values can be compared with the paper's."""

FEATURE_ROWS = ("features_dft", "features_mdft", "features_imagenet", "vogado2018")
"""Rows that classify features and train no network."""


def with_twins(images: list[Image], *pairs: tuple[str, str]) -> tuple[Image, ...]:
    """Returns the images; the second of each pair of ids is a copy of the first."""
    twins = {second: first for first, second in pairs}
    return tuple(image._replace(twin=twins.get(image.id, image.id)) for image in images)


def of_datasets(counts: Mapping[str, tuple[int, ...]], *, groups: str = "none", size: int = 3) -> list[Image]:
    """Returns images of several datasets.

    Args:
        counts: Dataset -> number of images of each class.
        groups: Datasets whose images have a known group: "none", "some" (every other one) or "all".
        size: Images in each group; they have the same class.
    """
    images = []
    for place, (dataset, of_class) in enumerate(counts.items()):
        known = groups == "all" or (groups == "some" and place % 2 == 1)
        for label, n in enumerate(of_class):
            for i in range(n):
                group = f"{dataset}/{label}g{i // size}" if known else ""
                name = f"{dataset}/{label}_{i}.jpg"
                images.append(Image(name, label, dataset, group, dataset, -1, name))
    return images


def cells(
    *,
    subjects: int = 12,
    each: int = 5,
    preliminary: bool = True,
    final: int = 7,
    labelled: bool = True,
    unknown: int = 0,
) -> list[Image]:
    """Returns cells in the layout of C-NMC 2019.

    Args:
        subjects: Subjects of each class.
        each: Training cells of each healthy subject; malignant ones have one more.
        preliminary: Whether there is a preliminary phase, with other subjects.
        final: Cells of the final phase.
        labelled: Whether the preliminary phase has labels.
        unknown: Number of training cells without a known subject.
    """
    found = []

    def add(subset: str, name: str, label: int, group: str, fold: int = -1) -> None:
        found.append(Image(name, label, "cnmc2019", group, subset, fold, name))

    for label, letter in enumerate(("H", "")):
        for subject in range(1, subjects + 1):
            for i in range(each + label):
                fold, kind = subject % 3, ("hem", "all")[label]
                name = f"training_data/fold_{fold}/{kind}/UID_{letter}{subject}_{i}_{kind}.bmp"
                group = "" if len(found) < unknown else f"{letter}{subject}"
                add("training", name, label, group, fold)
        for subject in range(101, 104) if preliminary else ():
            for i in range(4):
                name = f"preliminary/{letter}{subject}_{i}.bmp"
                add("preliminary", name, label if labelled else -1, f"{letter}{subject}" if labelled else "")
    for i in range(1, final + 1):
        add("final", f"final/{i}.bmp", -1, "")
    return found


CELL_TWINS = (
    *(
        (
            f"training_data/fold_{i % 3}/all/UID_{i}_0_all.bmp",
            f"training_data/fold_{i % 3}/all/UID_{i}_3_all.bmp",
        )
        for i in range(1, 9)
    ),
    ("training_data/fold_1/hem/UID_H1_1_hem.bmp", "training_data/fold_2/hem/UID_H5_1_hem.bmp"),
)

CNMC = {"paper": "cnmc2019", "classes": ("healthy", "malignant")}

CNMC_CASES = (
    Case(
        name="full",
        images=with_twins(cells(), *CELL_TWINS),
        options={"runs": 3, "seed": 1},
        record={**COMPARABLE, "final_total": 7},
        **CNMC,
    ),
    Case(
        name="one_run",
        images=with_twins(cells(), *CELL_TWINS),
        record={**COMPARABLE, "separated_pairs": {}},
        skilled={"vgg16": 930},
        perfect=("xception",),
        tables=("table1", "table2", "table3", "table4", "external"),
        **CNMC,
    ),
    Case(
        name="partial",
        images=tuple(cells(each=4, preliminary=False, final=0)),
        options={"profile": "smoke"},
        synthetic=True,
        finished=lambda trial: trial.row not in ("xception", "colour"),
        constant=("vgg19",),
        lacking={"xception": "its published weights aren't at hand"},
        **CNMC,
    ),
    Case(
        name="subject",
        images=with_twins(cells(subjects=9), *CELL_TWINS),
        options={"split": "subject", "assumed": {"epochs": 40, "flips": "one_of"}},
        perfect=("vgg16",),
        constant=("xception",),
        tables=("table1", "table2", "table3", "table4", "confusion", "external", "assumptions"),
        **CNMC,
    ),
    Case(
        name="fold",
        images=tuple(cells(subjects=6, labelled=False, unknown=4)),
        options={"split": "fold", "seed": 3},
        synthetic=True,
        finished=lambda trial: (trial.row, trial.fold) != ("vgg19", 2),
        tables=("table2", "table4", "external", "subjects"),
        **CNMC,
    ),
)

ALERTNET = {"paper": "alertnet", "classes": ("HBS", "ALL", "AML")}
_SLIDES = {
    "allidb1": (12, 10, 0),
    "allidb2": (12, 12, 0),
    "atlas": (0, 8, 10),
    "ash": (0, 0, 12),
    "jtsc": (14, 0, 0),
    "ufg": (8, 6, 6),
}

ALERTNET_CASES = (
    Case(
        name="full",
        images=with_twins(
            of_datasets(_SLIDES),
            ("allidb1/0_0.jpg", "allidb2/0_1.jpg"),
            ("allidb1/1_3.jpg", "allidb2/1_5.jpg"),
            ("ash/2_0.jpg", "atlas/2_0.jpg"),
            ("ash/2_1.jpg", "atlas/2_1.jpg"),
        ),
        record=COMPARABLE,
        constant=("resnet50_sft",),
        skilled={"alertnet_rwd": 960, "resnet50_dft": 950, "alertnet_x": 700, "inceptionv3_sft": 300},
        **ALERTNET,
    ),
    Case(
        name="partial",
        images=tuple(of_datasets({"allidb1": (10, 8, 0), "ufg": (6, 6, 8), "taleghani": (8, 8, 0)})),
        options={"profile": "smoke", "datasets": ("allidb1", "ufg", "taleghani")},
        synthetic=True,
        finished=lambda trial: (
            trial.row in ("majority", "border", "alertnet_rwd", "xception_sft")
            or (trial.row, trial.fold) == ("alertnet", 0)
        ),
        lacking={"resnet50_dft": "its published weights aren't at hand"},
        tables=("table2", "table3", "table4", "table5", "t_test", "assumptions"),
        **ALERTNET,
    ),
    Case(
        name="grouped",
        images=tuple(of_datasets(_SLIDES, groups="all", size=2)),
        options={
            "split": "grouped_kfold",
            "runs": 2,
            "seed": 5,
            "assumed": {"batch_norm_momentum": 0.9, "checkpoint": "last"},
        },
        finished=lambda trial: (
            trial.row not in ("resnet50_sft",) and (trial.row, trial.run) != ("alertnet_x", 1)
        ),
        perfect=("alertnet_wd",),
        tables=("table4", "table6", "t_test", "assumptions"),
        **ALERTNET,
    ),
    Case(
        name="nothing",
        images=tuple(of_datasets({"jtsc": (5, 0, 0), "ash": (0, 0, 4)})),
        reason="the data hold too few images",
        tables=("table2", "table4", "table6", "t_test"),
        **ALERTNET,
    ),
)

LEUKNET = {"paper": "leuknet_lodocv", "classes": ("non-pathological", "pathological")}
_BLOOD = {
    "allidb1": (14, 12),
    "allidb1_crop": (0, 10),
    "allidb2": (13, 13),
    "cellavision": (9, 0),
    "ash": (0, 10),
    "bloodline": (0, 8),
    "jtsc": (12, 0),
    "ufg": (10, 11),
}
_LEUKNET_FEW = ("table4", "t_test_table4", "table6", "table7", "table8", "table9", "single_class", "shortcut")

LEUKNET_CASES = (
    Case(
        name="full",
        images=with_twins(
            of_datasets(_BLOOD),
            ("allidb1/0_0.jpg", "ufg/0_1.jpg"),
            ("ash/1_0.jpg", "bloodline/1_3.jpg"),
            ("ash/1_0.jpg", "bloodline/1_4.jpg"),
        ),
        options={"runs": 3},
        record=COMPARABLE,
        constant=("vgg16_sft",),
        skilled={"vgg19_mdft": 800, "leuknet": 940, "leuknet_1024_512": 550},
        **LEUKNET,
    ),
    Case(
        name="one_run",
        images=tuple(of_datasets(_BLOOD, groups="some")),
        options={"runs": 1},
        record=COMPARABLE,
        finished=lambda trial: (
            trial.row in ("majority", "border", "leuknet", "vgg19_mdft", "features_dft")
            or (trial.row == "features_mdft" and trial.split == "lodocv_strict")
        ),
        lacking={"vogado2018": "its published weights aren't at hand"},
        perfect=("vgg19_mdft",),
        tables=_LEUKNET_FEW,
        **LEUKNET,
    ),
    Case(
        name="partial",
        images=tuple(
            of_datasets(
                {"taleghani": (6, 8), "allidb1": (9, 8), "ash": (0, 7), "jtsc": (8, 0), "lisc": (5, 0)}
            )
        ),
        options={"profile": "smoke", "datasets": ("allidb1", "ash", "jtsc", "lisc", "taleghani")},
        synthetic=True,
        finished=lambda trial: (
            trial.row in ("majority", "colour", "leuknet", "features_dft", "features_imagenet")
            and (trial.row, trial.split, trial.fold) != ("leuknet", "kfold", 1)
        ),
        lacking={"vogado2018": "its published weights aren't at hand"},
        constant=("leuknet",),
        probe=False,
        within=False,
        tables=(
            *("table2", "table4", "t_test_table4", "t_test_table5", "table6", "table7", "table8", "table9"),
            *("single_class", "shortcut", "assumptions"),
        ),
        **LEUKNET,
    ),
    Case(
        name="strict",
        images=tuple(of_datasets(_BLOOD)),
        options={"split": "lodocv_strict", "runs": 2},
        finished=lambda trial: trial.row in ("majority", "border", "leuknet", "vgg19_mdft", "features_dft"),
        tables=("table4", "t_test_table5", "single_class", "shortcut"),
        **LEUKNET,
    ),
    Case(
        name="grouped",
        images=tuple(of_datasets(_BLOOD, groups="all", size=2)),
        options={"split": "grouped_kfold", "runs": 1},
        perfect=("vgg19_mdft",),
        finished=lambda trial: trial.row in ("majority", "border", "leuknet", "vogado2018"),
        tables=("table7", "table8", "shortcut"),
        **LEUKNET,
    ),
    Case(
        name="single_classes",
        images=tuple(of_datasets({"jtsc": (8, 0), "ash": (0, 9), "bloodline": (0, 3)})),
        options={"runs": 1, "split": "kfold"},
        finished=lambda trial: trial.row in ("border", "leuknet"),
        tables=("table9", "single_class", "shortcut"),
        **LEUKNET,
    ),
    Case(
        name="mixed",
        images=tuple(of_datasets({"allidb1": (9, 8), "ufg": (7, 9)})),
        options={"runs": 2, "split": "kfold"},
        finished=lambda trial: trial.row == "leuknet",
        tables=("table7", "single_class", "shortcut"),
        **LEUKNET,
    ),
    Case(
        name="nothing",
        images=tuple(of_datasets({"jtsc": (5, 0)})),
        reason="the data hold no image of pathological",
        tables=("t_test_table4", "table7", "single_class", "shortcut"),
        **LEUKNET,
    ),
)

TALEGHANI = {"paper": "taleghani_resnet50", "classes": ("benign", "early", "pre", "pro")}
_SCRATCH = ("four_blocks", "scratch_resnet50", "scratch_alertnet", "scratch_lightweight")
_LAYERS = {
    "layers": [
        ["functional (Functional)", "(None, 7, 7, 2048)", 23587712],
        ["rescaling (Rescaling)", "(None, 7, 7, 2048)", 0],
        ["flatten (Flatten)", "(None, 100352)", 0],
        ["dense_7 (Dense)", "(None, 4)", 401416],
    ],
    "trainable": 401416,
    "frozen": 23587712,
}
_SAME_LAYERS = {
    "layers": [
        ["resnet50 (Functional)", "(None, 7, 7, 2048)", 23587712],
        ["flatten (Flatten)", "(None, 100352)", 0],
        ["dropout (Dropout)", "(None, 100352)", 0],
        ["dense (Dense)", "(None, 4)", 401412],
    ],
    "trainable": 401412,
    "frozen": 23587712,
}

TALEGHANI_CASES = (
    Case(
        name="full",
        images=with_twins(
            of_datasets({"taleghani": (20, 26, 28, 24)}, groups="all", size=2),
            ("taleghani/1_0.jpg", "taleghani/1_9.jpg"),
        ),
        options={"runs": 2},
        masks=("border", "cells", "background"),
        record=COMPARABLE,
        skilled={"resnet50": 980},
        constant=("scratch_alertnet",),
        finished=lambda trial: trial.row not in ("scratch_resnet50", "scratch_lightweight"),
        kept={"layers": _SAME_LAYERS},
        **TALEGHANI,
    ),
    Case(
        name="one_run",
        images=tuple(of_datasets({"taleghani": (20, 26, 28, 24)}, groups="all", size=2)),
        record=COMPARABLE,
        finished=lambda trial: trial.row in ("majority", "colour", "resnet50", "four_blocks"),
        perfect=("resnet50",),
        constant=("four_blocks",),
        kept={"layers": _LAYERS},
        learning_rate=False,
        tables=("layers", "log", "report", "confusion", "splits"),
        **TALEGHANI,
    ),
    Case(
        name="partial",
        images=tuple(of_datasets({"taleghani": (24, 24, 24, 24)}, groups="all", size=12)),
        options={"profile": "smoke", "seed": 1},
        synthetic=True,
        finished=lambda trial: (
            trial.row in ("majority", "border", "four_blocks")
            and (trial.row, trial.split, trial.fold) != ("four_blocks", "kfold", 1)
            and not (trial.mask and trial.row == "border")
        ),
        masks=("cells",),
        lacking={"resnet50": "its published weights aren't at hand"},
        tables=("layers", "log", "report", "confusion", "splits", "masks", "assumptions"),
        **TALEGHANI,
    ),
    Case(
        name="masked",
        images=tuple(of_datasets({"taleghani": (20, 20, 20, 20)})),
        options={"mask": "background", "weights": "none"},
        finished=lambda trial: trial.row in ("majority", "scratch_resnet50", "four_blocks"),
        tables=("splits", "masks"),
        **TALEGHANI,
    ),
    Case(
        name="kfold",
        images=tuple(of_datasets({"taleghani": (20, 26, 28, 24)})),
        options={"split": "kfold", "runs": 2, "precision": "mixed_bfloat16"},
        masks=("border",),
        finished=lambda trial: trial.row in ("majority", "border", "resnet50", "four_blocks"),
        tables=("log", "report_modified", "splits", "masks"),
        **TALEGHANI,
    ),
    Case(
        name="grouped",
        images=tuple(of_datasets({"taleghani": (20, 26, 28, 24)}, groups="all", size=2)),
        options={"split": "grouped"},
        finished=lambda trial: trial.row in ("majority", "colour", "four_blocks"),
        perfect=("four_blocks",),
        tables=("report", "splits"),
        **TALEGHANI,
    ),
    Case(
        name="grouped_kfold",
        images=tuple(of_datasets({"taleghani": (20, 26, 28, 24)}, groups="all", size=2)),
        options={"split": "grouped_kfold"},
        finished=lambda trial: trial.row in ("majority", "resnet50"),
        tables=("report", "confusion", "splits"),
        **TALEGHANI,
    ),
    Case(
        name="nothing",
        images=tuple(of_datasets({"taleghani": (0, 0, 4, 0)})),
        reason="the data hold no image of benign and early and pro",
        tables=("log", "confusion", "splits", "masks"),
        **TALEGHANI,
    ),
)

ALLIDB = {"paper": "allidb_lightweight", "classes": ("healthy", "ALL")}


def _scores(*thousandths: int) -> dict[str, Any]:
    """Returns scores of masks, each a mean and a standard deviation."""
    finders = ("threshold, darkest", "threshold, least frequent", "colour, saturation 0.4")
    regions = ("nucleus", "cell")
    return {
        finder: {
            region: {
                "iou": [(first + 7 * i + 3 * j) / 1000, (first - 600) / 1000 if first > 600 else None],
                "dice": [(first + 90 + 7 * i + 3 * j) / 1000, (first - 620) / 1000 if first > 600 else None],
            }
            for j, region in enumerate(regions)
        }
        for i, (finder, first) in enumerate(zip(finders, thousandths, strict=True))
    }


_MASK_SCORES = {
    "jtsc": {"images": 300, "scores": _scores(801, 655, 740)},
    "cellavision2": {"images": 1, "scores": _scores(512, 333, 420)},
}

ALLIDB_CASES = (
    Case(
        name="full",
        images=with_twins(
            of_datasets({"allidb1": (16, 14), "allidb2": (18, 18)}, groups="some", size=2),
            ("allidb2/0_0.jpg", "allidb2/0_7.jpg"),
        ),
        options={"runs": 3},
        record=COMPARABLE,
        skilled={"lightweight": 970, "regnet": 960},
        interrupted=lambda trial: (trial.row, trial.fold) == ("regnet", 1),
        kept={"mask_scores": _MASK_SCORES},
        **ALLIDB,
    ),
    Case(
        name="one_run",
        images=tuple(of_datasets({"allidb1": (16, 14), "allidb2": (18, 18)}, groups="some", size=2)),
        record=COMPARABLE,
        finished=lambda trial: trial.row not in ("resnet50", "colour") and trial.split == "kfold",
        perfect=("lightweight",),
        kept={"mask_scores": {}},
        tables=("table1", "times", "strict", "mask_scores"),
        **ALLIDB,
    ),
    Case(
        name="partial",
        images=tuple(of_datasets({"allidb1": (9, 8), "pn_all": (0, 6), "jtsc": (8, 0)})),
        options={"profile": "smoke", "datasets": ("allidb1", "jtsc", "pn_all")},
        synthetic=True,
        finished=lambda trial: trial.row != "resnet50" and (trial.row, trial.fold) != ("regnet", 1),
        interrupted=lambda trial: trial.row == "lightweight" and trial.tested == ("allidb1",),
        lacking={"resnet50": "its published weights aren't at hand"},
        kept={"mask_scores": {"jtsc": {"missing": "8 of 8 images have no mask"}}},
        **ALLIDB,
    ),
    Case(
        name="grouped",
        images=tuple(of_datasets({"allidb1": (16, 14), "allidb2": (18, 18)}, groups="all", size=2)),
        options={"split": "grouped_kfold", "assumed": {"threshold": "none"}},
        finished=lambda trial: trial.row in ("lightweight", "majority", "cells"),
        interrupted=lambda trial: True,
        tables=("table1", "times", "strict", "confusion", "assumptions"),
        **ALLIDB,
    ),
    Case(
        name="nothing",
        images=tuple(of_datasets({"allidb1": (3, 0)})),
        reason="the data hold no image of ALL",
        tables=("table1", "times", "strict", "confusion"),
        **ALLIDB,
    ),
)

CASES = {
    case.id: case for case in (*CNMC_CASES, *ALERTNET_CASES, *LEUKNET_CASES, *TALEGHANI_CASES, *ALLIDB_CASES)
}
