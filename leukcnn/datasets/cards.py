"""Classes that describe a dataset: card, subset, layout, archive.

`cnmc`, `research_sets`, `web_sets` and `open_sets` use them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.errors import SpecError

ANY_NAME = r".+"
ANY_FOLDER = r"[^/]*"


@dataclass(frozen=True)
class Subset:
    """One subset of a dataset, as its authors publish it.

    Attributes:
        key: Short name, the value of `ImageIndex.subset`.
        title: The authors' own name.
        images: Published number of images of each class; `""` is the class of images without a label.
        subjects: Published number of subjects (patients) of each class, `""` as above; empty if unknown.
        size: Height and width in pixels of all its images, None if they vary or are unknown.
        bmp_header: Header of its BMP files in hexadecimal digits, "" where unknown. With it, a published file
            can be made again from its pixels.
    """

    key: str
    title: str
    images: Mapping[str, int]
    subjects: Mapping[str, int] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    bmp_header: str = ""

    @property
    def total(self) -> int:
        """Published number of images of the subset."""
        return sum(self.images.values())


@dataclass(frozen=True)
class LabelsFile:
    """A CSV file with the labels and subjects of a subset, where the names of its images don't hold them.

    Attributes:
        name: The authors' file name. The file may be anywhere in the dataset's folder.
        image: Column with the image's file name.
        label: Column with the label.
        subject: Column with the subject.
        subject_pattern: Regular expression with a group `subject` that finds the subject in that column. It
            may have a group `named`: a word for the class, which must fit the label.
        classes: Class of each value in the label column, next to the words of `DatasetCard.class_words`.
        other_names: Other names that copies of the dataset give the file.
    """

    name: str
    image: str
    label: str
    subject: str
    subject_pattern: str
    classes: Mapping[str, str]
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    r"""One way to arrange the images of a subset in folders.

    The patterns are regular expressions and ignore case. They may have four named groups: `folder` (a word
    for a class in the folder's name), `named` (a word for a class in the file name), `fold` and `subject`.
    `DatasetCard.class_words` gives the class of each word. The class of an image is `class_name` if that
    isn't empty, otherwise the class of its folder, otherwise the class in its file name. Without `class_name`
    a folder fits only if its word means a class.

    Attributes:
        name: What users call this layout.
        subset: Key of the subset that is arranged like this.
        folder: Matches the end of the path of the image's folder; case, spaces, hyphens and underscores
            don't matter.
        stem: Matches the published file names without their extension.
        identity: Template of the image's id, the path in the authors' archive. It is filled with the groups
            and `stem`. If empty, the id is that of the published image with the same name or, if there is
            none, the name of the folder and the file.
        example: A path, for messages.
        class_name: The class of all images in this layout, "" if there are several.
        labels_file: The file with labels and subjects, if they aren't in the names.
        any_name: Whether images with other names are accepted too.
        deepest: Greatest number of folders between the dataset's own folder and an image, None without a
            limit.
        extensions: Extensions of the images, in lower case; other files aren't images. Empty for all.
        shown_by: Matches file names by which the dataset is known in any folder that fits. Empty where only
            the name of its own folder shows the dataset: most have folders of the same classes.
        names_only: Whether only files whose names match `stem` are in this layout.
        release: What this layout's files are, where they aren't the published ones; "" otherwise.
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
    shown_by: str = ""
    names_only: bool = False
    release: str = ""

    @classmethod
    def by_class(
        cls, subset: str, words: Mapping[str, str], *, stem: str = ANY_NAME, shown_by: str = ""
    ) -> "Layout":
        """Returns the layout with one folder per class, in which images may have any name.

        Args:
            subset: Key of the subset.
            words: Class of each word, as `DatasetCard.class_words`.
            stem: Matches the published file names without their extension. An image with a published name
                gets the id of the published image.
            shown_by: See `Layout`.
        """
        return cls(
            name="a folder for each class",
            subset=subset,
            folder=r"(?P<folder>[^/]+)",
            stem=stem,
            identity="",
            example=f"{subset}/{{{','.join(dict.fromkeys(words.values()))}}}/*.{{bmp,png,jpg,jpeg,tif,tiff}}",
            any_name=True,
            deepest=1,
            shown_by=shown_by,
        )

    @classmethod
    def one_folder(cls, subset: str, class_name: str, *, stem: str = ANY_NAME) -> "Layout":
        """Returns the layout of a dataset of one class, with all images directly in its folder.

        Args:
            subset: Key of the subset.
            class_name: The class.
            stem: As for `by_class`.
        """
        return cls(
            name="one folder",
            subset=subset,
            folder=ANY_FOLDER,
            stem=stem,
            identity="",
            example=f"{subset}/*.{{bmp,png,jpg,jpeg,tif,tiff}}, all {class_name}",
            class_name=class_name,
            any_name=True,
            deepest=0,
        )


@dataclass(frozen=True)
class Archive:
    """A zip file that a dataset is published as, which anyone may download without an account.

    Attributes:
        name: File name.
        url: Its address.
        sha256: Its hexadecimal SHA-256, "" where none is published or each download makes another file,
            as on GitHub. The shipped manifest then checks the images instead.
        most_bytes: Greatest size of its unpacked files together, in bytes.
    """

    name: str
    url: str
    sha256: str = ""
    most_bytes: int = 4 * 10**9


@dataclass(frozen=True)
class DatasetCard:
    """What is known about a dataset without any of its files.

    Attributes:
        key: Key in `CATALOG`.
        name: Name in the field.
        classes: Class names; a label is a position in it.
        class_words: Word in folder or file names, as `class_words.normalised` returns it -> the class that it
            means for certain.
        subsets: The subsets, in the order of an index.
        layouts: Folder layouts that are understood. The first one that fits an image is used.
        folder_names: Possible names of the dataset's own folder below a root. "a/b" is the folder b in the
            folder a, which may hold other datasets too.
        images_are: Plural noun for the images in messages: "cells" or "smears".
        link: Where the dataset is published.
        availability: Whether and how users can get it, as far as is known.
        licence: Its licence.
        citation: The work to cite.
        how_to_get: What a user does to get it.
        remarks: What a user should know about its content.
        groups_are: Plural noun for the groups of `ImageIndex.group` in messages, e.g. "subjects".
        mask_extension: Extension of segmentation masks (white nucleus, grey cytoplasm) that are next to the
            images and have the same names. Such files are never read as images. Empty if there are none.
        masks_by_others: Whether the masks were made by others and don't come with the images.
        manifest_whole: Whether the shipped manifest lists every image under the authors' own name. If False,
            `verify` accepts images that the manifest lacks or lists under another name.
        shares_cells_with: Keys of the datasets that show the same cells, as stated by their authors or by
            the people who cropped the cells. The cards of those datasets list this one too.
        made_from: Key of the dataset that these images were made from; "" if there is none. Each image is a
            processed copy of the image with the same name there, and belongs to the same group.
        open_access: Whether anyone may download the images, free of charge and without asking.
        archives: The files that `leukcnn datasets NAME --download DIR` fetches; empty where the images need
            an account, a form or a program of their own.
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
    masks_by_others: bool = False
    manifest_whole: bool = True
    shares_cells_with: tuple[str, ...] = ()
    made_from: str = ""
    open_access: bool = False
    archives: tuple[Archive, ...] = ()

    def __post_init__(self) -> None:
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
                    f"The layout {layout.name!r} of {self.key!r} has the subset {layout.subset!r}.",
                    expected=f"one of {sorted(subsets)}",
                )

    @property
    def images(self) -> Mapping[str, int]:
        """Published number of images of each class in all subsets, `""` for those without a label."""
        return dict(sum((Counter(subset.images) for subset in self.subsets), Counter()))

    @property
    def total(self) -> int:
        """Published number of images of all subsets."""
        return sum(subset.total for subset in self.subsets)

    def subset(self, key: str) -> Subset:
        """Returns one subset.

        Raises:
            SpecError: The dataset has no subset of that name.
        """
        for subset in self.subsets:
            if subset.key == key:
                return subset
        raise SpecError(
            f"The dataset {self.key!r} has no subset {key!r}.",
            expected=f"one of {[subset.key for subset in self.subsets]}",
        )

    def lines(self) -> list[str]:
        """Returns a description of the dataset, as lines of plain text."""
        lines = [f"{self.name} ({self.key}): {self.total:,} images, classes {', '.join(self.classes)}"]
        for subset in self.subsets:
            content = ", ".join(
                f"{count:,} {name or 'unlabelled'}"
                + (f" of {subset.subjects[name]:,} subjects" if name in subset.subjects else "")
                for name, count in subset.images.items()
            )
            size = f", {subset.size[0]}x{subset.size[1]} pixels" if subset.size else ""
            lines.append(f"  {subset.title}: {content}{size}")
        if self.shares_cells_with:
            lines.append(f"  Shows the same cells as {', '.join(self.shares_cells_with)}.")
        lines += [f"  {remark}" for remark in self.remarks]
        lines += [f"Source: {self.link}", f"Availability: {self.availability}"]
        lines += [f"Licence: {self.licence}", f"Cite: {self.citation}"]
        lines += [f"How to get it: {self.how_to_get}", "Layouts that are understood:"]
        return [*lines, *self.layout_help().splitlines()]

    def to_plain(self) -> dict[str, Any]:
        """Returns the description as plain JSON values."""
        texts = ("key", "name", "link", "availability", "licence", "citation", "how_to_get", "groups_are")
        return {
            **{name: getattr(self, name) for name in texts},
            "images": self.total,
            "classes": list(self.classes),
            "subsets": [
                {
                    "key": subset.key,
                    "title": subset.title,
                    "images": dict(subset.images),
                    "subjects": dict(subset.subjects),
                }
                for subset in self.subsets
            ],
            "shows_the_cells_of": list(self.shares_cells_with),
            "remarks": list(self.remarks),
            "open_access": self.open_access,
            "downloadable": bool(self.archives),
        }

    def layout_help(self) -> str:
        """Returns the layouts that are understood, one per line, each with an example."""
        width = max(len(layout.name) for layout in self.layouts)
        return "\n".join(f"  {layout.name:<{width}}  {layout.example}" for layout in self.layouts)
