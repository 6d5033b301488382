import keras
import pytest

from leukcnn import models
from leukcnn.models.unfilled import unfilled, without_sampling
from leukcnn.spec import Model


@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform"])
def test_an_unfilled_network_has_shapes_but_no_values(initializer):
    model = without_sampling(Model("AlertNet", {"kernel_initializer": initializer, "dropout_rate": 0.25}))
    assert model.arguments == {"kernel_initializer": "glorot_uniform", "dropout_rate": 0.25}
    with unfilled():
        network = models.build(model.name, **model.arguments)
        assert network.count_params() == 8_792_963
        assert all(variable._value is None for variable in network.weights)


def test_a_builder_without_an_initializer_keeps_its_arguments():
    def build(*, input_shape, classes):
        """Has the arguments that every builder has."""

    models.register("Plain", build)
    assert without_sampling(Model("Plain", {})) == Model("Plain", {})


def test_later_networks_have_values():
    with unfilled():
        keras.layers.Dense(2).build((None, 3))
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    assert keras.ops.convert_to_numpy(layer.kernel).any()
