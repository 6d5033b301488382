"""The papers' networks as Keras models: one function per network, with the arguments of Keras Applications.

`models.AlertNet(...)` returns a network that isn't compiled, and `models.alertnet.preprocess_input(images)`
converts images of 0..255 to its input, as in the paper. The other modules with both are `caffe`, `cnmc`,
`fine_tuned`, `four_blocks`, `leuknet`, `lightweight`, `regnet` and `taleghani`.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukcnn.argument_types import require_type
from leukcnn.backend import load_keras
from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec.names import allow_builder

if TYPE_CHECKING:
    import keras

    # For editors and type checkers; `__getattr__` imports these on first use.
    from leukcnn.models import (
        alertnet,
        caffe,
        cnmc,
        fine_tuned,
        four_blocks,
        leuknet,
        lightweight,
        regnet,
        taleghani,
    )
    from leukcnn.models.alertnet import AlertNet, AlertNetR, AlertNetX
    from leukcnn.models.bases import penultimate
    from leukcnn.models.caffe import VGGF, AlexNet, CaffeNet
    from leukcnn.models.cnmc import CNMCVGG16, CNMCVGG19, CNMCXception
    from leukcnn.models.fine_tuned import FineTuned
    from leukcnn.models.four_blocks import FourBlockCNN
    from leukcnn.models.leuknet import LeukNet
    from leukcnn.models.lightweight import LightweightCNN
    from leukcnn.models.regnet import RegNetX, RegNetY
    from leukcnn.models.taleghani import TaleghaniResNet50

# Builder -> its module, imported on first use: listing the builders doesn't import Keras.
_BUILDERS = {
    "AlexNet": "leukcnn.models.caffe",
    "AlertNet": "leukcnn.models.alertnet",
    "AlertNetR": "leukcnn.models.alertnet",
    "AlertNetX": "leukcnn.models.alertnet",
    "CNMCVGG16": "leukcnn.models.cnmc",
    "CNMCVGG19": "leukcnn.models.cnmc",
    "CNMCXception": "leukcnn.models.cnmc",
    "CaffeNet": "leukcnn.models.caffe",
    "FineTuned": "leukcnn.models.fine_tuned",
    "FourBlockCNN": "leukcnn.models.four_blocks",
    "LeukNet": "leukcnn.models.leuknet",
    "LightweightCNN": "leukcnn.models.lightweight",
    "RegNetX": "leukcnn.models.regnet",
    "RegNetY": "leukcnn.models.regnet",
    "TaleghaniResNet50": "leukcnn.models.taleghani",
    "VGGF": "leukcnn.models.caffe",
}

# Everything that `__getattr__` imports on first use, and its module.
_HOME = {**_BUILDERS, "penultimate": "leukcnn.models.bases"}

# Users' builders, by the names given to `register`.
_registered: dict[str, Callable[..., Any]] = {}

__all__ = [
    "CNMCVGG16",
    "CNMCVGG19",
    "VGGF",
    "AlertNet",
    "AlertNetR",
    "AlertNetX",
    "AlexNet",
    "CNMCXception",
    "CaffeNet",
    "FineTuned",
    "FourBlockCNN",
    "LeukNet",
    "LightweightCNN",
    "RegNetX",
    "RegNetY",
    "TaleghaniResNet50",
    "alertnet",
    "build",
    "builder",
    "caffe",
    "cnmc",
    "fine_tuned",
    "four_blocks",
    "leuknet",
    "lightweight",
    "list_models",
    "penultimate",
    "register",
    "regnet",
    "taleghani",
]


def list_models() -> tuple[str, ...]:
    """Returns the names that `build` accepts: leukcnn's networks and registered ones."""
    return (*_BUILDERS, *_registered)


def register(name: str, function: Callable[..., Any] | None = None, /) -> Callable[..., Any]:
    """Registers a user's builder under a name, for `build`. It can also be used as a decorator.

    Args:
        name: Name for `build` and for a paper's models, an identifier. An earlier builder of this name is
            replaced.
        function: A function that takes keyword arguments, including `input_shape` and `classes`, and returns
            a `keras.Model`. None to return a decorator.

    Returns:
        The function, or a decorator for one.

    Raises:
        SpecError: The name isn't an identifier or is one of leukcnn's own, or the function isn't callable.
    """
    if function is None:
        return lambda decorated: register(name, decorated)
    if not name.isidentifier() or name in _BUILDERS or not callable(function):
        raise SpecError(
            f"{function!r} can't be registered as the builder {name!r}.",
            expected=f"a function, and an identifier other than {', '.join(_BUILDERS)}",
        )
    _registered[name] = function
    allow_builder(name)
    return function


def build(name: str, /, **arguments: Any) -> "keras.Model":
    """Builds a network by name.

    A user's own builder is a function that takes keyword arguments, including `input_shape` (height, width,
    channels) and `classes` (the number of outputs), and returns a `keras.Model` for float32 images
    (N, height, width, 3). There are two ways to name it:

    - by its dotted path, `spec.Model("my_paper.small_network", {"units": 64})`: `my_paper` is the paper's
      file or any other module that can be imported, e.g. one next to that file;
    - by a name, after `leukcnn.models.register("SmallNetwork", small_network)`, or with the decorator
      `@leukcnn.models.register("SmallNetwork")`.

    Finished trials are reused as long as the function's file stays the same. Only the file's statement
    `PAPER = ...` may change.

    Args:
        name: One of `list_models()` or a dotted path.
        **arguments: Arguments of the builder.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        SpecError: There is no such network, or a user's builder fails or doesn't return a `keras.Model`.
    """
    function = builder(name)
    try:
        network = function(**arguments)
    except LeukCNNError:
        raise
    except Exception as error:
        if name in _BUILDERS:
            raise
        raise SpecError(
            f"The builder {name!r} fails: {type(error).__name__}: {error}",
            expected=f"a keras.Model for {', '.join(f'{key}={value!r}' for key, value in arguments.items())}",
            remedy="correct the builder, or change the model's arguments",
        ) from error

    import keras

    if not isinstance(network, keras.Model):
        raise SpecError(
            f"The builder {name!r} returns a {type(network).__name__}: {network!r:.80}",
            expected="a keras.Model, not compiled",
            remedy="return the network from the builder",
        )
    return network


def builder(name: str) -> Callable[..., Any]:
    """Returns the function that builds a network.

    Args:
        name: As in `build`.

    Raises:
        ArgumentError: The name isn't a string.
        SpecError: There is no such network.
    """
    require_type(str, "a network's name", name=name)
    if name in _registered:
        return _registered[name]
    if name in _BUILDERS:
        return _imported(name)
    module_name, _, function_name = name.rpartition(".")
    if not module_name:
        known = (*_BUILDERS, *_registered)
        raise SpecError(
            f"There is no network named {name!r}.",
            expected=", ".join(known),
            remedy=did_you_mean(name, known) or "name one of these, or your own function as module.function",
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise SpecError(
            f"The network {name!r} can't be imported: {type(error).__name__}: {error}",
            expected=f"a module {module_name!r} that can be imported",
            remedy="put it next to the paper's file, or on PYTHONPATH",
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise SpecError(
            f"The network {name!r} can't be imported: {module_name} has no function {function_name!r}.",
            expected=f"one of its functions: {', '.join(functions)}",
            remedy=did_you_mean(function_name, functions),
        )
    return function


def fingerprint(name: str) -> str | None:
    """Returns a hash that changes when a user's builder changes.

    Args:
        name: As in `build`.

    Returns:
        None for leukcnn's own builders. Otherwise the SHA-256 of the function's file. The statement that
        assigns PAPER is left out, because a paper's tables may change while its networks stay the same.

    Raises:
        SpecError: There is no such network, or its source isn't available.
    """
    if name in _BUILDERS:
        return None
    function = inspect.unwrap(builder(name))
    try:
        file = Path(inspect.getsourcefile(function) or "")
        source = file.read_text(encoding="utf-8") if file.is_file() else inspect.getsource(function)
        statements = ast.parse(source).body
    except (OSError, TypeError, ValueError, SyntaxError) as error:
        raise SpecError(
            f"The source of the builder {name!r} isn't available: {error}",
            expected="a function with a source file",
            remedy="write it into a file of its own",
        ) from error
    lines = source.splitlines()
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        if any(isinstance(target, ast.Name) and target.id == "PAPER" for target in targets):
            end = statement.end_lineno or statement.lineno
            lines[statement.lineno - 1 : end] = [""] * (end - statement.lineno + 1)
    return hashlib.sha256("\n".join(lines).strip().encode()).hexdigest()


@dataclass(frozen=True)
class Arguments:
    """The keyword arguments of a builder.

    Attributes:
        names: All arguments with a name.
        required: The arguments without a default.
        others: Whether the builder also accepts other arguments (`**kwargs`).
        defaults: Argument -> its default, if it has one. For leukcnn's own builders, only the defaults that
            are literals.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    others: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns argument -> value: the given values, and the defaults of the other arguments."""
        return {**self.defaults, **given}


def arguments_of(name: str) -> Arguments:
    """Returns a builder's arguments. For leukcnn's own builders, Keras isn't imported.

    Args:
        name: As in `build`.

    Raises:
        SpecError: There is no such network.
    """
    if name in _BUILDERS:
        return _as_written(name)
    parameters = inspect.signature(builder(name)).parameters.values()
    by_name = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return Arguments(
        tuple(p.name for p in by_name),
        tuple(p.name for p in by_name if p.default is p.empty),
        others=any(p.kind is p.VAR_KEYWORD for p in parameters),
        defaults={p.name: p.default for p in by_name if p.default is not p.empty},
    )


@cache
def _as_written(name: str) -> Arguments:
    """Reads the arguments of one of leukcnn's builders from the source of its module."""
    module = importlib.util.find_spec(_BUILDERS[name])
    assert module is not None and module.origin is not None, f"{_BUILDERS[name]} is a file of this package"
    statements = ast.parse(Path(module.origin).read_text(encoding="utf-8")).body
    (function,) = (s for s in statements if isinstance(s, ast.FunctionDef) and s.name == name)
    own = function.args
    optional = len(own.args) - len(own.defaults)
    names = [argument.arg for argument in (*own.args, *own.kwonlyargs)]
    written = dict(zip(names, (*[None] * optional, *own.defaults, *own.kw_defaults), strict=True))
    required = tuple(name for name, default in written.items() if default is None)
    return Arguments(tuple(written), required, defaults=_values(written))


def _values(written: Mapping[str, ast.expr | None]) -> dict[str, Any]:
    """Returns the defaults that are literals."""
    values: dict[str, Any] = {}
    for name, default in written.items():
        with suppress(ValueError):
            values |= {} if default is None else {name: ast.literal_eval(default)}
    return values


def _imported(name: str) -> Any:
    """Imports a builder or another name of `_HOME`, or a builder's module: `models.alertnet` works at once.

    Raises:
        AttributeError: There is no such name.
    """
    module = _HOME.get(name, f"{__name__}.{name}")
    if name not in _HOME and module not in _BUILDERS.values():
        raise AttributeError(f"module 'leukcnn.models' has no attribute {name!r}")
    load_keras()
    imported = importlib.import_module(module)
    return getattr(imported, name) if name in _HOME else imported


# A type checker would accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return _imported(name)


def __dir__() -> list[str]:
    return sorted(__all__)
