"""Limits on the size of modules and functions, so that newcomers find readable code in one place."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "leukcnn"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION, MOST_ARGUMENTS = 400, 60, 7

# Arguments of keras.applications and of ImageDataGenerator, which don't count as our own.
FROM_KERAS = {
    *("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation"),
    *("name", "kernel_initializer"),
    *("rotation_range", "width_shift_range", "height_shift_range", "shear_range", "zoom_range", "fill_mode"),
    *("horizontal_flip", "vertical_flip", "cval", "theta", "tx", "ty", "shear", "zx", "zy"),
}
# Function -> why its body may be longer than the limit.
LONG = {
    "models/fine_tuned.py:FineTuned": "a builder, unrolled like those of keras.applications",
}
# Function -> why it may take more arguments of its own than others.
OF_MANY_ARGUMENTS = {
    "reproduction.py:reproduce": "the options of the command as keyword arguments",
    "studies/evaluation.py:evaluate": "the options of the command as keyword arguments",
    "rendering/tables.py:__init__": "the parts of a table, of which most have a default",
}


def relative(path):
    return path.relative_to(PACKAGE).as_posix()


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{relative(path)}:{node.name}", node


def body_lines(node):
    """Returns the number of lines of a function after its signature and docstring."""
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.end_lineno - (first.end_lineno if has_docstring else first.lineno - 1)


def own_arguments(node):
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return [a.arg for a in every if a.arg not in {"self", "cls", *FROM_KERAS}]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_is_long(path):
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_function_is_long_without_a_reason(path):
    long = {name for name, node in functions(path) if body_lines(node) > LONGEST_FUNCTION}
    assert long <= LONG.keys()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_function_takes_many_arguments_of_its_own(path):
    many = {name: own_arguments(node) for name, node in functions(path)}
    many = {name: a for name, a in many.items() if name not in OF_MANY_ARGUMENTS}
    assert {name: a for name, a in many.items() if len(a) > MOST_ARGUMENTS} == {}


def test_every_exception_is_needed():
    bodies = {name: body_lines(node) for path in MODULES for name, node in functions(path)}
    assert {name for name in LONG if bodies.get(name, 0) <= LONGEST_FUNCTION} == set()
    taken = {name: len(own_arguments(node)) for path in MODULES for name, node in functions(path)}
    assert {name for name in OF_MANY_ARGUMENTS if taken.get(name, 0) <= MOST_ARGUMENTS} == set()
