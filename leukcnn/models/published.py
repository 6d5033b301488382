"""Published weights: the names of their files, how a file is found, and whether it fits a network."""

from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.argument_types import user_path
from leukcnn.errors import WeightsError
from leukcnn.models import arguments_of, build
from leukcnn.models.backbones import BACKBONES, keeps_published_top
from leukcnn.models.regnet_designs import DESIGNS, zoo_file

# Names of MatConvNet's files, and networks that use the weights of another network.
_OTHER_FILES = {
    "AlexNet": "imagenet-caffe-alex",
    "CaffeNet": "imagenet-caffe-ref",
    "VGGF": "imagenet-vgg-f",
}
_TAKEN_FROM = {"TaleghaniResNet50": "ResNet50"}

# Parts of the names of published files: Keras', MatConvNet's, the RegNets'.
_PUBLISHED = ("_weights_tf_dim_ordering_tf_kernels", "imagenet-caffe-", "imagenet-vgg-f", "_dds_8gpu")
_NAMES = {
    name.lower() for known in BACKBONES.values() for name in (known.whole_file, known.base_file) if name
}
_BASE_ALONE = ("notop", "no_top", "no-top")
# What follows the name of the network in the name of a file.
_ENDS = (".", "_weights", "_dds_8gpu", *(f"_{end}" for end in _BASE_ALONE))


def is_published(file: str | Path) -> bool:
    """Returns whether a file has the name of published weights, as opposed to a user's own weights."""
    name = Path(file).name
    return name.lower() in _NAMES or any(text in name for text in _PUBLISHED)


def holds_base_alone(file: str | Path) -> bool:
    """Returns whether a file of Keras has the name of weights for a convolutional base without the top."""
    return any(text in Path(file).name.lower() for text in _BASE_ALONE)


def needs_published_top(model: spec.Model) -> bool:
    """Returns whether a network keeps the published dense layers in addition to the published base."""
    if model.name != "FineTuned":
        return False
    values = _values(model)
    return keeps_published_top(*(values[name] for name in ("backbone", "mode", "dense_units")))


def starts_from(model: spec.Model) -> str | Path | None:
    """Returns the argument `weights` of a network, or its builder's default: None, "imagenet" or a file."""
    return _values(model).get("weights")


def weights_file(place: str, model: spec.Model) -> str:
    """Returns the argument `weights` of a network for a value of --weights.

    Args:
        place: "imagenet", a file, or a folder with one file per network, named as published.
        model: The network; if it has a `backbone`, the weights are those of the backbone.

    Returns:
        "imagenet" or the path of a file. In a folder the name of the file begins with the network's name.

    Raises:
        WeightsError: There is no such file.
    """
    path = user_path(place)
    if place == "imagenet" or path.is_file():
        return place if place == "imagenet" else str(path)
    network = _values(model).get("backbone", model.name)
    network = _TAKEN_FROM.get(network, network)
    names = _file_names(network)
    starts = tuple(f"{name}{end}" for name in names for end in _ENDS)
    files = [p for p in path.glob("*") if p.name.lower().startswith(starts)] if path.is_dir() else []
    # A folder may hold both the whole published network and its base.
    whole = needs_published_top(model)
    files = sorted(p for p in files if not (whole and holds_base_alone(p)))
    published = _published_name(network, whole=whole)
    files.sort(key=lambda p: (not holds_base_alone(p), p.name.lower() != published.lower()))
    if not files:
        reason = f"holds no file whose name begins with {names[0]!r}" if path.is_dir() else "doesn't exist"
        if whole and path.is_dir():
            reason += f" (one with the network's own dense layers, which {_values(model)['mode']} keeps)"
        raise WeightsError(
            f"weights (--weights) got {place!r}, which {reason}.",
            expected="'none', 'imagenet', a weights file (.h5, .weights.h5 or .keras), or a folder with one "
            f"file for each network, named as published: {published}",
            remedy=(f"download {zoo_file(network)}" if network in DESIGNS else "download the file")
            + " on a machine with a connection, or use random weights: --weights none",
        )
    return str(files[0])


def check_weights(model: spec.Model, *, image_size: int, classes: int | None) -> None:
    """Checks that a network's weights can be loaded, without keeping the network.

    The network is built and its weights are loaded within `unfilled`: initial values aren't sampled, and the
    loaded values are discarded afterwards. Keras' session is cleared.

    Args:
        model: The network.
        image_size: Height and width of its input, in pixels, unless its arguments have an `input_shape`.
        classes: Number of classes, unless its arguments have `classes`; None for the builder's default.

    Raises:
        WeightsError: The weights can't be found, downloaded or loaded.
    """
    if starts_from(model) is None:
        return
    # Loads Keras, which a file's name doesn't need.
    from leukcnn.models.unfilled import unfilled, without_sampling

    options = {"input_shape": (image_size, image_size, 3)} | ({} if classes is None else {"classes": classes})
    with unfilled():
        build(model.name, **(options | dict(without_sampling(model).arguments)))


def _values(model: spec.Model) -> dict[str, Any]:
    """Returns the values of a network's arguments, including its builder's defaults."""
    return arguments_of(model.name).filled(model.arguments)


def _file_names(network: str) -> tuple[str, ...]:
    """Returns the possible beginnings of the names of a network's files, in lower case."""
    if network in _OTHER_FILES:
        return (_OTHER_FILES[network],)
    known = BACKBONES.get(network)
    if known is None or not known.base_file:
        return (network.lower(),)
    # Some of Keras' file names contain an underscore: inception_v3_weights_...
    stem = known.whole_file.removesuffix(".h5").partition("_weights_tf")[0].lower()
    return tuple(dict.fromkeys((stem, network.lower())))


def _published_name(network: str, *, whole: bool) -> str:
    if network in DESIGNS:
        return zoo_file(network).rpartition("/")[2]
    if network in _OTHER_FILES:
        return f"{_OTHER_FILES[network]}.mat"
    known = BACKBONES.get(network)
    if known is None:
        return f"{network.lower()}.weights.h5"
    return known.whole_file if whole else known.base_file
