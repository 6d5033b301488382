"""DenseNet121 on C-NMC 2019, in five folds that keep each subject's cells together.

Try it:  leukcnn reproduce docs/examples/densenet_cnmc.py --data synthetic --profile smoke
Run it:  leukcnn reproduce docs/examples/densenet_cnmc.py --data DIR
"""

from leukcnn.spec import (
    Assumption,
    Augmentation,
    Model,
    Paper,
    Preprocessing,
    Profile,
    Row,
    Setup,
    Split,
    Table,
    Training,
    additional_tables,
)

DENSENET = Setup(
    Model(
        "FineTuned",
        {"backbone": "DenseNet121", "mode": "DFT", "weights": "imagenet", "include_preprocessing": True},
    ),
    Preprocessing(crop=224),
    Augmentation({"rotation_range": 180, "horizontal_flip": True}, variants="fresh"),
    Split("grouped_kfold", n_splits=5),
    Training(epochs=20, batch_size=32, initial_learning_rate=1e-4, checkpoint="last"),
)

SMOKE = {
    "preprocessing.resize": 32,
    "model.arguments.weights": None,
    "split.limit_per_class": 60,
    "split.n_splits": 2,
    "training.epochs": 1,
    "training.deterministic": True,
}

PAPER = Paper(
    key="densenet_cnmc",
    title="DenseNet121 on C-NMC 2019",
    authors="An example",
    year=2025,
    citation="docs/examples/densenet_cnmc.py",
    task="malignant or healthy cell",
    datasets=("cnmc2019",),
    classes=("healthy", "malignant"),
    positive_class="malignant",
    splits=("grouped_kfold", "kfold"),
    rows=(Row("densenet121", "DenseNet121", DENSENET),),
    profiles=(
        Profile("paper", "The full setting: 224x224 pixels, 20 epochs, from ImageNet's weights."),
        Profile("smoke", "Small images, one epoch.", SMOKE, not_comparable="smoke profile"),
    ),
    assumptions=(Assumption("epochs", "training.epochs", "chosen for this example", where="this file"),),
    tables=(
        # Probabilities of different folds come from different networks: AUROC is computed within each fold.
        Table("table1", "Folds by subject", "metrics", metrics=("accuracy", "f1", "auroc"), over="folds"),
        *additional_tables(),
    ),
    figures=(),
    findings=(),
    synthetic_images={"cnmc2019": {"malignant": 80, "healthy": 60}},
)
