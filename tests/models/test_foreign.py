"""Damaged and hostile weights files: each is read right or refused by name, and never ends the process."""

import json
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file
from scipy import io

from leukcnn.errors import StoreError, WeightsError
from leukcnn.models.foreign import clean_archive, clean_arrays, clean_weights, reason_of
from leukcnn.models.foreign_hdf5 import limit_of
from leukcnn.models.pytorch_weights import read_state_dict
from leukcnn.models.weights import load_whole, save_whole, stored_parameters
from leukcnn.paths import check_weights_file
from leukcnn.prediction import SavedNetwork
from leukcnn.spec import Preprocessing

MIB = 2**20
# Seconds for a small file, including the start of the reader on a busy machine.
LONGEST = 15
FLIPS = 4


def network():
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3, name="convolution")(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(x), name="small")


def matlab(path):
    """Writes a chain of two layers like MatConvNet's."""
    rng = np.random.default_rng(0)
    cells = np.empty((1, 2), dtype=object)
    for number in range(2):
        pair = np.empty((1, 2), dtype=object)
        pair[0, 0], pair[0, 1] = rng.random((3, 3, 3, 4), np.float32), np.zeros((4, 1), np.float32)
        cells[0, number] = {"name": f"conv{number}", "type": "conv", "weights": pair, "stride": [[1.0, 1]]}
    io.savemat(path, {"layers": cells, "meta": {"normalization": {"averageImage": np.ones((8, 8, 3))}}})


WRITERS = {
    "x.weights.h5": lambda path: network().save_weights(path),
    "x.h5": lambda path: network().save(path),
    "x.keras": lambda path: SavedNetwork(network(), Preprocessing(resize=8), ("a", "b"), {}).save(path),
    "x.mat": matlab,
    "x.safetensors": lambda path: save_file({"a": np.ones((3, 4), np.float32), "b": np.zeros(5)}, path),
}


def read(path):
    """Reads a file like the package does, and returns its arrays."""
    if path.suffix == ".mat":
        return list(clean_arrays(path, "copy-matlab", expected="", remedy="")[0].values())
    if path.suffix == ".safetensors":
        return list(read_state_dict(path).values())
    model = network()
    load_whole(model, path)
    if path.suffix == ".keras":
        SavedNetwork.load(path)
    return model.get_weights()


@pytest.fixture(scope="module", params=WRITERS)
def good(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / request.param
    WRITERS[request.param](path)
    return path


def check(path, capfd):
    """Checks that a file is read or refused within the time, by name, and without other output."""
    start = time.monotonic()
    try:
        arrays = read(path)
        # Those of the other formats are checked by the loaders, which know the layers' names.
        if path.suffix in (".h5", ".keras"):
            assert all(np.isfinite(array).all() for array in arrays)
    except WeightsError as error:
        assert str(path) in str(error)
        assert "safe_mode" not in str(error)
    assert time.monotonic() - start < LONGEST
    assert capfd.readouterr() == ("", "")


def test_a_good_file_is_read(good, capfd):
    assert read(good)
    check(good, capfd)


def flipped(good, path, number, capfd):
    """Flips a byte at each of `number` places, and cuts the file at each."""
    content, rng = good.read_bytes(), np.random.default_rng(0)
    # Half of the places are in the first bytes, where most formats have their structure.
    for place in [*rng.integers(0, len(content), number // 2), *rng.integers(0, 4096, number - number // 2)]:
        place = int(place) % len(content)
        flip = bytes([content[place] ^ (1 << int(rng.integers(8)))])
        path.write_bytes(content[:place] + flip + content[place + 1 :])
        check(path, capfd)
        if place % 4 == 0:
            path.write_bytes(content[:place])
            with pytest.raises(WeightsError):
                read(path)


def test_flipped_and_cut_files_never_end_the_process(good, tmp_path, capfd):
    flipped(good, tmp_path / good.name, FLIPS, capfd)


@pytest.mark.release
def test_many_flipped_and_cut_files_never_end_the_process(good, tmp_path, capfd):
    flipped(good, tmp_path / good.name, 200, capfd)


def bomb(file):
    dataset = file.create_dataset("x", (2**27,), np.float32, chunks=(2**24,), compression="gzip")
    chunk = zlib.compress(bytes(4 * 2**24), 1)
    for number in range(8):
        dataset.id.write_direct_chunk((number * 2**24,), chunk)


def nan_in_a_layer(file):
    file["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan


def too_large_for_float32(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = np.array([1.0, 1e300])


def virtual(file):
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (4,))
    file.create_virtual_dataset("x", layout)


def deep(file):
    file.create_group("/".join("a" * 40))


def many(file):
    for number in range(20_001):
        file.create_group(f"g{number}")


def second_place(file):
    file["layers/again"] = file["layers"]


def other_name(file):
    file["x"] = file["layers/dense/vars/1"]


# Change of a .weights.h5 file -> a part of the message.
HDF5 = {
    "external link": (lambda f: f.update({"x": h5py.ExternalLink("secret.h5", "secret")}), "'x' is a link"),
    "soft link": (lambda f: f.update({"x": h5py.SoftLink("/layers")}), "'x' is a link"),
    "cycle": (second_place, "has two places"),
    "two names": (other_name, "share the same bytes"),
    "virtual": (virtual, "in another file"),
    "external storage": (
        lambda f: f.create_dataset("x", (4,), "f4", external=[("secret.h5", 0, 16)]),
        "in another file",
    ),
    "huge shape": (lambda f: f.create_dataset("x", (2**20, 2**20), "f4"), "4,194,304 MiB"),
    "bomb": (bomb, "512 MiB of values"),
    "text": (lambda f: f.update({"x": "a text"}), "holds no numbers"),
    "texts": (lambda f: f.update({"x": np.array([b"a", b"b"])}), "holds no numbers"),
    "records": (lambda f: f.update({"x": np.zeros(2, "f4,i4")}), "holds no numbers"),
    "references": (lambda f: f.create_dataset("x", (2,), h5py.ref_dtype), "holds no numbers"),
    "ragged": (lambda f: f.create_dataset("x", (2,), h5py.vlen_dtype("f4")), "holds no numbers"),
    "nothing": (lambda f: f.update({"x": h5py.Empty("f4")}), "holds no numbers"),
    "byte order": (lambda f: f.update({"x": np.zeros(2, ">f4")}), "uncommon type"),
    "type alone": (lambda f: f.update({"x": np.dtype("f4")}), "neither a group nor an array"),
    "deep": (deep, "within each other"),
    "many": (many, "20,000 groups"),
    "nan": (nan_in_a_layer, "layers/conv2d/vars/0 (convolution)"),
    "too large": (too_large_for_float32, "layers/dense/vars/1"),
    "names": (lambda f: f.attrs.update({"layer_names": np.zeros(3)}), "layer_names isn't a list"),
}


@pytest.mark.parametrize("kind", HDF5)
def test_a_hostile_hdf5_file_is_refused(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("secret.h5", "w") as file:
        file["secret"] = np.ones(4, np.float32)
    network().save_weights("x.weights.h5")
    change, part = HDF5[kind]
    with h5py.File("x.weights.h5", "a") as file:
        change(file)
    model = network()
    before = model.get_weights()
    with pytest.raises(WeightsError) as error:
        load_whole(model, tmp_path / "x.weights.h5")
    assert part in str(error.value)
    assert f"The file {tmp_path / 'x.weights.h5'} can't be read: " in str(error.value)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_compressed_weights_are_read_right(tmp_path):
    model = network()
    model.save_weights(tmp_path / "x.weights.h5")
    with h5py.File(tmp_path / "x.weights.h5", "a") as file:
        values = file["layers/dense/vars/0"][:]
        del file["layers/dense/vars/0"]
        options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        file["layers/dense/vars"].create_dataset("0", data=values, **options)
    fresh = network()
    load_whole(fresh, tmp_path / "x.weights.h5")
    for one, other in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bfloat16_weights_are_read_and_checked(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    try:
        model, fresh = network(), network()
    finally:
        keras.config.set_dtype_policy("float32")
    model.save_weights(tmp_path / "x.weights.h5")
    load_whole(fresh, tmp_path / "x.weights.h5")
    for one, other in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(np.float32(one), np.float32(other))
    model.get_layer("convolution").bias.assign([0, np.inf, 0, 0])
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(WeightsError, match=r"layers/conv2d/vars/1 \(convolution\)"):
        load_whole(fresh, tmp_path / "x.weights.h5")


def archive(path, change):
    """Writes a network's archive after `change` of the dict of its members."""
    WRITERS["x.keras"](path)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)


def brackets(members):
    members["config.json"] = b"[" * 20_000 + b"]" * 20_000


def nested(members):
    members["config.json"] = b"[" * 200 + b"]" * 200


def units(members, count=10**12):
    members["config.json"] = members["config.json"].replace(b'"units": 2', b'"units": %d' % count)


def of_lambda(members):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Lambda(lambda x: x + 1)(inputs))
    members["config.json"] = json.dumps(keras.saving.serialize_keras_object(model)).encode()


ARCHIVES = {
    "weights missing": (lambda m: m.pop("model.weights.h5"), "has no model.weights.h5"),
    "config missing": (lambda m: m.pop("config.json"), "has no config.json"),
    "record missing": (lambda m: m.pop("leukcnn.json"), "leukcnn.json"),
    "brackets": (brackets, "config.json"),
    "nested": (nested, "more than 64 brackets"),
    "bomb": (lambda m: m.update({"model.weights.h5": bytes(400 * MIB)}), "model.weights.h5 has 400 MiB"),
    "json bomb": (lambda m: m.update({"config.json": b" " * (40 * MIB)}), "config.json has 40 MiB"),
    "record bomb": (lambda m: m.update({"leukcnn.json": b" " * (40 * MIB)}), "leukcnn.json has 40 MiB"),
    "no json": (lambda m: m.update({"config.json": b"{"}), "config.json is no JSON"),
    "units": (units, "its configuration has 145,000,000,000,"),
    "lambda": (of_lambda, "code from a file is never run"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_hostile_archive_is_refused(kind, tmp_path):
    change, part = ARCHIVES[kind]
    archive(tmp_path / "x.keras", change)
    with pytest.raises(WeightsError) as error:
        SavedNetwork.load(tmp_path / "x.keras")
    assert part in str(error.value)
    assert str(tmp_path / "x.keras") in str(error.value)
    assert "safe_mode" not in str(error.value)


def test_other_members_of_an_archive_are_left_out(tmp_path):
    names = ("../../outside", "/tmp/outside", "assets/x.txt", "model.weights.npz")
    archive(tmp_path / "x.keras", lambda members: members.update(dict.fromkeys(names, b"x")))
    with clean_archive(tmp_path / "x.keras") as (copy, _):
        with zipfile.ZipFile(copy) as file:
            found = file.namelist()
        folder = copy.parent
    assert sorted(found) == ["config.json", "leukcnn.json", "metadata.json", "model.weights.h5"]
    assert not folder.exists()
    SavedNetwork.load(tmp_path / "x.keras")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_exists_twice_is_refused(tmp_path):
    WRITERS["x.keras"](tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras", "a") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(WeightsError, match=r"config\.json 2 times"):
        SavedNetwork.load(tmp_path / "x.keras")


def test_a_compressed_bomb_of_matlab_is_refused(tmp_path):
    compressor = zlib.compressobj(1)
    size = 2**29
    # A matrix of double, 1 x 2**26, whose values are zeros.
    flags = struct.pack("<IIII", 6, 8, 6, 0)
    shape = struct.pack("<IIii", 5, 8, 1, size // 8)
    name = struct.pack("<HH4s", 1, 4, b"vars")
    values = struct.pack("<II", 9, size)
    body = struct.pack("<II", 14, len(flags + shape + name + values) + size) + flags + shape + name + values
    packed = compressor.compress(body)
    for _ in range(size // MIB):
        packed += compressor.compress(bytes(MIB))
    packed += compressor.flush()
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    (tmp_path / "x.mat").write_bytes(header + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(WeightsError, match=r"x\.mat can't be read: it takes more memory than is allowed"):
        read(tmp_path / "x.mat")


def safetensors(header, data=b""):
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


SAFETENSORS = {
    "long header": struct.pack("<Q", 2**63) + b"{}",
    "header past the end": struct.pack("<Q", 10**8) + b"{}",
    "brackets": safetensors(b"[" * 20_000),
    "nested": safetensors(b'{"a":' * 20_000),
    "overlapping": safetensors({"a": tensor(), "b": tensor(offsets=(4, 12))}, bytes(12)),
    "out of range": safetensors({"a": tensor(shape=(2**40,), offsets=(0, 2**42))}, bytes(8)),
    "overflow": safetensors({"a": tensor(shape=(2**62, 2**62), offsets=(0, 8))}, bytes(8)),
    "negative": safetensors({"a": tensor(shape=(-2,))}, bytes(8)),
    "wrong size": safetensors({"a": tensor(shape=(3,))}, bytes(8)),
    "unknown type": safetensors({"a": tensor(dtype="F33")}, bytes(8)),
    "eight bits": safetensors({"a": tensor(dtype="F8_E4M3", offsets=(0, 2))}, bytes(2)),
    "texts": safetensors({"__metadata__": {"a": 1}, "a": tensor()}, bytes(8)),
}


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_a_hostile_safetensors_file_is_refused(kind, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(SAFETENSORS[kind])
    with pytest.raises(WeightsError, match=r"x\.safetensors can't be read: "):
        read(tmp_path / "x.safetensors")


# Source of a substitute for a library that crashes, hangs or takes memory -> a part of the message.
FAILING = {
    "crash": ("import ctypes; ctypes.string_at(0)", "its reader crashed (SIGSEGV"),
    "abort": ("import os; os.abort()", "its reader crashed (SIGABRT"),
    "loop": ("while True: pass", "its reader needed more than 2 s"),
    "memory": ("x = bytearray(2**29)", "it takes more memory than is allowed"),
    "exit": ("import os; os._exit(3)", "its reader failed: 3"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_reader_that_fails_is_a_message(kind, tmp_path, monkeypatch, capfd):
    code, part = FAILING[kind]
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "torch.py").write_text(f"def load(*_, **__):\n    {code}\n")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    (tmp_path / "x.pth").write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError) as error:
        read_state_dict(tmp_path / "x.pth")
    assert part in str(error.value)
    assert f"The file {tmp_path / 'x.pth'} can't be read" in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_copy_needs_space(good, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(WeightsError, match=r"(?s)no temporary folder.*TMPDIR"):
        read(good)


def test_a_sparse_file_is_refused_by_its_size(good, tmp_path):
    with (tmp_path / good.name).open("wb") as file:
        file.truncate(40 * 2**30)
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"40\.0 GiB, more than 4 GiB"):
        read(tmp_path / good.name)
    assert time.monotonic() - start < 1


def test_what_is_no_regular_file_is_refused(good, tmp_path):
    os.mkfifo(tmp_path / good.name)
    for reads in (read, check_weights_file):
        with pytest.raises(WeightsError, match=r"no weights file|isn't a regular file"):
            reads(tmp_path / good.name)


def test_a_removed_working_folder_stops_no_reader(tmp_path):
    WRITERS["x.weights.h5"](tmp_path / "x.weights.h5")
    gone = tmp_path / "gone"
    gone.mkdir()
    code = """
import os, sys
from pathlib import Path
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
sys.path.insert(0, "")
from leukcnn.models.foreign import parameters_in
print(parameters_in(Path(sys.argv[2])))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(gone), str(tmp_path / "x.weights.h5")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.strip() == str(network().count_params()), done.stderr


def test_the_limits_follow_the_size():
    assert limit_of(0) == 256 * MIB
    assert limit_of(550 * MIB) == (256 + 2200) * MIB


def test_keras_advice_to_run_code_is_not_handed_on():
    assert "never run" in reason_of(ValueError("... pass `safe_mode=False` to the loading function"))
    assert reason_of(KeyError("kernel")) == "it lacks 'kernel'"
    assert reason_of(ValueError("two\n  lines")) == "two lines"
    assert len(reason_of(ValueError("x" * 1000))) == 300


def test_the_copy_exists_within_the_context_alone(tmp_path):
    WRITERS["x.keras"](tmp_path / "x.keras")
    with clean_weights(tmp_path / "x.keras") as (copy, count):
        assert copy.is_file()
        assert count == network().count_params() == stored_parameters(tmp_path / "x.keras")
    assert not copy.parent.exists()


# A process that may write small files alone, as if the disk filled at that point.
FULL = """
import resource, signal, sys
from pathlib import Path
import keras
from leukcnn.errors import StoreError, WeightsError
from leukcnn.models.weights import load_whole, save_whole
network = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000)])
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
for name in sys.argv[2:]:
    try:
        save_whole(network, Path(name))
    except StoreError as error:
        print(error.found)
try:
    load_whole(network, Path(sys.argv[1]))
except WeightsError as error:
    print(error.found)
"""


def test_a_full_disk_is_a_message_and_the_old_files_stay(tmp_path):
    keras.Sequential([keras.Input((1000,)), layers.Dense(1000)]).save_weights(tmp_path / "good.weights.h5")
    files = [tmp_path / "x.weights.h5", tmp_path / "x.keras"]
    for file in files:
        file.write_bytes(b"before")
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path / "good.weights.h5", *files],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The file is larger than this user's limit") == 2
    assert f"The file {tmp_path / 'good.weights.h5'} can't be read: " in done.stdout
    assert [file.read_bytes() for file in files] == [b"before"] * 2
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "good.weights.h5", *files])


def test_a_missing_folder_that_cannot_be_made_is_a_message(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        save_whole(network(), tmp_path / "file" / "x.keras")
