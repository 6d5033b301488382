from leukcnn.papers.leuknet_lodocv import PAPER
from leukcnn.papers.leuknet_lodocv_rows import ROWS

STRICT = ("lodocv_strict",)


def test_only_leuknet_is_tested_under_every_split_of_the_paper():
    assert ROWS[0].id == "leuknet"
    assert ROWS[0].extra_splits == ("lodocv_strict", "lodocv_single_class", "kfold")
    assert {row.extra_splits for row in ROWS[1:-1]} == {STRICT}
    assert (ROWS[-1].id, ROWS[-1].extra_splits) == ("vogado2018", ("lodocv_strict", "kfold"))
    assert [row.id for row in ROWS if row.optional] == ["vogado2018"]


def test_ufg_is_tested_only_for_leuknet_and_vogado():
    for row in ROWS:
        untested = () if row.id in ("leuknet", "vogado2018") else ("ufg",)
        assert row.setup.split.never_tested == untested


def test_ufg_is_trained_on_unless_it_is_assumed_to_be_a_performance_set():
    for row in PAPER.row_ids:
        split = PAPER.setup(row).split
        assert (split.performance_sets, split.train_on_performance_sets) == (("ufg",), True)
        assumed = dict([PAPER.parse_assumption("train_on_ufg=false")])
        assert PAPER.setup(row, assumed=assumed).split.train_on_performance_sets is False


def test_every_network_has_one_output_and_starts_from_imagenet():
    for row in ROWS:
        assert row.setup.model.arguments["weights"] == "imagenet"
        if row.id != "vogado2018":
            assert row.setup.model.arguments["classes"] == 1
            assert row.setup.model.arguments["include_preprocessing"] is False
            assert (row.setup.preprocessing.image_size, row.setup.preprocessing.scale) == (224, 1 / 255)


def test_augmentation_is_that_of_the_paper():
    assert ROWS[0].setup.augmentation.arguments == {
        "rotation_range": 40,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
        "shear_range": 0.2,
        "zoom_range": 0.2,
        "horizontal_flip": True,
        "vertical_flip": True,
        "fill_mode": "reflect",
    }
    assert len({str(row.setup.augmentation) for row in ROWS}) == 1


def test_feature_rows_of_table_6():
    features = {row.id: row.setup.features for row in ROWS if row.setup.features}
    assert set(features) == {"features_dft", "features_mdft", "features_imagenet", "vogado2018"}
    found = {key: (f.row, f.n_components, f.within_splits) for key, f in features.items()}
    assert found["features_dft"] == ("vgg16_dft", 100, 10)
    assert found["features_mdft"] == ("leuknet", None, 10)
    assert found["features_imagenet"] == ("", 100, 10)
    assert PAPER.feature_source("features_mdft") == "leuknet"
    for row in ("features_dft", "features_mdft"):
        assert PAPER.setup(row).model == PAPER.setup(PAPER.feature_source(row)).model


def test_networks_of_vogado_get_the_images_that_they_were_trained_on():
    vogado = PAPER.setup("vogado2018")
    models = (vogado.model, *vogado.features.extra_models)
    assert [model.name for model in models] == ["AlexNet", "CaffeNet", "VGGF"]
    assert (vogado.preprocessing.image_size, vogado.preprocessing.scale) == (227, 1)
    assert models[2].arguments["input_shape"] == (224, 224, 3)
    assert vogado.features.n_selected == 4096
    assert vogado.features.n_components is None
