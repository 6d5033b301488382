from leukcnn.auditing.networks import size_of_row
from leukcnn.papers.alertnet import PAPER


def test_protocol_of_the_paper():
    for row in PAPER.row_ids:
        setup = PAPER.setup(row)
        assert (setup.split.kind, setup.split.n_splits) == ("kfold", 5)
        assert (setup.preprocessing.crop, setup.preprocessing.image_size) == (None, 224)
        assert setup.preprocessing.scale == 1 / 255
        assert setup.augmentation.variants_per_image == 20
        assert setup.augmentation.arguments == {
            "rotation_range": 40,
            "width_shift_range": 0.2,
            "height_shift_range": 0.2,
            "shear_range": 0.2,
            "zoom_range": 0.2,
            "horizontal_flip": True,
            "vertical_flip": True,
            "fill_mode": "reflect",
        }
        training = setup.training
        assert (training.optimizer, training.optimizer_arguments) == ("sgd", {"momentum": 0.8})
        # Section V: fine-tuning 'with lower learning rates'.
        rate = 0.0001 if setup.model.name == "FineTuned" else 0.001
        assert (training.initial_learning_rate, training.final_learning_rate) == (rate, None)
        assert (training.batch_size, training.epochs, training.checkpoint) == (32, 50, "last")


def test_wd_variants_never_have_dropout():
    for row in ("alertnet_wd", "alertnet_rwd", "alertnet_xwd"):
        assert PAPER.setup(row, assumed={"dropout_rate": 0.3}).model.arguments["dropout_rate"] == 0
    for row in ("alertnet", "alertnet_r", "alertnet_x"):
        assert PAPER.setup(row).model.arguments["dropout_rate"] == 0.5
        assert PAPER.setup(row, assumed={"dropout_rate": 0.3}).model.arguments["dropout_rate"] == 0.3


def test_fine_tuning_starts_from_imagenet_except_in_the_smoke_profile():
    fine_tuned = [row for row in PAPER.row_ids if row.endswith(("_sft", "_dft"))]
    assert len(fine_tuned) == 6
    for row in fine_tuned:
        assert PAPER.setup(row).model.arguments["weights"] == "imagenet"
        assert PAPER.setup(row).model.arguments["mode"] == row[-3:].upper()
        assert PAPER.setup(row, profile="smoke").model.arguments["weights"] is None


def test_classes_of_all_datasets_are_mapped_to_the_paper_s():
    assert PAPER.classes == ("HBS", "ALL", "AML")
    assert PAPER.class_of["healthy"] == PAPER.class_of["benign"] == "HBS"
    assert {PAPER.class_of[name] for name in ("ALL", "malignant", "early", "pre", "pro")} == {"ALL"}
    assert "other" not in PAPER.class_of
    assert len(PAPER.datasets) == 16


def test_each_group_of_rows_has_a_learning_rate_of_its_own():
    for name, rows in (
        ("learning_rate", PAPER.row_ids[:6]),
        ("fine_tuning_learning_rate", PAPER.row_ids[6:]),
    ):
        changed = {row for row in PAPER.row_ids if PAPER.setup(row, assumed={name: 0.5}) != PAPER.setup(row)}
        assert changed == {*rows}


def test_the_file_sizes_of_table_5_follow_no_single_rule():
    # Weights in float32, in units of 2^20 bytes.
    weights = {
        row: size_of_row(PAPER, row).parameters * 4 / 2**20 for row in ("alertnet_rwd", "resnet50_sft")
    }
    table = next(table for table in PAPER.tables if table.id == "table5")
    printed = {row: table.printed(row, "file_mb").value for row in weights}
    assert abs(printed["resnet50_sft"] - weights["resnet50_sft"]) < 0.5
    assert abs(printed["alertnet_rwd"] - 2 * weights["alertnet_rwd"]) < 1
    # A little more than a third, and nearly three quarters.
    assert 1 / 3 < weights["alertnet_rwd"] / weights["resnet50_sft"] < 0.37
    assert 0.7 < printed["alertnet_rwd"] / printed["resnet50_sft"] < 0.75
