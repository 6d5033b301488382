"""Users' builders: registered or named by their path, and identified by their source."""

import hashlib
import inspect
import sys

import keras
import pytest

from leukcnn import models, spec
from leukcnn.errors import ArgumentError, SpecError
from leukcnn.spec.names import BUILDERS


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_read_from_the_source_are_those_of_the_builder(name):
    parameters = inspect.signature(getattr(models, name)).parameters
    found = models.arguments_of(name)
    assert (found.names, found.required, found.others) == (tuple(parameters), (), False)
    assert found.defaults == {key: parameters[key].default for key in found.defaults}
    assert {"weights", "classes"} & {*parameters} <= {*found.defaults}


def test_a_networks_values_are_the_given_ones_and_the_builders_defaults():
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


def test_a_builder_that_fails_or_returns_no_network_is_named():
    models.register("Failing", lambda **arguments: 1 / 0)
    with pytest.raises(SpecError, match="'Failing' fails: ZeroDivisionError") as caught:
        models.build("Failing", classes=2)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    models.register("Nothing", lambda **arguments: None)
    with pytest.raises(SpecError, match="'Nothing' returns a NoneType"):
        models.build("Nothing")


@pytest.mark.parametrize(("name", "function"), [("FineTuned", len), ("two words", len), ("Three", 3)])
def test_a_wrong_builder_or_name_is_not_registered(name, function):
    with pytest.raises(SpecError, match=name):
        models.register(name, function)


def write(folder, name, text, monkeypatch):
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    sys.modules.pop(name, None)


def test_a_fingerprint_ignores_the_paper_in_the_file(tmp_path, monkeypatch):
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


def test_a_builder_without_a_source_has_no_fingerprint():
    models.register("Sourceless", eval("lambda **arguments: None"))
    with pytest.raises(SpecError, match="The source of the builder 'Sourceless' isn't available"):
        models.fingerprint("Sourceless")


@pytest.mark.parametrize(
    ("name", "arguments", "near"),
    [
        ("FineTuned", {"backbone": "VGG16", "mode": "mSTF"}, "mSFT"),
        ("RegNetX", {"design": "200fm"}, "200mf"),
        ("RegNetY", {"design": "1.6g"}, "1.6gf"),
    ],
)
def test_nearest_word_is_suggested_for_an_argument(name, arguments, near):
    with pytest.raises(ArgumentError, match=f"did you mean '{near}'"):
        models.builder(name)(weights=None, **arguments)
