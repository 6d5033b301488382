"""The networks of `leukcnn evaluate --networks`: a name becomes a row with a setup that suits its network."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leukcnn import models, spec
from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean
from leukcnn.models.backbones import BACKBONES, MODES, keeps_published_top
from leukcnn.models.regnet_designs import DESIGNS
from leukcnn.spec.names import APPLICATIONS, BUILDERS

__all__ = ["DEFAULT_NETWORKS", "NETWORKS", "rows_of"]

DEFAULT_NETWORKS = ("four_blocks",)
"""The networks of an evaluation that names none: one that a laptop trains in minutes."""

SCRATCH = "scratch"
"""NAME:scratch is a network with random initial values."""

_FINE_TUNING_RATE, _HEAD_RATE = 1e-4, 1e-3
# Batch normalisation averages over about 1 / (1 - momentum) steps. A folder of some hundred images gives ten
# steps an epoch, in which Keras' 0.99 wouldn't reach the statistics of the images.
_MOMENTUM = {"batch_norm_momentum": 0.9}
_PUBLISHED_TOP_SIZE = 224


@dataclass(frozen=True)
class _Network:
    """How a builder of leukcnn is used on images of the user's own.

    Attributes:
        label: Name of the row in tables.
        builder: One of `leukcnn.models.list_models()`.
        arguments: Arguments of the builder.
        preprocessing: Fields of `spec.Preprocessing` that its input needs.
        learning_rate: Initial learning rate; None keeps that of the base setup.
        least_size: Smallest height and width of its input, in pixels.
    """

    label: str
    builder: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    learning_rate: float | None = None
    least_size: int = 0


_CNMC_INPUT = {"subtract_channel_mean": True}
# These networks subtract the published mean of images of 0..255 themselves.
_WITH_OWN_SCALE = {"scale": 1.0}

# Id of the row -> the network. Settings are those of the papers, apart from the momentum.
_OWN: Mapping[str, _Network] = {
    "four_blocks": _Network("Four blocks", "FourBlockCNN"),
    "alertnet": _Network("Alert Net", "AlertNet", _MOMENTUM, least_size=32),
    "alertnet_r": _Network("Alert Net-R", "AlertNetR", _MOMENTUM, least_size=32),
    "alertnet_x": _Network("Alert Net-X", "AlertNetX", _MOMENTUM, least_size=32),
    "lightweight": _Network("Lightweight CNN", "LightweightCNN", {"kernel_initializer": "glorot_uniform"}),
    "leuknet": _Network(
        "LeukNet",
        "LeukNet",
        {"weights": "imagenet", "include_preprocessing": True},
        learning_rate=_FINE_TUNING_RATE,
        least_size=32,
    ),
    "taleghani_resnet50": _Network(
        "ResNet50, frozen",
        "TaleghaniResNet50",
        {"weights": "imagenet"},
        learning_rate=_HEAD_RATE,
        least_size=32,
    ),
    "cnmc_vgg16": _Network("CNMC VGG16", "CNMCVGG16", {}, _CNMC_INPUT, _FINE_TUNING_RATE, 32),
    "cnmc_vgg19": _Network("CNMC VGG19", "CNMCVGG19", {}, _CNMC_INPUT, _FINE_TUNING_RATE, 32),
    "cnmc_xception": _Network("CNMC Xception", "CNMCXception", {}, _CNMC_INPUT, _FINE_TUNING_RATE, 71),
    "alexnet": _Network("AlexNet", "AlexNet", {}, _WITH_OWN_SCALE, _FINE_TUNING_RATE, 227),
    "caffenet": _Network("CaffeNet", "CaffeNet", {}, _WITH_OWN_SCALE, _FINE_TUNING_RATE, 227),
    "vggf": _Network("VGG-F", "VGGF", {}, _WITH_OWN_SCALE, _FINE_TUNING_RATE, 224),
    "regnet_x": _Network("RegNetX-400MF", "RegNetX", least_size=32),
    "regnet_y": _Network("RegNetY-400MF", "RegNetY", least_size=32),
}

NETWORKS = tuple(_OWN)
"""leukcnn's own networks, by the names that `--networks` takes."""


def rows_of(names: tuple[str, ...], *, setup: spec.Setup) -> tuple[spec.Row, ...]:
    """Returns the rows of a paper that trains the named networks.

    A name, in which capitals, "_" and "-" don't matter, is one of

    - a network of leukcnn: four_blocks, alertnet, lightweight, leuknet ..., or its builder: FourBlockCNN;
    - a network of `keras.applications` or a RegNet of its authors' zoo, with how it is trained after a colon:
      resnet50:SFT (the same as resnet50; the top alone is trained, from ImageNet's weights), resnet50:DFT
      (all layers), :mSFT, :mDFT (see `leukcnn.models.FineTuned`) or resnet50:scratch (random weights);
    - a builder of the user's own, registered with `leukcnn.models.register` or as a dotted path,
      my_module.build, whose module is in the working folder or on Python's path.

    Args:
        names: The names, at least one.
        setup: Split, training, augmentation and preprocessing that the rows start from. A network changes
            what it needs: a larger input where it accepts no smaller one, its input's scale, and a lower
            learning rate where it starts from published weights. The model is replaced.

    Returns:
        One row for each name, in their order. If there are several, a run leaves out those whose published
        weights aren't at hand.

    Raises:
        SpecError: There is no name, a name is unknown, or a network is named twice.
    """
    if not names:
        raise SpecError(
            "networks (--networks) names none.",
            expected="names of networks with a comma between two of them, such as four_blocks,resnet50:SFT",
        )
    rows = [_row(name.strip(), setup) for name in names]
    for row in rows:
        same = [name.strip() for name, other in zip(names, rows, strict=True) if other.id == row.id]
        if len(same) > 1:
            raise SpecError(
                f"networks (--networks) got {' and '.join(same)}, which are the same network.",
                expected="each network once",
            )
    return tuple(replace(row, optional=len(rows) > 1) for row in rows)


def _row(name: str, setup: spec.Setup) -> spec.Row:
    network, colon, mode = name.partition(":")
    dotted = "." in network and all(map(str.isidentifier, network.split(".")))
    registered = network in models.list_models() and network not in BUILDERS
    if (dotted or registered) and not colon:
        return _of_user(network, setup)
    backbones = {_plain(key): key for key in (*APPLICATIONS, *DESIGNS)}
    known = {_plain(one.builder): key for key, one in _OWN.items()} | {_plain(key): key for key in _OWN}
    plain = _plain(network)
    if plain in backbones:
        return _fine_tuned(name, backbones[plain], mode if colon else _usual_mode(backbones[plain]), setup)
    if plain not in known:
        every = (*_OWN, *(backbone.lower() for backbone in backbones.values()))
        raise SpecError(
            f"networks (--networks) got {name!r}.",
            expected=f"{', '.join(_OWN)}, a network of keras.applications such as resnet50:SFT, or the "
            "dotted path of a builder of your own, my_module.build",
            remedy=did_you_mean(network.lower(), every)
            or "`leukcnn.models.list_models()` lists leukcnn's own networks",
        )
    return _own(name, known[plain], mode if colon else None, setup)


def _own(name: str, row_id: str, mode: str | None, setup: spec.Setup) -> spec.Row:
    """Returns the row of a network of leukcnn; its mode is None or "scratch"."""
    own = _OWN[row_id]
    arguments, published = dict(own.arguments), "weights" in own.arguments
    is_scratch = mode is not None and mode.lower() == SCRATCH and published
    if mode is not None and not is_scratch:
        raise SpecError(
            f"networks (--networks) got {name!r}.",
            expected=f"{row_id} or {row_id}:{SCRATCH}" if published else f"{row_id} alone",
        )
    if is_scratch:
        arguments["weights"] = None
    return spec.Row(
        f"{row_id}_{SCRATCH}" if is_scratch else row_id,
        f"{own.label}, from scratch" if is_scratch else own.label,
        replace(
            setup,
            model=spec.Model(own.builder, arguments),
            preprocessing=_sized(replace(setup.preprocessing, **own.preprocessing), own.least_size),
            training=_at_rate(setup.training, None if is_scratch else own.learning_rate),
        ),
    )


def _usual_mode(backbone: str) -> str:
    """Returns how a network is trained if its name has no mode: weights of RegNets aren't downloaded."""
    return SCRATCH if backbone in DESIGNS else "SFT"


def _fine_tuned(name: str, backbone: str, mode: str, setup: spec.Setup) -> spec.Row:
    """Returns the row of a network of `keras.applications` or of a RegNet."""
    modes = {known.lower(): known for known in (*MODES, SCRATCH)}
    if mode.lower() not in modes:
        raise SpecError(
            f"networks (--networks) got {name!r}.",
            expected=", ".join(f"{backbone.lower()}:{known}" for known in modes.values()),
            remedy=did_you_mean(mode.lower(), modes),
        )
    mode, known = modes[mode.lower()], BACKBONES[backbone]
    least, arguments = known.min_size, {"backbone": backbone, "include_preprocessing": True}
    if mode == SCRATCH:
        # Without the VGGs' dense layers, which have 120 million parameters.
        arguments |= {"mode": "DFT", "weights": None, "dense_units": (), **_MOMENTUM}
        rate = None
    else:
        arguments |= {"mode": mode, "weights": "imagenet"}
        if not mode.endswith("SFT"):
            arguments |= _MOMENTUM
        rate = _HEAD_RATE if mode.endswith("SFT") else _FINE_TUNING_RATE
        least = max(least, known.published_size)
        if keeps_published_top(backbone, mode):
            least = _PUBLISHED_TOP_SIZE
    exact = mode != SCRATCH and (known.published_size or keeps_published_top(backbone, mode))
    return spec.Row(
        re.sub("[^a-z0-9]+", "_", f"{backbone}_{mode}".lower()),
        f"{backbone}, from scratch" if mode == SCRATCH else f"{backbone} {mode}",
        replace(
            setup,
            model=spec.Model("FineTuned", arguments),
            preprocessing=_sized(setup.preprocessing, least, exact=bool(exact)),
            training=_at_rate(setup.training, rate),
        ),
    )


def _of_user(builder: str, setup: spec.Setup) -> spec.Row:
    """Returns the row of a builder of the user's own."""
    folder = str(Path.cwd())
    if "." in builder and folder not in ("", *sys.path):
        # At the end, so that no file there hides an installed module.
        sys.path.append(folder)
    models.builder(builder)
    row_id = re.sub("[^a-z0-9]+", "_", builder.lower()).strip("_")
    return spec.Row(row_id, builder, replace(setup, model=spec.Model(builder)))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _sized(preprocessing: spec.Preprocessing, least: int, *, exact: bool = False) -> spec.Preprocessing:
    """Returns the preprocessing with an input of at least some pixels, or exactly that many."""
    size = preprocessing.image_size
    return (
        preprocessing
        if size == least or (size > least and not exact)
        else replace(preprocessing, resize=least)
    )


def _at_rate(training: spec.Training, rate: float | None) -> spec.Training:
    """Returns the training with another initial learning rate; None keeps its own."""
    if rate is None:
        return training
    final = training.final_learning_rate
    lower = final * rate / training.initial_learning_rate if final else final
    return replace(training, initial_learning_rate=rate, final_learning_rate=lower)


def __dir__() -> list[str]:
    return sorted(__all__)
