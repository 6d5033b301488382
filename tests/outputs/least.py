"""Minimal tables and figures of each kind."""

from leukcnn import spec
from leukcnn.spec.kinds import FIGURES, TABLES

_VALUES = {
    "rows": ("one", "two"),
    "dataset": "allidb1",
    "variants": (("turned", {"theta": 90}),),
    "networks": (("VGG16", "VGG16"),),
}


def least(kind: str, registry=None, **changes):
    """Returns a table or figure of a kind with the fields that it requires and no others."""
    of_table = kind in TABLES if registry is None else registry is TABLES
    required = (TABLES if of_table else FIGURES)[kind].requires
    values = {name: _VALUES[name] for name in required if name in _VALUES}
    if "columns" in required:
        n = {"counts": 5, "networks": 4}.get(kind, 3)
        values["columns"] = tuple(f"Column {i}" for i in range(n))
    if "reference" in required:
        n = {"counts": 4, "datasets": 3, "networks": 3}.get(kind, 2)
        first = {"datasets": ("cnmc2019",), "networks": ("VGG16",)}.get(kind, ("Training",))
        values["reference"] = ((*first, *range(n)),) * {"counts": 3}.get(kind, 1)
    return (spec.Table if of_table else spec.Figure)("item", "t", kind, **(values | changes))
