"""The catalog of datasets: what each holds, who published it, where to get it and how its folders look.

To add a dataset, write a card in `open_sets`, `research_sets`, `web_sets` or a module of its own and list it
here. `claims` and `scan` read the layouts of the cards.
"""

from collections.abc import Collection, Iterable

from leukcnn.argument_types import require_type
from leukcnn.datasets import cnmc, open_sets, research_sets, taleghani, web_sets
from leukcnn.datasets.cards import Archive, DatasetCard, LabelsFile, Layout, Subset
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean

__all__ = [
    "CATALOG",
    "Archive",
    "DatasetCard",
    "LabelsFile",
    "Layout",
    "Subset",
    "card",
    "in_order",
    "open_datasets",
    "register",
]

CATALOG: dict[str, DatasetCard] = {
    "cnmc2019": cnmc.CNMC2019,
    "taleghani": taleghani.TALEGHANI,
    "taleghani_segmented": taleghani.TALEGHANI_SEGMENTED,
    # Sixteen datasets in the order of Table II of the Alert Net paper.
    "allidb1": research_sets.ALLIDB1,
    "allidb1_crop": research_sets.ALLIDB1_CROP,
    "allidb2": research_sets.ALLIDB2,
    "leukocytes": research_sets.LEUKOCYTES,
    "cellavision": web_sets.CELLAVISION,
    "atlas": web_sets.ATLAS,
    "omid2014": research_sets.OMID2014,
    "omid2015": research_sets.OMID2015,
    "ash": web_sets.ASH,
    "bloodline": web_sets.BLOODLINE,
    "onkodin": web_sets.ONKODIN,
    "cellavision2": web_sets.CELLAVISION2,
    "jtsc": research_sets.JTSC,
    "ufg": research_sets.UFG,
    "pn_all": research_sets.PN_ALL,
    "leukemia_images": web_sets.LEUKEMIA_IMAGES,
    # Two more datasets of Table II of the LeukNet paper.
    "midb": web_sets.MIDB,
    "lisc": research_sets.LISC,
    # Open datasets that no paper uses.
    "aml_lmu": open_sets.AML_LMU,
    "pbc": open_sets.PBC,
}


_own: dict[str, DatasetCard] = {}


def register(dataset: DatasetCard) -> None:
    """Makes the card of a user's own dataset known to `card`; `CATALOG` keeps the published ones.

    Args:
        dataset: The card. It replaces an earlier one of the same key.

    Raises:
        DataError: The key is that of a published dataset.
    """
    if dataset.key in CATALOG:
        raise DataError(
            f"The catalog has a dataset {dataset.key!r}.", expected="another key for a dataset of your own"
        )
    _own[dataset.key] = dataset


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Returns keys of datasets in the order of an index: the catalog's, then others as they come."""
    given = dict.fromkeys(names)
    return (*(key for key in CATALOG if key in given), *(key for key in given if key not in CATALOG))


def card(name: str) -> DatasetCard:
    """Returns the card of a dataset.

    Args:
        name: Key in `CATALOG`, e.g. "cnmc2019", or of a registered dataset of a user's own.

    Raises:
        ArgumentError: The name isn't a string.
        DataError: There is no dataset of that name.
    """
    require_type(str, "a dataset's key", name=name)
    if name in _own:
        return _own[name]
    if name not in CATALOG:
        raise DataError(
            f"No dataset is called {name!r}.",
            expected=f"one of {', '.join(sorted(CATALOG))}",
            remedy=did_you_mean(name, CATALOG) or "list the datasets with 'leukcnn datasets'",
        )
    return CATALOG[name]


def open_datasets(classes: Collection[str] | None = None) -> tuple[str, ...]:
    """Returns the keys of the datasets that anyone may download, without those made from another of them.

    Args:
        classes: Only datasets with images of one of these classes; None for all.
    """
    keys = (key for key, one in CATALOG.items() if one.open_access and not one.made_from)
    return tuple(key for key in keys if classes is None or not set(classes).isdisjoint(CATALOG[key].classes))
