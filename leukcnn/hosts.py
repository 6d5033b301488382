"""The hosts that train one network together: their numbers, and the connection between them.

Host 0 leads: it alone reads and writes the store, and answers the others. All of them connect to it, before
Keras' backend starts. What they exchange are JSON values and arrays; no message can run code.
"""

import atexit
import contextlib
import ctypes
import io
import json
import os
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from leukcnn.errors import HostError, LeukCNNError
from leukcnn.host_names import CONNECT_SECONDS, Place
from leukcnn.signals import exit_code

BEAT_SECONDS, SILENCE_SECONDS = 5.0, 40.0
"""Seconds between two signs of life of a host, and without any before it counts as lost."""

_GREETING = b"leukcnn hosts 1\n"
_LENGTH = struct.Struct("!QQ")  # bytes of JSON and of arrays
_AGAIN = "start the same command on every host again: the run goes on after the last epoch that was saved"
# Seconds after a loss until the main thread is interrupted, and until the process ends in any case.
_INTERRUPT, _AT_LATEST = 2.0, 15.0

Message = dict[str, Any]


class _Lost(KeyboardInterrupt):
    """Another host was lost; it passes through handlers of `Exception`, as an interruption does."""


class _Peer:
    """The connection to another host."""

    def __init__(self, connection: socket.socket, index: int):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Silence is noticed by the beats, not by a time limit of the socket.
        connection.settimeout(None)
        self.connection, self.index, self.heard = connection, index, time.monotonic()
        self.inbox: queue.Queue[Message | None] = queue.Queue()
        self.sending = threading.Lock()
        self.ended = threading.Event()

    def send(self, message: Message, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        text, packed = json.dumps(message).encode(), io.BytesIO()
        if arrays:
            np.savez(packed, **arrays)  # type: ignore[arg-type]
        with self.sending, packed.getbuffer() as body:
            self.connection.sendall(_LENGTH.pack(len(text), len(body)) + text)
            self.connection.sendall(body)

    def beat(self) -> None:
        # While a long message is sent, its bytes are the sign of life.
        if self.sending.acquire(blocking=False):
            try:
                self.connection.sendall(_LENGTH.pack(0, 0))
            finally:
                self.sending.release()

    def receive(self) -> Message | None:
        """Waits for the next message; None for a sign of life.

        Raises:
            OSError: The connection is closed.
        """
        text, arrays = _LENGTH.unpack(self._read(_LENGTH.size))
        if not text:
            return None
        message = json.loads(self._read(text))
        if arrays:
            with np.load(io.BytesIO(self._read(arrays)), allow_pickle=False) as stored:
                message["arrays"] = dict(stored)
        return message

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        with memoryview(content) as left:
            done = 0
            while done < size:
                count = self.connection.recv_into(left[done:], min(size - done, 1 << 20))
                if not count:
                    raise ConnectionResetError("the connection was closed")
                done, self.heard = done + count, time.monotonic()
        return content


class Hosts:
    """This host and its connection to the others; by itself a single host, which needs none.

    As a context it connects the hosts, and ends the run on all of them if it fails on one.

    Args:
        place: Number of the hosts, this one's index, and the address of host 0; None for a single host.
    """

    def __init__(self, place: Place | None = None):
        self.place = place
        self.count, self.index = (place.count, place.index) if place else (1, 0)
        self._peers: dict[int, _Peer] = {}
        self._why, self._losing = "", threading.Lock()
        self._lost, self._closed = threading.Event(), threading.Event()
        self._main = threading.get_ident()

    @property
    def leads(self) -> bool:
        """Whether this is host 0, or the only one: it alone writes."""
        return self.index == 0

    def __enter__(self) -> Self:
        if self.place:
            self._main = threading.get_ident()
            try:
                self._connect(self.place)
            except BaseException as error:
                self._announce(_reason(error, self.index))
                raise
            for peer in self._peers.values():
                threading.Thread(target=self._listen, args=(peer,), daemon=True).start()
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _connect(self, place: Place) -> None:
        try:
            for index, peer in _joined(place) if self.index else _gathered(place):
                self._peers[index] = peer
        except OSError as error:
            raise HostError(
                f"Host {self.index} can't use the coordinator {place.address}: {error}.",
                expected="the address of host 0, with a port that is free there",
                remedy="check --coordinator, and that host 0 has started and no firewall is between them",
            ) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self.place or self._closed.is_set():
            return
        if error is None:
            self.close()
            return
        own = isinstance(error, LeukCNNError) and not isinstance(error, HostError)
        if not own and not isinstance(error, KeyboardInterrupt):
            # What the hosts compute together may fail before the loss of one is noticed.
            self._lost.wait(_INTERRUPT)
        self._closed.set()
        # The backend would wait for the other hosts when the program ends.
        atexit.register(_leave, exit_code(error) if isinstance(error, KeyboardInterrupt) else 1)
        self._dismiss(self._why or _reason(error, self.index))
        if self._why and not own:
            raise self._error() from error

    def close(self) -> None:
        """Ends what the hosts do together: from then on each may end by itself."""
        self._closed.set()

    def send(self, message: Message, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Sends a message from host 0 to all others.

        Raises:
            HostError: A host was lost.
        """
        for peer in self._peers.values():
            try:
                peer.send(message, arrays)
            except OSError as error:
                self._lose(peer)
                raise self._error() from error

    def hear(self, host: int = 0) -> Message:
        """Waits for the next message of a host; host 0 hears every other one, and they host 0 alone.

        Raises:
            HostError: A host was lost, or ended with an error.
        """
        message = self._peers[host].inbox.get()
        if message is None:
            raise self._error()
        return message

    def shared(
        self, make: Callable[[], tuple[Any, Mapping[str, np.ndarray]]]
    ) -> tuple[Any, Mapping[str, np.ndarray]]:
        """Returns a JSON value and arrays that host 0 makes, on every host.

        Raises:
            HostError: A host was lost, or ended with an error.
        """
        if self.leads:
            value, arrays = make()
            self.send({"value": value}, arrays)
            return value, arrays
        message = self.hear()
        return message["value"], message.get("arrays", {})

    def all(self, value: Any = None, arrays: Mapping[str, np.ndarray] | None = None) -> list[Message]:
        """Returns what every host passes here, in their order: `value`, and the arrays as "arrays".

        Without a value, all wait for the slowest one.

        Raises:
            HostError: A host was lost, or ended with an error.
        """
        own: Message = {"value": value}
        if not self.leads:
            try:
                self._peers[0].send(own, arrays)
            except OSError as error:
                self._lose(self._peers[0])
                raise self._error() from error
            return [self.hear() for _ in range(self.count)]
        messages = [own | {"arrays": arrays or {}}, *(self.hear(host) for host in sorted(self._peers))]
        for message in messages:
            self.send({"value": message["value"]}, message.get("arrays"))
        return messages

    def _listen(self, peer: _Peer) -> None:
        while True:
            try:
                message = peer.receive()
            except (OSError, ValueError) as error:
                peer.ended.set()
                if not self._closed.is_set():
                    self._lose(peer, error)
                return
            if message is None:
                continue
            if "ended" in message:
                if not self._closed.is_set():
                    self._lose(peer, why=message["ended"])
                continue
            peer.inbox.put(message)

    def _watch(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            for peer in self._peers.values():
                with contextlib.suppress(OSError):
                    peer.beat()
                if time.monotonic() - peer.heard > SILENCE_SECONDS:
                    self._lose(peer, TimeoutError(f"it was silent for {SILENCE_SECONDS:.0f} seconds"))

    def _lose(self, peer: _Peer, error: Exception | None = None, why: str = "") -> None:
        """Notes why the run can't go on, sends that to the others, and makes the main thread end."""
        with self._losing:
            if self._why:
                return
            what = f" ({error})" if error else ""
            self._why = why or f"Host {peer.index} of the hosts 0 to {self.count - 1} was lost{what}."
            self._lost.set()
        if self.index and not why:
            # The backend ends the process within a second after host 0; nothing here is stored.
            print(f"Error: {self._error()}", file=sys.__stderr__, flush=True)
            os._exit(1)
        threading.Thread(target=self._end, daemon=True).start()
        for other in self._peers.values():
            other.inbox.put(None)
        self._announce(self._why)

    def _end(self) -> None:
        if self._closed.wait(_INTERRUPT):
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._main), ctypes.py_object(_Lost))
        if self._closed.wait(_AT_LATEST - _INTERRUPT):
            return
        print(f"Error: {self._error()}", file=sys.__stderr__, flush=True)
        os._exit(1)

    def _dismiss(self, why: str) -> None:
        """Sends the others why this host ends, and waits until they have ended."""
        self._announce(why)
        until = time.monotonic() + _AT_LATEST
        for peer in self._peers.values() if self.leads else ():
            peer.ended.wait(max(0.0, until - time.monotonic()))

    def _announce(self, why: str) -> None:
        """Sends the others why this host ends."""
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                peer.send({"ended": why})

    def _error(self) -> HostError:
        return HostError(self._why, remedy=_AGAIN)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _reason(error: BaseException, index: int) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"Host {index} was interrupted."
    return f"Host {index} ended with an error: {error}"


def _gathered(place: Place) -> Iterator[tuple[int, _Peer]]:
    """Waits, as host 0, until all others are connected."""
    waiting = set(range(1, place.count))
    until = time.monotonic() + CONNECT_SECONDS
    name, port = place.coordinator
    # All interfaces, since the coordinator's name may be that of one that others don't reach.
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    own = name if name in ("localhost", "127.0.0.1", "::1") else ""
    with socket.create_server((own, port), family=family, backlog=place.count) as server:
        while waiting:
            server.settimeout(max(0.1, until - time.monotonic()))
            try:
                connection, _ = server.accept()
            except TimeoutError as error:
                missing = ", ".join(map(str, sorted(waiting)))
                absent = f"host {missing}" if len(waiting) == 1 else f"hosts {missing}"
                raise HostError(
                    f"After {CONNECT_SECONDS:.0f} seconds, {absent} of {place.count} "
                    f"{'has' if len(waiting) == 1 else 'have'}n't come.",
                    expected=f"the same command on every host, with --coordinator {place.address}",
                    remedy="start it on all of them, each with its own --host-index",
                ) from error
            index = _greeted(connection, place)
            if index in waiting:
                waiting.discard(index)
                connection.sendall(_GREETING)
                yield index, _Peer(connection, index)
            else:
                connection.close()


def _greeted(connection: socket.socket, place: Place) -> int:
    """Returns the index that a host sends; -1 for another program, or a host of another run."""
    try:
        connection.settimeout(10)
        with connection.makefile("rb") as sent:
            if sent.readline(64) != _GREETING:
                return -1
            index, count = map(int, sent.readline(64).split())
            return index if count == place.count else -1
    except (OSError, ValueError):
        return -1


def _joined(place: Place) -> Iterator[tuple[int, _Peer]]:
    """Connects to host 0, which may start later."""
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            connection = socket.create_connection(place.coordinator, timeout=10)
            if _is_welcome(connection, place):
                yield 0, _Peer(connection, 0)
                return
            raise HostError(
                f"Host 0 at {place.address} refuses host {place.index} of {place.count}.",
                expected="the same --hosts on every host, and another --host-index on each",
                remedy="compare the commands",
            )
        except OSError as error:
            # A name that nothing has won't get one.
            if isinstance(error, socket.gaierror) or time.monotonic() > until:
                raise
            time.sleep(0.3)


def _is_welcome(connection: socket.socket, place: Place) -> bool:
    """Sends host 0 this host's index; returns whether it takes it, and closes the connection if not."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(connection)
        connection.sendall(_GREETING + f"{place.index} {place.count}\n".encode())
        connection.settimeout(CONNECT_SECONDS)
        if connection.recv(len(_GREETING), socket.MSG_WAITALL) != _GREETING:
            return False
        stack.pop_all()
    return True
