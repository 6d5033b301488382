"""A network that is trained already."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leukcnn.spec.checks import check_types, require, require_once


@dataclass(frozen=True)
class Trained:
    """A network that is trained already and is applied to the tested images, with its own preprocessing.

    Attributes:
        file: Path of a network that leukcnn saved, such as a trial's model.keras.
        classes: Class of the network -> class of the paper, where their names differ.
    """

    file: str
    classes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        require(bool(self.file), "Trained: file is empty.", "the path of a saved network")
        require_once("Trained", "classes", self.classes.values())
