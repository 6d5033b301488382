"""Bases of Keras Applications, and ImageNet weights through Keras' own download from a local server."""

import hashlib
import http.server
import threading

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.models.bases import SMALLEST_SIDE, base_network

pytestmark = pytest.mark.backend


def test_smallest_sides_are_keras_own():
    for name, side in SMALLEST_SIDE.items():
        builder = getattr(keras.applications, name)
        builder(include_top=False, weights=None, input_shape=(side, side, 3))
        with pytest.raises(ValueError):
            builder(include_top=False, weights=None, input_shape=(side - 1, side - 1, 3))


def test_he_initialisation_reaches_every_kernel():
    keras.utils.set_random_seed(0)
    base = base_network("VGG16", weights=None, input_shape=(32, 32, 3), kernel_initializer="he_normal")
    for layer in base.layers:
        if hasattr(layer, "kernel"):
            fan_in = np.prod(layer.kernel.shape[:-1])
            assert to_numpy(layer.kernel).std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.1)


@pytest.mark.slow
def test_imagenet_weights_come_through_keras_download(tmp_path, monkeypatch):
    import keras.src.applications.vgg16 as vgg16

    made = base_network("VGG16", weights=None, input_shape=(32, 32, 3))
    made.save_weights(tmp_path / "made.weights.h5")
    content = (tmp_path / "made.weights.h5").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    original = vgg16.file_utils.get_file

    def from_server(_name, _url, **_options):
        url = f"http://127.0.0.1:{server.server_port}/made.weights.h5"
        return original(
            "made.weights.h5",
            url,
            cache_dir=str(tmp_path / "keras"),
            file_hash=hashlib.md5(content).hexdigest(),
        )

    monkeypatch.setattr(vgg16.file_utils, "get_file", from_server)
    try:
        model = models.build("CNMCVGG16", input_shape=(32, 32, 3), weights="imagenet")
    finally:
        server.shutdown()
        server.server_close()
    loaded = model.get_layer("block1_conv1").kernel
    np.testing.assert_array_equal(to_numpy(loaded), to_numpy(made.get_layer("block1_conv1").kernel))
