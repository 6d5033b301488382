"""The example of a paper in a user's own file, with a tiny network instead of DenseNet121."""

from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "densenet_cnmc.py"

NETWORK = """
import keras


def network(*, input_shape, classes, units=4):
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(units, 3, strides=2, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax", name="predictions")(x))

"""


def own_paper(folder: Path, name: str = "own_densenet") -> Path:
    """Writes the example with a tiny network in the same file."""
    text = EXAMPLE.read_text()
    model = text[text.index("Model(\n") : text.index("    Preprocessing(crop")]
    text = text.replace(model, f'Model("{name}.network", {{"units": 6}}),\n')
    text = text.replace('    "model.arguments.weights": None,\n', "")
    path = folder / f"{name}.py"
    path.write_text(text.replace("\nDENSENET = ", f"{NETWORK}\nDENSENET = "))
    return path
