"""Several hosts: their options, their connection, and two processes that train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.backend import check_backend
from leukcnn.callbacks import resume_epoch
from leukcnn.errors import DataError, DeviceError, HostError, LeukCNNError, SpecError
from leukcnn.experiment.many_hosts import require_same_images
from leukcnn.experiment.request import Request
from leukcnn.host_names import Place, note_on_tasks, read_hosts
from leukcnn.hosts import Hosts
from leukcnn.signals import Interrupted
from tests.indices import index_of

SLURM = {
    "SLURM_STEP_NUM_TASKS": "4",
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


# A batch script itself runs once, on the first of its nodes.
BATCH = {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_JOB_NODELIST": "n[1-4]", "SLURM_JOB_ID": "7"}


@pytest.mark.parametrize("variables", [{}, BATCH])
def test_slurm_outside_of_srun(variables):
    with pytest.raises(DeviceError, match="start the command with srun"):
        read_hosts("slurm", None, None, variables=variables)


def test_several_tasks_without_hosts_are_noted_once():
    first, batch = {**SLURM, "SLURM_PROCID": "0"}, {**BATCH, "SLURM_STEP_NUM_TASKS": "1"}
    assert "srun runs this command 4 times" in note_on_tasks(first)
    assert [note_on_tasks(variables) for variables in (SLURM, BATCH, batch, {})] == ["", "", "", ""]


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
        except (LeukCNNError, KeyboardInterrupt) as error:
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


def one_host(index, port, count=2):
    with Hosts(Place(count, index, ("127.0.0.1", port))) as hosts:
        hosts.close()


def test_hosts_that_do_not_come_are_named(monkeypatch):
    monkeypatch.setattr("leukcnn.hosts.CONNECT_SECONDS", 0.2)
    with pytest.raises(HostError, match="host 1 of 2 hasn't come"):
        one_host(0, free_port())
    with pytest.raises(HostError, match="hosts 1, 2 of 3 haven't come"):
        one_host(0, free_port(), count=3)
    with pytest.raises(HostError, match=r"Host 1 can't use the coordinator .*: .*refused"):
        one_host(1, free_port())


def test_a_port_that_another_program_has_is_refused():
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(HostError, match=r"Host 0 can't use the coordinator 127.0.0.1:[0-9]+: .*in use"),
    ):
        one_host(0, other.getsockname()[1])


def test_other_programs_and_hosts_of_another_run_do_not_disturb():
    port, refused = free_port(), []

    def others():
        for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"leukcnn hosts 1\nx y\n"):
            with connected(port) as other:
                other.sendall(greeting)
                assert other.recv(100) == b""
        try:
            one_host(1, port, count=3)
        except HostError as error:
            refused.append(error)
        one_host(1, port)

    thread = threading.Thread(target=others)
    thread.start()
    one_host(0, port)
    thread.join(10)
    assert "refuses host 1 of 3" in str(refused[0])


def connected(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("error", "why", "code"),
    [
        (Interrupted(signal.SIGTERM), "Host 1 was interrupted", 143),
        (KeyboardInterrupt(), "Host 1 was interrupted", 130),
        (DataError("One image is damaged."), "Host 1 ended with an error: One image is damaged", 1),
    ],
)
def test_a_host_that_ends_early_ends_the_other(monkeypatch, error, why, code):
    # The hosts are threads here: their connections stay open.
    monkeypatch.setattr("leukcnn.hosts._AT_LATEST", 0.1)
    atexit = []
    monkeypatch.setattr("leukcnn.hosts.atexit.register", lambda *call: atexit.append(call[1:]))

    def act(hosts):
        if hosts.index:
            raise error
        hosts.hear(1)

    assert why in str(both(act)[0])
    # How each would end its process.
    assert sorted(atexit) == sorted([(1,), (code,)])


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
def test_two_hosts_train_augment_and_resume_as_two_devices_of_one():
    pytest.importorskip("jax")
    command, address = [sys.executable, "-m", "tests.devices_script"], f"127.0.0.1:{free_port()}"
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options["env"] = {**os.environ, "KERAS_BACKEND": "jax"}
    several = [["cpu:1", "2", index, address] for index in ("0", "1")]
    processes = [subprocess.Popen([*command, *words], **options) for words in (["cpu:2"], *several)]
    try:
        printed = [process.communicate(timeout=200) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0, 0], [text[-3000:] for _, text in printed]
    (one, _), (two, _), (other, _) = printed
    # Nothing else is on standard output, where Gloo would say that it is connected.
    assert json.loads(one) == json.loads(two)
    assert not other


@pytest.mark.release
def test_a_run_on_two_hosts_is_that_on_two_devices_of_one(started, tmp_path):
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
