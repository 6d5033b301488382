"""Builders of one's own: registered or named by their path, and known again by their source."""

import hashlib
import inspect
import sys

import keras
import pytest

from leukcnn import models, spec
from leukcnn.errors import SpecError
from leukcnn.spec.names import BUILDERS


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_are_read_as_the_builder_has_them(name):
    parameters = inspect.signature(getattr(models, name)).parameters
    found = models.arguments_of(name)
    assert (found.names, found.required, found.others) == (tuple(parameters), (), False)
    assert found.defaults == {key: parameters[key].default for key in found.defaults}
    assert {"weights", "classes"} & {*parameters} <= {*found.defaults}


def test_a_networks_values_are_those_given_and_its_builders_own():
    filled = models.arguments_of("FineTuned").filled({"mode": "DFT"})
    assert (filled["backbone"], filled["mode"], filled["weights"]) == ("ResNet50", "DFT", "imagenet")


def test_a_registered_builder_is_built_by_its_name():
    @models.register("Doubled")
    def doubled(*, input_shape, classes=2):
        return keras.Sequential([keras.Input((input_shape,)), keras.layers.Dense(classes)])

    assert models.build("Doubled", input_shape=3).output_shape == (None, 2)
    assert models.build("Doubled", input_shape=3, classes=4).output_shape == (None, 4)
    assert "Doubled" in models.list_models()
    assert spec.Model("Doubled").name == "Doubled"
    assert models.arguments_of("Doubled") == models.Arguments(
        ("input_shape", "classes"), ("input_shape",), defaults={"classes": 2}
    )


def test_a_builder_that_fails_or_gives_no_network_is_named():
    models.register("Failing", lambda **arguments: 1 / 0)
    with pytest.raises(SpecError, match="'Failing' fails: ZeroDivisionError") as caught:
        models.build("Failing", classes=2)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    models.register("Nothing", lambda **arguments: None)
    with pytest.raises(SpecError, match="'Nothing' gives a NoneType"):
        models.build("Nothing")


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
    assert models.builder("own_networks.build")() == 4
    assert models.fingerprint("FineTuned") is None


def test_a_builder_without_a_source_can_not_be_known_again():
    models.register("Sourceless", eval("lambda **arguments: None"))
    with pytest.raises(SpecError, match="Nothing says what is in the builder 'Sourceless'"):
        models.fingerprint("Sourceless")
