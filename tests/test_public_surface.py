"""What `import leukcnn` offers, and what it costs."""

import ast
import importlib
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


ROOT = Path(leukcnn.__file__).parent
# Modules by their files: asking for them would load Keras while tests are collected.
PUBLIC = [name for name in leukcnn.__all__ if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()]
LAZY = [path for path in ROOT.rglob("__init__.py") if "__getattr__" in path.read_text()]


def blocks_of(tree, test):
    return [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == test]


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


@pytest.mark.parametrize("path", LAZY, ids=lambda path: path.parent.name)
def test_type_checkers_see_every_name(path):
    tree = ast.parse(path.read_text())
    (block,) = blocks_of(tree, "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} | {"__version__"}
    name = ".".join(path.relative_to(Path(leukcnn.__file__).parents[1]).parent.parts)
    assert {*importlib.import_module(name).__all__} <= defined | {
        a.name for node in imports for a in node.names
    }


@pytest.mark.parametrize("path", LAZY, ids=lambda path: path.parent.name)
def test_type_checkers_reject_other_names(path):
    """A module with `__getattr__` has every name in their eyes, so that it is hidden from them."""
    tree = ast.parse(path.read_text())
    (hidden,) = blocks_of(tree, "not TYPE_CHECKING")
    assert [node.name for node in hidden.body] == ["__getattr__"]
    assert "__getattr__" not in {getattr(node, "name", "") for node in tree.body}


def test_lazy_packages_are_known():
    assert {path.parent.name for path in LAZY} == {"leukcnn", "datasets", "evaluation", "models"}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_modules_list_their_own_names_only(name):
    module = getattr(leukcnn, name)
    assert dir(module) == sorted(module.__all__)
    assert all(getattr(module, listed) is not None for listed in module.__all__)
    assert not any(listed.startswith("_") for listed in module.__all__)


def test_models_lists_the_modules_with_preprocess_input():
    listed = [getattr(leukcnn.models, name) for name in dir(leukcnn.models)]
    # Other tests may have registered networks of their own.
    modules = {leukcnn.models.builder(name).__module__ for name in leukcnn.models.list_models()}
    modules = {name for name in modules if name.startswith("leukcnn.")}
    assert modules == {module.__name__ for module in listed if inspect.ismodule(module)}
    assert all(callable(module.preprocess_input) for module in listed if inspect.ismodule(module))
    assert {"penultimate", "build", "register", "VGGF"} <= {*dir(leukcnn.models)}
    assert {"Arguments", "arguments_of", "fingerprint"}.isdisjoint(dir(leukcnn.models))


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
    # What is printed is no matter of the library, and options of a file are keyword arguments.
    printed = ("quiet", "verbose", "as_json", "with_tables", "config")
    options = {option.name: option for option in cli.reproduce.params if option.name not in printed}
    assert parameters.keys() == options.keys()
    for name in parameters.keys() - {"paper", "datasets", "assume", "out", "controls_only", "track"}:
        default = options[name].default
        assert parameters[name].default == (
            default if isinstance(default, str | int | float | bool) else None
        ), name
    assert str(options["out"].default) == parameters["out"].default
