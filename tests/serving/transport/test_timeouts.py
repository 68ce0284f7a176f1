"""Connections that send no complete request head, over real sockets."""

import contextlib
import threading

import pytest

from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.transport.timeouts import TimeoutProtocol
from tests.serving.clients import connected

HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connections:
    """The server's ends of the connections. Their timers never end: `check` does what a timer would
    do, so that no test depends on how fast anything is."""

    def __init__(self):
        self.protocols, self.received = [], 0
        self.news = threading.Condition()

    def wait_for(self, count):
        """Wait until the server has received so many bytes."""
        with self.news:
            assert self.news.wait_for(lambda: self.received >= count and self.protocols, 60)

    def check(self):
        """Let the timer of the only connection end."""
        (protocol,) = self.protocols
        is_done = threading.Event()

        def end_timer():
            protocol._timer.cancel()
            protocol._check_idle()
            is_done.set()

        protocol.loop.call_soon_threadsafe(end_timer)
        assert is_done.wait(60)


@pytest.fixture
def connections(monkeypatch):
    known = Connections()
    made, received = TimeoutProtocol.connection_made, TimeoutProtocol.data_received

    def connection_made(self, transport):
        made(self, transport)
        with known.news:
            known.protocols.append(self)
            known.news.notify_all()

    def data_received(self, data):
        received(self, data)
        with known.news:
            known.received += len(data)
            known.news.notify_all()

    monkeypatch.setattr(TimeoutProtocol, "seconds", 3600)
    monkeypatch.setattr(TimeoutProtocol, "connection_made", connection_made)
    monkeypatch.setattr(TimeoutProtocol, "data_received", data_received)
    return known


def read_health(caller):
    """Read the answer to one request; the connection has to be open."""
    answer = b""
    while not answer.endswith(b'{"status":"ok"}'):
        part = caller.recv(4096)
        assert part
        answer += part
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /v1/hea", b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1"]
)
def test_a_connection_without_a_complete_head_is_closed(library, listen, connections, begun):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(begun)
        connections.wait_for(len(begun))
        if b"Host" in begun:
            read_health(caller)
        for _ in range(2):
            connections.check()
        assert caller.recv(4096) == b""


def test_a_connection_stays_open_between_requests(library, listen, connections):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        for _ in range(2):
            caller.sendall(HEALTH)
            read_health(caller)
            for _ in range(4):  # each of them closed a connection whose head was missing
                connections.check()


def test_blanks_behind_a_header_value_are_no_part_of_it(library, listen):
    with connected(listen(create_app(library, ServerOptions(token="a" * 16)))) as caller:
        caller.sendall(
            b"GET /v1/status HTTP/1.1\r\nHost: localhost \t\r\nConnection: close\r\n"
            b"Authorization: Bearer " + b"a" * 16 + b"  \r\n\r\n"
        )
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_connection_with_regular_requests_stays_open(library, listen, connections):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        for _ in range(10):
            caller.sendall(HEALTH)
            read_health(caller)
            connections.check()


def test_the_check_takes_place_by_itself(library, listen, monkeypatch):
    monkeypatch.setattr(TimeoutProtocol, "seconds", 0.05)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        assert caller.recv(4096) == b""


def test_a_head_beyond_the_limit_is_refused(library, listen):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with contextlib.suppress(ConnectionError):  # hung up while we still send
            for _ in range(100_000):  # far more than the buffers of both ends hold
                caller.sendall(b"x" * 10_000)
            pytest.fail("a billion bytes were taken")
