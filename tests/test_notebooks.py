"""The notebooks are stored with their outputs, run on synthetic images, and then show the same."""

import ast

import nbformat
import pytest

from tests.notebooks import LARGEST_BYTES, NOTEBOOKS, code_cells, executed, face

MOST_IMPORTS = 6
LONGEST_CELL = 16
STORE = "`python -m tests.notebooks` stores the notebooks again"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def test_there_is_a_notebook_for_each_paper():
    from leukcnn import papers

    assert sorted(papers.list_papers()) == [path.stem for path in NOTEBOOKS]


def test_notebook_is_stored_with_its_outputs(path, notebook):
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)], STORE
    shown = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in shown} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in shown if output.output_type == "stream"} <= {"stdout"}
    kinds = [kind for output in shown for kind in output.get("data", {})]
    assert kinds.count("text/html") >= 4
    assert kinds.count("image/png") >= 3
    assert path.stat().st_size < LARGEST_BYTES


def test_cells_that_show_something_have_outputs(notebook):
    for cell in code_cells(notebook):
        last = ast.parse(cell.source).body[-1]
        if isinstance(last, ast.Expr):
            assert cell.outputs, f"{cell.source}\n{STORE}"


def test_outputs_have_no_paths_addresses_or_warnings(path):
    text = path.read_text()
    for name in ("/tmp", "/home", "/root", "/work", "site-packages", "Warning", "WARNING", " at 0x"):
        assert name not in text


def test_notebook_says_that_its_values_are_not_comparable(path):
    assert "NOT COMPARABLE WITH THE PAPER" in path.read_text()


def test_notebook_takes_few_imports_and_short_cells(notebook):
    imported = 0
    for cell in code_cells(notebook):
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                imported += sum(alias.name.startswith("leukcnn") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("leukcnn"):
                imported += len(node.names)
    assert imported <= MOST_IMPORTS


def test_face_ignores_numbers_and_sees_words():
    def cell(html, text):
        outputs = [
            {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}},
            {"output_type": "stream", "name": "stdout", "text": text},
        ]
        return nbformat.from_dict({"cell_type": "code", "outputs": outputs})

    html = "<table><tr><th>Network</th></tr><tr><td>VGG16</td><td>0.{}</td></tr></table>"
    assert face(cell(html.format(5), "93.2 %")) == face(cell(html.format(71), "8.1 %"))
    assert face(cell(html, "93 %")) != face(cell(html.replace("VGG", "ResNet"), "93 %"))
    assert face(cell(html, "93 % right")) != face(cell(html, "93 % wrong"))


@pytest.mark.release
def test_notebook_runs_and_shows_what_is_stored(path, notebook, tmp_path):
    fresh = executed(path, tmp_path)
    for stored, now in zip(code_cells(notebook), code_cells(fresh), strict=True):
        assert face(now) == face(stored), f"{stored.source}\n{STORE}"
