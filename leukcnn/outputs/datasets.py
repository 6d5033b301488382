"""The table of the datasets: their image counts in the catalogue, in the paper and in this run's data.

For a paper that prints none, it shows what the folders hold: images, groups, sizes and formats of each class.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.datasets.headers import counted
from leukcnn.datasets.read import image_header
from leukcnn.datasets.walk import read_files
from leukcnn.outputs.kind import DATA, Capture, Kept, Material, TableKind
from leukcnn.outputs.titles import make_table
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results

_TOTAL = "Total"
_STATES = (
    "State here: 'verified': all published images of the paper's classes are here by SHA-256, and no others; "
    "'unverified': no manifest lists some of the images here; 'different': published images are missing, or "
    "some have another content or are copies."
)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns each dataset's published counts and those found here, and whether the printed ones agree.

    A row of `table.reference` holds the key of a dataset and its printed counts: images of each class of the
    paper, images of other classes if the paper counts them, and all images. A row that begins with "Total"
    holds the printed sums; they are compared with the catalogue's sums and the sums of the printed rows.
    """
    if not table.reference:
        return _what_is_here(table, results, kept)
    classes, here = results.paper.classes, results.record.datasets
    printed = {key: list(counts) for key, *counts in table.reference}
    printed_sums = printed.pop(_TOTAL, None)
    with_other = len(next(iter(printed.values()))) > len(classes) + 1
    catalogued = {key: _catalogued(results.paper, key, with_other=with_other) for key in printed}
    found = {key: _found(here.get(key, {}), classes) for key in (*printed, *here)}
    rows: list[tuple[Cell, ...]] = []
    for key, counts in printed.items():
        rows.append((card(key).name, *catalogued[key], *found[key], _agreement(catalogued[key], counts)))
    sums, found_sums, added = (
        np.sum([counts[key] for key in printed], axis=0).tolist() for counts in (catalogued, found, printed)
    )
    agrees = _agreement(sums, printed_sums) if printed_sums else ""
    if printed_sums and added != printed_sums:
        agrees += f"; the printed rows add up to {' / '.join(map(str, added))}"
    rows.append((_TOTAL, *sums, *found_sums, agrees))
    others = [key for key in here if key not in results.paper.datasets]
    for key in others:
        rows.append((card(key).name, *[None] * len(sums), *found[key], "not in the paper"))
    keys = (*printed, _TOTAL, *others)
    states = {key: images.state for key, images in results.record.published_images.items()}
    titles = (*classes, *(["Other"] if with_other else []), _TOTAL)
    titles += tuple(f"{name} here" for name in (*classes, _TOTAL))
    columns: tuple[Column | str, ...] = (
        "Dataset",
        *(Column(title, "integer") for title in titles),
        "As printed",
        *(["State here"] if states else []),
    )
    if states:
        rows = [(*row, states.get(key, "")) for row, key in zip(rows, keys, strict=True)]
    used, present = sum(sums[: len(classes)]), [key for key in printed if found[key][-1]]
    notes = (
        f"Of the {sums[-1]:,} published images, the paper uses the {used:,} of its classes "
        f"({', '.join(classes)}). Here are {found_sums[-1]:,} images in {len(present)} of the {len(printed)} "
        "datasets.",
        "Counts without 'here' are the published ones, from the catalogue; 'here': found in the data of this "
        "run. `leukcnn datasets` says where to get each dataset.",
    )
    every_note = (*notes, *([_STATES] if states else []))
    return make_table(results, table, columns, rows, notes=every_note, measured=False)


def _found(images: Mapping[str, int], classes: Sequence[str]) -> list[int]:
    """Returns the number of images of each class in this run's data, then that of all of them."""
    of_classes = [images.get(name, 0) for name in classes]
    return [*of_classes, sum(of_classes)]


def _agreement(catalogued: Sequence[int], printed: Sequence[int]) -> str:
    return "yes" if catalogued == printed else f"no, printed {' / '.join(map(str, printed))}"


def _catalogued(paper: spec.Paper, key: str, *, with_other: bool) -> list[int]:
    """Returns a dataset's published image counts: each class of the paper, others if wanted, all."""
    images = card(key).subsets[0].images
    used = [sum(n for name, n in images.items() if paper.class_of.get(name) == of) for of in paper.classes]
    every = sum(images.values())
    return [*used, *([every - sum(used)] if with_other else []), every]


def _capture(table: spec.Table, material: Material) -> Iterator[Capture]:
    """Keeps what the folders hold, for a table without printed counts."""
    if not table.reference:
        yield Capture(table.id, material.key("contents"), lambda: {"lines": _contents(material.index)})


def _contents(index: ImageIndex) -> list[dict[str, Any]]:
    """Returns dataset, class, and the numbers of images, groups, sizes and formats of each class here."""
    headers = read_files(image_header, [*index.paths])
    sizes = [f"{header.width}x{header.height}" for header in headers]
    formats = [f"{header.format}, {header.channels * header.bits} bits" for header in headers]
    lines = []
    for dataset in dict.fromkeys(index.dataset.tolist()):
        for label, name in enumerate(index.class_names):
            rows = np.flatnonzero((index.dataset == dataset) & (index.labels == label)).tolist()
            groups = {str(index.group[row]) for row in rows}
            lines.append(
                {
                    "dataset": dataset,
                    "class": name,
                    "images": len(rows),
                    "groups": None if "" in groups else len(groups),
                    "sizes": Counter(sizes[row] for row in rows),
                    "formats": Counter(formats[row] for row in rows),
                }
            )
    return lines


def _what_is_here(table: spec.Table, results: Results, kept: Kept) -> Table:
    lines = kept.get(table.id, {}).get("lines", [])
    several = len({line["dataset"] for line in lines}) > 1
    columns: tuple[Column | str, ...] = (
        *(("Dataset",) if several else ()),
        *("Class", Column("Images", "integer"), Column("Groups", "integer"), "Pixels", "Format"),
    )
    rows: list[Sequence[Cell]] = [
        (
            *((card(line["dataset"]).name,) if several else ()),
            *(line["class"], line["images"], line["groups"]),
            *(_most_common(line["sizes"], "sizes"), _most_common(line["formats"], "formats")),
        )
        for line in lines
        if line["images"]
    ]
    notes = ("Groups: patients, slides or other units whose images are kept together; empty if unknown.",)
    return make_table(results, table, columns, rows, notes=notes, measured=False)


def _most_common(counts: Mapping[str, int], what: str) -> str:
    """Returns the most common of some values, and how many others there are."""
    first = min(counts, key=lambda name: (-counts[name], name))
    if len(counts) == 1:
        return first
    return f"{first} ({counted(counts[first], 'images')}), {len(counts):,} {what}"


KIND = TableKind(build=build, needs=DATA, capture=_capture)
