"""What `import leukcnn` offers, and what it costs."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import leukcnn
from leukcnn import cli
from leukcnn.reproduction import reproduce

HEAVY = ("tensorflow", "keras", "jax", "cv2", "pandas", "sklearn", "matplotlib")
INTERNAL = {"cli", "experiment", "fields", "files", "outputs", "paths", "quiet", "records", "runs", "trials"}
FUNCTIONS = {"reproduce", "open_run", "Run", "load", "load_many", "ImageIndex", "ImageAugmenter"}


@pytest.fixture(scope="module")
def imported_for_type_checkers():
    tree = ast.parse(Path(leukcnn.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {alias.asname or alias.name for node in block.body for alias in node.names}


def test_import_loads_no_heavy_library():
    code = f"import sys, leukcnn; dir(leukcnn); print(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_listed_name_is_available():
    for name in dir(leukcnn):
        assert getattr(leukcnn, name) is not None
    assert dir(leukcnn) == sorted(leukcnn.__all__)
    assert FUNCTIONS | {"__version__"} <= {*dir(leukcnn)}


def test_internal_modules_are_not_listed():
    assert INTERNAL.isdisjoint(dir(leukcnn))
    assert {name for name in dir(leukcnn) if name.startswith("_")} == {"__version__"}


def test_type_checkers_see_every_name(imported_for_type_checkers):
    assert imported_for_type_checkers | {"__version__"} == {*leukcnn.__all__}


def test_load_is_that_of_datasets():
    assert leukcnn.load is leukcnn.datasets.load


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="reproduse"):
        _ = leukcnn.reproduse


def test_evaluation_offers_its_modules():
    for name in dir(leukcnn.evaluation):
        assert inspect.ismodule(getattr(leukcnn.evaluation, name))


def test_reproduce_has_the_options_of_the_command_and_their_defaults():
    parameters = dict(inspect.signature(reproduce).parameters)
    assert not parameters.pop("quiet").default
    options = {option.name: option for option in cli.reproduce.params}
    assert parameters.keys() == options.keys()
    for name in parameters.keys() - {"paper", "datasets", "assume", "out", "tensorboard"}:
        default = options[name].default
        assert parameters[name].default == (default if isinstance(default, str | int | bool) else None), name
    assert str(options["out"].default) == parameters["out"].default
