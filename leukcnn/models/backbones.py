"""The networks that can be fine-tuned, as data: input format, weights files, smallest image, dense layers.

They are the networks of `keras.applications` and the RegNets. The RegNets have the names of their authors'
model zoo.
"""

from collections.abc import Sequence
from typing import NamedTuple

from leukcnn.models.regnet_designs import DESIGNS

MODES = ("SFT", "DFT", "mSFT", "mDFT")
"""Modes of `FineTuned`: shallow (S) or deep (D) fine-tuning; m means that the dense layers are replaced."""

RGB_MEAN = (123.68, 116.779, 103.939)
"""Mean of ImageNet's images: red, green, blue, on the scale 0..255."""


class Backbone(NamedTuple):
    """The properties of a network that can be fine-tuned.

    Attributes:
        input_format: Input that its published weights were trained on: "caffe" (blue, green, red, 0..255,
            minus ImageNet's mean), "centred" (-1..1), "standardised" (0..1 minus ImageNet's mean, divided by
            its standard deviation) or "0..255" (the network itself scales it).
        whole_file: Name of the file that Keras publishes for the whole network; "" if there is none.
        base_file: Name of the file that Keras publishes for the base, without the top; "" if there is none.
        min_size: Smallest height and width of an image without the top, in pixels.
        own_dense: Units of the published network's dense layers between base and classifier.
        new_dense: Units of the dense layers that replace them in the modes mSFT and mDFT.
        published_size: Height and width that an image must have for weights="imagenet"; 0 for any.
    """

    input_format: str
    whole_file: str = ""
    base_file: str = ""
    min_size: int = 32
    own_dense: tuple[int, ...] = ()
    new_dense: tuple[int, ...] = (1024,)
    published_size: int = 0


def _kernels(name: str) -> tuple[str, str]:
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return f"{stem}.h5", f"{stem}_notop.h5"


def _plain(name: str) -> tuple[str, str]:
    return f"{name}.h5", f"{name}_notop.h5"


def _mobilenet_v3(size: str) -> tuple[str, str]:
    stem = f"weights_mobilenet_v3_{size}_224_1.0_float"
    return f"{stem}.h5", f"{stem}_no_top_v2.h5"


def _vgg(name: str) -> Backbone:
    return Backbone("caffe", *_kernels(name), own_dense=(4096, 4096), new_dense=(1024, 256))


_MOBILENET_V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"

BACKBONES: dict[str, Backbone] = {
    "VGG16": _vgg("vgg16"),
    "VGG19": _vgg("vgg19"),
    "ResNet50": Backbone("caffe", *_kernels("resnet50")),
    "ResNet101": Backbone("caffe", *_kernels("resnet101")),
    "ResNet152": Backbone("caffe", *_kernels("resnet152")),
    "ResNet50V2": Backbone("centred", *_kernels("resnet50v2")),
    "ResNet101V2": Backbone("centred", *_kernels("resnet101v2")),
    "ResNet152V2": Backbone("centred", *_kernels("resnet152v2")),
    "InceptionV3": Backbone("centred", *_kernels("inception_v3"), min_size=75),
    "InceptionResNetV2": Backbone("centred", *_kernels("inception_resnet_v2"), min_size=75),
    "Xception": Backbone("centred", *_kernels("xception"), min_size=71, new_dense=(128,)),
    "DenseNet121": Backbone("standardised", *_kernels("densenet121")),
    "DenseNet169": Backbone("standardised", *_kernels("densenet169")),
    "DenseNet201": Backbone("standardised", *_kernels("densenet201")),
    "MobileNet": Backbone("centred", "mobilenet_1_0_224_tf.h5", "mobilenet_1_0_224_tf_no_top.h5"),
    "MobileNetV2": Backbone("centred", f"{_MOBILENET_V2}.h5", f"{_MOBILENET_V2}_no_top.h5"),
    "MobileNetV3Small": Backbone("0..255", *_mobilenet_v3("small")),
    "MobileNetV3Large": Backbone("0..255", *_mobilenet_v3("large")),
    "NASNetMobile": Backbone("centred", "nasnet_mobile.h5", "nasnet_mobile_no_top.h5", published_size=224),
    "NASNetLarge": Backbone("centred", "nasnet_large.h5", "nasnet_large_no_top.h5", published_size=331),
    **{f"EfficientNetB{i}": Backbone("0..255", *_plain(f"efficientnetb{i}")) for i in range(8)},
    **{
        f"EfficientNetV2{size}": Backbone("0..255", *_plain(f"efficientnetv2-{size.lower()}"))
        for size in ("B0", "B1", "B2", "B3", "S", "M", "L")
    },
    **{
        f"ConvNeXt{size}": Backbone("0..255", *_plain(f"convnext_{size.lower()}"))
        for size in ("Tiny", "Small", "Base", "Large", "XLarge")
    },
    # No paper replaces the top of a RegNet. Its new dense layers are therefore those of ResNet50.
    **dict.fromkeys(DESIGNS, Backbone("standardised")),
}


def keeps_published_top(backbone: str, mode: str, dense_units: Sequence[int] | None = None) -> bool:
    """Returns whether a fine-tuned network keeps the published dense layers and needs their weights.

    Args:
        backbone: One of `BACKBONES`.
        mode: One of `MODES`.
        dense_units: Units of the dense layers before the classifier; None for those of the mode.
    """
    own = BACKBONES[backbone].own_dense
    return mode in ("SFT", "DFT") and bool(own) and (dense_units is None or tuple(dense_units) == own)
