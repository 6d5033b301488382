"""The site is built without a warning, and its reference has every public name."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import leukcnn
from leukcnn.cli import main
from tests.docs import pages

pytestmark = [pytest.mark.release, pytest.mark.slow]

LISTED_ONLY = {"leukcnn.__version__"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Returns the folder of the built site; a warning, such as that of a broken link, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", pages.ROOT / "docs", folder]
    done = subprocess.run(command, cwd=pages.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


@pytest.fixture(scope="module")
def documented(site):
    """Returns the names that the site's reference explains."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {name for kind in inventory.data if kind.startswith("py:") for name in inventory.data[kind]}


def public_names():
    """Yields the full name of each class and function that a public module lists."""
    for module in ("leukcnn", *(f"leukcnn.{name}" for name in leukcnn.__all__)):
        try:
            loaded = importlib.import_module(module)
        except ModuleNotFoundError:
            continue  # a class or function
        for name in getattr(loaded, "__all__", ()):
            item = getattr(loaded, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                yield f"{module}.{name}", f"{item.__module__}.{item.__qualname__}"


def test_every_public_name_is_in_the_reference(documented):
    absent = {name for name, source in public_names() if not {name, source} & documented}
    # `leukcnn.load` is shown where it is defined.
    shown = {name.rpartition(".")[2] for name in documented}
    assert not {name for name in absent if name.rpartition(".")[2] not in shown} - LISTED_ONLY


def test_every_command_and_option_is_in_the_reference(site):
    text = (site / "reference" / "command-line.html").read_text()
    for name, command in main.commands.items():
        assert f'id="leukcnn-{name}"' in text
        for option in command.params:
            for word in option.opts:
                if word.startswith("--"):
                    assert f'id="cmdoption-leukcnn-{name}-{word.lstrip("-")}"' in text, (name, word)


def test_pages_need_nothing_from_the_network(site):
    for path in site.rglob("*.html"):
        text = path.read_text()
        for mark in (
            '<script src="http',
            '<link rel="stylesheet" href="http',
            '<img src="http',
            '<img alt="" src="http',
        ):
            assert mark not in text, path.relative_to(site)


def test_code_in_docstrings_is_shown_as_code(site):
    text = (site / "reference" / "leukcnn.html").read_text()
    assert re.search(r'<pre><span></span>[^<]*^run\["table2"\]', text, re.MULTILINE)
    assert "<blockquote" not in text
    assert Path(site, "_static", "leukcnn.css").exists()


def test_signatures_are_parsed(site):
    assert "&lt;factory&gt;" not in (site / "reference" / "spec.html").read_text()
    assert "~typing" not in (site / "reference" / "spec.html").read_text()
