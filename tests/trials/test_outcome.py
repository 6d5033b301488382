"""What every trial stores."""

import numpy as np
import pytest

from leukcnn.datasets import index_from_manifest
from leukcnn.distribution import find_devices
from leukcnn.trials.outcome import environment, image_predictions


@pytest.mark.backend
def test_the_environment_names_backend_versions_and_devices():
    found = environment(find_devices())
    assert found["versions"]["leukcnn"]
    assert found["versions"]["keras"].startswith("3.")
    assert found["devices"]
    assert found["backend"] in ("tensorflow", "jax")


@pytest.mark.backend
def test_the_environment_names_command_machine_and_every_requirement(monkeypatch):
    monkeypatch.setattr("sys.argv", ["leukcnn", "reproduce", "cnmc2019"])
    found = environment(find_devices())
    assert found["command"] == ["leukcnn", "reproduce", "cnmc2019"]
    assert {"numpy", "scikit-learn", "opencv-python-headless", found["backend"]} <= found["versions"].keys()
    assert None not in found["versions"].values()
    assert "jsonschema" not in found["versions"]
    assert found["processor"] and found["processors"] >= 1 and found["memory_bytes"] > 2**28
    assert len(found["device_models"]) == sum("cpu" not in name.lower() for name in found["devices"])


def test_predictions_hold_ids_groups_and_labels_of_the_index():
    index = index_from_manifest("cnmc2019")
    rows = np.array([5, 3])
    p = image_predictions(index, rows, np.array([[0.2, 0.8], [0.6, 0.4]]), subset="test", checkpoint="last")
    assert p.image.tolist() == [index.ids[5], index.ids[3]]
    assert p.group.tolist() == [index.group[5], index.group[3]]
    assert p.label.tolist() == index.labels[rows].tolist()
    assert p.predicted.tolist() == [1, 0]
    assert set(p.subset) == {"test"} and set(p.checkpoint) == {"last"}
    assert p.class_names == index.class_names
