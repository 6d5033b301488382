"""The forms in which datasets are described: card, part, layout. The values stand in the modules beside."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from leukcnn.errors import SpecError

ANY_NAME = r".+"

_CLASS_WORDS = {
    "healthy": "healthy",
    "hbs": "healthy",
    "normal": "healthy",
    "all": "ALL",
    "aml": "AML",
    "other": "other",
    "pathological": "pathological",
    "leukaemia": "pathological",
    "leukemia": "pathological",
}


@dataclass(frozen=True)
class Subset:
    """One part of a dataset, as its authors ship it.

    Attributes:
        key: Short name, the value of `ImageIndex.subset`.
        title: The authors' own name.
        images: Published number of images of each class; `""` stands for images without a label.
        subjects: Published number of subjects (patients) of each class, `""` as above; empty where unknown.
        size: Height and width of the images in pixels, None where they vary or are unknown.
    """

    key: str
    title: str
    images: Mapping[str, int]
    subjects: Mapping[str, int] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    @property
    def total(self) -> int:
        """Published number of images of the part."""
        return sum(self.images.values())


@dataclass(frozen=True)
class LabelsFile:
    """A CSV file that holds what the names of a part's images don't say.

    Attributes:
        name: File name, wherever it lies in the dataset's folder.
        image: Column with the image's file name.
        label: Column with the label.
        subject: Column that holds the subject.
        subject_pattern: Regular expression whose group `subject` finds the subject in that column.
        classes: Class of each value of the label's column.
    """

    name: str
    image: str
    label: str
    subject: str
    subject_pattern: str
    classes: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    r"""One way in which the images of a part may lie in a folder.

    The patterns are regular expressions and blind to case. Groups have meanings: `folder` and `named` are
    words of `DatasetCard.class_words`, the class of the folder and the one that the file name itself claims;
    `fold`; `subject`. An image has the class of the layout, else that of its folder, else that of its name.

    Attributes:
        name: What users call this layout.
        subset: Key of the part whose images lie so.
        folder: Matches the end of the path of the image's folder.
        stem: Matches the published file names without their extension.
        identity: Template of the image's id, the path in the authors' archive, filled with the groups and
            `stem`; empty where the path doesn't tell it: then the published image of that name does.
        example: A path, for messages.
        class_name: The class of all images that lie so, "" where there are several.
        labels_file: Where labels and subjects stand, if not in the names.
        any_name: Whether images with other names are welcome too.
        deepest: How many folders below the dataset's own the images may lie, None without a limit.
        extensions: Extensions of the images, in lower case; files with others are none. Empty for all.
    """

    name: str
    subset: str
    folder: str
    stem: str
    identity: str
    example: str
    class_name: str = ""
    labels_file: LabelsFile | None = None
    any_name: bool = False
    deepest: int | None = None
    extensions: tuple[str, ...] = ()

    @classmethod
    def by_class(cls, subset: str, words: Mapping[str, str], *, stem: str = ANY_NAME) -> "Layout":
        """Returns the layout with one folder a class, whose images may bear any name.

        Args:
            subset: Key of the part.
            words: Class of each folder name, in lower case.
            stem: Matches the published file names; by them an image's id is found again.
        """
        return cls(
            name="a folder for each class",
            subset=subset,
            folder=f"(?P<folder>{'|'.join(words)})",
            stem=stem,
            identity="",
            example=f"{subset}/{{{','.join(words)}}}/*.{{bmp,png,jpg,jpeg,tif,tiff}}",
            any_name=True,
            deepest=1,
        )

    @classmethod
    def one_folder(cls, subset: str, class_name: str, *, stem: str = ANY_NAME) -> "Layout":
        """Returns the layout of a dataset of one class, whose images lie in its own folder.

        Args:
            subset: Key of the part.
            class_name: The class.
            stem: As for `by_class`.
        """
        return cls(
            name="one folder",
            subset=subset,
            folder=r"[^/]*",
            stem=stem,
            identity="",
            example=f"{subset}/*.{{bmp,png,jpg,jpeg,tif,tiff}}, all {class_name}",
            class_name=class_name,
            any_name=True,
            deepest=0,
        )


@dataclass(frozen=True)
class DatasetCard:
    """What is known of one dataset before any file of it is seen.

    Attributes:
        key: Key in `CATALOG`.
        name: Name in the field.
        classes: Class names; a label is a position in it.
        class_words: Class of each word by which folders or file names name it, in lower case.
        subsets: The parts, in the order in which an index lists them.
        layouts: Folder layouts that are understood; the first that fits an image holds.
        folder_names: Names under which the dataset's own folder is looked for below a root; "a/b" is the
            folder b in a folder a that other datasets share.
        images_are: What one image shows, in the plural.
        link: Where the dataset is published.
        availability: Whether and how it can be had, as far as it is known.
        licence: Its licence.
        citation: How its authors want it cited.
        how_to_get: What a user does to get it.
        remarks: What a user should know of its content.
        groups_are: What `ImageIndex.group` stands for, in the plural.
        mask_extension: Extension of the segmentation masks that lie beside the images and bear their
            names; they are never taken for images. Empty where there are none.
        manifest_whole: Whether a manifest that is shipped lists every image under the authors' own name.
            Where it doesn't, an image that it lacks, or knows under another name, is no fault.
        shares_cells_with: Keys of the datasets that show the same cells, by declaration of their authors or
            of those who cut them out; each of them names this one, too.
        made_from: Key of the dataset from whose images these were made, one from each, under the same
            name; an image has the group of that one. Empty where there is none.
    """

    key: str
    name: str
    classes: tuple[str, ...]
    class_words: Mapping[str, str]
    subsets: tuple[Subset, ...]
    layouts: tuple[Layout, ...]
    folder_names: tuple[str, ...]
    images_are: str
    link: str
    availability: str
    licence: str
    citation: str
    how_to_get: str
    remarks: tuple[str, ...] = field(default=())
    groups_are: str = "subjects"
    mask_extension: str = ""
    manifest_whole: bool = True
    shares_cells_with: tuple[str, ...] = ()
    made_from: str = ""

    def __post_init__(self):
        named = [*self.class_words.values(), *(name for subset in self.subsets for name in subset.images)]
        unknown = {*named, *(layout.class_name for layout in self.layouts)} - {*self.classes, ""}
        if unknown:
            raise SpecError(
                f"The card {self.key!r} names the classes {sorted(unknown)}.",
                expected=f"classes out of {list(self.classes)}",
            )
        subsets = {subset.key for subset in self.subsets}
        for layout in self.layouts:
            if layout.subset not in subsets:
                raise SpecError(
                    f"The layout {layout.name!r} of {self.key!r} fills the part {layout.subset!r}.",
                    expected=f"one of {sorted(subsets)}",
                )

    @property
    def images(self) -> Mapping[str, int]:
        """Published number of images of each class in all parts; `""` stands for those without a label."""
        return dict(sum((Counter(subset.images) for subset in self.subsets), Counter()))

    @property
    def total(self) -> int:
        """Published number of images of all parts."""
        return sum(subset.total for subset in self.subsets)

    def subset(self, key: str) -> Subset:
        """Returns one part.

        Raises:
            SpecError: The dataset has no part of that name.
        """
        for subset in self.subsets:
            if subset.key == key:
                return subset
        raise SpecError(
            f"The dataset {self.key!r} has no part {key!r}.",
            expected=f"one of {[subset.key for subset in self.subsets]}",
        )

    def lines(self) -> list[str]:
        """Returns all that a reader wants to know of the dataset, a line each."""
        lines = [f"{self.name} ({self.key}): {self.total:,} images, classes {', '.join(self.classes)}"]
        for subset in self.subsets:
            held = ", ".join(
                f"{count:,} {name or 'unlabelled'}"
                + (f" of {subset.subjects[name]:,} subjects" if name in subset.subjects else "")
                for name, count in subset.images.items()
            )
            size = f", {subset.size[0]}x{subset.size[1]} pixels" if subset.size else ""
            lines.append(f"  {subset.title}: {held}{size}")
        if self.shares_cells_with:
            lines.append(f"  Shows the same cells as {', '.join(self.shares_cells_with)}.")
        lines += [f"  {remark}" for remark in self.remarks]
        lines += [f"Source: {self.link}", f"Availability: {self.availability}"]
        lines += [f"Licence: {self.licence}", f"Cite: {self.citation}"]
        lines += [f"How to get it: {self.how_to_get}", "Layouts that are understood:"]
        return [*lines, *self.layout_help().splitlines()]

    def layout_help(self) -> str:
        """Returns the layouts understood, one a line, with an example each."""
        width = max(len(layout.name) for layout in self.layouts)
        return "\n".join(f"  {layout.name:<{width}}  {layout.example}" for layout in self.layouts)


def class_words(*classes: str) -> dict[str, str]:
    """Returns the words by which the field names classes of blood smears.

    Args:
        *classes: Some of "healthy", "ALL", "AML", "other" and "pathological", which stands for leukaemia of a
            type that isn't stated.

    Returns:
        The class of each word, the words in lower case.
    """
    return {word: name for word, name in _CLASS_WORDS.items() if name in classes}
