"""How training images are augmented."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec.checks import check_types, require, require_count, require_known


@dataclass(frozen=True)
class Augmentation:
    """How training images are augmented.

    Attributes:
        arguments: Arguments of `leukcnn.augmentation.ImageAugmenter`, such as `{"rotation_range": 40}`.
        train_per_class: Number of training images of each class, such as 10_000: augmented images are added
            to the original ones until it is reached. None adds none.
        validation_per_class: The same for the validation images.
        variants_per_image: Number of augmented images that replace each training image, such as 20; None
            keeps the original. Not allowed together with `train_per_class`.
        variants: "once" augments each new image once, so that it is the same in every epoch; "fresh" augments
            it again in every epoch.
        computed_on: "host" augments images with OpenCV before they are sent to the device; "device" does it
            with `keras.ops` in the training step. A result differs by at most one grey level.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    train_per_class: int | None = None
    validation_per_class: int | None = None
    variants_per_image: int | None = None
    variants: str = "once"
    computed_on: str = "host"

    def __post_init__(self) -> None:
        check_types(self)
        require_known("Augmentation", "variants", self.variants, VARIANTS)
        require_known("Augmentation", "computed_on", self.computed_on, COMPUTED_ON)
        for name in ("train_per_class", "validation_per_class", "variants_per_image"):
            require_count(name, getattr(self, name))
        require(
            None in (self.train_per_class, self.variants_per_image),
            f"train_per_class = {self.train_per_class}, variants_per_image = {self.variants_per_image}.",
            "one of them alone",
        )

    @property
    def makes_variants(self) -> bool:
        """Whether there are augmented images."""
        return (self.train_per_class, self.validation_per_class, self.variants_per_image) != (None,) * 3


VARIANTS = ("once", "fresh")
COMPUTED_ON = ("host", "device")
