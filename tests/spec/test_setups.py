import dataclasses

import pytest

from leukcnn.errors import SpecError
from leukcnn.spec import Augmentation, Model, Preprocessing, Setup, Split, Training

TRAINING = Training(epochs=4, batch_size=8, initial_learning_rate=1e-3, final_learning_rate=1e-4)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Preprocessing(), "Neither crop nor resize"),
        (lambda: Preprocessing(crop=0), "crop = 0"),
        (lambda: Preprocessing(resize=-3), "resize = -3"),
        (lambda: Preprocessing(crop=10.5), r"crop = 10\.5"),
        (lambda: Preprocessing(crop=10, scale=0), "scale = 0"),
        (lambda: Augmentation(variants="often"), "augmentation = 'often'"),
        (lambda: Augmentation(train_per_class=0), "train_per_class = 0"),
        (lambda: Augmentation(validation_per_class=-1), "validation_per_class = -1"),
        (lambda: Split(kind="random"), "split = 'random'"),
        (lambda: Split(fractions=(0.6, 0.4)), "fractions"),
        (lambda: Split(fractions=(0.6, 0.3, 0.2)), "fractions"),
        (lambda: Split(fractions=(0.7, 0.3, 0.0)), "fractions"),
        (lambda: Split(fractions=("a", "b", "c")), "fractions"),
        (lambda: Split(fractions=(0.6, 0.4, None)), "fractions"),
        (lambda: Augmentation(variants_per_picture=0), "variants_per_picture = 0"),
        (lambda: Augmentation(train_per_class=9, variants_per_picture=2), "train_per_class = 9"),
        (lambda: Augmentation(variants_per_picture=2.5), r"variants_per_picture = 2\.5"),
        (lambda: Split(kind="kfold", n_splits=1), "n_splits = 1"),
        (lambda: Split(kind="kfold", n_splits=2.5), r"n_splits = 2\.5"),
        (lambda: Split(limit_per_class=0), "limit_per_class = 0"),
        (lambda: dataclasses.replace(TRAINING, checkpoint="best"), "checkpoint = 'best'"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"momentum": 7}), "momentum = 7"),
        (lambda: dataclasses.replace(TRAINING, epochs=0), "epochs = 0"),
        (lambda: dataclasses.replace(TRAINING, batch_size=2.5), r"batch_size = 2\.5"),
        (lambda: dataclasses.replace(TRAINING, initial_learning_rate=0.0), r"initial_learning_rate = 0\.0"),
        (lambda: dataclasses.replace(TRAINING, initial_learning_rate=None), "initial_learning_rate = None"),
        (lambda: dataclasses.replace(TRAINING, final_learning_rate=-1.0), "final_learning_rate"),
        (lambda: dataclasses.replace(TRAINING, precision="float8"), "precision = 'float8'"),
    ],
)
def test_value_outside_its_limits_is_refused_by_name(make, named):
    with pytest.raises(SpecError, match=named) as caught:
        make()
    assert caught.value.expected


def test_fractions_may_be_off_by_rounding_only():
    assert Split(fractions=(0.1 + 0.2, 0.6, 0.1)).fractions[0] != 0.3
    with pytest.raises(SpecError):
        Split(fractions=(0.3, 0.6, 0.1001))


def test_side_of_the_input_is_that_after_resizing():
    assert Preprocessing(crop=250).side == 250
    assert Preprocessing(crop=250, resize=40).side == 40
    assert Preprocessing(resize=40).side == 40


def setup(kind: str, checkpoint: str) -> Setup:
    training = dataclasses.replace(TRAINING, checkpoint=checkpoint)
    return Setup(Model("Small"), Preprocessing(crop=10), Augmentation(), Split(kind=kind), training)


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold"])
def test_without_validation_the_last_epoch_must_count(kind):
    assert not setup(kind, "last").split.has_validation
    with pytest.raises(SpecError, match="val_accuracy"):
        setup(kind, "val_accuracy")


@pytest.mark.parametrize("kind", ["cell", "subject", "fold"])
def test_with_validation_any_checkpoint_will_do(kind):
    for checkpoint in ("val_accuracy", "val_loss", "last"):
        assert setup(kind, checkpoint).split.has_validation


def test_a_constant_learning_rate_needs_no_final_one():
    assert dataclasses.replace(TRAINING, final_learning_rate=None).final_learning_rate is None
