from dataclasses import replace

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.build import build_tables
from leukcnn.records import Overlap, SeparatedPairs
from leukcnn.results.intervals import t_bounds, wilson_interval
from leukcnn.spec import DEFAULT_CONTROLS

IDS = (
    "table1",
    "table2",
    "table3",
    "table4",
    "table5",
    "ablation",
    "confusion",
    "external",
    "subjects",
    "more",
    "controls",
)
# True positives and negatives on 339 + 339 cells, from which Table 2 follows.
PUBLISHED_COUNTS = {"vgg16": (319, 308), "vgg19": (317, 304), "xception": (319, 294)}


def records(results, table_id: str) -> list[dict]:
    """The table's rows by column title."""
    (table,) = build_tables(results, only=table_id)
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def table(results, table_id: str):
    return build_tables(results, only=table_id)[0]


@pytest.fixture
def as_published(experiment, make_predictions):
    """All three networks, each with the counts that give the paper's values."""
    for row, (tp, tn) in PUBLISHED_COUNTS.items():
        experiment.add(row, make_predictions("test", tp=tp, fn=339 - tp, fp=339 - tn, tn=tn))
    return experiment


def test_tables_are_in_the_paper_s_order(as_published):
    results = as_published.results()
    assert tuple(t.id for t in build_tables(results)) == IDS
    assert tuple(t.id for t in build_tables(results, only="vgg19")) == IDS
    assert build_tables(results, only="figure5") == []
    assert [t.id for t in build_tables(results, only="confusion")] == ["confusion"]


def test_table_1_has_published_and_found_counts(as_published):
    counts = {
        "train": {"before": {"healthy": 7, "malignant": 8}, "after": {"healthy": 20, "malignant": 21}},
        "validation": {"before": {"healthy": 3, "malignant": 4}, "after": {"healthy": 10, "malignant": 11}},
        "test": {"before": {"healthy": 1, "malignant": 2}},
    }
    assert table(as_published.results(counts=counts), "table1").rows == (
        ("Training", 4364, 8, 2034, 7, 10_000, 21, 10_000, 20),
        ("Validation", 2181, 4, 1016, 3, 5_000, 11, 5_000, 10),
        ("Test", 727, 2, 339, 1, None, None, None, None),
    )


def test_the_paper_s_own_counts_give_its_values(as_published):
    every = records(as_published.results(), "table2")
    rows = [row for row in every if row["Network"] in ("VGG16", "VGG19", "Xception")]
    assert len(rows) == 3 * 2 * 6
    for row in rows:
        if row["Metric"] == "Weighted F1-score":
            assert (row["Published"], row["Verdict"]) == (None, "not published")
            continue
        slip = (row["Network"], row["Metric"]) == ("VGG19", "Specificity")
        assert row["Measured"] == pytest.approx(
            0.8968 if slip else row["Published"], abs=1.01e-4 if row["Metric"] == "F1-score" else 5.1e-5
        )
        assert row["Difference (points)"] == row["Measured"] - row["Published"]
        assert row["Verdict"] in ("agrees", "can't tell")
        assert row["Cells"] == 678
    assert [row["Test set"] for row in rows] == (["full"] * 6 + ["balanced"] * 6) * 3


def test_interval_of_an_accuracy_is_wilson_s(as_published):
    rows = records(as_published.results(), "table2")
    expected = wilson_interval(627, 678)
    assert rows[0]["95 % interval"] == (expected.low, expected.high)
    wilson, bootstrap = table(as_published.results(), "table2").notes[1:3]
    of_full = "Accuracy (full), Precision (full), Sensitivity (full), Specificity (full), "
    assert wilson == (
        f"{of_full}Sensitivity (balanced), Specificity (balanced): 95 % Wilson interval over its images."
    )
    # The weights of the classes matter to the other metrics of the balanced set.
    assert bootstrap.startswith("F1-score (full), Weighted F1-score (full), Accuracy (balanced), Precision")
    assert bootstrap.endswith("95 % percentile bootstrap interval over 678 images, 2000 resamples.")


def test_perfect_values_have_wilson_s_interval_and_the_notes_say_so(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=20, fn=0, fp=0, tn=10))
    experiment.add("vgg19", make_predictions("test", tp=18, fn=2, fp=1, tn=9))
    notes = table(experiment.results(), "table2").notes
    wilson = next(note for note in notes if note.endswith("95 % Wilson interval over its images."))
    assert "Accuracy (balanced) of 0 or 100 %, Precision (balanced) of 0 or 100 %" in wilson
    assert "Accuracy (full) of" not in wilson
    assert "No interval: every resample of the 30 images gives the same value." in notes


def test_a_value_far_from_the_published_one_differs(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=200, fn=139, fp=139, tn=200))
    rows = records(experiment.results(), "table2")[:5]
    assert {row["Verdict"] for row in rows} == {"differs"}
    assert rows[0]["Difference (points)"] == pytest.approx(400 / 678 - 0.9248)


def test_smoke_profile_is_not_comparable(as_published):
    results = as_published.results(profile="smoke", not_comparable="smoke profile; synthetic data")
    rows = [row for row in records(results, "table2") if row["Published"] is not None]
    assert {row["Verdict"] for row in rows} == {"not comparable: smoke profile"}
    assert {row["Difference (points)"] for row in rows} == {None}
    assert rows[0]["Measured"] == 627 / 678


def test_only_measured_tables_have_the_mark(as_published):
    marked = {t.id for t in build_tables(as_published.results(not_comparable="synthetic data")) if t.marks}
    assert marked == set(IDS) - {"table5"}
    (mark,) = table(as_published.results(not_comparable="synthetic data"), "table2").marks
    assert mark == "NOT COMPARABLE WITH THE PAPER: synthetic data"
    assert not any(t.marks for t in build_tables(as_published.results()))


def test_row_that_was_not_trained_says_so(experiment, make_predictions):
    experiment.add("vgg19", make_predictions("test", tp=317, fn=22, fp=35, tn=304))
    results = experiment.results()
    rows = records(results, "table2")
    untrained = [row for row in rows if row["Network"] != "VGG19"]
    assert {row["Verdict"] for row in untrained} == {"not measured: this row has not been trained"}
    assert {(row["Measured"], row["Cells"]) for row in untrained} == {(None, None)}
    trained = [row["Verdict"] for row in rows if row["Network"] == "VGG19" and row["Published"]]
    assert len(trained) == 10 and {*trained} <= {"agrees", "can't tell"}
    assert {row[0] for row in table(results, "confusion").rows} == {"VGG19"}


def test_nothing_trained_still_gives_every_table(experiment):
    tables = build_tables(experiment.results(missing={"external": "no such subset", "final": "nor this"}))
    assert tuple(t.id for t in tables) == IDS


def test_full_test_set_is_balanced_by_leaving_out_cells(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=700, fn=27, fp=31, tn=308))
    results = experiment.results()
    rows = {(r["Test set"], r["Metric"]): r for r in records(results, "table2") if r["Network"] == "VGG16"}
    assert (rows["full", "Accuracy"]["Cells"], rows["balanced", "Accuracy"]["Cells"]) == (1066, 678)
    assert rows["full", "Sensitivity"]["Measured"] == 700 / 727
    assert rows["balanced", "Specificity"]["Measured"] == 308 / 339
    assert rows["balanced", "Sensitivity"]["Measured"] == pytest.approx(700 / 727)
    assert rows["balanced", "Accuracy"]["Measured"] == pytest.approx((700 / 727 + 308 / 339) / 2)
    # The mean over all balanced sets doesn't depend on the seed.
    for name in ("Sensitivity", "Specificity"):
        assert rows["balanced", name]["95 % interval"] == rows["full", name]["95 % interval"]


def test_confusion_of_the_balanced_set_is_the_mean_over_all_such_sets(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=700, fn=27, fp=31, tn=308))
    made = table(experiment.results(), "confusion")
    balanced = ("VGG16", "balanced", 1, 326.4, 12.6, 31, 308)
    assert made.rows == (("VGG16", "test", 1, 700, 27, 31, 308), balanced)
    assert any(note.startswith("Balanced: the mean counts") for note in made.notes)


def test_confusion_by_hand(experiment, make_predictions):
    test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
    experiment.add("vgg16", test, make_predictions("external", tp=3, fn=0, fp=4, tn=2))
    assert table(experiment.results(), "confusion").rows == (
        ("VGG16", "test", 1, 5, 1, 2, 4),
        ("VGG16", "balanced", 1, 5, 1, 2, 4),
        ("VGG16", "external", 1, 3, 0, 4, 2),
    )


def test_external_set_shows_the_loss_on_other_subjects(experiment, make_predictions):
    test = make_predictions("test", tp=90, fn=10, fp=10, tn=90)
    experiment.add("vgg16", test, make_predictions("external", tp=70, fn=30, fp=40, tn=60))
    results = experiment.results()
    rows = {row["Metric"]: row for row in records(results, "external") if row["Network"] == "VGG16"}
    assert rows["Accuracy"]["Full test set"] == rows["Accuracy"]["Balanced test set"] == 0.9
    assert rows["Accuracy"]["Other subjects"] == 0.65
    assert rows["Accuracy"]["Measured minus full (points)"] == pytest.approx(-0.25)
    assert rows["Sensitivity"]["Measured minus balanced (points)"] == pytest.approx(-0.2)
    assert rows["Specificity"]["Measured minus full (points)"] == pytest.approx(-0.3)
    assert {row["State"] for row in rows.values()} == {"measured"}
    low, high = rows["Accuracy"]["95 % interval"]
    assert low < 0.65 < high
    assert any("scale over 20 subjects" in note for note in table(results, "external").notes)


def test_missing_external_subset_says_why(as_published):
    why = "the data hold no C-NMC test preliminary phase data"
    rows = records(as_published.results(missing={"external": why}), "external")
    assert [row["State"] for row in rows] == [f"not measured: {why}"] * (3 + len(DEFAULT_CONTROLS))
    assert {row["Other subjects"] for row in rows} == {None}


def test_external_subset_without_labels_says_so(experiment, make_predictions):
    test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
    unlabelled = make_predictions("external", tp=3, fn=0, fp=4, tn=2)
    unlabelled.label[:] = -1
    experiment.add("vgg16", test, unlabelled)
    results = experiment.results()
    assert records(results, "external")[0]["State"] == "not measured: these images have no labels"
    assert {row[1] for row in table(results, "confusion").rows} == {"test", "balanced"}
    assert {row[0] for row in table(results, "subjects").rows} == {"test"}


def test_accuracy_of_each_subject(experiment, make_predictions):
    # Subject 1 has cells 1, 3 (right) and 5 (wrong); H0 has 6 (wrong) and 8 (right).
    test = make_predictions("test", tp=4, fn=2, fp=1, tn=2, subjects=2)
    experiment.add("vgg16", test)
    experiment.add("xception", replace(test, probabilities=test.probabilities[:, ::-1]))
    rows = {row["Subject"]: row for row in records(experiment.results(), "subjects")}
    assert list(rows) == ["0", "1", "H0", "H1"]
    assert (rows["1"]["Cells"], rows["1"]["VGG16"]) == (3, 2 / 3)
    assert (rows["H0"]["Cells"], rows["H0"]["VGG16"]) == (2, 1 / 2)
    assert rows["1"]["Xception"] == pytest.approx(1 / 3)
    assert {row["VGG19"] for row in rows.values()} == {None}


def test_leaderboard_points_to_the_challenge_file(experiment, make_predictions, make_final_phase):
    test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
    experiment.add("vgg16", test, make_final_phase(4))
    experiment.add("vgg19", test, make_final_phase(3))
    rows = records(experiment.results(), "table4")
    assert [(row["Network"], row["Published weighted F1-score"]) for row in rows] == [
        ("Xception", pytest.approx(0.8635177019)),
        ("VGG16", pytest.approx(0.8324786937)),
        ("VGG19", pytest.approx(0.8259010758)),
    ]
    states = {row["Network"]: row["Measured"] for row in rows}
    assert states["Xception"] == "not measured: this row has not been trained"
    assert states["VGG16"].endswith("challenge/vgg16.zip holds the predictions for the leaderboard")
    smoke = records(experiment.results(not_comparable="smoke profile"), "table4")
    assert not any(row["Measured"].endswith("leaderboard") for row in smoke)
    # Three of four images: the leaderboard would not accept them.
    assert states["VGG19"] == "not measured: the final phase's labels are not public"


def test_leaderboard_without_the_final_phase_says_why(as_published):
    rows = records(as_published.results(missing={"final": "the data hold no final phase"}), "table4")
    assert {row["Measured"] for row in rows} == {"not measured: the data hold no final phase"}


def test_reference_tables_are_the_paper_s_own(as_published):
    results = as_published.results()
    first = ("The paper's VGG16", 92.60, "VGG16 from scratch")
    assert table(results, "table3").rows[0] == (*first, pytest.approx(92.598, abs=1e-3))
    assert {row[-1] for row in table(results, "table3").rows[1:]} == {None}
    assert len(table(results, "table3").rows) == 12
    assert table(results, "table5").rows[0] == ("Yongsheng Pan", "1", 0.910)
    assert len(table(results, "table5").rows) == 9
    assert any("Nothing in this table is measured here" in note for note in table(results, "table5").notes)


def test_values_next_to_a_reference_come_from_the_split_that_the_table_names(left_out, tested):
    reference = spec.Table(
        "table7",
        "Related work",
        "reference",
        "Table VII",
        columns=("Work", "Accuracy (%)"),
        reference=(("Another", 99.76), ("LeukNet", 98.24)),
        measured=(("LeukNet", "deep", "accuracy"),),
        split="kfold",
    )
    experiment = left_out(reference)
    experiment.add("deep", tested("ufg", tp=1, fn=9), tested=("ufg",))
    for fold, tp in enumerate((3, 4)):
        experiment.add("deep", tested("ufg", tp=tp, tn=10 - tp - 1, fn=1), fold=fold, split="kfold")
    shown = table(experiment.results(runs=1), "table7")
    assert shown.columns[-1].title == "Measured here (%), mean over the folds"
    assert [row[-1] for row in shown.rows] == [None, pytest.approx(90)]


def test_without_folds_a_reference_is_compared_on_the_balanced_test_set(as_published):
    assert table(as_published.results(), "table3").columns[-1].title == "Measured here (%), balanced test set"


def test_identical_cells_in_test_and_training_are_reported(as_published):
    notes = table(as_published.results(separated_pairs={"cell": SeparatedPairs(94, 0)}), "table2").notes
    assert any(note.startswith("94 pairs of byte-identical cells") for note in notes)


def test_several_runs_give_the_interval_of_their_mean(experiment, make_predictions):
    hits = (308, 312, 316)
    for run, tp in enumerate(hits):
        experiment.add("vgg16", make_predictions("test", tp=tp, fn=339 - tp, fp=39, tn=300), run=run)
    results = experiment.results(runs=3)
    row = next(row for row in records(results, "table2") if row["Metric"] == "Sensitivity")
    assert row["Measured"] == pytest.approx(312 / 339)
    assert row["95 % interval"] == pytest.approx(t_bounds(312 / 339, 4 / 339 / np.sqrt(3), 2))
    assert row["Verdict"] == "can't tell"
    assert any(
        "interval of the mean on the logit scale over 3 runs" in note
        for note in table(results, "table2").notes
    )
    assert [r[2:4] for r in table(results, "confusion").rows if r[1] == "test"] == [
        (1, 308),
        (2, 312),
        (3, 316),
    ]
    assert "First run only." in table(results, "subjects").notes


def test_folds_are_pooled_into_one_set(experiment, make_predictions, make_final_phase):
    for fold in range(3):
        test = make_predictions("test", tp=10 + fold, fn=1, fp=2, tn=9, prefix=f"fold_{fold}/")
        # Each fold's network predicts the external set; only the first one's predictions count.
        external = make_predictions("external", tp=6 - fold, fn=fold, fp=1, tn=5)
        experiment.add("vgg16", test, external, make_final_phase(4), fold=fold)
    results = experiment.results(split="fold")
    rows = {row[1]: row[3:] for row in table(results, "confusion").rows}
    assert rows["test"] == (33, 3, 6, 27)
    assert rows["external"] == (6, 0, 1, 5)
    assert [len(p) for p in results.runs("vgg16", subset="final")] == [4]
    assert any("to 20 subjects" in note for note in table(results, "table2").notes)


def test_run_whose_folds_are_not_all_finished_does_not_count(experiment, make_predictions):
    test = make_predictions("test", tp=10, fn=1, fp=2, tn=9)
    experiment.add("vgg16", test, fold=0)
    experiment.add("vgg16", test, fold=1, finished=False)
    row = records(experiment.results(split="fold"), "table2")[0]
    assert row["Verdict"] == "not measured: this row has not been trained"


def test_one_finished_run_of_two_is_shown(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=319, fn=20, fp=31, tn=308), run=0)
    experiment.add("vgg16", run=1, finished=False)
    row = records(experiment.results(runs=2), "table2")[0]
    assert row["Measured"] == 627 / 678


def test_a_split_by_subject_has_intervals_over_subjects(as_published):
    notes = table(as_published.results(split="subject"), "table2").notes
    assert any("jackknife t interval on the logit scale over 10 to 20 subjects" in note for note in notes)


def test_controls_follow_the_networks(as_published, make_predictions):
    for name in DEFAULT_CONTROLS:
        as_published.add_control(name, make_predictions("test", tp=200, fn=139, fp=100, tn=239))
    results = as_published.results()
    rows = records(results, "table2")
    labels = list(dict.fromkeys(row["Network"] for row in rows))
    assert labels == ["VGG16", "VGG19", "Xception", *map(control_label, DEFAULT_CONTROLS)]
    of_control = [row for row in rows if row["Network"] == control_label("border")]
    assert {row["Metric"] for row in of_control} == {"Accuracy", "F1-score"}
    full = next(row for row in of_control if (row["Test set"], row["Metric"]) == ("full", "Accuracy"))
    assert full["Measured"] == pytest.approx(439 / 678)
    assert full["Verdict"] == "not published"
    assert {row[0] for row in table(results, "confusion").rows} == set(labels)
    assert control_label("majority") in [column.title for column in table(results, "subjects").columns]


def shared_by(experiment, images, *, copies=3, subset="external", rows=("vgg16", "vgg19", "xception")):
    """Returns the overlap of some rows' trials with these images, the first of which are copies."""
    names = [planned.name for planned in experiment.planned if planned.row in rows]
    return Overlap(subset, 20, images[:copies], images[copies:], ["H1"], names)


@pytest.fixture
def with_external(experiment, make_predictions):
    """Two rows with 60 test images and 20 external ones, of which the networks get the first 10 right."""
    for row in ("vgg16", "vgg19"):
        external = make_predictions("external", tp=5, fn=5, fp=5, tn=5)
        experiment.add(row, make_predictions("test", tp=20, fn=10, fp=10, tn=20), external)
    return experiment


def test_external_images_shared_with_training_are_left_out_and_marked(with_external):
    # Images 0 to 4 are true positives: without them, 5 of 15 images are right.
    shared = shared_by(with_external, [f"external/{i}.bmp" for i in range(5)], rows=("vgg16",))
    results = with_external.results(overlaps=[shared])
    rows = {row["Network"]: row for row in records(results, "external") if row["Metric"] == "Accuracy"}
    assert rows["VGG16 †"]["Other subjects"] == pytest.approx(5 / 15)
    assert rows["VGG19"]["Other subjects"] == pytest.approx(10 / 20)
    shown = table(results, "external")
    assert shown.marks[-1] == (
        "THE EXTERNAL SET SHARES IMAGES WITH TRAINING: of the 20 images of the external set, 3 are copies "
        "(identical or nearly so) and 2 show 1 subject of the training and validation images"
    )
    assert shown.notes[0].startswith("† Without the 5 external images that are copies")
    for other in ("confusion", "subjects"):
        assert table(results, other).notes[0].startswith("† Without the 5 external images")
    assert not any("†" in note for note in table(results, "table2").notes)
    confusion = [row for row in records(results, "confusion") if row["Subset"] == "external"]
    assert [row["True positives"] for row in confusion] == [0, 5]
    # The stored predictions are complete.
    assert len(results.trials["vgg16"][0][2].predictions()) == len(
        results.trials["vgg19"][0][2].predictions()
    )


def test_without_an_overlap_nothing_is_marked(with_external):
    shown = table(with_external.results(), "external")
    assert not any("†" in text for text in (*shown.notes, *shown.marks, *(row[0] for row in shown.rows)))


def test_if_all_external_images_are_shared_the_table_says_so(with_external):
    shared = shared_by(with_external, [f"external/{i}.bmp" for i in range(20)], copies=20)
    results = with_external.results(overlaps=[shared])
    states = [row["State"] for row in records(results, "external") if row["Network"].startswith("VGG16")]
    assert all("20 are copies" in state for state in states)


def test_each_fold_leaves_out_its_own_images_and_the_first_is_shown(experiment, make_predictions):
    for fold in range(2):
        test = make_predictions("test", tp=5, fn=5, fp=5, tn=5, prefix=f"{fold}-")
        external = make_predictions("external", tp=5 - fold, fn=5 + fold, fp=5, tn=5)
        experiment.add("vgg16", test, external, fold=fold, split="fold")
    first = Overlap("external", 20, ["external/19.bmp"], [], [], [experiment.planned[0].name])
    (run,) = experiment.results(overlaps=[first], split="fold").runs("vgg16", subset="external")
    # The image that the first fold leaves out isn't taken from the second fold.
    assert len(run) == 19
    assert "external/19.bmp" not in run.image
    assert (run.predicted == run.label).sum() == 9


def test_the_final_set_is_announced_and_complete(experiment, make_predictions):
    final = make_predictions("final", tp=4, fn=0, fp=0, tn=0)
    final = replace(final, label=np.full(4, -1))
    experiment.add("vgg16", make_predictions("test", tp=5, fn=5, fp=5, tn=5), final)
    shared = shared_by(experiment, ["final/0.bmp"], copies=1, subset="final")
    (run,) = experiment.results(overlaps=[shared]).runs("vgg16", subset="final")
    assert len(run) == 4


def test_near_copies_are_counted_under_the_split_that_separates_them(as_published):
    results = as_published.results(
        separated_pairs={"cell": SeparatedPairs(0, 1), "fold": SeparatedPairs(9, 9)}
    )
    notes = [note for note in table(results, "table2").notes if "identical cells" in note]
    assert notes == [
        "1 pair of nearly identical cells (re-encoded, mirrored, turned or cropped copies, or one field "
        "taken twice) has one cell in the test set and the other in the training or validation cells."
    ]
