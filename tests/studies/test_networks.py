"""Names of networks become rows that can be built and trained."""

from dataclasses import replace

import pytest

from leukcnn import models, spec
from leukcnn.errors import SpecError
from leukcnn.studies.networks import DEFAULT_NETWORKS, rows_of

SETUP = spec.Setup(
    spec.Model("FourBlockCNN"),
    spec.Preprocessing(resize=48),
    spec.Augmentation(),
    spec.Split("grouped_kfold", n_splits=5),
    spec.Training(
        epochs=4,
        batch_size=8,
        initial_learning_rate=1e-3,
        final_learning_rate=0.0,
        schedule="cosine",
        checkpoint="last",
    ),
)


def row_of(name: str, setup: spec.Setup = SETUP) -> spec.Row:
    (row,) = rows_of((name,), setup=setup)
    return row


def test_the_default_network_keeps_the_setup():
    (row,) = rows_of(DEFAULT_NETWORKS, setup=SETUP)
    assert row == spec.Row("four_blocks", "Four blocks", SETUP)


@pytest.mark.parametrize(
    "name", ["four_blocks", "FourBlockCNN", "fourblocks", "Four-Blocks", "FOUR_BLOCK_CNN"]
)
def test_capitals_and_underscores_do_not_matter(name):
    assert row_of(name).id == "four_blocks"


@pytest.mark.parametrize("name", ["resnet50", "ResNet50:SFT", "resnet_50:sft"])
def test_a_network_without_a_mode_trains_its_top_from_published_weights(name):
    row = row_of(name)
    assert (row.id, row.label) == ("resnet50_sft", "ResNet50 SFT")
    assert row.setup.model.arguments["weights"] == "imagenet"
    assert row.setup.model.arguments["include_preprocessing"]


def test_all_layers_are_fine_tuned_at_a_lower_rate():
    rate, deep = SETUP.training.initial_learning_rate, row_of("densenet121:DFT").setup.training
    assert deep == replace(SETUP.training, initial_learning_rate=rate / 10)
    falling = replace(
        SETUP, training=replace(SETUP.training, schedule="exponential", final_learning_rate=1e-4)
    )
    assert row_of("densenet121:DFT", falling).setup.training.final_learning_rate == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet50:SFT", 48),
        ("xception:DFT", 71),
        ("inceptionv3:scratch", 75),
        ("vgg16:SFT", 224),
        ("vgg16:mSFT", 48),
        ("vgg16:scratch", 48),
        ("nasnetmobile:SFT", 224),
        ("nasnetmobile:scratch", 48),
        ("alexnet", 227),
        ("cnmc_xception", 71),
    ],
)
def test_the_input_is_as_large_as_the_network_accepts(name, size):
    assert row_of(name).setup.preprocessing.image_size == size


def test_a_large_base_setup_keeps_its_size():
    large = replace(SETUP, preprocessing=spec.Preprocessing(resize=300))
    assert row_of("resnet50", large).setup.preprocessing.image_size == 300
    assert row_of("vgg16:SFT", large).setup.preprocessing.image_size == 224
    assert row_of("alexnet", large).setup.preprocessing.image_size == 300


def test_a_regnet_starts_from_random_weights_as_none_is_downloaded():
    assert row_of("regnetx-200mf").setup.model.arguments["weights"] is None
    assert row_of("RegNetY_400MF:DFT").setup.model.arguments["weights"] == "imagenet"


def test_every_builder_and_every_application_has_a_row():
    every = [name for name in models.list_models() if name in spec.names.BUILDERS and name != "FineTuned"]
    rows = rows_of((*every, *spec.names.APPLICATIONS), setup=SETUP)
    assert len({row.id for row in rows}) == len(rows)
    assert {row.setup.model.name for row in rows} == {*every, "FineTuned"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["alertnet", "lightweight", "leuknet:scratch", "taleghani_resnet50:scratch", "cnmc_vgg16", "vggf"],
)
def test_a_row_can_be_built(name):
    from leukcnn.models.unfilled import unfilled
    from leukcnn.training import network_of

    setup = row_of(name).setup
    with unfilled():
        network = network_of(setup.model, image_size=setup.preprocessing.image_size, classes=3)
    assert network.output_shape == (None, 3)


def test_a_builder_of_the_user_is_imported_from_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "my_small_networks.py").write_text("def build(input_shape, classes):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    row = row_of("my_small_networks.build")
    assert (row.id, row.label) == ("my_small_networks_build", "my_small_networks.build")
    with pytest.raises(SpecError, match=r"no function 'bild'[\s\S]*did you mean 'build'"):
        row_of("my_small_networks.bild")


def test_several_networks_are_optional_and_one_is_not():
    assert not row_of("resnet50").optional
    assert all(row.optional for row in rows_of(("four_blocks", "resnet50"), setup=SETUP))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "names none"),
        (("",), "got ''"),
        (("four_block",), "did you mean 'four_blocks'"),
        (("resnet5",), "did you mean 'resnet50'"),
        (("resnet50:SFF",), "did you mean 'sft'"),
        (("resnet50:",), "expected: resnet50:SFT"),
        (("alertnet:SFT",), "expected: alertnet alone"),
        (("leuknet:SFT",), "expected: leuknet or leuknet:scratch"),
        (("finetuned",), "resnet50:SFT"),
        (("no_such_module.build",), "can't be imported"),
        (("resnet50", "ResNet50:sft"), "resnet50 and ResNet50:sft, which are the same network"),
        (("four_blocks", "FourBlockCNN"), "the same network"),
    ],
)
def test_other_names_are_refused(names, message):
    with pytest.raises(SpecError) as error:
        rows_of(names, setup=SETUP)
    assert message.lower() in str(error.value).lower()
