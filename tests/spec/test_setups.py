import dataclasses

import pytest

from leukcnn.errors import SpecError
from leukcnn.spec import (
    HOLDOUT_KINDS,
    KFOLD_KINDS,
    LODOCV_KINDS,
    SPLIT_KINDS,
    Augmentation,
    Model,
    Preprocessing,
    Setup,
    Split,
    Training,
)

TRAINING = Training(epochs=4, batch_size=8, initial_learning_rate=1e-3, final_learning_rate=1e-4)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Preprocessing(), "Neither crop nor resize"),
        (lambda: Preprocessing(crop=0), "crop = 0"),
        (lambda: Preprocessing(resize=-3), "resize = -3"),
        (lambda: Preprocessing(crop=10.5), r"crop = 10\.5"),
        (lambda: Preprocessing(crop=10, scale=0), "scale = 0"),
        (lambda: Augmentation(variants="often"), "variants = 'often'"),
        (lambda: Augmentation(train_per_class=0), "train_per_class = 0"),
        (lambda: Augmentation(validation_per_class=-1), "validation_per_class = -1"),
        (lambda: Preprocessing(crop=10, mask="nuclei"), "mask = 'nuclei'"),
        (lambda: Preprocessing(resize=10, threshold="otsu"), "threshold = 'otsu'"),
        (lambda: Preprocessing(resize=10, enlarging="area"), "enlarging = 'area'"),
        (lambda: Preprocessing(resize=10, enlarging="nearest"), "enlarging = 'nearest'"),
        (lambda: Preprocessing(resize=10, shrinking="cubic"), "shrinking = 'cubic'"),
        (lambda: Preprocessing(resize=10_001), "resize = 10001"),
        (lambda: Preprocessing(crop=10**12), "crop = 1000000000000"),
        (lambda: Preprocessing(crop=10, scale=float("inf")), "scale = inf"),
        (lambda: Preprocessing(crop=10, scale=float("nan")), "scale = nan"),
        (lambda: Preprocessing(resize=10, threshold=""), "threshold = ''"),
        (lambda: Preprocessing(crop=10, squeeze=True), "crop = 10 and squeeze"),
        (lambda: Split(kind="chance"), "kind = 'chance'"),
        (lambda: Split(kind="kfold", validation_fraction=1), "validation_fraction = 1"),
        (lambda: Split(kind="kfold", validation_fraction=-0.1), r"validation_fraction = -0\.1"),
        (lambda: Split(kind="kfold", validation_fraction=None), "validation_fraction = None"),
        (lambda: Split(fractions=(0.6, 0.4)), "fractions"),
        (lambda: Split(fractions=(0.6, 0.3, 0.2)), "fractions"),
        (lambda: Split(fractions=(0.7, 0.3, 0.0)), "fractions"),
        (lambda: Split(fractions=("a", "b", "c")), "fractions"),
        (lambda: Split(fractions=(0.6, 0.4, None)), "fractions"),
        (lambda: Augmentation(variants_per_image=0), "variants_per_image = 0"),
        (lambda: Augmentation(train_per_class=9, variants_per_image=2), "train_per_class = 9"),
        (lambda: Augmentation(variants_per_image=2.5), r"variants_per_image = 2\.5"),
        (lambda: Split(kind="kfold", n_splits=1), "n_splits = 1"),
        (lambda: Split(kind="kfold", n_splits=2.5), r"n_splits = 2\.5"),
        (lambda: Split(limit_per_class=0), "limit_per_class = 0"),
        (lambda: dataclasses.replace(TRAINING, checkpoint="best"), "checkpoint = 'best'"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"momentum": 7}), "momentum = 7"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"beta_1": 1.0}), r"beta_1 = 1\.0"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"beta_2": -0.1}), r"beta_2 = -0\.1"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"epsilon": 0.0}), r"epsilon = 0\.0"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"epsilon": -1e-8}), "epsilon = -1e-08"),
        (lambda: dataclasses.replace(TRAINING, epochs=0), "epochs = 0"),
        (lambda: dataclasses.replace(TRAINING, batch_size=2.5), r"batch_size = 2\.5"),
        (lambda: dataclasses.replace(TRAINING, initial_learning_rate=0.0), r"initial_learning_rate = 0\.0"),
        (lambda: dataclasses.replace(TRAINING, initial_learning_rate=None), "initial_learning_rate = None"),
        (lambda: dataclasses.replace(TRAINING, final_learning_rate=-1.0), "final_learning_rate"),
        (lambda: dataclasses.replace(TRAINING, final_learning_rate=0), "final_learning_rate = 0"),
        (lambda: dataclasses.replace(TRAINING, schedule="linear"), "schedule = 'linear'"),
        (lambda: dataclasses.replace(TRAINING, schedule="cosine", initial_learning_rate=0), "initial_lea"),
        (lambda: dataclasses.replace(TRAINING, patience=-1), "patience = -1"),
        (lambda: dataclasses.replace(TRAINING, patience=1.5), r"patience = 1\.5"),
        (lambda: dataclasses.replace(TRAINING, precision="float8"), "precision = 'float8'"),
        (lambda: dataclasses.replace(TRAINING, optimizer="adm"), "optimizer = 'adm'"),
        (lambda: dataclasses.replace(TRAINING, loss="crossentropy"), "loss = 'crossentropy'"),
        (lambda: dataclasses.replace(TRAINING, epochs=True), "epochs = True"),
        (lambda: dataclasses.replace(TRAINING, optimizer_arguments={"momentum": "0.9"}), "momentum = '0"),
        (lambda: Split(kind="kfold", per_dataset=("allidb3",)), "per_dataset = 'allidb3'"),
        (lambda: Split(kind="lodocv", never_tested=("allidb3",)), "never_tested = 'allidb3'"),
        (lambda: Split(kind="kfold", per_dataset="allidb1"), "per_dataset = 'allidb1'"),
    ],
)
def test_value_outside_its_limits_is_named_and_refused(make, named):
    with pytest.raises(SpecError, match=named) as caught:
        make()
    assert caught.value.expected


def test_fractions_may_be_off_by_rounding_only():
    assert Split(fractions=(0.1 + 0.2, 0.6, 0.1)).fractions[0] != 0.3
    with pytest.raises(SpecError):
        Split(fractions=(0.3, 0.6, 0.1001))


def test_image_size_is_that_after_resizing():
    assert Preprocessing(crop=250).image_size == 250
    assert Preprocessing(crop=250, resize=40).image_size == 40
    assert Preprocessing(resize=40).image_size == 40


def setup(kind: str, checkpoint: str) -> Setup:
    training = dataclasses.replace(TRAINING, checkpoint=checkpoint)
    return Setup(Model("made_up.Small"), Preprocessing(crop=10), Augmentation(), Split(kind=kind), training)


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold", "block_kfold"])
def test_checkpoint_must_be_the_last_one_without_validation(kind):
    assert not setup(kind, "last").split.has_validation
    with pytest.raises(SpecError, match="val_accuracy"):
        setup(kind, "val_accuracy")


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold", "block_kfold"])
def test_folds_may_hold_out_images_for_validation(kind):
    made = setup(kind, "last")
    split = dataclasses.replace(made.split, validation_fraction=0.125)
    assert split.has_validation
    training = dataclasses.replace(made.training, checkpoint="val_loss", patience=0)
    assert dataclasses.replace(made, split=split, training=training).training.patience == 0


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold", "lodocv"])
def test_patience_is_refused_without_validation(kind):
    made = setup(kind, "last")
    with pytest.raises(SpecError, match="patience 0"):
        dataclasses.replace(made, training=dataclasses.replace(made.training, patience=0))


def test_lodocv_never_has_validation():
    assert not Split(kind="lodocv", validation_fraction=0.125).has_validation


def test_every_kind_of_split_is_of_one_family():
    families = (HOLDOUT_KINDS, KFOLD_KINDS, LODOCV_KINDS)
    assert sorted(SPLIT_KINDS) == sorted(kind for family in families for kind in family)
    assert len(set(SPLIT_KINDS)) == len(SPLIT_KINDS)


@pytest.mark.parametrize("kind", HOLDOUT_KINDS)
def test_any_checkpoint_is_allowed_with_validation(kind):
    for checkpoint in ("val_accuracy", "val_loss", "last"):
        assert setup(kind, checkpoint).split.has_validation


def test_constant_learning_rate_needs_no_final_one():
    assert dataclasses.replace(TRAINING, final_learning_rate=None).final_learning_rate is None


def test_cosine_may_end_at_0():
    assert dataclasses.replace(TRAINING, schedule="cosine", final_learning_rate=0).final_learning_rate == 0
