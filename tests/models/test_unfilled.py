import keras
import pytest

from leukcnn import models
from leukcnn.models.unfilled import drawing_nothing, unfilled
from leukcnn.spec import Model


@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform"])
def test_a_network_has_its_form_and_no_values(initializer):
    model = drawing_nothing(Model("AlertNet", {"kernel_initializer": initializer, "dropout_rate": 0.25}))
    assert model.arguments == {"kernel_initializer": "glorot_uniform", "dropout_rate": 0.25}
    with unfilled():
        network = models.build(model.name, **model.arguments)
        assert network.count_params() == 8_792_963
        assert all(variable._value is None for variable in network.weights)


def test_a_builder_without_initializers_gets_none():
    def build(*, input_shape, classes):
        """Takes what every builder takes."""

    models.register("Plain", build)
    assert drawing_nothing(Model("Plain", {})) == Model("Plain", {})


def test_later_networks_are_filled_as_ever():
    with unfilled():
        keras.layers.Dense(2).build((None, 3))
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    assert keras.ops.convert_to_numpy(layer.kernel).any()
