"""Several hosts: their options, their connection, and two processes that train as one."""

import os
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.backend import check_backend
from leukcnn.callbacks import resume_epoch
from leukcnn.errors import DeviceError, HostError, SpecError
from leukcnn.experiment.many_hosts import require_same_images
from leukcnn.experiment.request import Request
from leukcnn.host_names import Place, read_hosts
from leukcnn.hosts import Hosts
from tests.indices import index_of

SLURM = {
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "2",
    "SLURM_STEP_NODELIST": "node[007-009,12],gpu1",
    "SLURM_JOB_ID": "40123",
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ((None, None, None), None),
        (("1", 0, "node1:9000"), None),
        (("2", 1, "node1:9000"), Place(2, 1, ("node1", 9000))),
        ((3, 0, "[::1]:9000"), Place(3, 0, ("::1", 9000))),
        (("slurm", None, None), Place(4, 2, ("node007", 20_123))),
        (("Slurm", None, "node9:88"), Place(4, 2, ("node9", 88))),
    ],
)
def test_place_of_a_host(given, place):
    assert read_hosts(*given, variables=SLURM) == place


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("n1", "n1"), ("n1,n2", "n1"), ("rack[3-5]-gpu,n2", "rack3-gpu"), ("a[01,07]", "a01")],
)
def test_first_node_of_slurm(nodes, first):
    assert (
        read_hosts("slurm", None, None, variables={**SLURM, "SLURM_STEP_NODELIST": nodes}).coordinator[0]
        == first
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("0", None, None), "a number from 1 to 1,024, or slurm"),
        (("slurn", None, None), "did you mean 'slurm'"),
        (("", None, None), "a number from 1 to 1,024"),
        ((2, None, "a:1"), "without host_index"),
        ((2, 0, None), "without coordinator"),
        ((2, 2, "a:1"), "a number from 0 to 1"),
        ((2, -1, "a:1"), "a number from 0 to 1"),
        ((2, 0, "node1"), "HOST:PORT"),
        ((2, 0, "node1:0"), "HOST:PORT"),
        ((2, 0, "::1:9000"), "brackets"),
        ((None, 1, None), "without hosts"),
        ((None, None, "a:1"), "without hosts"),
        (("slurm", 1, None), "no --host-index"),
    ],
)
def test_options_that_cannot_be(given, message):
    with pytest.raises(DeviceError, match=message):
        read_hosts(*given, variables=SLURM)


def test_slurm_outside_of_srun():
    with pytest.raises(DeviceError, match="start the command with srun"):
        read_hosts("slurm", None, None, variables={})


@pytest.fixture
def many_images():
    return index_of(np.array([0, 1]), class_names=("a", "b"), dataset="own")


def both(act):
    """Runs a function on two connected hosts in two threads; returns what it returned or raised, by host."""
    port, found = free_port(), [None, None]

    def run(index):
        try:
            with Hosts(Place(2, index, ("127.0.0.1", port))) as hosts:
                found[index] = act(hosts)
                hosts.close()
        except HostError as error:
            found[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in (1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_hosts_exchange_values_and_arrays_in_their_order():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)

    def act(hosts):
        number, arrays = hosts.shared(lambda: ([hosts.index, None], {"x": values}))
        every = hosts.all(hosts.index, {"y": np.full(2, hosts.index)})
        hosts.all()
        return number, arrays["x"], [one["value"] for one in every], [one["arrays"]["y"] for one in every]

    for number, sent, indices, parts in both(act):
        assert number == [0, None]
        np.testing.assert_array_equal(sent, values)
        assert indices == [0, 1]
        np.testing.assert_array_equal(parts, [[0, 0], [1, 1]])


def test_a_single_host_needs_no_connection():
    with Hosts() as hosts:
        assert hosts.leads
        assert hosts.shared(lambda: (1, {})) == (1, {})
        assert [one["value"] for one in hosts.all(3)] == [3]


def test_different_images_are_refused_on_every_host(many_images):
    class Two(Hosts):
        count = 2

        def __init__(self):
            pass

        def all(self, value=None, arrays=None):
            return [{"value": value}, {"value": {**value, "images": 3}}]

    with pytest.raises(HostError, match="Host 1 has different images: images is 2 on host 0 and 3 on host 1"):
        require_same_images(Two(), many_images)


def test_launcher_and_hosts_exclude_each_other():
    with pytest.raises(SpecError, match="leave out --launcher"):
        Request(
            papers.get("cnmc2019"), "synthetic", hosts="2", host_index=0, coordinator="a:1", launcher="dask"
        )


def test_hosts_need_jax(monkeypatch):
    monkeypatch.setattr("leukcnn.backend._chosen", lambda: ("tensorflow", "Keras"))
    with pytest.raises(DeviceError, match="KERAS_BACKEND=jax leukcnn"):
        check_backend(hosts=2)


@pytest.fixture
def started(synthetic_cells, tmp_path):
    """Starts hosts of a run, or a whole run on one host with two devices; ends them."""
    processes = []

    def start(out, *, hosts=1, killed=0):
        port = free_port()
        for index in range(hosts):
            words = [synthetic_cells, tmp_path / (out if index == 0 else "other"), 2, f"cpu:{3 - hosts}"]
            words += [hosts, index, f"127.0.0.1:{port}"]
            environment = {**os.environ, "KERAS_BACKEND": "jax", "LEUKCNN_TEST_KILL": str(killed * index)}
            command = [sys.executable, "-m", "tests.one_host", *map(str, words)]
            with (tmp_path / f"{out}{index}").open("w") as log:
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return processes[-hosts:]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


def require_success(started, tmp_path, out, **options):
    for index, process in enumerate(started(out, **options)):
        assert process.wait(300) == 0, (tmp_path / f"{out}{index}").read_text()[-3000:]


@pytest.mark.slow
def test_two_hosts_train_as_two_devices_of_one(started, tmp_path):
    pytest.importorskip("jax")
    require_success(started, tmp_path, "whole")
    require_success(started, tmp_path, "shared", hosts=2)
    # Host 0 alone has written.
    assert not (tmp_path / "other").exists()
    for name in ("history.csv", "predictions.csv"):
        one, two = (next((tmp_path / out).glob(f"cnmc2019/trials/*/{name}")) for out in ("whole", "shared"))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.release
def test_a_killed_host_ends_the_other_and_the_same_command_goes_on(started, tmp_path):
    pytest.importorskip("jax")
    first, second = started("shared", hosts=2, killed=2)
    assert second.wait(300) == -signal.SIGKILL
    assert first.wait(60) == 1
    message = (tmp_path / "shared0").read_text()
    assert "Host 1 of the hosts 0 to 1 was lost" in message
    assert "start the same command on every host again" in message
    (trial,) = (tmp_path / "shared" / "cnmc2019" / "trials").iterdir()
    assert resume_epoch(trial / "state.npz") == 1
    require_success(started, tmp_path, "shared", hosts=2)
    assert (trial / "done.json").exists()
