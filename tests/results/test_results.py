import pytest

from leukcnn.results.results import main_predictions


@pytest.fixture
def trained(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


def test_main_predictions_are_those_of_the_trial_s_checkpoint(trained):
    ((_, _, trial),) = trained.results().trials["vgg16"]
    assert set(trial.predictions().checkpoint) == {"val_accuracy", "val_loss"}
    main = main_predictions(trial)
    assert set(main.checkpoint) == {"val_accuracy"}
    assert len(main) == 12


@pytest.fixture
def under_three_splits(left_out, tested):
    """Two runs left out on two datasets, one strict, and two folds."""
    experiment = left_out()
    for run, tp in enumerate((6, 3)):
        first, second = tested("allidb1", tp=tp, fn=6 - tp, fp=1, tn=3), tested("allidb1_crop", tp=1, fn=1)
        experiment.add("deep", first, run=run, fold=0, tested=("allidb1",))
        experiment.add("deep", second, run=run, fold=1, tested=("allidb1_crop",))
    strict = tested("allidb1", tp=2, fn=4, fp=1, tn=3)
    experiment.add("deep", strict, split="lodocv_strict", tested=("allidb1", "allidb1_crop"))
    for fold in range(2):
        experiment.add("deep", tested("ufg", tp=3 + fold, fn=1), fold=fold, split="kfold")
    return experiment


def test_each_split_has_its_own_trials(under_three_splits):
    results = under_three_splits.results(runs=2)
    assert results.split_kind == "lodocv"
    assert results.under("") is results.under("lodocv") is results
    strict = results.under("lodocv_strict")
    assert strict.split_kind == "lodocv_strict"
    assert results.under("lodocv_strict") is strict
    assert [len(results.under(kind).trials["deep"]) for kind in ("lodocv", "lodocv_strict", "kfold")] == [
        4,
        1,
        2,
    ]
    assert results.under("grouped_kfold").trials["deep"] == []
    assert results.tested == strict.tested == ("allidb1", "allidb1_crop")
    assert results.under("kfold").tested == ()


def test_runs_of_a_dataset_have_only_its_images(under_three_splits):
    results = under_three_splits.results(runs=2)
    assert [len(run) for run in results.runs("deep", dataset="allidb1")] == [10, 10]
    assert [len(run) for run in results.runs("deep", dataset="allidb1_crop")] == [2, 2]
    assert [len(run) for run in results.runs("deep")] == [12, 12]
    assert results.runs("deep", dataset="allidb1", subset="within") == []


def test_a_row_that_can_t_be_trained_has_a_reason(under_three_splits):
    results = under_three_splits.results(missing={"shallow": "no weights", "external": "no such subset"})
    assert results.why_missing("shallow", "test") == "no weights"
    assert results.why_missing("deep", "external") == "no such subset"


def test_the_probe_is_read_when_it_is_finished(under_three_splits, tested):
    assert under_three_splits.results().probe is None
    under_three_splits.add_probe(None)
    assert under_three_splits.results().probe is None
    under_three_splits.add_probe(tested("ufg", tp=3))
    assert len(under_three_splits.results().probe) == 3


@pytest.fixture
def left_out_in_part(left_out, tested):
    """Two runs of which only the folds that leave out UFG are finished, and one of a third run."""
    experiment = left_out()
    for run in range(3):
        experiment.add("deep", tested("allidb1", tp=1), run=run, fold=0, tested=("allidb1",), finished=False)
        done = {"finished": run < 2}
        experiment.add("deep", tested("ufg", tp=3, fn=1), run=run, fold=1, tested=("ufg",), **done)
    return experiment


def test_a_dataset_that_is_left_out_has_values_without_the_trials_of_others(left_out_in_part):
    results = left_out_in_part.results(runs=3)
    assert [len(run) for run in results.runs("deep", dataset="ufg")] == [4, 4]
    assert [len(fold) for fold in results.folds("deep", dataset="ufg")] == [4, 4]
    assert results.runs("deep", dataset="allidb1") == results.runs("deep") == []
    assert results.has_values("deep")
    assert not results.has_values("shallow")
    assert results.why_missing("deep", "test") == "this row has not been trained for every tested dataset"
    assert results.testing("allidb1").why_missing("deep", "test") == "this row has not been trained"


def test_fewer_runs_are_those_that_the_values_are_of(left_out_in_part, tested, separate_datasets):
    assert left_out_in_part.results(runs=3).fewer_runs == {"deep": 2}
    # Two runs that lack a fold each have no values, so that none are of fewer runs.
    experiment = separate_datasets()
    for run in range(2):
        for fold in range(2):
            one = tested("allidb1", tp=1, tn=1)
            experiment.add("deep", one, run=run, fold=fold, tested=("allidb1",), finished=run != fold)
    results = experiment.results(runs=2)
    assert results.runs("deep", dataset="allidb1") == []
    assert results.fewer_runs == {}


@pytest.fixture
def two_tasks(separate_datasets, tested):
    """Two folds of each of two datasets, and a control on one of them."""
    experiment = separate_datasets()
    for fold in range(2):
        experiment.add("deep", tested("allidb1", tp=4 - fold, fn=fold, tn=4), fold=fold, tested=("allidb1",))
        experiment.add("deep", tested("allidb2", tp=1, fn=3), fold=fold, tested=("allidb2",))
        experiment.add_control("border", tested("allidb2", tp=4), fold=fold, tested=("allidb2",))
    return experiment


def test_tasks_are_the_datasets_cross_validated_separately(two_tasks, left_out, tested):
    assert two_tasks.results().tasks == ("allidb1", "allidb2")
    experiment = left_out()
    experiment.add("deep", tested("allidb1", tp=1), fold=0, tested=("allidb1",))
    assert (experiment.results().tested, experiment.results().tasks) == (("allidb1",), ())


def test_a_task_has_its_own_folds_and_predictions(two_tasks):
    results = two_tasks.results()
    first, second = (results.task(name) for name in results.tasks)
    assert results.task("allidb1") is first
    assert (first.tasks, second.tasks) == (("allidb1",), ("allidb2",))
    assert [len(fold) for fold in first.folds("deep")] == [8, 8]
    assert [len(fold) for fold in second.folds("deep")] == [4, 4]
    assert first.predictions["border"] == []
    assert len(second.runs("border")[0]) == 8
    assert len(results.runs("deep", dataset="allidb2")[0]) == 8


def test_a_task_has_only_its_own_masked_trials(two_tasks):
    results = two_tasks.results(masked={"border": list(two_tasks.planned)})
    masked = results.task("allidb2").masked("border")
    assert {planned.tested for planned in masked.record.trials} == {("allidb2",)}


def test_a_run_of_a_task_can_be_complete_without_those_of_other_tasks(two_tasks, tested):
    lacking = tested("allidb2", tp=1)
    two_tasks.add("deep", lacking, fold=2, tested=("allidb2",), finished=False)
    results = two_tasks.results()
    assert [len(run) for run in results.runs("deep", dataset="allidb1")] == [16]
    assert results.runs("deep", dataset="allidb2") == []
