"""--save-paper and --config of `leukcnn evaluate`: a study that can be edited and repeated."""

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn.cli import main
from leukcnn.errors import ArgumentError
from leukcnn.records import changed_files
from leukcnn.reproduction import OPTION_TYPES
from leukcnn.run_options import FILE_NAME, read_options
from leukcnn.studies.evaluation import TYPES
from tests.own_images import write_classes


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("study_files")


@pytest.fixture(scope="module")
def saved(place):
    """Returns a run that ended after the controls, next to the file of its study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        write_classes(place / "my_smears", n=8, size=40)
        return leukcnn.evaluate(
            "my_smears", controls_only=True, save_paper="my_saved_study.py", out="runs", quiet=True
        )


def test_the_saved_study_has_the_same_trials(saved, place, monkeypatch):
    monkeypatch.chdir(place)
    again = leukcnn.reproduce(place / "my_saved_study.py", controls_only=True, out="runs", quiet=True)
    assert again.paper == saved.paper
    text = (again.folder / FILE_NAME).read_text()
    given = read_options(again.folder / FILE_NAME, "reproduce", OPTION_TYPES)
    # One trial alone is no option of a run.
    assert [*given] == [name for name in OPTION_TYPES if name != "trial"]
    assert (given["out"], given["seed"], given["runs"]) == ("runs", 0, None)
    assert text.startswith("# The options of this run.") and not changed_files(again.folder)
    assert again.folder.resolve() == (place / saved.folder).resolve()
    assert again.record.trials == saved.record.trials and again.record.controls == saved.record.controls
    elsewhere = (place / "moved").resolve()
    (place / "my_smears").rename(elsewhere)
    moved = leukcnn.reproduce(
        place / "my_saved_study.py", data=elsewhere, controls_only=True, out="others", quiet=True
    )
    elsewhere.rename(place / "my_smears")
    assert moved.record.trials == saved.record.trials


def test_the_run_opens_without_the_file(saved, place):
    assert leukcnn.open_run(place / saved.folder).paper == saved.paper


def test_the_options_repeat_the_evaluation(saved, place, monkeypatch):
    monkeypatch.chdir(place)
    leukcnn.evaluate("my_smears", controls_only=True, out="runs", quiet=True)
    file = place / saved.folder / FILE_NAME
    given = read_options(file, "evaluate", TYPES)
    assert (given["folder"], given["controls_only"], given["out"]) == ("my_smears", True, "runs")
    done = run("evaluate", "--config", file)
    assert done.exit_code == 0, done.output
    other = run("reproduce", "--config", file)
    assert other.exit_code == 1 and "leukcnn evaluate --config" in other.output
    missing = run("evaluate", "--config", file, "my_smear")
    assert missing.exit_code == 1 and "my_smear" in missing.output


def test_a_changed_study_is_not_replaced(saved, place, monkeypatch):
    monkeypatch.chdir(place)
    file = place / "my_edited_study.py"
    file.write_text("# mine")
    with pytest.raises(ArgumentError, match="which exists and isn't this study"):
        leukcnn.evaluate("my_smears", controls_only=True, save_paper=file, quiet=True)
    assert file.read_text() == "# mine"


def test_of_several_hosts_the_first_alone_writes_the_study(saved, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr("leukcnn.studies.evaluation.run_request", lambda request, quiet: None)
    for index in (1, 0):
        options = {"hosts": 2, "host_index": index, "coordinator": "node1:9000", "save_paper": "of_hosts.py"}
        assert leukcnn.evaluate("my_smears", **options, quiet=True) is None
        assert (place / "of_hosts.py").exists() == (index == 0)


@pytest.mark.parametrize("name", ["my_study", "my-study.py", "my study.py", "2.py", ".py", "study.yaml"])
def test_a_file_that_no_paper_can_be_read_from_is_refused(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"ends in \.py"):
        leukcnn.evaluate(tmp_path, save_paper=name)
