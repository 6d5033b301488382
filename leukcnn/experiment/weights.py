"""Files of published weights: how they are named, where they lie, and whether they fit."""

from pathlib import Path

import keras

from leukcnn import models, spec
from leukcnn.errors import WeightsError
from leukcnn.models.fine_tuned import keeps_published_top
from leukcnn.models.regnet_designs import DESIGNS, zoo_file

# Networks whose published files bear another name than their own in lower case.
_FILE_NAMES = {
    "InceptionV3": "inception_v3",
    "TaleghaniResNet50": "resnet50",
    "AlexNet": "imagenet-caffe-alex",
    "CaffeNet": "imagenet-caffe-ref",
    "VGGF": "imagenet-vgg-f",
}

_KERAS_NAME = "_weights_tf_dim_ordering_tf_kernels"
BASE_ALONE = "notop"
"""In the names of Keras' files that hold a network's convolutional base alone."""


def needs_published_top(model: spec.Model) -> bool:
    """Says whether a network starts from the published one's dense layers too, not from its base alone."""
    if model.name != "FineTuned":
        return False
    return keeps_published_top(*(model.arguments.get(name) for name in ("backbone", "mode", "dense_units")))


def weights_file(place: str, model: spec.Model) -> str:
    """Returns where a fine-tuned network's weights are: "imagenet", a file, or one of its name in a folder.

    Args:
        place: Value of --weights.
        model: The network; one with a `backbone` takes that one's weights.

    Raises:
        WeightsError: There is no such file.
    """
    path = Path(place).expanduser()
    if place == "imagenet" or path.is_file():
        return place if place == "imagenet" else str(path)
    # Keras itself writes some names with an underscore: inception_v3_weights_...
    network = model.arguments.get("backbone", model.name)
    name = _FILE_NAMES.get(network, network.lower())
    files = path.glob("*") if path.is_dir() else []
    begins = tuple(f"{name}{end}" for end in (".", "_weights", "_dds_8gpu"))
    found = sorted(p for p in files if p.name.lower().startswith(begins))
    # The whole published network may lie beside its base.
    whole = needs_published_top(model)
    found = sorted(
        (p for p in found if not (whole and BASE_ALONE in p.name)), key=lambda p: BASE_ALONE not in p.name
    )
    if not found:
        lacking = f"holds no file whose name begins with {name!r}" if path.is_dir() else "isn't there"
        if whole and path.is_dir():
            lacking += f" and has the network's own dense layers, which {model.arguments['mode']} keeps"
        raise WeightsError(
            f"--weights got {place!r}, which {lacking}.",
            expected="'none', 'imagenet', a weights file (.h5, .weights.h5 or .keras), or a folder with one "
            "for each network, named as its publishers name them: "
            + _published_name(network, name, whole=whole),
            remedy=(f"download {zoo_file(network)}" if network in DESIGNS else "get the file")
            + " where there is a connection, or go without: --weights none",
        )
    return str(found[0])


def _published_name(network: str, name: str, *, whole: bool) -> str:
    if network in DESIGNS:
        return zoo_file(network).rpartition("/")[2]
    if name.startswith("imagenet"):
        return "imagenet-*.mat"
    return f"{name}{_KERAS_NAME}" + (".h5" if whole else f"_{BASE_ALONE}.h5")


# In the names of the files that hold published weights: Keras', MatConvNet's, the RegNets'.
_PUBLISHED_FILES = (_KERAS_NAME, "imagenet-caffe-", "imagenet-vgg-f", "_dds_8gpu")


def is_published_file(file: str) -> bool:
    """Says whether a file bears the name under which weights are published."""
    return any(part in Path(file).name for part in _PUBLISHED_FILES)


def check_weights(model: spec.Model, *, side: int, classes: int | None) -> None:
    """Checks that a network's weights can be had and are its own.

    Args:
        model: Builder and its arguments.
        side: Side of the square input, in pixels.
        classes: Number of outputs; None for the network's own.

    Raises:
        WeightsError: They can't be had, or are another network's.
    """
    if model.arguments.get("weights") is None:
        return
    outputs = {} if classes is None else {"classes": classes}
    models.build(model.name, **{"input_shape": (side, side, 3), **outputs, **model.arguments})
    keras.utils.clear_session()


def fingerprint(name: str) -> str | None:
    """Returns the hash of a builder of one's own; None for those of leukcnn."""
    return None
