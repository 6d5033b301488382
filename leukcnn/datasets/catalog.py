"""The datasets as data: what each holds, who made it, where to get it and how its folders look.

A new dataset is a new entry of `CATALOG`: values only. `scan`, `index` and `verify` read the layouts here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leukcnn.errors import DataError, SpecError


@dataclass(frozen=True)
class Part:
    """One part of a dataset, as its makers ship it.

    Attributes:
        key: Short name, the value of `ImageIndex.part`.
        title: The makers' own name.
        pictures: Published number of pictures of each class; `""` stands for pictures without a label.
        subjects: Published number of subjects (patients) of each class, `""` as above.
        size: Height and width of the pictures in pixels, None where they vary.
    """

    key: str
    title: str
    pictures: Mapping[str, int]
    subjects: Mapping[str, int]
    size: tuple[int, int] | None = None

    @property
    def total(self) -> int:
        """Published number of pictures of the part."""
        return sum(self.pictures.values())


@dataclass(frozen=True)
class LabelsFile:
    """A CSV file that holds what the names of a part's pictures don't say.

    Attributes:
        name: File name, wherever it lies in the dataset's folder.
        picture: Column with the picture's file name.
        label: Column with the label.
        subject: Column that holds the subject.
        subject_pattern: Regular expression whose group `subject` finds the subject in that column.
        classes: Class of each value of the label's column.
    """

    name: str
    picture: str
    label: str
    subject: str
    subject_pattern: str
    classes: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    r"""One way in which the pictures of a part may lie in a folder.

    The patterns are regular expressions and blind to case. Groups have meanings: `folder` (a key of
    `DatasetCard.class_folders`), `fold`, `subject`, and `named`, the class that the file name itself claims.

    Attributes:
        name: What users call this layout.
        part: Key of the part whose pictures lie so.
        folder: Matches the end of the path of the picture's folder.
        stem: Matches the published file names without their extension.
        identity: Template of the picture's id, the path in the makers' archive, filled with the groups and
            `stem`; empty where the path doesn't tell it: then the published picture of that name does.
        example: A path, for messages.
        labels_file: Where labels and subjects stand, if not in the names.
        any_name: Whether pictures with other names are welcome too.
    """

    name: str
    part: str
    folder: str
    stem: str
    identity: str
    example: str
    labels_file: LabelsFile | None = None
    any_name: bool = False


@dataclass(frozen=True)
class DatasetCard:
    """What is known of one dataset before any file of it is seen.

    Attributes:
        key: Key in `CATALOG`.
        name: Name in the field.
        classes: Class names in the order of the networks' outputs; a label is a position in it.
        positive_class: The class that counts as positive in precision, sensitivity and F1.
        class_folders: Class of each folder name, in lower case.
        parts: The parts, in the order in which an index lists them.
        layouts: Folder layouts that are understood; the first that fits a picture holds.
        folder_names: Names under which the dataset's own folder is looked for below a root.
        pictures_are: What one picture shows, in the plural.
        link: Where the dataset is published.
        licence: Its licence.
        citation: How its makers want it cited.
        how_to_get: What a user does to get it.
        remarks: What a user should know of its content.
    """

    key: str
    name: str
    classes: tuple[str, ...]
    positive_class: str
    class_folders: Mapping[str, str]
    parts: tuple[Part, ...]
    layouts: tuple[Layout, ...]
    folder_names: tuple[str, ...]
    pictures_are: str
    link: str
    licence: str
    citation: str
    how_to_get: str
    remarks: tuple[str, ...] = field(default=())

    def __post_init__(self):
        unknown = {self.positive_class, *self.class_folders.values()} - set(self.classes)
        if unknown:
            raise SpecError(
                f"The card {self.key!r} names the classes {sorted(unknown)}.",
                expected=f"classes out of {list(self.classes)}",
            )
        parts = {part.key for part in self.parts}
        for layout in self.layouts:
            if layout.part not in parts:
                raise SpecError(
                    f"The layout {layout.name!r} of {self.key!r} fills the part {layout.part!r}.",
                    expected=f"one of {sorted(parts)}",
                )

    @property
    def total(self) -> int:
        """Published number of pictures of all parts."""
        return sum(part.total for part in self.parts)

    def part(self, key: str) -> Part:
        """Returns one part.

        Raises:
            SpecError: The dataset has no part of that name.
        """
        for part in self.parts:
            if part.key == key:
                return part
        raise SpecError(
            f"The dataset {self.key!r} has no part {key!r}.",
            expected=f"one of {[part.key for part in self.parts]}",
        )

    def lines(self) -> list[str]:
        """Returns all that a reader wants to know of the dataset, a line each."""
        lines = [f"{self.name} ({self.key}): {self.total:,} pictures, classes {', '.join(self.classes)}"]
        for part in self.parts:
            held = ", ".join(
                f"{count:,} {name or 'unlabelled'} of {part.subjects[name]:,} subjects"
                for name, count in part.pictures.items()
            )
            size = f", {part.size[0]}x{part.size[1]} pixels" if part.size else ""
            lines.append(f"  {part.title}: {held}{size}")
        lines += [f"  {remark}" for remark in self.remarks]
        lines += [f"Source: {self.link}", f"Licence: {self.licence}", f"Cite: {self.citation}"]
        lines += [f"How to get it: {self.how_to_get}", "Layouts that are understood:"]
        return [*lines, *self.layout_help().splitlines()]

    def layout_help(self) -> str:
        """Returns the layouts understood, one a line, with an example each."""
        width = max(len(layout.name) for layout in self.layouts)
        return "\n".join(f"  {layout.name:<{width}}  {layout.example}" for layout in self.layouts)


_CNMC_CELL = r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P<named>all|hem)"

CATALOG: dict[str, DatasetCard] = {
    "cnmc2019": DatasetCard(
        key="cnmc2019",
        name="C-NMC 2019",
        classes=("healthy", "malignant"),
        positive_class="malignant",
        class_folders={"hem": "healthy", "healthy": "healthy", "all": "malignant", "malignant": "malignant"},
        parts=(
            Part(
                key="training",
                title="C-NMC training data",
                pictures={"healthy": 3389, "malignant": 7272},
                subjects={"healthy": 26, "malignant": 47},
                size=(450, 450),
            ),
            Part(
                key="preliminary",
                title="C-NMC test preliminary phase data",
                pictures={"healthy": 648, "malignant": 1219},
                subjects={"healthy": 15, "malignant": 13},
                size=(450, 450),
            ),
            Part(
                key="final",
                title="C-NMC test final phase data",
                pictures={"": 2586},
                subjects={"": 17},
                size=(600, 600),
            ),
        ),
        layouts=(
            Layout(
                name="folds (archive and competition)",
                part="training",
                folder=r"fold_(?P<fold>[0-2])/(?P<folder>all|hem)",
                stem=_CNMC_CELL,
                identity="training_data/fold_{fold}/{folder}/{stem}.bmp",
                example="[C-NMC_Leukemia/training_data/]fold_0/{all,hem}/UID_1_1_1_all.bmp",
            ),
            Layout(
                name="preliminary phase",
                part="preliminary",
                folder=r"C-NMC_test_prelim_phase_data",
                stem=r"\d+",
                identity="validation_data/C-NMC_test_prelim_phase_data/{stem}.bmp",
                example="[validation_data/]C-NMC_test_prelim_phase_data/1.bmp, "
                "with C-NMC_test_prelim_phase_data_labels.csv",
                labels_file=LabelsFile(
                    name="C-NMC_test_prelim_phase_data_labels.csv",
                    picture="new_names",
                    label="labels",
                    subject="Patient_ID",
                    subject_pattern=r"UID_(?P<subject>H?\d+)_",
                    classes={"0": "healthy", "1": "malignant"},
                ),
            ),
            Layout(
                name="final phase",
                part="final",
                folder=r"C-NMC_test_final_phase_data",
                stem=r"\d+",
                identity="testing_data/C-NMC_test_final_phase_data/{stem}.bmp",
                example="[testing_data/]C-NMC_test_final_phase_data/1.bmp",
            ),
            Layout(
                name="plain",
                part="training",
                folder=r"(?P<folder>all|hem|malignant|healthy)",
                stem=_CNMC_CELL,
                identity="",
                example="{all,hem} or {malignant,healthy}/*.{bmp,png,jpg,tif}",
                any_name=True,
            ),
        ),
        folder_names=("cnmc2019", "C-NMC_Leukemia"),
        pictures_are="cells",
        link="https://doi.org/10.7937/tcia.2019.dc64i46r",
        licence="CC BY 3.0",
        citation=(
            "Mourya, S., Kant, S., Kumar, P., Gupta, A., & Gupta, R. (2019). ALL Challenge dataset of ISBI "
            "2019 (C-NMC 2019) (Version 1) [Data set]. The Cancer Imaging Archive. "
            "https://doi.org/10.7937/tcia.2019.dc64i46r"
        ),
        how_to_get=(
            "download the collection 'C-NMC 2019' from The Cancer Imaging Archive "
            "(https://doi.org/10.7937/tcia.2019.dc64i46r, free of charge), unpack its zip files and pass "
            "their folder, or the one above it, as --data"
        ),
        remarks=(
            "Cells cut out of stain-normalised smears, 24-bit BMP, on black; the names tell the subjects.",
            "The training data hold 104 byte-identical pairs, 99 of them across subjects, 94 across folds.",
            "The final phase has no published labels.",
        ),
    ),
}


def card(name: str) -> DatasetCard:
    """Returns the card of a dataset.

    Args:
        name: Key in `CATALOG`, e.g. "cnmc2019".

    Raises:
        DataError: No dataset bears that name.
    """
    if name not in CATALOG:
        raise DataError(
            f"No dataset is called {name!r}.",
            expected=f"one of {', '.join(sorted(CATALOG))}",
            remedy="list the datasets with 'leukcnn datasets'",
        )
    return CATALOG[name]
