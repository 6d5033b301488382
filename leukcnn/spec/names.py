"""The names that a paper may use.

They are listed here so that a paper can be checked without loading Keras. Tests compare each list with the
objects that it names.
"""

from collections.abc import Mapping

from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec import metrics

METRICS = (*metrics.METRICS, *metrics.SIZES)
"""Everything that can be published or shown in a table."""

_EVERY_OPTIMIZER = (
    *("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"),
    *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name"),
)
_ADAM = ("beta_1", "beta_2", "epsilon", *_EVERY_OPTIMIZER)
_FTRL = (
    *("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength"),
    *("l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta", *_EVERY_OPTIMIZER),
)

OPTIMIZER_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "adadelta": ("rho", "epsilon", *_EVERY_OPTIMIZER),
    "adafactor": (
        *("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step", *_EVERY_OPTIMIZER),
    ),
    "adagrad": ("initial_accumulator_value", "epsilon", *_EVERY_OPTIMIZER),
    "adam": ("amsgrad", *_ADAM),
    "adamax": _ADAM,
    "adamw": ("amsgrad", *_ADAM),
    "ftrl": _FTRL,
    "lion": ("beta_1", "beta_2", *_EVERY_OPTIMIZER),
    "nadam": _ADAM,
    "rmsprop": ("rho", "momentum", "epsilon", "centered", *_EVERY_OPTIMIZER),
    "sgd": ("momentum", "nesterov", *_EVERY_OPTIMIZER),
}
"""Optimizer of `keras.optimizers` -> its arguments other than the learning rate."""

OPTIMIZERS = tuple(OPTIMIZER_ARGUMENTS)

LOSSES = (
    *("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"),
    *("categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "dice", "hinge", "huber"),
    *("kl_divergence", "log_cosh", "mean_absolute_error", "mean_squared_error", "poisson", "squared_hinge"),
    "tversky",
)
"""The losses of `keras.losses` that work with one output per class, or with one output for two classes."""

CONTROLS = ("majority", "border", "colour", "size", "cells")
"""The controls of `leukcnn.evaluation.controls`."""

BUILDERS = (
    *("AlertNet", "AlertNetR", "AlertNetX", "AlexNet", "CNMCVGG16", "CNMCVGG19", "CNMCXception", "CaffeNet"),
    *("FineTuned", "FourBlockCNN", "LeukNet", "LightweightCNN", "RegNetX", "RegNetY", "TaleghaniResNet50"),
    "VGGF",
)
"""Builders of `leukcnn.models`. `leukcnn.models.register` adds your own; a dotted path names any other."""

APPLICATIONS = (
    *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *("EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4"),
    *("EfficientNetB5", "EfficientNetB6", "EfficientNetB7"),
    *("EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3"),
    *("EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S"),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large"),
    *("MobileNetV3Small", "NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2", "ResNet152"),
    *("ResNet152V2", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception"),
)
"""The networks of `keras.applications`, which a figure of networks may show as well as the paper's own."""

DATASETS = (
    *("cnmc2019", "taleghani", "taleghani_segmented", "allidb1", "allidb1_crop", "allidb2", "leukocytes"),
    *("cellavision", "atlas", "omid2014", "omid2015", "ash", "bloodline", "onkodin", "cellavision2", "jtsc"),
    *("ufg", "pn_all", "leukemia_images", "midb", "lisc", "aml_lmu", "pbc"),
)
"""The keys of `leukcnn.datasets.CATALOG`, in the same order."""

_registered: set[str] = set()
_own_datasets: dict[str, None] = {}


def allow_dataset(key: str) -> None:
    """Allows papers to name a dataset that isn't in the catalog; called by `leukcnn.spec.Folder`."""
    _own_datasets[key] = None


def known_datasets() -> tuple[str, ...]:
    """Returns the keys of all datasets that a paper may name: the catalog's and folders of the user's own."""
    return (*DATASETS, *_own_datasets)


def allow_builder(name: str) -> None:
    """Allows models to use a builder that isn't part of leukcnn; called by `leukcnn.models.register`."""
    _registered.add(name)


def check_builder(name: str, owner: str = "Model", field: str = "name", extra: tuple[str, ...] = ()) -> None:
    """Checks that the name of a network's builder is allowed.

    Args:
        name: Name of the builder, such as "LeukNet" or "my_module.build".
        owner: What has the name, for the error message.
        field: The field that holds the name, for the error message.
        extra: Other names that are allowed there.

    Raises:
        SpecError: The name is no builder of leukcnn, not registered and not the dotted path of a function.
    """
    words = name.split(".")
    if name in BUILDERS or name in _registered or (len(words) > 1 and all(map(str.isidentifier, words))):
        return
    known = (*BUILDERS, *sorted(_registered), *extra)
    raise SpecError(
        f"{owner}: {field} = {name!r}, which is not a known builder of networks.",
        expected=f"{', '.join(known)}, or the dotted path of a function, module.function",
        remedy=did_you_mean(name, known)
        or "use one of these, or add yours with leukcnn.models.register first",
    )
