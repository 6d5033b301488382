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


# Notebook -> what a run of it must show, and how many images at least: those of the data and of the run.
EXPECTED = {
    "allidb_lightweight": (
        ["6,427,810 parameters", "synthetic images replace", "images right"],
        2 + 3,
    ),
    "alertnet": (
        ["8,792,963 parameters", "synthetic images replace", "Random forest, 16-pixel border"],
        3 + 1 + 3,
    ),
    "cnmc2019": (["15,241,026 parameters", "synthetic data", "malignant with 0."], 3 + 4),
    "leuknet_lodocv": (
        ["40,668,481 parameters", "ALL-IDB 1 is related to ALL-IDB 2", "trained on the other datasets"],
        2 + 1 + 1,
    ),
    "taleghani_resnet50": (
        ["23,587,712 frozen, 401,412 trained", "synthetic images replace", "test images right"],
        4 + 3,
    ),
}


@pytest.mark.release
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_on_drawn_data(path, tmp_path, monkeypatch):
    for name in ("LEUKCNN_DATA", "LEUKCNN_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LEUKCNN_CACHE", str(tmp_path / "cache"))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = "".join(
        output.get("text", "") or output.get("data", {}).get("text/markdown", "") for output in outputs
    )
    texts, images = EXPECTED[path.stem]
    for text in (*texts, "NOT COMPARABLE WITH THE PAPER"):
        assert text in shown
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= images
