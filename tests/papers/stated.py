"""What the papers' texts state: for each paper, path of a setting -> its value and its place in the text.

Where rows differ, the value is a mapping: id of the row -> its value. A place may also say why a setting that
the text doesn't mention is nevertheless settled.
"""

_KERAS_DEFAULT = "the paper names the optimizer alone, and its program is Keras': Keras' default"

STATED = {
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
ROWS_OUTSIDE: dict[str, dict[str, str]] = {}
