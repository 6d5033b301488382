"""The command line, as a user calls it."""

import csv
import json
import shutil

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import papers
from leukcnn.cli import main
from leukcnn.errors import StoreError
from leukcnn.prediction import NOTICE
from tests import tiny


@pytest.fixture(autouse=True)
def tiny_papers(monkeypatch):
    """Replaces the real paper by the tiny one."""
    paper = tiny.tiny_paper()
    monkeypatch.setattr(papers, "get", lambda key, get=papers.get: paper if key == "cnmc2019" else get(key))
    monkeypatch.delenv("LEUKCNN_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "140")


def call(*words):
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def reproduced(synthetic_cells, tmp_path_factory):
    """A finished smoke run and what it printed."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        paper = tiny.tiny_paper()
        patch.setattr(papers, "get", lambda key: paper)
        patch.setenv("COLUMNS", "140")
        words = ("--data", synthetic_cells, "--profile", "smoke", "--out", out, "--tables")
        result = call("reproduce", "cnmc2019", *words)
    return out, result


def test_reproduce_prints_tables_assumptions_findings_and_where_the_files_are(reproduced):
    _, result = reproduced
    assert result.exit_code == 0, result.output
    for words in ("Table 1", "Table 2", "Table 5", "batch_size", "he_normal", "slip of the pen"):
        assert words in result.output
    assert result.output.count("NOT COMPARABLE WITH THE PAPER: smoke profile") >= 3


def test_a_run_ends_with_its_answer(reproduced, synthetic_cells):
    out, result = reproduced
    (summary,) = out.rglob("summary.json")
    answer = json.loads(summary.read_text())["lines"]
    assert " ".join(answer[-1].split()) in " ".join(result.stdout.split())
    words = ("--data", synthetic_cells, "--profile", "smoke", "--out", out)
    quiet = call("reproduce", "cnmc2019", *words, "-q")
    assert quiet.stderr == ""
    lines = quiet.stdout.splitlines()
    assert lines[: len(answer)] == answer
    assert len(answer) < len(lines) <= 12
    assert result.stdout.endswith(quiet.stdout)


def test_json_is_all_of_standard_output(reproduced, synthetic_cells):
    out, _ = reproduced
    words = ("--data", synthetic_cells, "--profile", "smoke", "--out", out)
    run = call("reproduce", "cnmc2019", *words, "--json", "-v")
    summary = json.loads(run.stdout)
    assert summary == json.loads(next(out.rglob("summary.json")).read_text())
    assert "SHA-256" in run.stderr
    for command, key in (
        (("papers",), "papers"),
        (("papers", "taleghani_resnet50"), "papers"),
        (("datasets",), "datasets"),
        (("datasets", "cnmc2019"), "datasets"),
        (("audit", "taleghani_resnet50"), "claims"),
        (("table", "cnmc2019", "--out", out), "runs"),
        (("report", "--out", out), "reports"),
        (("check", "cnmc2019", "--data", synthetic_cells), "duplicates"),
    ):
        done = call(*command, "--json")
        assert json.loads(done.stdout)[key], command


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("papers", "nothing"), 1),
        (("datasets", "nothing"), 1),
        (("check", "nothing"), 1),
        (("table", "cnmc2019", "--out", "nowhere"), 1),
        (("audit", "nothing"), 1),
        (("report", "nothing"), 1),
        (("report", "--out", "nowhere"), 1),
        (("predict", "nothing.keras", "nothing.png"), 1),
        (("reproduce", "cnmc2019", "--data", "synthetic", "--profile", "nothing"), 1),
        (("reproduce",), 2),
        (("reproduce", "cnmc2019", "--nothing"), 2),
        (("reproduce", "cnmc2019", "-q", "-v"), 2),
    ],
)
def test_errors_are_json_too_with_the_same_exit_code(words, code):
    plain, found = call(*words), call(*words, "--json")
    assert plain.exit_code == found.exit_code == code
    error = json.loads(found.stdout)["error"]
    assert {*error} == {"found", "expected", "remedy"}
    assert error["found"] and error["expected"]
    assert found.stderr == ""


@pytest.mark.parametrize("command", ["papers", "table", "report"])
def test_an_interruption_is_json_too_and_says_how_to_go_on(command, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for place in ("leukcnn.start.find_paper", "leukcnn.commands.papers.find_paper"):
        monkeypatch.setattr(place, interrupted)
    found = call(command, "taleghani_resnet50", "--json")
    assert found.exit_code == 130
    error = json.loads(found.stdout)["error"]
    assert error["found"].startswith("Interrupted.")
    assert error["remedy"].endswith(f"{command} taleghani_resnet50 --json")
    assert found.stderr == ""


def test_the_library_opens_what_the_command_wrote(reproduced, synthetic_cells):
    out, _ = reproduced
    run = leukcnn.open_run(out, papers.get("cnmc2019"))
    assert {"figure2", "figure3"} <= {*run.figures}
    frame = run.predictions("vgg16")
    first = frame[frame.checkpoint == "val_accuracy"].iloc[0]
    image = synthetic_cells / "C-NMC_Leukemia" / first.image
    (probabilities,) = run.network("vgg16").predict([image])
    assert probabilities[1] == pytest.approx(first.p_malignant, abs=1e-5)


def test_the_library_reproduces_what_the_command_does(reproduced, synthetic_cells, capsys):
    out, _ = reproduced
    options = {"data": synthetic_cells, "profile": "smoke", "out": out}
    run = leukcnn.reproduce(papers.get("cnmc2019"), only="table2", quiet=True, **options)
    assert capsys.readouterr().out == ""
    assert run.folder == leukcnn.open_run(out, run.paper).folder
    assert [table.id for table in run.report.tables] == ["table2"]
    assert run["table2"] is run.report.tables[0]
    assert len(run.tables) > 1
    leukcnn.reproduce("cnmc2019", only="table5", **options)
    assert "SHA-256 of each image" in capsys.readouterr().out


def test_table_builds_it_again_and_verifies(reproduced):
    out, _ = reproduced
    again = call("table", "cnmc2019", "--out", out)
    assert again.exit_code == 0
    assert "Table 2" in again.output
    verified = call("table", "cnmc2019", "--out", out, "--verify")
    assert verified.exit_code == 0, verified.output
    assert "gives the same tables" in verified.output


@pytest.mark.parametrize(("removed", "options"), [(True, ()), (False, ("--verify",))])
def test_a_damaged_capture_is_named_and_all_else_is_built(reproduced, tmp_path, removed, options):
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    capture = next(out.rglob("captured/figure2.npz"))
    if removed:
        capture.unlink()
    else:
        capture.write_bytes(capture.read_bytes()[:-100])
    figures = capture.parents[1] / "figures"
    shutil.rmtree(figures)
    result = call("table", "cnmc2019", "--out", out, *options)
    assert result.exit_code == 1
    assert result.stderr.count("figure2.npz is gone" if removed else "figure2.npz: changed since") == 1
    assert "run `leukcnn reproduce` again with the same arguments" in result.stderr
    assert "remove it" not in result.stderr
    assert ("Table 2" in result.stdout) == (not options)
    assert (figures / "figure3.png").exists() == (not options)
    assert not (figures / "figure2.png").exists()


@pytest.fixture
def with_damaged_trial(reproduced, tmp_path):
    """The reproduced runs and one of their trials, whose predictions were changed."""
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    path = next(path for path in out.rglob("predictions.csv") if (path.parent / "model.keras").exists())
    path.write_text(path.read_text().replace(",0,", ",1,", 1))
    return out, path


def test_reproduce_names_a_damaged_trial_and_leaves_it_as_it_is(with_damaged_trial, synthetic_cells):
    out, path = with_damaged_trial
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    words = ("--data", synthetic_cells, "--profile", "smoke", "--out", out)
    result = call("reproduce", "cnmc2019", *words, "--tables")
    assert result.exit_code == 1
    assert "1 stored trial is damaged and left out" in result.stdout
    # It is named before the training, and at the end.
    for said in (result.stdout, result.stderr):
        said = "".join(said.split())
        assert "".join(f"{path}: changed since the trial was finished".split()) in said
        assert "removethetrial'sfolderandrun`leukcnnreproduce`again" in said
    assert "INCOMPLETE: left out because their stored files are damaged" in " ".join(result.stdout.split())
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    options = {"data": synthetic_cells, "profile": "smoke", "out": out, "quiet": True}
    run = leukcnn.reproduce(papers.get("cnmc2019"), **options)
    assert str(path) in run.faults[0]
    shutil.rmtree(path.parent)
    result = call("reproduce", "cnmc2019", *words)
    assert result.exit_code == 0, result.output
    assert "INCOMPLETE" not in result.stdout


def test_a_damaged_figure_is_plotted_again_in_a_notebook(reproduced, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    run = leukcnn.open_run(out, papers.get("cnmc2019"))
    path = run.folder / "figures" / "figure2.png"
    before = path.read_bytes()
    path.write_bytes(before[:-1])
    assert f"{path}: changed since it was written" in leukcnn.open_run(out, run.paper).faults
    assert run["figure2"]._repr_png_() == before
    path.write_bytes(before[:-1])
    next(out.rglob("captured/figure2.npz")).write_bytes(b"")
    run = leukcnn.open_run(out, run.paper)
    assert "figure2" not in run.figures
    with pytest.raises(StoreError, match=r"figure2\.npz: changed since it was written"):
        run.figures["figure2"]


def test_a_missing_figure_is_named(reproduced, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    figure = next(out.rglob("figures/figure2.png"))
    figure.unlink()
    result = call("table", "cnmc2019", "--out", out, "--verify")
    assert result.exit_code == 1
    assert "figure2.png: missing; `leukcnn table` makes it again" in result.stderr
    assert call("table", "cnmc2019", "--out", out, "--only", "figure2").exit_code == 0
    assert figure.exists()


def test_table_shows_only_the_one_asked_for(reproduced):
    out, _ = reproduced
    result = call("table", "cnmc2019", "--out", out, "--only", "table5")
    assert "Yongsheng Pan" in result.output
    assert "The networks on the test set" not in result.output


def test_table_without_runs_says_what_to_do(tmp_path):
    result = call("table", "cnmc2019", "--out", tmp_path)
    assert result.exit_code == 1
    assert "leukcnn reproduce cnmc2019" in result.output


@pytest.fixture
def of_version_5(reproduced, tmp_path):
    """The reproduced runs, with a trial and an experiment of a store of version 5 added."""
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    for kind in ("trial", "experiment"):
        ours = next((out / "cnmc2019" / f"{kind}s").glob(f"*/{kind}.json"))
        folder = ours.parents[1] / "of-version-5"
        shutil.copytree(ours.parent, folder)
        values = json.loads(ours.read_text()) | {"store_version": 5}
        (folder / f"{kind}.json").write_text(json.dumps(values))
    return out


@pytest.mark.parametrize("options", [(), ("--verify",)])
def test_table_names_what_another_version_wrote_and_goes_on(of_version_5, options):
    result = call("table", "cnmc2019", "--out", of_version_5, *options)
    assert result.exit_code == 1
    assert "of-version-5 was written by another version of leukcnn (store version 5)" in result.stderr
    assert "choose another --out" in result.stderr
    assert ("Table 2" in result.stdout) == (not options)
    assert "changed since" not in result.output


def test_reproduce_says_that_another_version_s_runs_are_not_used(of_version_5, synthetic_cells):
    words = ("--data", synthetic_cells, "--profile", "smoke", "--out", of_version_5, "--only", "table5")
    result = call("reproduce", "cnmc2019", *words)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "holds 1 experiment(s) of store version 5 and 1 trial(s) of store version 5" in said
    assert (of_version_5 / "cnmc2019" / "trials" / "of-version-5" / "done.json").exists()


def test_predict_says_class_and_probability_of_each_image_and_the_notice(
    reproduced, synthetic_cells, tmp_path
):
    out, _ = reproduced
    model = next(out.rglob("model.keras"))
    folder = synthetic_cells / "C-NMC_Leukemia" / "training_data" / "fold_0" / "all"
    result = call("predict", model, folder, "--out", tmp_path / "p.csv")
    assert result.exit_code == 0, result.output
    assert NOTICE in result.output
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list(folder.iterdir()))
    for row in rows:
        assert row["class"] in ("healthy", "malignant")
        assert float(row["p_healthy"]) + float(row["p_malignant"]) == pytest.approx(1, abs=1e-6)
        assert row["image"] in result.output


def test_predict_agrees_with_the_stored_predictions(reproduced, synthetic_cells, tmp_path):
    out, _ = reproduced
    trial = next(out.rglob("model.keras")).parent
    with (trial / "predictions.csv").open() as file:
        stored = {
            row["image"]: float(row["p_malignant"])
            for row in csv.DictReader(file)
            if row["checkpoint"] == "val_accuracy"
        }
    image = next(iter(stored))
    words = (trial / "model.keras", synthetic_cells / "C-NMC_Leukemia" / image, "--out", tmp_path / "p.csv")
    printed = json.loads(call("predict", *words, "--json").stdout)
    assert printed["classes"] == ["healthy", "malignant"] and printed["faults"] == []
    with (tmp_path / "p.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["p_malignant"]) == pytest.approx(stored[image], abs=1e-5)


def test_predict_without_a_model_says_what_was_expected(tmp_path):
    (tmp_path / "a.png").write_text("")
    result = call("predict", tmp_path / "none.keras", tmp_path / "a.png")
    assert result.exit_code == 1
    assert "model.keras" in result.output


def test_check_reports_and_exits_with_one_on_a_fault(synthetic_cells, tmp_path):
    sound = call("check", "cnmc2019", "--data", synthetic_cells)
    assert sound.exit_code == 0, sound.output
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "x.bmp").write_text("text")
    broken = call("check", "cnmc2019", "--data", tmp_path)
    assert broken.exit_code == 1
    assert "x.bmp" in broken.output
    assert "duplicates among 0 images" in broken.output
    assert "not searched: cnmc2019: 1 image with faults" in broken.output


def test_check_lists_duplicates_and_finds_no_fault_in_them(copy_smears, tmp_path):
    root = copy_smears(tmp_path, "allidb1", "allidb2", "omid2014")
    (root / "omid2014" / "healthy" / "copy.bmp").write_bytes(
        (root / "allidb1" / "healthy" / "allidb1_healthy_1.bmp").read_bytes()
    )
    alone, together = call("check", "allidb1", "--data", root), call("check", "alertnet", "--data", root)
    assert alone.exit_code == together.exit_code == 0, together.output
    assert "of allidb1: 0 byte-identical pairs, 0 near ones" in alone.output
    assert "of 3 datasets: 1 byte-identical pair, 0 near ones" in together.output
    assert "between allidb1 and omid2014: 1 identical, 0 near" in together.output
    assert "to share cells: allidb1 (allidb2); allidb2 (allidb1)" in together.output
    assert "treats as related: allidb1 (allidb2, omid2014)" in together.output


def test_papers_and_datasets_are_listed():
    assert "cnmc2019" in call("papers").output
    assert "cnmc2019" in call("datasets").output
    shown = call("datasets", "cnmc2019").output
    for words in ("7,272", "3,389", "CC BY 3.0", "doi.org/10.7937", "fold_0"):
        assert words in shown


def test_without_data_the_error_says_where_to_get_them():
    result = call("reproduce", "cnmc2019", "--profile", "smoke")
    assert result.exit_code == 1
    assert "--data synthetic" in result.output
    assert "leukcnn datasets cnmc2019" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("reproduce", "cnmc2091", "--data", "synthetic"), "did you mean 'cnmc2019'"),
        (("reproduce", "cnmc2019", "--data", "synthetic", "--profile", "fast"), "smoke"),
        (
            ("reproduce", "cnmc2019", "--data", "synthetic", "--assume", "batch=3"),
            "did you mean 'batch_size'",
        ),
        (("reproduce", "cnmc2019", "--data", "synthetic", "--assume", "batch_size=x"), "like 20"),
        (("check", "nothing", "--data", "."), "cnmc2019"),
        (("datasets", "nothing"), "cnmc2019"),
    ],
)
def test_wrong_words_are_refused_with_a_hint(words, said):
    result = call(*words)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_the_experiment_record_is_json(reproduced):
    out, _ = reproduced
    (record,) = out.rglob("experiment.json")
    assert json.loads(record.read_text())["paper"] == "cnmc2019"


def test_check_searches_all_datasets_whatever_their_faults(copy_smears, tmp_path):
    root = copy_smears(tmp_path, "allidb1", "allidb2", "omid2014")
    (root / "allidb2" / "ALL" / "broken.bmp").write_text("text")
    (root / "ufg").mkdir()
    checked = call("check", "leuknet_lodocv", "--data", root)
    assert checked.exit_code == 1
    assert "undecodable: ALL/broken.bmp" in checked.output
    assert "not searched: allidb2: 1 image with faults" in checked.output
    assert "to share cells: allidb1 (allidb2); allidb2 (allidb1)" in checked.output
    assert "treats as related: allidb1 (allidb2); allidb2 (allidb1)" in checked.output
    # A folder that can't be checked at all doesn't keep the others from being checked.
    assert "ufg can't be checked, and isn't searched for duplicates" in checked.output


def test_report_writes_the_same_page_again_and_keeps_its_audit(reproduced):
    out, _ = reproduced
    (page,) = out.rglob("report.html")
    first = page.read_bytes()
    assert str(out).encode() not in first and b"Most confident mistakes" in first
    page.unlink()
    result = call("report", "--out", out)
    assert result.exit_code == 0 and result.stdout.endswith("report.html\n")
    assert page.read_bytes() == first
    assert b"Not made in this run" in first
    assert call("report", "cnmc2019", "--out", out, "--audit").exit_code == 0
    audited = page.read_bytes()
    assert b"Claims about the printed values" in audited
    assert call("report", "cnmc2019", "--out", out).exit_code == 0
    assert page.read_bytes() == audited
