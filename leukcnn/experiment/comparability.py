"""Reasons why a run's results can't be compared with the paper's.

Reasons apply to the whole run (profile, assumptions, weights ...) or to its images, tested and trained on. If
a split keeps datasets apart, each tested dataset has its own reasons of the second kind.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from leukcnn import spec
from leukcnn.datasets import CATALOG, Genuine, ImageIndex, card, genuineness
from leukcnn.experiment.study import Study
from leukcnn.models.published import holds_base_alone, is_published, needs_published_top, starts_from
from leukcnn.records import PlannedTrial


def publishes_values(paper: spec.Paper) -> bool:
    """Returns whether a paper has something to compare with: not if all images are the user's own.

    A paper of the user's own folders may print values nevertheless.
    """
    own = {folder.key for folder in paper.folders}
    return not {*paper.datasets} <= own or paper.prints_values


def why_not_comparable(study: Study, index: ImageIndex) -> str:
    """Returns why no result can be compared with the paper's, all reasons in one text; "" if some can.

    If a split keeps datasets apart, reasons on the images are left to `why_not_by_dataset`.
    """
    apart = _keeps_datasets_apart(study) and not index.synthetic
    images = () if apart else _on_images(study, index, published_images(study, index))
    others = (reason for find in _REASONS for reason in find(study))
    return _text([study.profile.not_comparable, *_open_data(study, index), *images, *others])


def why_not_by_dataset(
    study: Study,
    index: ImageIndex,
    trials: Sequence[PlannedTrial],
    related: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, str]]:
    """Returns why the results on each tested dataset can't be compared with the paper's.

    In k-fold cross-validation of a dataset by itself, only its own images matter. If a dataset is left out,
    those of the datasets that the paper trains on matter too, whether they are here or not.

    Args:
        study: The study.
        index: The images.
        trials: The planned trials.
        related: Dataset -> datasets that share images or cells with it, on which strict splits don't train.

    Returns:
        Kind of split -> tested dataset -> all reasons in one text, "" if there are none. Datasets that are
        cross-validated together are one, joined by "+"; "" is all datasets together. Empty if the images are
        synthetic or no split keeps datasets apart.
    """
    if index.synthetic or not _keeps_datasets_apart(study):
        return {}
    counted = published_images(study, index)
    together = _text(_on_images(study, index, counted))
    found = {kind: {"": together} for kind in sorted(study.split_kinds)}
    for trial in trials:
        if trial.split in spec.LODOCV_KINDS:
            for name in trial.tested:
                relatives = {*related.get(name, ()), *card(name).shares_cells_with}
                without = relatives if trial.split != "lodocv" else set()
                found[trial.split][name] = _text(_on_left_out(study, index, counted, name, without=without))
        elif trial.tested:
            found[trial.split]["+".join(trial.tested)] = _text(_on_task(study, counted, trial))
    return found


def published_images(study: Study, index: ImageIndex) -> dict[str, Genuine]:
    """Returns how many images of each dataset, of the paper or here, are the published ones.

    They are those of the paper's classes in each dataset's first subset. There are none of synthetic images.
    """
    if index.synthetic:
        return {}
    names = dict.fromkeys((*study.paper.datasets, *np.unique(index.dataset).tolist()))
    class_of = study.paper.class_of
    return {name: genuineness(card(name), index, class_of=class_of) for name in names if name in CATALOG}


def _text(reasons: Iterable[str]) -> str:
    return "; ".join(reason for reason in reasons if reason)


def _open_data(study: Study, index: ImageIndex) -> Iterable[str]:
    if study.open_data:
        yield f"open datasets, not the paper's: {', '.join(np.unique(index.dataset).tolist())}"


def _keeps_datasets_apart(study: Study) -> bool:
    """Returns whether a kind of split tests datasets separately."""
    by_itself = any(row.setup.split.per_dataset for row in study.rows)
    kinds = {*spec.LODOCV_KINDS, *(spec.KFOLD_KINDS if by_itself else ())}
    return not kinds.isdisjoint(study.split_kinds)


def _on_images(study: Study, index: ImageIndex, counted: Mapping[str, Genuine]) -> Iterable[str]:
    """Yields how the images differ from those that the paper trains and tests on."""
    if index.synthetic:
        yield "synthetic data"
    else:
        yield from _numbers(_sum(counted, study.paper.datasets), "it uses", "published images")
        yield from _not_in_the_paper(study, np.unique(index.dataset).tolist())
    absent = set(index.class_names) - {index.class_names[label] for label in index.labels if label >= 0}
    if absent:
        yield f"no image of {' and '.join(sorted(absent))}"


def _on_task(study: Study, counted: Mapping[str, Genuine], trial: PlannedTrial) -> Iterable[str]:
    """Yields how the images of datasets that are cross-validated together differ from the paper's."""
    separate, tested = study.row(trial.row).setup.split.per_dataset, trial.tested
    if not {*tested} <= {*separate}:
        # They are all datasets but those that are cross-validated separately.
        tested = tuple(name for name in study.paper.datasets if name not in separate)
    yield from _numbers(_sum(counted, tested), "it uses", "published images")
    yield from _not_in_the_paper(study, trial.tested)


def _on_left_out(
    study: Study, index: ImageIndex, counted: Mapping[str, Genuine], tested: str, *, without: set[str]
) -> Iterable[str]:
    """Yields how the images of a dataset that is left out, and those trained on, differ from the paper's.

    `without` are other datasets that aren't trained on.
    """
    without = {tested, *without}
    trained = [name for name in study.paper.datasets if name not in without]
    yield from _numbers(_sum(counted, [tested]), "it uses", "published images")
    yield from _numbers(_sum(counted, trained), "it trains on", "published images of other datasets")
    yield from _not_in_the_paper(study, {tested} | {*np.unique(index.dataset).tolist()} - without)


def _numbers(images: Genuine, verb: str, what: str) -> Iterable[str]:
    if images.here != images.published:
        yield f"{verb} {images.here:,} of {images.published:,} {what}"
    yield images.not_counted


def _sum(counted: Mapping[str, Genuine], names: Iterable[str]) -> Genuine:
    # Nobody published how many images a folder of the user's own has.
    return sum((counted[name] for name in names if name in counted), Genuine(0))


def _not_in_the_paper(study: Study, names: Iterable[str]) -> Iterable[str]:
    others = sorted(set(names) - set(study.paper.datasets))
    if others and not study.open_data:
        yield f"datasets that the paper doesn't use: {', '.join(others)}"


def _split(study: Study) -> Iterable[str]:
    if study.rows[0].setup.split.kind != study.paper.rows[0].setup.split.kind:
        yield "another split than the paper's"


def _mask(study: Study) -> Iterable[str]:
    if mask := study.changes.get("preprocessing.mask"):
        yield f"images with their {mask} blanked"


def _assumptions(study: Study) -> Iterable[str]:
    if study.assumed:
        yield f"other assumptions: {', '.join(sorted(study.assumed))}"


def _weights(study: Study) -> Iterable[str]:
    started = {starts_from(m) for m in _networks(study) if "weights" in m.arguments or starts_from(m)}
    published = {starts_from(m) for row in study.trained for m in study.paper.row(row).setup.models}
    if None in started and "imagenet" in published:
        yield "fine-tuned networks start from random weights"
    elif not all(is_published(place) for place in started if place is not None and place != "imagenet"):
        yield "fine-tuned networks start from weights of the user's own"


def _dense_layers(study: Study) -> Iterable[str]:
    whole = [model for model in _networks(study) if needs_published_top(model)]
    if any(holds_base_alone(str(starts_from(model))) for model in whole):
        yield "dense layers that should be the published ones start from random weights"


def _precision(study: Study) -> Iterable[str]:
    precision = study.changes.get("training.precision", "float32")
    if precision != "float32":
        yield f"precision {precision}"


def _networks(study: Study) -> list[spec.Model]:
    return [model for row in study.rows if row.wanted for model in row.setup.models]


# In the order of the message.
_REASONS = (_split, _mask, _assumptions, _weights, _dense_layers, _precision)
