"""What defines one trial: network, preprocessing, augmentation, split and training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec.augmentations import Augmentation
from leukcnn.spec.checks import check_types, require, require_count, require_known
from leukcnn.spec.names import LOSSES, OPTIMIZERS, check_builder, known_datasets
from leukcnn.spec.splits import HOLDOUT_KINDS, KFOLD_KINDS, SPLIT_KINDS, UNKNOWN_SUBJECTS
from leukcnn.spec.trained import Trained


@dataclass(frozen=True)
class Model:
    """A network.

    Attributes:
        name: Name of its builder, as in `leukcnn.models.build`, such as "LeukNet"; or the dotted path of a
            function, such as "my_module.build".
        arguments: Arguments of the builder, such as `{"dropout_rate": 0.5, "weights": "imagenet"}`. The
            input shape and the number of classes are added where they are missing.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        check_builder(self.name)


@dataclass(frozen=True)
class Preprocessing:
    """How an image file becomes the network's input, a square RGB image.

    At least one of `crop` and `resize` is required.

    Attributes:
        crop: Height and width in pixels of the central square that is cut out of the image, such as 250; None
            keeps the whole image.
        resize: Height and width in pixels to which the image is resized, such as 224; None doesn't resize.
        scale: Factor by which the pixel values 0..255 are multiplied; 1 / 255 gives 0..1.
        subtract_channel_mean: Whether the mean of each channel is subtracted, separately for each image.
        mask: Region of each image that is blanked, see `leukcnn.preprocessing.blank`: "border", "cells" or
            "background"; "" for none.
        threshold: Rule by which `leukcnn.preprocessing.wbc_mask` finds the white cells in the original image:
            "darkest" or "least_frequent". All other pixels become black. "none" keeps all pixels.
        region: "image" is the whole image, after thresholding. "crops" cuts out each connected component that
            the threshold finds and shows them side by side, see `leukcnn.preprocessing.component_montage`; it
            requires a threshold and `resize`, and allows no `crop`.
        squeeze: Whether an image that isn't square is squeezed into a square when it is resized. If False,
            its central square is cut out first. Not allowed together with `crop`.
        shrinking: Interpolation where an image is made smaller, see `leukcnn.preprocessing.resize`: "area",
            the mean of the covered pixels, or "linear", which skips pixels in images that are more than twice
            as large.
        enlarging: Interpolation where an image is made larger: "cubic", or "linear", which blurs more. Cubic
            overshoots at edges; its values are clipped to 0..255.
    """

    crop: int | None = None
    resize: int | None = None
    scale: float = 1 / 255
    subtract_channel_mean: bool = False
    mask: str = ""
    threshold: str = "none"
    region: str = "image"
    squeeze: bool = False
    shrinking: str = "area"
    enlarging: str = "cubic"

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("crop", "resize"):
            size = getattr(self, name)
            allowed = size is None or 0 < size <= LARGEST_INPUT
            require(allowed, f"{name} = {size!r}.", f"a number of pixels from 1 to {LARGEST_INPUT:,}")
        require(
            self.crop is not None or self.resize is not None,
            "Neither crop nor resize is given.",
            "at least one of them, which sets the input size",
        )
        # A larger factor would give inputs that float32 can't hold.
        require(0 < self.scale <= 1e36, f"scale = {self.scale!r}.", "a number above 0 and at most 1e36")
        require_known("Preprocessing", "mask", self.mask, ("", *MASKS))
        require_known("Preprocessing", "threshold", self.threshold, ("none", *THRESHOLD_RULES))
        require_known("Preprocessing", "region", self.region, REGIONS)
        require_known("Preprocessing", "shrinking", self.shrinking, SHRINKING)
        require_known("Preprocessing", "enlarging", self.enlarging, ENLARGING)
        require(
            not (self.crop and self.squeeze),
            f"crop = {self.crop} and squeeze.",
            "one of them, since a crop is already square",
        )
        require(
            self.region == "image" or (self.threshold != "none" and self.crop is None),
            f"region = {self.region!r} with threshold = {self.threshold!r}, crop = {self.crop!r}.",
            "a threshold, which finds the components that are cut out, and no crop of the whole image",
        )

    @property
    def image_size(self) -> int:
        """Height and width of the network's input in pixels."""
        size = self.resize or self.crop
        assert size is not None, "one of them is checked to be set"
        return size


LARGEST_INPUT = 10_000
"""Largest height and width of a network's input in pixels; one such image takes 300 MB."""

REGIONS = ("image", "crops")
MASKS = ("border", "cells", "background")
SHRINKING, ENLARGING = ("area", "linear"), ("cubic", "linear")
THRESHOLD_RULES = ("darkest", "least_frequent")
"""Rules that choose the white cells among three clusters of grey levels, see `leukcnn.preprocessing`."""


@dataclass(frozen=True)
class Split:
    """How images are split into training, validation and test images.

    The kinds of split:

    - "cell": at random by image, within each class.
    - "random": at random by image, without regard to the class.
    - "subject": all images of a subject are in the same split.
    - "grouped": all images of a subject or field of view, and near-duplicates, are in the same split.
    - "fold": the folds that the dataset's authors published, each tested once.
    - "given": the folders train, val and test that hold the images; refused if a subject, a field of view or
      near-duplicates are in two of them. Without val, some images of train are held out: the fraction that
      `fractions` give to validation among the untested ones.
    - "kfold": folds by image, each tested once; see `stratified`.
    - "grouped_kfold": stratified folds that keep a subject, a field of view and near-duplicates together.
    - "block_kfold": as "grouped_kfold", but the folds are contiguous blocks of image numbers. It is for
      images whose groups are unknown: neighbours are likely to show the same smear. It isn't random.
    - "lodocv": leave one dataset out. Each dataset that has both classes is tested once, by a network that is
      trained on all others.
    - "lodocv_strict": the same, but datasets that share images or cells with the tested one are left out of
      training too.
    - "lodocv_single_class": as "lodocv_strict", but the tested datasets are those of a single class.

    Attributes:
        kind: One of the kinds above.
        fractions: Fractions of training, validation and test images, used by "cell", "random", "subject",
            "grouped" and "given"; they add up to 1.
        n_splits: Number of folds, used by "kfold", "grouped_kfold" and "block_kfold".
        stratified: Whether each fold of "kfold" has about the same fraction of each class; if False, images
            are split without regard to the class.
        validation_fraction: Fraction of the untested images, 0 to below 1, that "kfold", "grouped_kfold" and
            "block_kfold" hold out at random to choose the best epoch; 0 for none.
        never_tested: Keys of datasets that "lodocv" and its variants train on, but never test.
        performance_sets: Keys of datasets that were kept to measure the performance of a finished network.
        train_on_performance_sets: Whether "lodocv" and its variants train on `performance_sets` where they
            test another dataset.
        limit_per_class: Largest number of images of each class, for quick runs; None uses all. Datasets
            that "lodocv" or its variants test are used whole; their images don't count towards the limit.
        per_dataset: Keys of datasets that "kfold", "grouped_kfold" and "block_kfold" handle separately:
            each has its own folds and networks. The images of all other datasets are split together.
        unknown_subjects: What "subject", "grouped", "fold" and "grouped_kfold" do with images of unknown
            subject: "refuse" raises an error, "one-group" keeps all those of a dataset together, "each" makes
            each a group of its own, together with its copies, as if no two showed the same subject. Synthetic
            images show no patient: they aren't refused.
    """

    kind: str = "cell"
    fractions: tuple[float, float, float] = (0.6, 0.3, 0.1)
    n_splits: int = 5
    stratified: bool = True
    validation_fraction: float = 0.0
    never_tested: tuple[str, ...] = ()
    performance_sets: tuple[str, ...] = ()
    train_on_performance_sets: bool = True
    limit_per_class: int | None = None
    per_dataset: tuple[str, ...] = ()
    unknown_subjects: str = "refuse"

    def __post_init__(self) -> None:
        check_types(self)
        require_known("Split", "kind", self.kind, SPLIT_KINDS)
        require_known("Split", "unknown_subjects", self.unknown_subjects, UNKNOWN_SUBJECTS)
        require_known("Split", "never_tested", self.never_tested, known_datasets())
        require_known("Split", "performance_sets", self.performance_sets, known_datasets())
        require_known("Split", "per_dataset", self.per_dataset, known_datasets())
        require(
            all(fraction > 0 for fraction in self.fractions) and abs(sum(self.fractions) - 1) < 1e-9,
            f"fractions = {self.fractions!r}.",
            "three numbers above 0 that add up to 1",
        )
        require(self.n_splits >= 2, f"n_splits = {self.n_splits!r}.", "a whole number of at least 2 folds")
        require_count("n_splits", self.n_splits)
        fraction = self.validation_fraction
        require(0 <= fraction < 1, f"validation_fraction = {fraction!r}.", "a number from 0 to below 1")
        require_count("limit_per_class", self.limit_per_class)

    @property
    def has_validation(self) -> bool:
        """Whether some images are held out to choose the best epoch."""
        return self.kind in HOLDOUT_KINDS or (self.kind in KFOLD_KINDS and self.validation_fraction > 0)


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: Number of passes over the training images.
        batch_size: Images in each step, over all devices together.
        initial_learning_rate: Learning rate of the first epoch.
        final_learning_rate: Learning rate that the schedule reaches; None keeps the initial one.
        schedule: How the rate changes from the initial to the final one; it is constant within an epoch.
            "exponential" and "cosine" would reach the final rate in the epoch after the last one,
            "exponential_to_last" has it in the last one. A cosine may end at 0.
        optimizer: Name of a Keras optimizer in lower case, such as "adam".
        optimizer_arguments: Its arguments other than the learning rate, such as `{"momentum": 0.8}`.
        loss: Name of a Keras loss in snake case, such as "categorical_crossentropy".
        checkpoint: Epoch whose weights are evaluated: the one with the best "val_accuracy" or "val_loss", or
            the "last" one. Splits without validation images require "last".
        patience: Number of epochs without a lower validation loss after which training stops, as in Keras'
            EarlyStopping (0 and 1 have the same effect); None trains all epochs.
        deterministic: Whether the same command gives the same weights and predictions, byte for byte.
        precision: Keras' dtype policy: "float32", "mixed_float16" or "mixed_bfloat16".
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

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("epochs", "batch_size"):
            require_count(name, getattr(self, name))
        for name, known in (
            *(("schedule", SCHEDULES), ("checkpoint", CHECKPOINTS), ("precision", PRECISIONS)),
            *(("optimizer", OPTIMIZERS), ("loss", LOSSES)),
        ):
            require_known("Training", name, getattr(self, name), known)
        for name in ("initial_learning_rate", "final_learning_rate"):
            rate, last = getattr(self, name), name == "final_learning_rate"
            allowed = rate is None or rate > 0 or (last and rate == 0 and self.schedule == "cosine")
            require(allowed, f"{name} = {rate!r}.", "a number above 0; a cosine may end at 0")
        patience = self.patience
        allowed = patience is None or patience >= 0
        require(allowed, f"patience = {patience!r}.", "a whole number of epochs from 0, or None")
        for name in ("momentum", "beta_1", "beta_2"):
            value = self.optimizer_arguments.get(name, 0)
            allowed = isinstance(value, int | float) and 0 <= value < 1
            require(allowed, f"{name} = {value!r}.", "a number from 0 to below 1")
        epsilon = self.optimizer_arguments.get("epsilon", 1)
        # Keras accepts 0, which makes weights of a gradient of 0 NaN.
        allowed = isinstance(epsilon, int | float) and 0 < epsilon < math.inf
        require(allowed, f"epsilon = {epsilon!r}.", "a number above 0")


SCHEDULES = ("exponential", "exponential_to_last", "cosine")
CHECKPOINTS = ("val_accuracy", "val_loss", "last")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Features:
    """A linear support vector machine (SVM) on the outputs of networks' penultimate layers.

    No network is trained.

    Attributes:
        row: Id of the row whose trained networks compute the features, each for its own split; "" uses the
            setup's model with the weights that its builder loads.
        extra_models: Further networks whose features are appended to those of the setup's model. Not allowed
            together with `row`.
        n_selected: Number of features that are kept, those with the highest gain ratio; None keeps all.
        n_components: Number of principal components to which the features are reduced; None doesn't reduce
            them.
        within_splits: Number of folds of an additional cross-validation within each tested dataset; 0 for
            none.
        penalty: Penalty C of the SVM, above 0.
        augmented: Whether the SVM is fitted on the augmented training images, as a network is, and not on the
            original ones. The cross-validation of `within_splits` is never augmented.
    """

    row: str = ""
    extra_models: tuple[Model, ...] = ()
    n_selected: int | None = None
    n_components: int | None = None
    within_splits: int = 0
    penalty: float = 1.0
    augmented: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        require_count("n_selected", self.n_selected)
        require_count("n_components", self.n_components)
        require(self.penalty > 0, f"penalty = {self.penalty!r}.", "a number above 0")
        folds = self.within_splits
        require(folds >= 0 and folds != 1, f"within_splits = {folds!r}.", "0, 2 or more")
        require(
            not (self.row and self.extra_models),
            f"Features of the row {self.row!r} and of {len(self.extra_models)} extra models.",
            "one of them alone",
        )


@dataclass(frozen=True)
class Setup:
    """Everything that defines one trial: the network, and how images are prepared, split and trained on.

    Attributes:
        model: The network.
        preprocessing: How image files become its input.
        augmentation: How training images are augmented.
        split: How images are split.
        training: How the network is trained.
        features: If set, an SVM is trained on features of networks. No network is trained then, and only the
            precision of `training` is used.
        trained: If set, this network is applied to the tested images, and nothing is trained. Only the split
            is used then.
    """

    model: Model
    preprocessing: Preprocessing
    augmentation: Augmentation
    split: Split
    training: Training
    features: Features | None = None
    trained: Trained | None = None

    @property
    def models(self) -> tuple[Model, ...]:
        """The network, followed by the extra models of `features`; none if a trained one is applied."""
        if self.trained:
            return ()
        return (self.model, *(self.features.extra_models if self.features else ()))

    def __post_init__(self) -> None:
        check_types(self)
        require(
            self.split.has_validation or self.training.checkpoint == "last",
            f"The split {self.split.kind!r} with the checkpoint {self.training.checkpoint!r}.",
            "the checkpoint 'last', since no images are held out to choose the best epoch",
        )
        require(not (self.features and self.trained), "Both features and trained.", "one of them alone")
        augmentation = self.augmentation
        require(
            not (self.features and self.features.augmented)
            or (augmentation.variants_per_image or augmentation.train_per_class) is not None,
            "features.augmented without augmented images.",
            "augmentation.variants_per_image or augmentation.train_per_class",
        )
        require(
            self.split.has_validation or self.training.patience is None,
            f"The split {self.split.kind!r} with the patience {self.training.patience}.",
            "no patience, since no validation images are held out",
        )
