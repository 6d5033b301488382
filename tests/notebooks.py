"""Runs the notebooks and stores them with their outputs: `python -m tests.notebooks [NAME ...]`."""

import base64
import io
import os
import re
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST_BYTES = 400_000
SECONDS = 600
_WIDTH, _COLOURS = 640, 48

# A table and a frame are shown as HTML, and an image as PNG; their texts only name them.
_TYPES = ("text/html", "image/png", "text/markdown", "text/plain")


def executed(path: Path, folder: Path) -> NotebookNode:
    """Returns a notebook after a run in a folder, on synthetic images that are kept there.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    environment = {
        "LEUKCNN_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    with mock.patch.dict(os.environ, environment):
        for name in ("LEUKCNN_DATA", "KERAS_BACKEND"):
            os.environ.pop(name, None)
        NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [_slim(output) for output in _joined(cell.outputs)]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Returns the cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Joins texts that were printed one after the other: how they are cut into pieces depends on the time."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == "stream" and output.get("name") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _slim(output: NotebookNode) -> NotebookNode:
    """Keeps the richest form of an output, and images in the size in which they are shown."""
    if "data" in output:
        kind = next(kind for kind in _TYPES if kind in output.data)
        value = output.data[kind]
        output.data = {kind: _small(value) if kind == "image/png" else value}
        output.metadata = {}
    return output


def _small(png: str) -> str:
    """Returns a PNG image that is no wider than a notebook shows it, with few colours."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    image.thumbnail((_WIDTH, 4 * _WIDTH))
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(target := io.BytesIO(), "png", optimize=True)
    return base64.b64encode(target.getvalue()).decode()


def face(cell: NotebookNode) -> list[object]:
    """Returns what doesn't differ between machines in a cell's outputs, in their order.

    Training gives other numbers on another processor, and with them other bytes of images, other widths of
    columns and another order of sorted lines. What stays is the kind of each output, a table's headings,
    the first cell of each of its lines, and the words of a text.
    """
    faces: list[object] = []
    for output in cell.outputs:
        kind = next(iter(output.get("data", {})), output.output_type)
        if kind == "text/html":
            faces.append(_Table.of(output.data[kind]))
        elif kind == "stream":
            faces.append((output.name, _words(output.text)))
        else:
            faces.append((kind, _words(output.data[kind]) if kind.startswith("text/") else ""))
    return faces


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


class _Table(HTMLParser):
    """Collects the headings of the tables in HTML, and how many lines each has."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[list[str]] = []
        self._tag = ""

    @classmethod
    def of(cls, html: str) -> tuple[str, list[list[str]]]:
        """Returns the headings and the first cells of some HTML, in words."""
        parser = cls()
        parser.feed(html)
        return "table", parser.headings

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self._first = True
        self._tag = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._first = False
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "th" or (self._tag == "td" and self._first):
            self.headings.append(_words(data))


def main(names: list[str]) -> None:
    """Runs notebooks, all or some by name, and stores them with their outputs."""
    for path in NOTEBOOKS:
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory() as folder:
                nbformat.write(executed(path, Path(folder)), path)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
