"""Tests of kinds in general: what a new one needs, and that no other package depends on one."""

import ast
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from leukcnn import papers, spec
from leukcnn.outputs import build
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import DATA, NETWORKS, NOTHING, FigureKind, Material, TableKind
from leukcnn.spec import kinds
from tests.outputs.least import least

PACKAGE = Path(build.__file__).parents[1]
TESTS = Path(__file__).parents[1]
EVERY = {**kinds.TABLES, **kinds.FIGURES}

NEW_FIGURE = """
from leukcnn.outputs.kind import DATA, Capture, FigureKind

def capture(figure, material):
    yield Capture(figure.id, material.key(), lambda: {"n": len(material.index)})

def build(figure, results, kept, folder):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{figure.id}.txt"
    path.write_text(f"{figure.title}: {kept[figure.id]['n']} images")
    return [path]

KIND = FigureKind(build=build, needs=DATA, capture=capture)
"""
NEW_TABLE = """
from leukcnn.outputs.kind import NETWORKS, Capture, TableKind
from leukcnn.outputs.titles import make_table

def capture(table, material):
    yield Capture(table.id, "rows", lambda: {"rows": list(material.results.paper.row_ids)})

def build(table, results, kept):
    rows = [(row,) for row in kept[table.id]["rows"]]
    return make_table(results, table, ("Row",), rows, measured=False)

KIND = TableKind(build=build, needs=NETWORKS, capture=capture)
"""


@pytest.fixture
def new_kinds(tmp_path, monkeypatch):
    """A new kind of table and a new kind of figure: each is a module and a line in a registry."""
    for name, text, registry in (
        ("new_figure", NEW_FIGURE, kinds.FIGURES),
        ("new_table", NEW_TABLE, kinds.TABLES),
    ):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setitem(registry, name, kinds.Kind(name, "something new"))
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_new_kind_is_one_module_and_one_line(new_kinds, staged, cells, tmp_path):
    table = spec.Table("mine", "Rows", "new_table", "")
    figure = spec.Figure("image", "Images", "new_figure", "")
    experiment = staged(table, figures=(figure,))
    results, folder = experiment.results(), tmp_path / "experiment"
    material = Material(results, cells)

    build.capture(material, folder, trained=False)
    assert [path.name for path in (folder / "captured").iterdir()] == ["image.npz"]
    build.capture(material, folder, trained=True)
    assert {path.stem for path in (folder / "captured").iterdir()} == {"image", "mine"}

    (built,) = build.build_tables(results, Captured(folder))
    assert (built.id, built.rows) == ("mine", (("frozen",), ("scratch",)))
    (plotted,) = build.build_figures(results, folder)
    assert plotted == folder / "figures" / "image.txt"
    assert plotted.read_text() == f"Images: {len(cells)} images"
    assert build.build_tables(results, Captured(folder), only="image") == []
    assert build.build_figures(results, folder, only="frozen") == [plotted]


def test_captures_are_made_again_for_other_images_alone(new_kinds, staged, cells, tmp_path):
    figure = spec.Figure("image", "Images", "new_figure", "")
    results = staged(figures=(figure,)).results()

    def written(index):
        build.capture(Material(results, index), tmp_path, trained=False)
        return (tmp_path / "captured" / "image.npz").stat().st_mtime_ns

    before = written(cells)
    # Their folder makes no difference.
    assert written(replace(cells, paths=[Path("elsewhere") / path.name for path in cells.paths])) == before
    assert written(cells.select(cells.labels == 0)) != before


@pytest.mark.parametrize(
    ("item", "kind"),
    [(least(name, kinds.TABLES), TableKind) for name in kinds.TABLES]
    + [(least(name, kinds.FIGURES), FigureKind) for name in kinds.FIGURES],
    ids=[*kinds.TABLES, *kinds.FIGURES],
)
def test_every_kind_loads(item, kind):
    found = build.kind_of(item)
    assert isinstance(found, kind)
    assert found.needs in (NOTHING, DATA, NETWORKS)
    assert callable(found.build)


def test_every_kind_is_used_by_a_paper_or_a_test():
    shown = [papers.get(key) for key in papers.list_papers()]
    used = {item.kind for paper in shown for item in (*paper.tables, *paper.figures)}
    tests = "".join(path.read_text() for path in TESTS.rglob("test_*.py") if path.name != "test_kind.py")
    assert {name for name in EVERY.keys() - used if f'"{name}"' not in tests} == set()


def test_registries_are_literal():
    tree = ast.parse(Path(kinds.__file__).read_text())
    found = {node.target.id: node.value for node in tree.body if _is_registry(node)}
    for name, registry in found.items():
        assert [key.value for key in registry.keys] == list(getattr(kinds, name))
        assert {ast.unparse(value.func) for value in registry.values} == {"Kind"}
    for kind in EVERY.values():
        assert (PACKAGE / Path(*kind.module.split(".")[1:])).with_suffix(".py").exists()


def _is_registry(node) -> bool:
    return isinstance(node, ast.AnnAssign) and node.target.id in ("TABLES", "FIGURES")


def test_no_other_package_depends_on_a_kind():
    """Packages that pass tables and figures on may look at the kind of a split or planned trial only."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if name.parts[0] not in ("cli.py", "experiment", "results", "trials"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "kind":
                owner = ast.unparse(node.value)
                found += (
                    []
                    if owner.endswith(("split", "task", "entry"))
                    else [f"{name}:{node.lineno}: {owner}.kind"]
                )
    assert found == []


@pytest.mark.parametrize(("name", "registry"), [(n, r) for r in (kinds.TABLES, kinds.FIGURES) for n in r])
def test_a_kind_says_whether_it_needs_networks_before_its_module_is_loaded(name, registry):
    kind = build.kind_of(least(name, registry))
    assert registry[name].needs_networks == (kind.needs == NETWORKS)
