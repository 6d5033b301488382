"""What one trial does: network, preprocessing, augmentation, split and training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec.checks import check_types, require, require_known
from leukcnn.spec.names import DATASETS, LOSSES, OPTIMIZERS, check_builder
from leukcnn.spec.splits import HOLDOUT_KINDS, KFOLD_KINDS, SPLIT_KINDS


def _require_count(name: str, count: int | None) -> None:
    require(count is None or count > 0, f"{name} = {count!r}.", "a whole number above 0")


@dataclass(frozen=True)
class Model:
    """A network: the name of its builder, as `leukcnn.models.build` takes it, and the builder's arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_types(self)
        check_builder(self.name)


@dataclass(frozen=True)
class Preprocessing:
    """From the image in its file to the network's input.

    Attributes:
        crop: Side of the central square that is kept, in pixels; None keeps the whole image.
        resize: Side to which that square is resized, in pixels; None leaves it.
        scale: Factor on the grey levels 0..255.
        subtract_channel_mean: Whether each image loses its own mean of each channel.
        mask: Part of each image that is blanked, see `leukcnn.preprocessing.blank`: "border", "cells" or
            "background"; "" for none.
        threshold: Rule of `leukcnn.preprocessing.wbc_mask` by which white cells are found in the image as
            it is in its file, all else becoming black; "none" keeps everything.
        squeeze: Whether an image that isn't cropped is squeezed into the square, whatever its proportions;
            otherwise its central square is kept.
    """

    crop: int | None = None
    resize: int | None = None
    scale: float = 1 / 255
    subtract_channel_mean: bool = False
    mask: str = ""
    threshold: str = "none"
    squeeze: bool = False

    def __post_init__(self):
        check_types(self)
        for name in ("crop", "resize"):
            side = getattr(self, name)
            require(side is None or side > 0, f"{name} = {side!r}.", "pixels > 0")
        require(
            self.crop or self.resize, "Neither crop nor resize is given.", "one of them sets the input size"
        )
        require(self.scale > 0, f"scale = {self.scale!r}.", "a number above 0")
        require_known("Preprocessing", "mask", self.mask, ("", *MASKS))
        require_known("Preprocessing", "threshold", self.threshold, ("none", *THRESHOLD_RULES))
        require(
            not (self.crop and self.squeeze),
            f"crop = {self.crop} and squeeze.",
            "one of them, since a crop is square already",
        )

    @property
    def image_size(self) -> int:
        """Side of the network's square input, in pixels."""
        return self.resize or self.crop


MASKS = ("border", "cells", "background")
THRESHOLD_RULES = ("darkest", "least_frequent")
"""How the white cells' cluster of grey levels is told from the other two, see `leukcnn.preprocessing`."""


@dataclass(frozen=True)
class Augmentation:
    """How images are multiplied.

    Attributes:
        arguments: Arguments of `leukcnn.augmentation.ImageAugmenter`.
        train_per_class: Images a class to which the training part is topped up; None adds none.
        validation_per_class: The same for the validation part.
        variants_per_image: New images that take the place of each training image; None leaves it.
        variants: "once" draws each new image once, the same in every epoch; "fresh" draws it again in each.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    train_per_class: int | None = None
    validation_per_class: int | None = None
    variants_per_image: int | None = None
    variants: str = "once"

    def __post_init__(self):
        check_types(self)
        require_known("Augmentation", "variants", self.variants, VARIANTS)
        for name in ("train_per_class", "validation_per_class", "variants_per_image"):
            _require_count(name, getattr(self, name))
        require(
            None in (self.train_per_class, self.variants_per_image),
            f"train_per_class = {self.train_per_class}, variants_per_image = {self.variants_per_image}.",
            "one of them alone",
        )


VARIANTS = ("once", "fresh")


@dataclass(frozen=True)
class Split:
    """Who trains, who validates, who tests.

    Attributes:
        kind: "cell" (at random by image, class by class), "random" (at random by image, whatever the
            classes), "subject" (no subject in two parts), "grouped" (no two images of one field of view or
            nearly one content in two parts), "fold" (the dataset authors' own folds, each tested once),
            "kfold" (stratified folds by image, each tested once) or "grouped_kfold" (the same, but images
            of one subject, field of view or content stay in one fold). Where there are several datasets:
            "lodocv" (leave one dataset out: each that holds both classes is tested once, all others are
            trained on), "lodocv_strict" (the same without the datasets that share images or cells with the
            tested one) or "lodocv_single_class" (strict, and tested are the datasets of one class).
        fractions: Shares of training, validation and test in "cell", "random", "subject" and "grouped".
        n_splits: Folds of "kfold" and "grouped_kfold".
        validation_fraction: Share of what isn't tested that "kfold" and "grouped_kfold" keep apart to choose
            an epoch by; 0 for none.
        never_tested: Keys of datasets that the kinds of "lodocv" learn from and never test on.
        limit_per_class: At most so many images a class take part, those of the datasets that are tested by
            a kind of "lodocv" not counted; None takes all.
        per_dataset: Keys of datasets, each of which "kfold" and "grouped_kfold" split into folds of its own,
            trained and tested by itself; the images of all other datasets are split together.
    """

    kind: str = "cell"
    fractions: tuple[float, float, float] = (0.6, 0.3, 0.1)
    n_splits: int = 5
    validation_fraction: float = 0.0
    never_tested: tuple[str, ...] = ()
    limit_per_class: int | None = None
    per_dataset: tuple[str, ...] = ()

    def __post_init__(self):
        check_types(self)
        require_known("Split", "kind", self.kind, SPLIT_KINDS)
        require_known("Split", "never_tested", self.never_tested, DATASETS)
        require_known("Split", "per_dataset", self.per_dataset, DATASETS)
        require(
            all(share > 0 for share in self.fractions) and abs(sum(self.fractions) - 1) < 1e-9,
            f"fractions = {self.fractions!r}.",
            "three numbers above 0 that add up to 1",
        )
        require(self.n_splits >= 2, f"n_splits = {self.n_splits!r}.", "a whole number of at least 2 folds")
        share = self.validation_fraction
        require(0 <= share < 1, f"validation_fraction = {share!r}.", "a number from 0 to below 1")
        _require_count("limit_per_class", self.limit_per_class)

    @property
    def has_validation(self) -> bool:
        """Whether some images are kept apart to choose an epoch by."""
        return self.kind in HOLDOUT_KINDS or (self.kind in KFOLD_KINDS and self.validation_fraction > 0)


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training part.
        batch_size: Images a step, over all devices together.
        initial_learning_rate: Learning rate of the first epoch.
        final_learning_rate: The rate that the schedule reaches after the last epoch; None keeps the initial
            one.
        schedule: How it gets there: "exponential", or "cosine", which may end at 0.
        optimizer: Name of a Keras optimizer.
        optimizer_arguments: Its arguments besides the learning rate.
        loss: Name of a Keras loss.
        checkpoint: Whose weights the figures rest on: the epoch of the best "val_accuracy" or "val_loss", or
            the "last" one.
        patience: Epochs without a lower validation loss after which the training ends early, as Keras'
            EarlyStopping counts them (0 and 1 are alike); None trains all epochs.
        deterministic: Whether the same command gives the same bytes.
        precision: Keras' dtype policy, "float32", "mixed_float16" or "mixed_bfloat16".
    """

    epochs: int
    batch_size: int
    initial_learning_rate: float
    final_learning_rate: float | None = None
    schedule: str = "exponential"
    optimizer: str = "adam"
    optimizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "categorical_crossentropy"
    checkpoint: str = "val_accuracy"
    patience: int | None = None
    deterministic: bool = False
    precision: str = "float32"

    def __post_init__(self):
        check_types(self)
        for name in ("epochs", "batch_size"):
            _require_count(name, getattr(self, name))
        for name, known in (
            *(("schedule", SCHEDULES), ("checkpoint", CHECKPOINTS), ("precision", PRECISIONS)),
            *(("optimizer", OPTIMIZERS), ("loss", LOSSES)),
        ):
            require_known("Training", name, getattr(self, name), known)
        for name in ("initial_learning_rate", "final_learning_rate"):
            rate, last = getattr(self, name), name == "final_learning_rate"
            allowed = rate is None or rate > 0 or (last and rate == 0 and self.schedule == "cosine")
            require(allowed, f"{name} = {rate!r}.", "a number above 0, or 0 at the end of a cosine")
        patience = self.patience
        allowed = patience is None or patience >= 0
        require(allowed, f"patience = {patience!r}.", "a whole number of epochs from 0, or None")
        momentum = self.optimizer_arguments.get("momentum", 0)
        allowed = isinstance(momentum, int | float) and 0 <= momentum < 1
        require(allowed, f"momentum = {momentum!r}.", "a number from 0 to below 1")


SCHEDULES = ("exponential", "cosine")
CHECKPOINTS = ("val_accuracy", "val_loss", "last")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Features:
    """A linear support vector machine on what the networks' penultimate layers give; no network is trained.

    Attributes:
        row: Row whose trained networks give the features, each on the parts that it was trained for; "" for
            networks as their weights make them.
        extra_models: Networks whose features are joined to those of the setup's model.
        n_selected: Features kept, those of the highest gain ratio; None keeps all.
        n_components: Principal components kept; None leaves the features as they are.
        within_splits: Folds of a cross-validation within each tested dataset, beside; 0 for none.
        penalty: The machine's C.
    """

    row: str = ""
    extra_models: tuple[Model, ...] = ()
    n_selected: int | None = None
    n_components: int | None = None
    within_splits: int = 0
    penalty: float = 1.0

    def __post_init__(self):
        check_types(self)
        _require_count("n_selected", self.n_selected)
        _require_count("n_components", self.n_components)
        require(self.penalty > 0, f"penalty = {self.penalty!r}.", "a number above 0")
        folds = self.within_splits
        require(folds >= 0 and folds != 1, f"within_splits = {folds!r}.", "0, 2 or more")
        require(
            not (self.row and self.extra_models),
            f"Features of the row {self.row!r} beside those of {len(self.extra_models)} networks.",
            "one of them alone",
        )


@dataclass(frozen=True)
class Setup:
    """All that one trial does.

    Where it has `features`, no network is trained, and of `training` the precision alone counts.
    """

    model: Model
    preprocessing: Preprocessing
    augmentation: Augmentation
    split: Split
    training: Training
    features: Features | None = None

    @property
    def models(self) -> tuple[Model, ...]:
        """The network, and those whose features stand beside its own."""
        return (self.model, *(self.features.extra_models if self.features else ()))

    def __post_init__(self):
        check_types(self)
        require(
            self.split.has_validation or self.training.checkpoint == "last",
            f"The split {self.split.kind!r} with the checkpoint {self.training.checkpoint!r}.",
            "the checkpoint 'last', since nothing is kept apart to choose an epoch by",
        )
        require(
            self.split.has_validation or self.training.patience is None,
            f"The split {self.split.kind!r} with the patience {self.training.patience}.",
            "no patience, since nothing is kept apart to stop by",
        )
