"""Reasons why a run's results can't be compared with the paper's, one function each."""

from collections.abc import Iterable

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.datasets.manifest import manifest
from leukcnn.experiment.study import Study
from leukcnn.models.published import holds_base_alone, is_published, needs_published_top, starts_from


def why_not_comparable(study: Study, index: ImageIndex) -> str:
    """Returns why the results can't be compared with the paper's, all reasons in one text; "" if they can."""
    return "; ".join(reason for find in _REASONS for reason in find(study, index) if reason)


def _profile(study: Study, index: ImageIndex) -> Iterable[str]:
    yield study.profile.not_comparable


def _images(study: Study, index: ImageIndex) -> Iterable[str]:
    """Yields how the images differ from those that the paper trains and tests on."""
    if index.synthetic:
        yield "synthetic data"
        return
    published, here, unknown = np.sum([_count(study, index, name) for name in study.paper.datasets], axis=0)
    if here != published:
        yield f"it uses {here:,} of {published:,} published images"
    if unknown:
        yield f"{unknown:,} images are not among the published files"


def _count(study: Study, index: ImageIndex, name: str) -> tuple[int, int, int]:
    """Counts a dataset's images: all published ones, those of them in the data, and others in the data."""
    used, classes = card(name).subsets[0], study.paper.class_of
    published = sum(n for class_name, n in used.images.items() if not classes or class_name in classes)
    digests = {entry.sha256 for entry in manifest(name).values()}
    rows = (index.dataset == name) & (index.subset == used.key) & (index.labels >= 0)
    listed = digests and card(name).manifest_whole
    genuine = np.isin(index.sha256[rows], list(digests)) if listed else np.ones(rows.sum(), dtype=bool)
    return published, int(genuine.sum()), int((~genuine).sum())


def _other_datasets(study: Study, index: ImageIndex) -> Iterable[str]:
    here = set(np.unique(index.dataset).tolist())
    if study.open_data:
        yield f"open datasets, not the paper's: {', '.join(sorted(here))}"
        return
    others = sorted(here - set(study.paper.datasets))
    if others and not index.synthetic:
        yield f"datasets that the paper doesn't use: {', '.join(others)}"


def _absent_classes(study: Study, index: ImageIndex) -> Iterable[str]:
    absent = set(index.class_names) - {index.class_names[label] for label in index.labels if label >= 0}
    if absent:
        yield f"no image of {' and '.join(sorted(absent))}"


def _split(study: Study, index: ImageIndex) -> Iterable[str]:
    if study.rows[0].setup.split.kind != study.paper.rows[0].setup.split.kind:
        yield "another split than the paper's"


def _mask(study: Study, index: ImageIndex) -> Iterable[str]:
    if mask := study.changes.get("preprocessing.mask"):
        yield f"images with their {mask} blanked"


def _assumptions(study: Study, index: ImageIndex) -> Iterable[str]:
    if study.assumed:
        yield f"other assumptions: {', '.join(sorted(study.assumed))}"


def _weights(study: Study, index: ImageIndex) -> Iterable[str]:
    started = {starts_from(m) for m in _networks(study) if "weights" in m.arguments or starts_from(m)}
    published = {starts_from(m) for row in study.trained for m in study.paper.row(row).setup.models}
    if None in started and "imagenet" in published:
        yield "fine-tuned networks start from random weights"
    elif not all(is_published(place) for place in started if place is not None and place != "imagenet"):
        yield "fine-tuned networks start from weights of the user's own"


def _dense_layers(study: Study, index: ImageIndex) -> Iterable[str]:
    whole = [model for model in _networks(study) if needs_published_top(model)]
    if any(holds_base_alone(str(starts_from(model))) for model in whole):
        yield "dense layers that should be the published ones start from random weights"


def _precision(study: Study, index: ImageIndex) -> Iterable[str]:
    precision = study.changes.get("training.precision", "float32")
    if precision != "float32":
        yield f"precision {precision}"


def _networks(study: Study) -> list[spec.Model]:
    return [model for row in study.rows if row.wanted for model in row.setup.models]


# In the order of the message.
_REASONS = (
    _profile,
    _images,
    _other_datasets,
    _absent_classes,
    _split,
    _mask,
    _assumptions,
    _weights,
    _dense_layers,
    _precision,
)
