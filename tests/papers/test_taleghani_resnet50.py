import pytest

from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets.catalog import card
from leukcnn.models import arguments_of
from leukcnn.papers.taleghani_resnet50 import PAPER, SCRATCH
from leukcnn.spec import Split


def test_protocol_of_the_paper():
    setup = PAPER.setup("resnet50")
    assert (setup.preprocessing.crop, setup.preprocessing.resize, setup.preprocessing.mask) == (None, 224, "")
    assert setup.preprocessing.scale == 1 / 255
    assert setup.model.arguments == {
        "weights": "imagenet",
        "dropout_rate": 0.5,
        "include_preprocessing": True,
        "kernel_initializer": "glorot_uniform",
    }
    assert setup.augmentation.variants_per_image is setup.augmentation.train_per_class is None
    training = setup.training
    assert (training.epochs, training.batch_size, training.optimizer) == (3, 32, "adam")
    assert (training.initial_learning_rate, training.final_learning_rate) == (0.001, None)
    assert (training.loss, training.checkpoint, training.patience) == (
        "categorical_crossentropy",
        "val_loss",
        0,
    )
    assert PAPER.runs == 1


def test_every_row_has_the_same_splits():
    assert PAPER.splits == ("random", "grouped", "kfold", "grouped_kfold", "block_kfold")
    for row in PAPER.rows:
        split = row.setup.split
        assert split == Split("random", (0.7, 0.1, 0.2), n_splits=5, validation_fraction=0.125)
        assert row.extra_splits == ("grouped", "kfold")
    # One of five folds is tested; an eighth of the other four fifths is for validation.
    assert split.validation_fraction * (1 - 1 / split.n_splits) == pytest.approx(split.fractions[1])


def test_networks_from_scratch_need_no_published_weights_and_end_at_a_rate_of_0():
    for row in SCRATCH:
        setup = PAPER.setup(row)
        assert setup.model.arguments.get("weights") is None
        assert (setup.training.schedule, setup.training.final_learning_rate) == ("cosine", 0)
        assert setup.training.patience is None
        assert (setup.augmentation.variants, setup.augmentation.variants_per_image) == ("fresh", 1)
        assert ImageAugmenter(**setup.augmentation.arguments)
        # Keras' initial values, though the paper of the lightweight CNN has PyTorch's.
        arguments = arguments_of(setup.model.name).filled(setup.model.arguments)
        assert arguments.get("kernel_initializer", "glorot_uniform") == "glorot_uniform"


def test_classes_are_those_of_the_dataset():
    assert PAPER.datasets == ("taleghani",)
    assert PAPER.classes == card("taleghani").classes == ("benign", "early", "pre", "pro")
    assert PAPER.class_of == {name: name for name in PAPER.classes}
    assert PAPER.positive_class == ""
