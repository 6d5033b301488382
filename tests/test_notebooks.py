from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_on_drawn_cells(path, tmp_path, monkeypatch):
    for name in ("LEUKCNN_DATA", "LEUKCNN_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = "".join(
        output.get("text", "") or output.get("data", {}).get("text/markdown", "") for output in outputs
    )
    assert "15,241,026 parameters" in shown
    assert "drawn data" in shown
    assert "NOT COMPARABLE WITH THE PAPER" in shown
    assert "malignant with 0." in shown
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    # Cells of both classes, one cell augmented, and the figures of the run.
    assert len(pictures) >= 3 + 4
