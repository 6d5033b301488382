"""What the LeukNet and ALL-IDB papers state, see `tests.papers.stated`."""

from leukcnn.spec import Model

_VGG = {"vgg16": "VGG16", "vgg19": "VGG19"}
_OTHER = {"resnet50": "ResNet50", "inceptionv3": "InceptionV3", "xception": "Xception"}
_MODES = {"sft": "SFT", "dft": "DFT", "msft": "mSFT", "mdft": "mDFT"}
_SIZES = {"512_256": (512, 256), "1024_512": (1024, 512), "1024_1024": (1024, 1024)}

# Rows of the builder FineTuned: their id -> backbone and mode.
_FINE_TUNED = {
    f"{name}_{mode}": (backbone, _MODES[mode])
    for name, backbone in {**_VGG, **_OTHER}.items()
    for mode in _MODES
    if (name, mode) != ("vgg16", "mdft")
} | {"features_dft": ("VGG16", "DFT"), "features_imagenet": ("VGG16", "SFT")}
_LEUKNETS = {
    **dict.fromkeys(("leuknet", "features_mdft"), (1024, 256)),
    **{f"leuknet_{name}": units for name, units in _SIZES.items()},
}
_RANDOM_TOP = ("leuknet", *_FINE_TUNED)
_KERAS = (*_LEUKNETS, *_FINE_TUNED)
_KERAS_DEFAULT = "the paper names the optimizer alone: Keras' default"
_REFERENCE_5 = "reference [5], section IV-D"

LEUKNET = {
    "model.arguments.weights": ("imagenet", "section III-C: 'pre-trained in large datasets', ImageNet"),
    "model.arguments.backbone": (
        {
            **dict.fromkeys(_LEUKNETS, "VGG16"),
            **{row: backbone for row, (backbone, _) in _FINE_TUNED.items()},
        },
        "section III-D, Table III",
    ),
    "model.arguments.mode": (
        {row: mode for row, (_, mode) in _FINE_TUNED.items()},
        "sections III-C and III-D; Table VI: VGG-16 without fine-tuning has its own dense layers",
    ),
    "model.arguments.dense_units": (
        {**_LEUKNETS, **dict.fromkeys(_FINE_TUNED)},
        "Table V; None is the builder's: 1024 and 256, 1024 or 128, section III-D; the published layers",
    ),
    "model.arguments.dropout_rates": (
        {
            **dict.fromkeys(("leuknet", "features_mdft"), (0.5, 0.6)),
            # What the assumption dropout_rates doesn't cover.
            **{
                row: None
                for row, (backbone, mode) in _FINE_TUNED.items()
                if not backbone.startswith("VGG") or mode in ("SFT", "DFT")
            },
        },
        "section IV-B: 'rates of 0.5 and 0.6'; section III-D lists no dropout for the others, and Keras' "
        "VGGs have none",
    ),
    "model.arguments.dropout_rate": ({"vogado2018": 0.5}, "only published networks compute features here"),
    "model.arguments.kernel_initializer": (
        {"vogado2018": "glorot_uniform"},
        "no effect: published weights fill every layer",
    ),
    "model.arguments.frozen": (
        {"features_imagenet": "base"},
        "no effect: this network isn't trained",
    ),
    "preprocessing.resize": ({"vogado2018": 227}, f"{_REFERENCE_5}: the published networks take this size"),
    "preprocessing.scale": (
        {**dict.fromkeys(_KERAS, 1 / 255), "vogado2018": 1.0},
        "section III-B: 'between 0 (zero) and 1 (one)'; the networks of [5] take 0..255",
    ),
    "augmentation.arguments.horizontal_flip": (True, "section III-B: 'horizontal and vertical flip'"),
    "augmentation.arguments.vertical_flip": (True, "section III-B: 'horizontal and vertical flip'"),
    "augmentation.arguments.fill_mode": ("reflect", "section III-B: 'the reflection fill operation'"),
    "split.kind": ("lodocv", "section III-E: 'Leave one dataset out cross validation'"),
    "split.n_splits": (5, "abstract: 'k-fold cross-validation (k = 5)'"),
    "split.performance_sets": (("ufg",), "section III-A: 'The performance set', the UFG dataset"),
    "split.never_tested": (
        {**dict.fromkeys(_KERAS, ("ufg",)), "leuknet": (), "vogado2018": ()},
        "section IV-A: 'through experiments with the ALL-IDB 1 and ALL-IDB 2 datasets'",
    ),
    "training.epochs": (50, "section IV-B: 'a total of 50 epochs'"),
    "training.batch_size": (32, "section IV-B: 'batch size 32'"),
    "training.initial_learning_rate": (0.001, "section IV-B: '0.001 and 0.8'"),
    "training.optimizer": ("sgd", "section IV-B: 'Stochastic Gradient Descent'"),
    "training.optimizer_arguments.momentum": (0.8, "section IV-B: '0.001 and 0.8'"),
    "training.optimizer_arguments.nesterov": (False, _KERAS_DEFAULT),
    "training.loss": ("binary_crossentropy", "section IV-B: 'binary cross-entropy'"),
    "features.row": (
        {"features_dft": "vgg16_dft", "features_mdft": "leuknet"},
        "section IV-C: 'fine-tuned VGG-16'; Table VI",
    ),
    "features.augmented": (
        {"vogado2018": False},
        "section IV-D explains LeukNet's lead over [5] by 'the use of data augmentation techniques'",
    ),
    "features.extra_models": (
        {
            "vogado2018": (
                Model("CaffeNet", {"weights": "imagenet"}),
                Model("VGGF", {"weights": "imagenet", "input_shape": (224, 224, 3)}),
            )
        },
        "reference [5]: AlexNet, CaffeNet and VGG-f",
    ),
}

LEUKNET_OUTSIDE = dict.fromkeys(
    (f"{name}_{mode}" for name in _OTHER for mode in ("sft", "dft")),
    "section III-D fine-tunes these networks by mSFT and mDFT; the ablation adds the other two",
)

_OWN, _PRETRAINED = "lightweight", ("resnet50", "regnet")
_PYTORCH_DEFAULT = "Section 4.2 names the optimizer alone; the default is PyTorch's and Keras'"

ALLIDB = {
    "model.arguments.weights": (
        {_OWN: None, **dict.fromkeys(_PRETRAINED, "imagenet")},
        "Section 4.2: 'pre-trained using the ImageNet 1k dataset'",
    ),
    "model.arguments.dropout_rate": ({_OWN: 0.2}, "Section 4.2: 'a 0.2 dropout rate'"),
    "model.arguments.dropout_rates": (
        dict.fromkeys(_PRETRAINED),
        "no dense layer to drop outputs of, see the assumption pretrained_dense_units",
    ),
    "preprocessing.scale": (1 / 255, "PyTorch's ToTensor; what a base gets is include_preprocessing"),
    "split.kind": ("kfold", "Section 4.2: 'four-fold cross-validation'"),
    "split.per_dataset": (("allidb1", "allidb2"), "Table 1 has each dataset by itself"),
    "training.epochs": (25, "Table 1"),
    "training.initial_learning_rate": (1e-4, "Section 4.2: '1e-4 learning rate'"),
    "training.optimizer": ("adam", "Section 4.2: 'an Adam optimizer'"),
    "training.optimizer_arguments.beta_1": (0.9, _PYTORCH_DEFAULT),
    "training.optimizer_arguments.beta_2": (0.999, _PYTORCH_DEFAULT),
    "training.loss": ("categorical_crossentropy", "Section 4.2: 'the cross entropy loss function'"),
}

BUILT_IN_TWO = {
    "LeukNet": {
        "Flatten": "Figure 4: VGG-16, whose maps its own dense layers get flattened",
        "Dense": "section IV-B: 'two fully connected layers'",
        "Dense.activation": "section III-D: 'with ReLu activation'; section IV-B: 'sigmoid activation'",
        "Dropout": "section IV-B: 'dropout (dp) was also employed after each fully connected layer'",
    },
    "FineTuned": {
        "GlobalAveragePooling2D": "section III-D: 'a new layer of Global Average Pooling'",
        "Dense": "section III-D: 'a dense layer with 1024 elements'",
        "Dense.activation": "section III-D: 'with ReLu activation', 'The output layer is the same'",
    },
    "LightweightCNN": {
        "Conv2D": "Section 4.2: 'two convolutional layers'",
        "Conv2D.activation": "the assumption conv_activation",
        "Conv2D.bias_initializer": "the assumption initializer",
        "Conv2D.kernel_size": "the assumption convolutions",
        "Conv2D.padding": "the assumption padding",
        "MaxPooling2D": "Section 4.2: 'a max pooling layer with 2 kernel size and 2 stride value'",
        "Flatten": "the assumption top_pooling",
        "Dense": "Section 4.2: 'The FCN is made of dense, ELU, dropout, and Softmax layers'",
        "Dense.activation": "Section 4.2: 'dense, ELU, dropout, and Softmax layers'",
        "Dense.bias_initializer": "the assumption initializer",
        "Dropout": "Section 4.2: 'dense, ELU, dropout, and Softmax layers'",
    },
}
