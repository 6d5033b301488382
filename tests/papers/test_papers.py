import json
import subprocess
import sys

import pytest

from leukcnn import papers
from leukcnn.datasets import catalog
from leukcnn.errors import SpecError
from leukcnn.fields import replace_at, value_at
from leukcnn.models.backbones import BACKBONES
from leukcnn.spec import Paper

ASSUMPTIONS = [(key, a.name) for key in papers.list_papers() for a in papers.get(key).assumptions]


@pytest.mark.parametrize("key", papers.list_papers())
def test_paper_is_found_under_its_own_key(key):
    paper = papers.get(key)
    assert isinstance(paper, Paper)
    assert paper.key == key
    assert papers.get(key) is paper


@pytest.mark.parametrize("key", papers.list_papers())
def test_paper_has_profiles_datasets_and_numbered_tables(key):
    paper = papers.get(key)
    assert {profile.name for profile in paper.profiles} >= {"paper", "smoke"}
    assert paper.profile("paper").not_comparable == ""
    assert paper.profile("smoke").not_comparable != ""
    assert set(paper.datasets) <= set(catalog.CATALOG)
    numbered = [table.id for table in paper.tables if table.where.startswith("Table")]
    assert numbered == [f"table{i}" for i in range(1, len(numbered) + 1)]
    class_of = paper.class_of or {name: name for name in paper.classes}
    named = {name for key in paper.datasets for name in catalog.card(key).classes}
    assert {class_of[name] for name in named & set(class_of)} == set(paper.classes)


@pytest.mark.parametrize(("key", "name"), ASSUMPTIONS)
@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_assumption_changes_its_field_in_its_own_rows_only(key, name, profile):
    paper = papers.get(key)
    assumption = paper.assumption(name)
    assert assumption.reason
    assert assumption.where
    rows = paper.rows_of(assumption)
    for row in rows:
        value = value_at(paper.setup(row, profile=profile), assumption.field)
        assert not assumption.choices or value in assumption.choices
    for row in paper.row_ids:
        setup = paper.setup(row, profile=profile)
        changed = paper.setup(row, profile=profile, assumed={name: value})
        assert changed == (replace_at(setup, assumption.field, value) if row in rows else setup)


@pytest.mark.parametrize(("key", "name"), ASSUMPTIONS)
def test_assumption_can_be_given_in_words(key, name):
    paper = papers.get(key)
    assumption = paper.assumption(name)
    values = [value_at(paper.setup(row), assumption.field) for row in paper.rows_of(assumption)]
    for value in (*values, *assumption.choices):
        words = value if isinstance(value, str) else json.dumps(value)
        found, read = paper.parse_assumption(f"{name}={words}")
        assert (found, json.dumps(read)) == (name, json.dumps(value))


@pytest.mark.parametrize("key", papers.list_papers())
@pytest.mark.parametrize(("name", "default"), [("shrinking", "area"), ("enlarging", "cubic")])
def test_interpolation_is_an_assumption_of_every_row(key, name, default):
    paper = papers.get(key)
    assumed = dict([paper.parse_assumption(f"{name}=linear")])
    for row in paper.row_ids:
        for profile in paper.profiles:
            own = paper.setup(row, profile=profile.name).preprocessing
            other = paper.setup(row, profile=profile.name, assumed=assumed).preprocessing
            assert (getattr(own, name), getattr(other, name)) == (default, "linear")
    # Controls see the same images.
    assert getattr(paper.whole_image_preprocessing(assumed=assumed), name) == "linear"
    with pytest.raises(SpecError, match="enlarging got 'area'"):
        paper.parse_assumption("enlarging=area")


@pytest.mark.parametrize("key", papers.list_papers())
def test_two_assumptions_never_set_one_field_of_a_row(key):
    paper = papers.get(key)
    for row in paper.row_ids:
        fields = [a.field for a in paper.assumptions if row in paper.rows_of(a)]
        assert len(set(fields)) == len(fields)


@pytest.mark.parametrize("key", papers.list_papers())
def test_smoke_profile_is_small_repeatable_and_needs_no_published_weights(key):
    paper = papers.get(key)
    assert paper.profile("paper").changes == {}
    for row in paper.row_ids:
        full, smoke = paper.setup(row), paper.setup(row, profile="smoke")
        assert smoke.model.name == full.model.name
        assert {model.arguments.get("weights") for model in smoke.models} == {None}
        backbone = BACKBONES.get(smoke.model.arguments.get("backbone"))
        assert (backbone.min_size if backbone else 32) <= smoke.preprocessing.image_size <= 100
        assert smoke.training.epochs <= 10
        assert smoke.training.deterministic
        assert not full.training.deterministic
        # Fractions, thresholds and early stopping are the paper's.
        assert smoke.split.fractions == full.split.fractions
        assert smoke.split.per_dataset == full.split.per_dataset
        assert smoke.preprocessing.threshold == full.preprocessing.threshold
        assert smoke.training.patience == full.training.patience


def test_unknown_paper_is_refused_with_the_nearest_name():
    with pytest.raises(SpecError, match="no paper named 'cnmc2018'") as caught:
        papers.get("cnmc2018")
    assert "cnmc2019" in caught.value.expected
    assert caught.value.remedy == "did you mean 'cnmc2019'?"


def test_unknown_paper_without_a_near_name_is_refused_with_a_hint_to_the_list():
    with pytest.raises(SpecError) as caught:
        papers.get("zzz")
    assert caught.value.remedy == "`leukcnn papers` lists them"


def test_papers_load_no_heavy_library():
    heavy = {"keras", "tensorflow", "jax", "cv2", "sklearn", "matplotlib", "scipy", "numpy"}
    code = (
        "import sys; from leukcnn import papers; [papers.get(key) for key in papers.list_papers()]; "
        f"print(*sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
