import subprocess
import sys

import pytest

from leukcnn import papers
from leukcnn.datasets import catalog
from leukcnn.errors import SpecError
from leukcnn.spec import Paper


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
