"""Published weights: what their files are called, where they lie, and whether one fits a network."""

from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.errors import WeightsError
from leukcnn.models import arguments_of, build
from leukcnn.models.backbones import BACKBONES, keeps_published_top
from leukcnn.models.regnet_designs import DESIGNS, zoo_file

# Networks of other publishers than Keras, and those that take another's files.
_OTHER_FILES = {
    "AlexNet": "imagenet-caffe-alex",
    "CaffeNet": "imagenet-caffe-ref",
    "VGGF": "imagenet-vgg-f",
}
_TAKEN_FROM = {"TaleghaniResNet50": "ResNet50"}

# In names of the files that hold published weights: Keras', MatConvNet's, the RegNets'.
_PUBLISHED = ("_weights_tf_dim_ordering_tf_kernels", "imagenet-caffe-", "imagenet-vgg-f", "_dds_8gpu")
_NAMES = {name.lower() for known in BACKBONES.values() for name in (known.whole, known.base) if name}
_BASE_ALONE = ("notop", "no_top", "no-top")
# How a file goes on behind the name of its network.
_ENDS = (".", "_weights", "_dds_8gpu", *(f"_{end}" for end in _BASE_ALONE))


def is_published(file: str | Path) -> bool:
    """Says by its name whether a file holds weights as they were published, not a user's own."""
    name = Path(file).name
    return name.lower() in _NAMES or any(part in name for part in _PUBLISHED)


def holds_base_alone(file: str | Path) -> bool:
    """Says by its name whether one of Keras' files holds a network's convolutional base alone."""
    return any(part in Path(file).name.lower() for part in _BASE_ALONE)


def needs_published_top(model: spec.Model) -> bool:
    """Says whether a network starts from the published one's dense layers too, not from its base alone."""
    if model.name != "FineTuned":
        return False
    values = _values(model)
    return keeps_published_top(*(values[name] for name in ("backbone", "mode", "dense_units")))


def starts_from(model: spec.Model) -> str | Path | None:
    """Returns what a network's weights are: None, "imagenet" or a file; where it says none, the default."""
    return _values(model).get("weights")


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
    network = _values(model).get("backbone", model.name)
    network = _TAKEN_FROM.get(network, network)
    names = _file_names(network)
    begins = tuple(f"{name}{end}" for name in names for end in _ENDS)
    files = [p for p in path.glob("*") if p.name.lower().startswith(begins)] if path.is_dir() else []
    # The whole published network may lie beside its base.
    whole = needs_published_top(model)
    files = sorted(p for p in files if not (whole and holds_base_alone(p)))
    published = _published_name(network, whole=whole)
    files.sort(key=lambda p: (not holds_base_alone(p), p.name.lower() != published.lower()))
    if not files:
        lacking = f"holds no file whose name begins with {names[0]!r}" if path.is_dir() else "isn't there"
        if whole and path.is_dir():
            lacking += f" and has the network's own dense layers, which {_values(model)['mode']} keeps"
        raise WeightsError(
            f"--weights got {place!r}, which {lacking}.",
            expected="'none', 'imagenet', a weights file (.h5, .weights.h5 or .keras), or a folder with one "
            f"for each network, named as its publishers name them: {published}",
            remedy=(f"download {zoo_file(network)}" if network in DESIGNS else "get the file")
            + " where there is a connection, or go without: --weights none",
        )
    return str(files[0])


def check_weights(model: spec.Model, *, image_size: int, classes: int | None) -> None:
    """Makes sure that a network gets the weights that it names, without filling its variables first.

    The network is built and loaded as ever, but in a scope that keeps what is assigned beside the variables:
    the verdict is that of loading, and nothing is drawn or left behind. Keras' session is cleared.

    Args:
        model: The network.
        image_size: Side of its square input in pixels, unless its arguments say otherwise.
        classes: Number of its outputs, unless its arguments say otherwise; None for the builder's own.

    Raises:
        WeightsError: The weights can't be found, downloaded or laid in.
    """
    if starts_from(model) is None:
        return
    # Loads Keras, which a file's name doesn't need.
    from leukcnn.models.unfilled import drawing_nothing, unfilled

    options = {"input_shape": (image_size, image_size, 3)} | ({} if classes is None else {"classes": classes})
    with unfilled():
        build(model.name, **(options | dict(drawing_nothing(model).arguments)))


def _values(model: spec.Model) -> dict[str, Any]:
    """Returns the values of a network's arguments, its builder's defaults included."""
    return arguments_of(model.name).filled(model.arguments)


def _file_names(network: str) -> tuple[str, ...]:
    """Returns what the names of a network's files begin with, in lower case."""
    if network in _OTHER_FILES:
        return (_OTHER_FILES[network],)
    known = BACKBONES.get(network)
    if known is None or not known.base:
        return (network.lower(),)
    # Keras itself writes some names with an underscore: inception_v3_weights_...
    stem = known.whole.removesuffix(".h5").partition("_weights_tf")[0].lower()
    return tuple(dict.fromkeys((stem, network.lower())))


def _published_name(network: str, *, whole: bool) -> str:
    if network in DESIGNS:
        return zoo_file(network).rpartition("/")[2]
    if network in _OTHER_FILES:
        return f"{_OTHER_FILES[network]}.mat"
    known = BACKBONES.get(network)
    if known is None:
        return f"{network.lower()}.weights.h5"
    return known.whole if whole else known.base
