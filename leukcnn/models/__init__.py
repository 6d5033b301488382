"""The papers' networks as Keras models: one function for each, used as those of Keras Applications.

`models.AlertNet(...)` builds a network, not compiled, and `models.alertnet.preprocess_input(images)` turns
images of 0..255 into its input, as the paper does. The other modules are `caffe`, `cnmc`, `fine_tuned`,
`four_blocks`, `leuknet`, `lightweight`, `regnet` and `taleghani`.
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

from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec.names import allow_builder

if TYPE_CHECKING:
    # What `__getattr__` imports on first use, for editors and type checkers.
    from leukcnn.models.alertnet import AlertNet, AlertNetR, AlertNetX
    from leukcnn.models.caffe import VGGF, AlexNet, CaffeNet
    from leukcnn.models.cnmc import CNMCVGG16, CNMCVGG19, CNMCXception
    from leukcnn.models.fine_tuned import FineTuned
    from leukcnn.models.four_blocks import FourBlockCNN
    from leukcnn.models.leuknet import LeukNet
    from leukcnn.models.lightweight import LightweightCNN
    from leukcnn.models.regnet import RegNetX, RegNetY
    from leukcnn.models.taleghani import TaleghaniResNet50

# Builder -> its module; imported on first use, so that listing them doesn't import Keras.
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

# What `register` was given.
_registered: dict[str, Callable[..., Any]] = {}

__all__ = [
    "CNMCVGG16",
    "CNMCVGG19",
    "VGGF",
    "AlertNet",
    "AlertNetR",
    "AlertNetX",
    "AlexNet",
    "Arguments",
    "CNMCXception",
    "CaffeNet",
    "FineTuned",
    "FourBlockCNN",
    "LeukNet",
    "LightweightCNN",
    "RegNetX",
    "RegNetY",
    "TaleghaniResNet50",
    "arguments_of",
    "build",
    "builder",
    "fingerprint",
    "list_models",
    "register",
]


def list_models() -> tuple[str, ...]:
    """Returns the names that `build` takes: leukcnn's own networks and those that were registered."""
    return (*_BUILDERS, *_registered)


def register(name: str, function: Callable[..., Any] | None = None, /) -> Callable[..., Any]:
    """Makes a builder of one's own known by a name, see `build`; as a decorator where no function is given.

    Args:
        name: What a paper calls it, an identifier. A name that was registered before takes the new function.
        function: Takes keyword arguments, `input_shape` and `classes` among them, and returns a
            `keras.Model`.

    Raises:
        SpecError: It is no name, or one of leukcnn's own.
    """
    if function is None:
        return lambda decorated: register(name, decorated)
    if not name.isidentifier() or name in _BUILDERS or not callable(function):
        raise SpecError(
            f"A builder is to be registered as {name!r}: {function!r}.",
            expected=f"a function, and a name beside {', '.join(_BUILDERS)}",
        )
    _registered[name] = function
    allow_builder(name)
    return function


def build(name: str, /, **arguments: Any):
    """Builds a network by name.

    A builder of one's own is a function that takes keyword arguments, `input_shape` (height, width, channels)
    and `classes` (the number of outputs) among them, and returns a `keras.Model` for float32 images
    (N, height, width, 3). There are two ways to name it:

    - by its dotted path, `spec.Model("my_paper.small_network", {"units": 64})`: `my_paper` is the paper's own
      file or any other module that can be imported, such as a neighbour of that file;
    - by a name of its own, after `leukcnn.models.register("SmallNetwork", small_network)`, or with
      `@leukcnn.models.register("SmallNetwork")` above the function.

    Finished trials are found again as long as the file that the function stands in is the same; what stands
    there as `PAPER = ...` may change.

    Args:
        name: One of `list_models()`, a registered name or a dotted path.
        **arguments: Arguments of that builder.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        SpecError: There is no such network, or a builder of one's own fails or gives something else.
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
            remedy="mend the builder, or change the model's arguments",
        ) from error

    import keras

    if not isinstance(network, keras.Model):
        raise SpecError(
            f"The builder {name!r} gives a {type(network).__name__}: {network!r:.80}",
            expected="a keras.Model, not compiled",
            remedy="return the network from the builder",
        )
    return network


def builder(name: str) -> Callable[..., Any]:
    """Returns the function that builds a network, by the name that `build` takes.

    Raises:
        SpecError: There is no such network.
    """
    if name in _registered:
        return _registered[name]
    if name in _BUILDERS:
        return __getattr__(name)
    module_name, _, function_name = name.rpartition(".")
    if not module_name:
        known = (*_BUILDERS, *_registered)
        raise SpecError(
            f"There is no network named {name!r}.",
            expected=", ".join(known),
            remedy=did_you_mean(name, known) or "or a function of your own, as module.function",
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise SpecError(
            f"The network {name!r} can't be had: {type(error).__name__}: {error}",
            expected=f"a module {module_name!r} that can be imported",
            remedy="put it beside the paper's file, or on PYTHONPATH",
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise SpecError(
            f"The network {name!r} can't be had: {module_name} has no function {function_name!r}.",
            expected=f"one of its functions: {', '.join(functions)}",
            remedy=did_you_mean(function_name, functions),
        )
    return function


def fingerprint(name: str) -> str | None:
    """Returns what tells whether a builder is still the one that it was.

    Args:
        name: As `build` takes it.

    Returns:
        None for leukcnn's own. Otherwise the SHA-256 of the file that the function stands in, what assigns
        PAPER there left out: a paper's tables may change without its networks being others.

    Raises:
        SpecError: There is no such network, or none can tell where it comes from.
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
            f"Nothing says what is in the builder {name!r}: {error}",
            expected="a function with a source file",
            remedy="write it into a file of its own",
        ) from error
    lines = source.splitlines()
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        if any(isinstance(target, ast.Name) and target.id == "PAPER" for target in targets):
            lines[statement.lineno - 1 : statement.end_lineno] = [""] * (
                statement.end_lineno - statement.lineno + 1
            )
    return hashlib.sha256("\n".join(lines).strip().encode()).hexdigest()


@dataclass(frozen=True)
class Arguments:
    """The keyword arguments of a builder.

    Attributes:
        names: Those that it has.
        required: Those without a default.
        others: Whether it takes any other, too.
        defaults: Argument -> its default, of those that have one; of leukcnn's own, those written as values.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    others: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values of arguments, those that aren't given by their defaults."""
        return {**self.defaults, **given}


def arguments_of(name: str) -> Arguments:
    """Returns a builder's arguments; those of leukcnn's own are read without loading Keras.

    Args:
        name: As `build` takes it.

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
    """Reads the arguments of one of leukcnn's builders off its module's text."""
    file = Path(importlib.util.find_spec(_BUILDERS[name]).origin)
    statements = ast.parse(file.read_text(encoding="utf-8")).body
    (function,) = (s for s in statements if isinstance(s, ast.FunctionDef) and s.name == name)
    own = function.args
    optional = len(own.args) - len(own.defaults)
    names = [argument.arg for argument in (*own.args, *own.kwonlyargs)]
    written = dict(zip(names, (*[None] * optional, *own.defaults, *own.kw_defaults), strict=True))
    required = tuple(name for name, default in written.items() if default is None)
    return Arguments(tuple(written), required, defaults=_values(written))


def _values(written: Mapping[str, ast.expr | None]) -> dict[str, Any]:
    """Returns the defaults that are written as values, not as names of values."""
    values = {}
    for name, default in written.items():
        with suppress(ValueError):
            values |= {} if default is None else {name: ast.literal_eval(default)}
    return values


def __getattr__(name: str):
    if name in _BUILDERS:
        return getattr(importlib.import_module(_BUILDERS[name]), name)
    # So that `models.alertnet.preprocess_input` needs no import of its own.
    module = f"{__name__}.{name}"
    if module in _BUILDERS.values():
        return importlib.import_module(module)
    raise AttributeError(f"module 'leukcnn.models' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
