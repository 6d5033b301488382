"""What the papers' texts state: for each paper, path of a setting -> its value and its place in the text.

Where rows differ, the value is a mapping: id of the row -> its value. A place may also say why a setting that
the text doesn't mention is nevertheless settled.
"""

from tests.papers.stated_of_two import ALLIDB, BUILT_IN_TWO, LEUKNET, LEUKNET_OUTSIDE

_KERAS_DEFAULT = "the paper names the optimizer alone, and its program is Keras': Keras' default"

_KINGMA_AND_BA = "section 2.5: 'the same hyperparameter values proposed by Kingma and Ba'"
# VGG16 and those of its variants that differ from it in nothing that is stated here, or in one value.
_VGG16S = (
    *("vgg16", "vgg16_max_pooling", "vgg16_without_shear", "vgg16_without_salt_and_pepper"),
    "vgg16_without_penalty",
)

_FROM_SCRATCH = ("alertnet", "alertnet_wd", "alertnet_r", "alertnet_rwd", "alertnet_x", "alertnet_xwd")
_BACKBONES = {"resnet50": "ResNet50", "inceptionv3": "InceptionV3", "xception": "Xception"}
_FINE_TUNED = {f"{name}_{mode}": (name, mode) for name in _BACKBONES for mode in ("sft", "dft")}

STATED = {
    "leuknet_lodocv": LEUKNET,
    "allidb_lightweight": ALLIDB,
    "alertnet": {
        "model.arguments.weights": (
            {**dict.fromkeys(_FROM_SCRATCH), **dict.fromkeys(_FINE_TUNED, "imagenet")},
            "section V: 'a pre-trained architecture', 'natural photographic images from ImageNet'",
        ),
        "model.arguments.backbone": (
            {row: _BACKBONES[name] for row, (name, _) in _FINE_TUNED.items()},
            "section V: 'ResNet50, InceptionV3, and Xception'",
        ),
        "model.arguments.mode": (
            {row: mode.upper() for row, (_, mode) in _FINE_TUNED.items()},
            "section V: 'Shallow fine-tuning (SFT)', 'Deeply Fine-Tuning (DFT)'",
        ),
        "model.arguments.dropout_rate": (
            {row: 0.0 for row in _FROM_SCRATCH if row.endswith("wd")},
            "section IV: 'variant without dropout (WD)'",
        ),
        "preprocessing.resize": (224, "section III-B: 'resize the input images to 224 × 224 pixels'"),
        "preprocessing.scale": (1 / 255, "section III-C: 'values between 0 (zero) and 1 (one)'"),
        "preprocessing.squeeze": (False, "section III-B: 'central clipping considering the smaller side'"),
        "augmentation.arguments.horizontal_flip": (True, "section III-C: 'horizontal and vertical flip'"),
        "augmentation.arguments.vertical_flip": (True, "section III-C: 'horizontal and vertical flip'"),
        "augmentation.arguments.fill_mode": ("reflect", "section III-C: 'The reflection fill operation'"),
        "split.kind": ("kfold", "section IV: 'k-fold cross-validation'"),
        "split.n_splits": (5, "section IV: 'with k equal to 5'"),
        "training.optimizer_arguments.nesterov": (False, "the assumption momentum says that it is plain"),
    },
    "cnmc2019": {
        "model.arguments.weights": (None, "section 3: 'The network was trained from scratch'"),
        "model.arguments.dense_units": (
            {
                **dict.fromkeys(_VGG16S, (512, 512)),
                **{"vgg19": (512, 512), "xception": (2048,)},
                **{"vgg16_without_dense": (), "vgg16_4096": (4096, 4096)},
            },
            "section 2.3: 'two fully connected layers with 512 neurons', 'with 2048 neurons'",
        ),
        "model.arguments.top_pooling": (
            {
                **dict.fromkeys((*_VGG16S, "vgg19", "xception", "vgg16_without_dense", "vgg16_4096"), "avg"),
                "vgg16_max_pooling": "max",
            },
            "section 2.3: 'replaced by a global average pooling layer', 'using max pooling layers'",
        ),
        "model.arguments.penalty": (
            {
                **dict.fromkeys((*_VGG16S, "vgg19", "vgg16_without_dense", "vgg16_4096"), 1e-4),
                **{"xception": 7e-4, "vgg16_without_penalty": 0.0},
            },
            "section 3: 'set to 0.0001', 'set to 0.0007'",
        ),
        "model.arguments.dropout_rate": (0.5, "section 2.3: 'a fixed dropout rate of 50%'"),
        "preprocessing.crop": (250, "section 2.4: 'from 450x450 to 250x250'"),
        "preprocessing.scale": (1 / 255, "section 2.4: 'dividing their values by 255.0'"),
        "preprocessing.subtract_channel_mean": (True, "section 2.4: 'the channel mean value was subtracted'"),
        "augmentation.arguments.one_of": (
            {
                "vgg16_without_shear": ({}, {}, {"salt_and_pepper": 0.02}, {"gaussian_blur": 5}),
                "vgg16_without_salt_and_pepper": (
                    {},
                    {"shear_factor": (0.1, 0.35)},
                    {},
                    {"gaussian_blur": 5},
                ),
            },
            "section 2.2: 'shearing and addition of salt and pepper noise'",
        ),
        "augmentation.arguments.cval": (0.0, "section 2.1: 'with a black background'"),
        "augmentation.train_per_class": (10_000, "Table 1"),
        "augmentation.validation_per_class": (5_000, "Table 1"),
        "split.kind": ("cell", "section 2.1: 'images were randomly split ... in a 6:3:1 ratio'"),
        "split.fractions": ((0.6, 0.3, 0.1), "section 2.1: 'in a 6:3:1 ratio'"),
        "training.initial_learning_rate": (
            {
                **dict.fromkeys((*_VGG16S, "vgg19", "vgg16_without_dense", "vgg16_4096"), 1e-5),
                "xception": 5e-6,
            },
            "section 3: 'an initial learning rate of 0.00001', 'of 0.000005'",
        ),
        "training.final_learning_rate": (1e-6, "section 3: 'exponentially decaying to 0.000001'"),
        "training.optimizer": ("adam", "section 2.5: 'optimized using Adam'"),
        "training.optimizer_arguments.beta_1": (0.9, _KINGMA_AND_BA),
        "training.optimizer_arguments.beta_2": (0.999, _KINGMA_AND_BA),
        "training.optimizer_arguments.epsilon": (1e-8, _KINGMA_AND_BA),
    },
    "taleghani_resnet50": {
        "model.arguments.dropout_rate": (0.5, "Implementation: 'a dropout layer with a rate of 0.5'"),
        "preprocessing.resize": (224, "Implementation: 'set to 224 × 224 × 3'"),
        "preprocessing.scale": (1 / 255, "what the base gets is the assumption include_preprocessing"),
        "preprocessing.squeeze": (False, "Implementation: 'the resolution of the processed images': square"),
        "split.fractions": ((0.7, 0.1, 0.2), "Implementation: '72/72'; Results: the support of 651"),
        "training.epochs": (3, "Implementation: 'trained for three epochs'"),
        "training.optimizer": ("adam", "Implementation: 'the Adam optimizer'"),
        "training.optimizer_arguments.beta_1": (0.9, _KERAS_DEFAULT),
        "training.optimizer_arguments.beta_2": (0.999, _KERAS_DEFAULT),
        "training.optimizer_arguments.epsilon": (1e-7, _KERAS_DEFAULT),
        "training.loss": ("categorical_crossentropy", "Implementation: 'categorical cross-entropy loss'"),
    },
}

# Rows that no paper has, with the reason why the package has them.
ROWS_OUTSIDE = {"leuknet_lodocv": LEUKNET_OUTSIDE}

_CONVOLUTIONS = "the assumption convolutions: first stride of 4, same padding"
_ALERT_NET_LAYERS = {
    "Conv2D": "section III-A: 'five convolutional layers'",
    "Conv2D.kernel_size": "the assumption convolutions",
    "Conv2D.strides": _CONVOLUTIONS,
    "Conv2D.padding": _CONVOLUTIONS,
    "BatchNormalization": "section III-A: 'followed by Batch Normalization'",
    "ReLU": "the assumption relu",
    "MaxPooling2D": "section III-A: 'and Max Pooling layers'",
    "MaxPooling2D.padding": "the assumption pool_padding",
    "Flatten": "section III-A: 'two fully connected layers' after maps",
    "Dense": "section III-A: 'two fully connected layers'",
    "Dense.activation": "the assumption relu; section III-A: 'a softmax layer'",
    "Dropout": "section III-A: 'followed by a dropout operation'",
}
_SEPARABLE = {
    name.replace("Conv2D", "SeparableConv2D"): "section III-A: 'Depthwise Separable Convolutions'"
    for name in _ALERT_NET_LAYERS
    if name.startswith("Conv2D")
}
_TOP = {
    "GlobalAveragePooling2D": "section 2.3: 'a global average pooling layer'",
    "Dense": "section 2.3: 'fully connected layers'",
    "Dense.activation": "section 2.3: 'using ReLU', 'using softmax function'",
    "Dense.kernel_regularizer": "section 2.5, equation 3",
    "Dropout": "section 2.3: 'A Dropout ... layer was included, following each neuron layer'",
}

# Builder -> kind of layer, or its argument with another value than Keras' default -> its place in the text. A
# network on a base of Keras Applications has only the layers after it.
BUILT_IN = {
    **BUILT_IN_TWO,
    "AlertNet": _ALERT_NET_LAYERS,
    "AlertNetR": {
        **_ALERT_NET_LAYERS,
        "MaxPooling2D.pool_size": "section III-A: 'max pooling after the input layer to resize'",
        "Concatenate": "section III-A: 'concatenated with the second convolutional layer max pooling result'",
    },
    "AlertNetX": {
        **{name: place for name, place in _ALERT_NET_LAYERS.items() if not name.startswith("Conv2D")},
        **_SEPARABLE,
    },
    "CNMCVGG16": _TOP,
    "CNMCVGG19": _TOP,
    "CNMCXception": _TOP,
    "TaleghaniResNet50": {
        "Flatten": "Implementation: 'a flattening layer'",
        "Dropout": "Implementation: 'a dropout layer'",
        "Dense": "Implementation: 'a final dense layer with four output units'",
        "Dense.activation": "Implementation: 'a softmax activation function'",
    },
}
