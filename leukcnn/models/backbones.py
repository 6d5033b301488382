"""The networks that can be tuned, as data: what their weights take, how small images may be, their files.

Those of `keras.applications` by their names there, and the RegNets by those of their authors' zoo.
"""

from typing import NamedTuple

from leukcnn.models.regnet_designs import DESIGNS

MODES = ("SFT", "DFT", "mSFT", "mDFT")
"""How `leukcnn.models.fine_tuned.FineTuned` tunes one: shallow or deep, the dense layers kept or replaced."""

RGB_MEAN = (123.68, 116.779, 103.939)
"""Mean of ImageNet's images on the scale 0..255, in the order of the images that come in."""


class Backbone(NamedTuple):
    """What is to be known of a network.

    Attributes:
        takes: What its published weights were trained on: "caffe" (blue, green, red, 0..255, less ImageNet's
            mean), "centred" (-1..1), "standardised" (0..1 less ImageNet's mean, divided by its standard
            deviation) or "0..255" (it does the rest itself).
        whole: Name of the file that Keras publishes of the whole network; "" where Keras publishes none.
        base: Name of the file of its base alone.
        min_size: Least height and width of an image without the top, in pixels.
        own_dense: Outputs of the dense layers between its base and its classifier.
        new_dense: Outputs of those that stand there instead where a top is replaced.
        published_size: Side that an image must have for weights="imagenet"; 0 for any.
    """

    takes: str
    whole: str = ""
    base: str = ""
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


_VGG = {"own_dense": (4096, 4096), "new_dense": (1024, 256)}
_MOBILENET_V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"

BACKBONES: dict[str, Backbone] = {
    "VGG16": Backbone("caffe", *_kernels("vgg16"), **_VGG),
    "VGG19": Backbone("caffe", *_kernels("vgg19"), **_VGG),
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
    # Nobody has replaced a RegNet's dense layers: as ResNet50, whose place it takes.
    **dict.fromkeys(DESIGNS, Backbone("standardised")),
}


def keeps_published_top(backbone: str, mode: str, dense_units: tuple[int, ...] | None = None) -> bool:
    """Says whether a fine-tuned network keeps dense layers of the published one, whose file it then needs.

    Args and defaults as in `leukcnn.models.fine_tuned.FineTuned`.
    """
    own = BACKBONES[backbone].own_dense
    return mode in ("SFT", "DFT") and bool(own) and (dense_units is None or tuple(dense_units) == own)
