"""The answer of a run: at most twelve lines, and the summary in the form of its schema."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from leukcnn import papers, spec
from leukcnn.experiment.report import report, verify_report
from leukcnn.files import read_sealed_json, write_sealed_json
from leukcnn.html_report import PAGE
from leukcnn.outputs.answer import SCHEMA_FILE, answer_of
from leukcnn.outputs.model_links import links_of, write_links
from leukcnn.outputs.summary import summary_table
from tests.golden.cases import CASES
from tests.golden.store import PAPERS, results_of

SCHEMA = json.loads(SCHEMA_FILE.read_text())
WORSE = "In accuracy, VGG16 is worse than the colour of the border (difference -21.2 points"


def test_every_name_of_the_summary_is_in_the_schema_and_in_the_docs():
    page = (Path(__file__).parents[2] / "docs/how-to/scripts.rst").read_text()
    named = {word for found in re.findall(r"``([a-z_, ]+)``", page) for word in found.split(", ")}
    assert {*SCHEMA["properties"]} <= named
    assert SCHEMA["additionalProperties"] is False


def check(summary):
    jsonschema.validate(summary, SCHEMA, cls=jsonschema.Draft202012Validator)
    return json.dumps(summary, allow_nan=False)


@pytest.fixture
def compared(experiment, make_predictions):
    """VGG16, which is worse than a forest on the border, and Xception, which isn't trained."""
    experiment.add("vgg16", make_predictions("test", tp=30, fn=10, fp=11, tn=29))
    experiment.add_control("majority", make_predictions("test", tp=40, fn=0, fp=40, tn=0))
    experiment.add_control("border", make_predictions("test", tp=38, fn=2, fp=2, tn=38))
    return experiment


@pytest.mark.parametrize("case", [*(f"{key}-full" for key in PAPERS), "taleghani_resnet50-nothing"])
def test_every_paper_has_an_answer_of_at_most_twelve_lines_in_the_form_of_the_schema(case, tmp_path):
    results = results_of(CASES[case], tmp_path)
    answer = answer_of(results)
    text = check(answer.to_json())
    lines = answer.lines(tmp_path)
    assert 4 <= len(lines) <= 12
    assert all(line == line.strip() and "nan" not in line.split() for line in lines)
    assert str(tmp_path) not in text


def test_the_values_are_those_of_the_tables_and_the_same_again(tmp_path):
    results = results_of(CASES["taleghani_resnet50-full"], tmp_path)
    answer, table = answer_of(results), summary_table(results)
    assert answer.to_json() == answer_of(replace(results)).to_json()
    titles = [column.title for column in table.columns]
    shown = {row[titles.index("Network")]: row[titles.index("Measured")] for row in table.rows}
    found = {one.label: one.value for one in answer.scores if one.metric == answer.metric}
    assert {label: value[0] for label, value in shown.items() if value} == pytest.approx(
        {label: value for label, value in found.items() if value is not None}
    )
    best = answer.of(answer.networks[0])[0]
    assert best.value == max(one.value for row in answer.networks for one in answer.of(row))


def test_the_answer_compares_the_best_network_with_the_best_control_in_words(compared):
    lines = answer_of(compared.results()).lines()
    assert lines[0].startswith("cnmc2019, malignant or healthy cell: 10,661 images (healthy 3,389, malignant")
    assert "Best network: VGG16, accuracy 73.8 % (95 % 63.2 to 82.1)." in lines
    border = [line for line in lines if line.startswith("Best control: the colour of the border alone")]
    assert border == [
        "Best control: the colour of the border alone, accuracy 95.0 % (95 % 87.8 to 98.0); the best of 2."
    ]
    assert any(line.startswith(WORSE) for line in lines)
    assert any("Without a result: " in line and "networks" in line for line in lines)
    assert not any("NOT COMPARABLE" in line for line in lines)


def test_the_choice_of_the_best_of_several_networks_is_said(compared, make_predictions):
    compared.add("vgg19", make_predictions("test", tp=31, fn=9, fp=9, tn=31))
    answer = answer_of(compared.results())
    assert answer.networks == ["vgg19", "vgg16"]
    assert any("the best of 2 on these test images, which flatters it" in line for line in answer.lines())


def test_without_a_network_the_answer_is_what_the_controls_reach(experiment, make_predictions):
    experiment.add_control("border", make_predictions("test", tp=38, fn=2, fp=2, tn=38))
    answer = answer_of(experiment.results())
    assert (
        "The colour of the border alone gives 95.0 %: whatever a network reaches, compare it with that."
        in answer.lines()
    )
    assert answer.to_json()["best_network"] is None
    check(answer.to_json())


def test_without_controls_the_answer_says_what_is_not_known(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=30, fn=10, fp=10, tn=30))
    assert any(
        line.startswith("No control has been run: ") for line in answer_of(experiment.results()).lines()
    )


def test_a_metric_of_one_class_is_averaged_where_no_class_is_positive(staged, make_stages):
    experiment = staged(spec.Table("table1", "", "metrics", metrics=("f1",)))
    experiment.add("frozen", make_stages(wrong=8))
    answer = answer_of(experiment.results())
    assert answer.metric == "weighted_f1"
    assert any(
        line.startswith("Best network: Frozen, weighted f1-score ") or "f1-score, weighted" in line
        for line in answer.lines()
    )
    check(answer.to_json())


def test_leaks_of_the_split_and_pairs_in_two_classes_are_named(compared):
    results = compared.results(separated_pairs={}, pairs_in_two_classes=3)
    (line,) = [line for line in answer_of(results).lines() if line.startswith("Leaks: ")]
    assert "no copy of a training image is tested" in line
    assert "3 pairs of copies have two classes" in line
    assert "this split doesn't keep subjects together" in line


def test_the_external_set_is_named(compared, make_predictions):
    test = make_predictions("test", tp=39, fn=1, fp=1, tn=39)
    compared.add("vgg19", test, make_predictions("external", tp=20, fn=20, fp=20, tn=20))
    lines = answer_of(compared.results()).lines()
    assert any(
        line.startswith("The same network on the external set, other subjects: 50.0 %") for line in lines
    )


def test_a_report_writes_the_summary_and_links_the_models(compared, tmp_path):
    results = compared.results()
    folder = results.store.experiment("one")
    results.record.save(folder)
    done = report(results.store, folder, papers.get("cnmc2019"))
    path = folder / "summary.json"
    first = path.read_bytes()
    assert json.loads(first) == json.loads(check(done.summary))
    assert str(tmp_path) not in first.decode()
    link = folder / "models" / "vgg16-cell-fold0.keras"
    assert done.summary["models"] == ["models/vgg16-cell-fold0.keras"]
    assert not link.readlink().is_absolute()
    assert link.resolve().name == "model.keras"
    assert any(line.startswith("Model: ") and line.endswith(link.name) for line in done.answer.lines(folder))
    assert verify_report(results.store, folder, papers.get("cnmc2019")) == []
    report(results.store, folder, papers.get("cnmc2019"))
    assert path.read_bytes() == first
    path.write_text("{}")
    assert "summary.json: changed" in " ".join(verify_report(results.store, folder, papers.get("cnmc2019")))


def test_where_links_are_impossible_models_are_copied(compared, tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError("no links here")

    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    for _ in range(2):
        (model,) = write_links(compared.results(), tmp_path)
        assert model.is_file() and not model.is_symlink()


def test_links_name_the_tested_dataset_the_fold_and_the_run(left_out, tested):
    experiment = left_out()
    row = experiment.paper.row_ids[0]
    for run in range(3):
        experiment.add(row, tested("allidb1", tp=5, tn=5), run=run, fold=0, tested=("allidb1",))
    assert [*links_of(experiment.results())] == [f"{row}-lodocv-allidb1-run{run}.keras" for run in range(3)]


def test_the_border_is_named_next_to_a_better_control_and_all_tested_images_once(compared, make_predictions):
    compared.add_control("colour", make_predictions("test", tp=40, fn=0, fp=0, tn=40))
    experiment = compared.results(datasets={"cnmc2019": {"healthy": 40, "malignant": 40}})
    lines = answer_of(experiment).lines()
    assert "80 images (healthy 40, malignant 40) of C-NMC 2019; all images of 20" in lines[0]
    (line,) = [line for line in lines if line.startswith("Best control: ")]
    assert line.endswith("the best of 3 (the colour of the border alone: 95.0 %).")


def test_a_store_of_an_earlier_version_gives_the_summary_and_the_page(compared):
    results = compared.results()
    folder = results.store.experiment("one")
    results.record.save(folder)
    path = folder / "experiment.json"
    # No number of pairs in two classes, no environment.json, run.yaml and summary.json, and no page's images.
    earlier = read_sealed_json(path)
    del earlier["pairs_in_two_classes"]
    write_sealed_json(path, earlier)
    done = report(results.store, folder, papers.get("cnmc2019"))
    check(done.summary)
    assert all("is gone" in fault for fault in done.faults)
    assert "The pairs of copies aren't kept in this store." in (folder / PAGE).read_text()
