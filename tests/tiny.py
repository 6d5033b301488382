"""The papers with tiny networks, to test everything around a training within seconds.

As a script it reproduces the C-NMC paper, so that a test can kill it: tiny.py DATA OUT EPOCHS SECONDS_A_STEP
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import keras

from leukcnn import models, papers, spec
from leukcnn.counting import uncounted
from leukcnn.errors import ArgumentError
from leukcnn.fields import replace_at
from leukcnn.synthetic.folders import SyntheticCounts

COUNTS = SyntheticCounts(
    malignant=40,
    healthy=30,
    malignant_subjects=10,
    healthy_subjects=10,
    preliminary=6,
    preliminary_subjects=3,
    final=11,
)


def TinyNetwork(*, input_shape, classes=2, units=8, dropout_rate=0.5, kernel_initializer="he_normal"):
    """A network that is hard to resume: batch statistics, dropout and an optimizer with state."""
    if units < 1:
        raise ArgumentError(f"units = {units}.", expected="at least 1")
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(units, 3, strides=2, kernel_initializer=kernel_initializer),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(dropout_rate),
            keras.layers.Dense(classes, activation="softmax", dtype="float32"),
        ],
        name="tiny",
    )


def TwoPartNetwork(
    *, input_shape, classes=3, dropout_rate=0.0, frozen=True, base_initializer="glorot_uniform"
):
    """A base with batch statistics, frozen or not, followed by a head."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(6, 3, strides=2, kernel_initializer=base_initializer, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    x = keras.layers.Dense(8, activation="relu", name="dense")(x)
    if dropout_rate:
        x = keras.layers.Dropout(dropout_rate, name="dropout")(x)
    activation = "sigmoid" if classes == 1 else "softmax"
    outputs = keras.layers.Dense(classes, activation=activation, name="predictions")(x)
    network = keras.Model(inputs, outputs, name="two_part_network")
    for name in ("conv", "norm"):
        network.get_layer(name).trainable = not frozen
    return network


def register():
    """Registers the networks with leukcnn.models."""
    models.register("TinyNetwork", TinyNetwork)
    models.register("TwoPartNetwork", TwoPartNetwork)


def tiny_paper(*, epochs=2, profile="smoke"):
    """Returns the C-NMC paper with tiny networks and a quick smoke profile."""
    register()
    paper = papers.get("cnmc2019")
    rows = tuple(
        replace(
            row,
            setup=replace(
                row.setup,
                model=spec.Model(
                    "TinyNetwork", {"units": units, "dropout_rate": 0.5, "kernel_initializer": "he_normal"}
                ),
            ),
        )
        # Without the ablation of VGG16.
        for row, units in zip(paper.rows[:3], (8, 6, 4), strict=True)
    )
    changes = {
        "preprocessing.resize": 24,
        "augmentation.train_per_class": 30,
        "augmentation.validation_per_class": 15,
        "training.epochs": epochs,
        "training.batch_size": 10,
        "training.initial_learning_rate": 1e-2,
        "training.final_learning_rate": 1e-3,
        "training.deterministic": True,
    }
    profiles = (
        paper.profiles[0],
        spec.Profile("smoke", "quick", changes=changes, not_comparable="smoke profile"),
    )
    assumptions = tuple(replace(a, rows=()) for a in paper.assumptions if a.name != "penalty")
    tables = tuple(table for table in paper.tables if table.id != "ablation")
    figures = tuple(
        replace(f, networks=(("tiny", "TinyNetwork"),)) if f.networks else f for f in paper.figures
    )
    return replace(
        paper, rows=rows, profiles=profiles, assumptions=assumptions, tables=tables, figures=figures
    )


def tiny_quick_paper():
    """Returns the tiny paper with one figure and few tables, which writes each kind of file nevertheless."""
    paper = tiny_paper()
    tables = tuple(table for table in paper.tables if table.id in ("table2", "external", "controls"))
    return replace(paper, tables=tables, figures=paper.figures[:1])


def tiny_folds_paper():
    """Returns the Alert Net paper with tiny networks: two folds, two epochs, frozen bases for SFT.

    Only two networks are converted for mobile devices, which takes longer than their training.
    """
    register()
    paper = papers.get("alertnet")
    rows = tuple(
        replace(
            row,
            setup=replace(
                row.setup,
                model=spec.Model("TwoPartNetwork", {"frozen": row.id.endswith("_sft")}),
                preprocessing=spec.Preprocessing(resize=40),
            ),
        )
        for row in paper.rows
    )
    changes = {
        "preprocessing.resize": 24,
        "augmentation.variants_per_image": 3,
        "split.n_splits": 2,
        "training.epochs": 2,
        "training.batch_size": 12,
        "training.initial_learning_rate": 1e-2,
        "training.deterministic": True,
    }
    profiles = (
        paper.profiles[0],
        spec.Profile("smoke", "quick", changes=changes, not_comparable="smoke profile"),
    )
    assumptions = tuple(a for a in paper.assumptions if not a.field.startswith("model."))
    figures = tuple(
        replace(f, networks=(("tiny", "TwoPartNetwork"),)) if f.networks else f for f in paper.figures
    )
    tables = tuple(
        replace(table, rows=table.rows[:2]) if table.kind == "mobile" else table for table in paper.tables
    )
    return replace(
        paper, rows=rows, profiles=profiles, assumptions=assumptions, tables=tables, figures=figures
    )


def tiny_lodocv_paper():
    """Returns the LeukNet paper with tiny networks of one output and two epochs."""
    register()
    paper = papers.get("leuknet_lodocv")
    extra_models = (spec.Model("TwoPartNetwork", {"classes": 1, "input_shape": (20, 20, 3)}),)

    def tiny(row):
        setup = replace(
            row.setup,
            model=spec.Model("TwoPartNetwork", {"classes": 1, "frozen": row.id.endswith("sft")}),
            preprocessing=spec.Preprocessing(resize=40),
        )
        if setup.features:
            features = replace(
                setup.features, n_components=None, within_splits=2 * bool(setup.features.within_splits)
            )
            if features.extra_models:
                features = replace(features, extra_models=extra_models, n_selected=5)
            setup = replace(setup, features=features)
        return replace(row, setup=setup)

    changes = {
        "preprocessing.resize": 24,
        "augmentation.variants_per_image": 2,
        "split.n_splits": 2,
        "training.epochs": 2,
        "training.batch_size": 12,
        "training.initial_learning_rate": 1e-2,
        "training.deterministic": True,
    }
    smoke = spec.Profile(
        "smoke",
        "quick",
        changes=changes,
        rows=("leuknet", "vgg16_dft", "features_dft", "features_mdft", "features_imagenet", "vogado2018"),
        runs=1,
        not_comparable="smoke profile",
    )
    assumptions = tuple(a for a in paper.assumptions if not a.field.startswith(("model.", "features.")))
    figures = tuple(
        replace(f, networks=(("tiny", "TwoPartNetwork"),)) if f.networks else f for f in paper.figures
    )
    rows = tuple(map(tiny, paper.rows))
    return replace(
        paper, rows=rows, profiles=(paper.profiles[0], smoke), assumptions=assumptions, figures=figures
    )


def tiny_stages_paper():
    """Returns the Taleghani paper with tiny networks: two epochs, two folds, a frozen base in its own row."""
    register()
    paper = papers.get("taleghani_resnet50")
    rows = tuple(
        replace(
            row,
            setup=replace(
                row.setup,
                model=spec.Model("TwoPartNetwork", {"classes": 4, "frozen": not row.scratch_name}),
            ),
        )
        for row in paper.rows
    )
    changes = {
        "preprocessing.resize": 24,
        "split.n_splits": 2,
        "training.epochs": 2,
        "training.batch_size": 12,
        "training.initial_learning_rate": 1e-2,
        "training.deterministic": True,
    }
    smoke = spec.Profile(
        "smoke", "quick", changes=changes, rows=("resnet50", "four_blocks"), not_comparable="smoke profile"
    )
    assumptions = tuple(a for a in paper.assumptions if not a.field.startswith("model."))
    return replace(paper, rows=rows, profiles=(paper.profiles[0], smoke), assumptions=assumptions)


def tiny_separate_datasets_paper():
    """Returns the ALL-IDB paper in two folds: its own small network and tiny ones for the others."""
    register()
    paper = papers.get("allidb_lightweight")
    rows = tuple(
        row
        if row.id == "lightweight"
        else replace(row, setup=replace(row.setup, model=spec.Model("TwoPartNetwork", {"classes": 2})))
        for row in paper.rows
    )
    changes = {
        "preprocessing.resize": 24,
        "split.n_splits": 2,
        "training.epochs": 2,
        "training.batch_size": 8,
        "training.initial_learning_rate": 1e-2,
        "training.deterministic": True,
    }
    smoke = spec.Profile("smoke", "quick", changes=changes, not_comparable="smoke profile")
    assumptions = tuple(a for a in paper.assumptions if not a.field.startswith("model."))
    counts = {"allidb1": {"healthy": 9, "ALL": 7}, "allidb2": {"healthy": 8, "ALL": 10}}
    return replace(
        paper,
        rows=rows,
        profiles=(paper.profiles[0], smoke),
        assumptions=assumptions,
        synthetic_images=counts,
    )


def diverging(paper, row_id):
    """Returns a tiny paper one of whose rows has a learning rate with which the loss becomes NaN."""
    path, own = "training.initial_learning_rate", paper.profile("smoke")
    rate = own.changes[path]
    rows = []
    for row in paper.rows:
        setup = replace_at(row.setup, path, 1e38 if row.id == row_id else rate)
        rows.append(replace(row, setup=replace_at(setup, "training.final_learning_rate", None)))
    changes = {name: value for name, value in own.changes.items() if not name.endswith("learning_rate")}
    return replace(paper, rows=tuple(rows), profiles=(paper.profiles[0], replace(own, changes=changes)))


class Progress:
    """Replaces the progress display of the terminal and records its calls."""

    def __init__(self):
        self.messages, self.started, self.epochs = [], [], []

    def message(self, text):
        self.messages.append(text)

    def counting(self, what):
        return uncounted(what)

    def start_trial(self, label, index, total, epochs, steps, *, first_epoch=1):
        self.started.append((label, first_epoch))

    def batch(self, *, epoch, step, loss, accuracy):
        pass

    def end_epoch(self, *, epoch, logs):
        self.epochs.append((epoch, logs))

    def end_trial(self):
        pass


def main(data, out, epochs, seconds_a_step):
    """Reproduces the first row of the tiny paper."""
    from leukcnn import callbacks
    from leukcnn.experiment.request import Request
    from leukcnn.experiment.run import reproduce
    from leukcnn.trials import network_trials

    # Every epoch is saved, however short, so that a test knows where a killed run goes on.
    callbacks._MIN_TRAIN_TO_SAVE_RATIO = 0

    class SlowSteps(callbacks.ReportProgress):
        def on_train_batch_begin(self, batch, logs=None):
            print("step", self.epoch, batch + 1, flush=True)
            time.sleep(float(seconds_a_step))

    network_trials.ReportProgress = SlowSteps
    request = Request(
        paper=tiny_paper(epochs=int(epochs)), data=data, out=Path(out), profile="smoke", only="vgg16"
    )
    reproduce(request, progress=Progress())


if __name__ == "__main__":
    main(*sys.argv[1:])
