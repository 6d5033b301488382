"""The names in a paper are checked before anything runs."""

import subprocess
import sys
from dataclasses import replace

import pytest

from leukcnn import models, papers, spec
from leukcnn.errors import SpecError
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.experiment.check import check_names, check_optimizers
from leukcnn.fields import replace_at

CNMC = papers.get("cnmc2019")


def check_paper(paper):
    check_names(paper)
    check_optimizers(paper)


@pytest.mark.parametrize("key", papers.list_papers())
def test_everything_that_a_paper_names_exists(key):
    paper = papers.get(key)
    check_paper(paper)
    assert set(paper.controls) <= set(CONTROLS)
    assert all(callable(models.builder(model.name)) for row in paper.rows for model in row.setup.models)


def test_names_are_checked_without_keras():
    code = (
        "import sys; from leukcnn import papers; from leukcnn.experiment.check import check_names; "
        "[check_names(papers.get(key)) for key in papers.list_papers()]; print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def with_setup(path, value):
    row = replace(CNMC.rows[0], setup=replace_at(CNMC.rows[0].setup, path, value))
    return replace(CNMC, rows=(row, *CNMC.rows[1:]), assumptions=(), figures=(), profiles=CNMC.profiles[:1])


def with_profile(changes):
    smoke = spec.Profile("smoke", "", changes=changes, not_comparable="smoke profile")
    return replace(CNMC, profiles=(CNMC.profiles[0], smoke), assumptions=())


def with_choice(path, choice):
    return replace(CNMC, assumptions=(spec.Assumption("network", path, "", "", choices=(choice,)),))


@pytest.mark.parametrize(
    ("paper", "found", "remedy"),
    [
        (
            with_setup("model", spec.Model("CNMCVGG16", {"dropout": 0.5})),
            "Row 'vgg16': CNMCVGG16 has no argument 'dropout'",
            "'dropout_rate'",
        ),
        (
            with_setup("model", spec.Model("FineTuned", {"backbone": "DenseNet12"})),
            "Row 'vgg16': backbone = 'DenseNet12' of FineTuned",
            "'DenseNet121'",
        ),
        (with_setup("model", spec.Model("nowhere.build")), "'nowhere.build' can't be imported", "PYTHONPATH"),
        (
            with_setup("model", spec.Model("tests.tiny.TinyNetwrk")),
            "no function 'TinyNetwrk'",
            "'TinyNetwork'",
        ),
        (
            with_setup("augmentation.arguments", {"rotaton_range": 3}),
            "Row 'vgg16': augmentation.arguments has 'rotaton_range'",
            "'rotation_range'",
        ),
        (
            with_setup("augmentation.arguments", {"fill_mode": "mirror"}),
            "Row 'vgg16': augmentation.arguments: fill_mode",
            "",
        ),
        (
            with_setup("training.optimizer_arguments", {"beta1": 0.5}),
            "Row 'vgg16': training.optimizer_arguments of 'adam' has 'beta1'",
            "'beta_1'",
        ),
        (
            with_setup(
                "training.optimizer_arguments", {"weight_decay": "much", "clipnorm": 1, "clipvalue": 1}
            ),
            "Row 'vgg16': training.optimizer_arguments of 'adam'",
            "",
        ),
        (
            with_setup("model", spec.Model("FineTuned", {"mode": "DFTT"})),
            "Row 'vgg16': mode = 'DFTT' of FineTuned",
            "'DFT'",
        ),
        (
            with_setup("model", spec.Model("FineTuned", {"weights": "imagnet"})),
            "Row 'vgg16': weights = 'imagnet' of FineTuned",
            "'imagenet'",
        ),
        (
            with_profile({"model.name": "AlertNet"}),
            "Row 'vgg16', profile 'smoke': AlertNet has no argument 'penalty'",
            "",
        ),
        (
            with_profile({"model": spec.Model("FineTuned", {"backbone": "DenseNet12"})}),
            "Row 'vgg16', profile 'smoke': backbone = 'DenseNet12'",
            "'DenseNet121'",
        ),
        (
            with_choice("model.name", "AlertNet"),
            "Row 'vgg16', assumption network = 'AlertNet': AlertNet has no argument 'penalty'",
            "",
        ),
        (replace(CNMC, classes=("malignant", "healthy")), "classes = ('malignant', 'healthy')", "class_of"),
        (replace(CNMC, datasets=("cnmc2019", "allidb1")), "without class_of", "class_of"),
        (replace(CNMC, class_of={"healty": "healthy"}), "class_of has 'healty'", "'healthy'"),
        (replace(CNMC, class_of={"healthy": "healthy"}), "maps no class of its datasets to malignant", ""),
        (
            replace(CNMC, synthetic_images={"cnmc2019": {"sick": 3}}),
            "synthetic_images has 3 images of the class 'sick'",
            "",
        ),
        (
            replace(CNMC, synthetic_images={"cnmc2019": {"healthy": 0}}),
            "synthetic_images has 0 images of the class 'healthy'",
            "",
        ),
    ],
)
def test_unknown_names_and_wrong_arguments_are_refused(paper, found, remedy):
    with pytest.raises(SpecError) as caught:
        check_paper(paper)
    assert found in caught.value.found
    assert caught.value.expected
    assert remedy in caught.value.remedy


def needs_units(*, units, input_shape, classes):
    """A builder with an argument of its own, which is never called."""


def takes_all(**arguments):
    """A builder that takes any argument."""


def test_a_builder_of_the_user_s_own_takes_the_arguments_of_each_network():
    models.register("NeedsUnits", needs_units)
    with pytest.raises(SpecError, match="NeedsUnits lacks the argument units"):
        check_names(with_setup("model", spec.Model("NeedsUnits")))
    check_names(with_setup("model", spec.Model("NeedsUnits", {"units": 3})))
    models.register("TakesAll", takes_all)
    check_names(with_setup("model", spec.Model("TakesAll", {"anything": 3})))
    models.register("TakesNothing", lambda: None)
    with pytest.raises(SpecError, match="TakesNothing has no argument 'classes'"):
        check_names(with_setup("model", spec.Model("TakesNothing")))


def positional(input_shape, classes):
    """A builder in the form that README shows, which gives another row its features."""


def test_a_network_that_gives_features_gets_the_classes_if_it_is_trained():
    models.register("Positional", positional)
    paper = with_setup("model", spec.Model("Positional"))
    source = paper.rows[0]
    taking = replace(source, id="taking", setup=replace(source.setup, features=spec.Features(row="vgg16")))
    check_names(replace(paper, rows=(*paper.rows, taking)))
    taking = replace(source, id="taking", setup=replace(source.setup, features=spec.Features()))
    with pytest.raises(SpecError, match="Row 'taking': Positional lacks the argument classes"):
        check_names(replace(paper, rows=(*paper.rows, taking)))
