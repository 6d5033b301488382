"""Builders of one's own: registered or named by their path, and known again by their source."""

import hashlib
import inspect
import sys

import pytest

from leukcnn import models, spec
from leukcnn.errors import SpecError
from leukcnn.spec.names import BUILDERS


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_are_read_as_the_builder_has_them(name):
    parameters = inspect.signature(getattr(models, name)).parameters
    assert models.arguments_of(name) == models.Arguments(tuple(parameters), ())


def test_a_registered_builder_is_built_by_its_name():
    @models.register("Doubled")
    def doubled(*, input_shape, classes=2):
        return (input_shape, classes)

    assert models.build("Doubled", input_shape=3) == (3, 2)
    assert models.build("Doubled", input_shape=3, classes=4) == (3, 4)
    assert "Doubled" in models.list_models()
    assert spec.Model("Doubled").name == "Doubled"
    assert models.arguments_of("Doubled") == models.Arguments(("input_shape", "classes"), ("input_shape",))


@pytest.mark.parametrize(("name", "function"), [("FineTuned", len), ("two words", len), ("Three", 3)])
def test_what_is_no_builder_or_takes_anothers_name_is_not_registered(name, function):
    with pytest.raises(SpecError, match=name):
        models.register(name, function)


def write(folder, name, text, monkeypatch):
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    sys.modules.pop(name, None)


def test_a_fingerprint_is_that_of_the_file_without_its_paper(tmp_path, monkeypatch):
    source = "UNITS = 3\n\n\ndef build(**arguments):\n    return UNITS"
    write(tmp_path, "own_networks", source + "\n", monkeypatch)
    first = models.fingerprint("own_networks.build")
    assert first == hashlib.sha256(source.encode()).hexdigest()
    write(tmp_path, "own_networks", source + "\n\n\nPAPER = dict(\n    a=1,\n)\n", monkeypatch)
    assert models.fingerprint("own_networks.build") == first
    write(tmp_path, "own_networks", source.replace("3", "4"), monkeypatch)
    assert models.fingerprint("own_networks.build") != first
    assert models.build("own_networks.build") == 4
    assert models.fingerprint("FineTuned") is None


def test_a_builder_without_a_source_can_not_be_known_again():
    models.register("Sourceless", eval("lambda **arguments: None"))
    with pytest.raises(SpecError, match="Nothing says what is in the builder 'Sourceless'"):
        models.fingerprint("Sourceless")
