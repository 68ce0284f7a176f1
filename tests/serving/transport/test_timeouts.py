"""Connections that send no complete request head, over real sockets."""

import contextlib
import time

import pytest

from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.transport.timeouts import TimeoutProtocol
from tests.serving.clients import connected


@pytest.mark.parametrize(
    "begun", [b"", b"GET /v1/hea", b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1"]
)
def test_a_connection_without_a_complete_head_is_closed(library, listen, monkeypatch, begun):
    monkeypatch.setattr(TimeoutProtocol, "seconds", 0.1)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(begun)
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.count(b"HTTP/1.1 200") == begun.count(b"Host")


def test_a_connection_with_regular_requests_stays_open(library, listen, monkeypatch):
    monkeypatch.setattr(TimeoutProtocol, "seconds", 0.1)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        for _ in range(10):
            caller.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                part = caller.recv(4096)
                assert part
                answer += part
            time.sleep(0.05)


def test_a_head_beyond_the_limit_is_refused(library, listen):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with contextlib.suppress(ConnectionError):  # hung up while we still send
            for _ in range(100):
                caller.sendall(b"x" * 10_000)
                time.sleep(0.001)
            pytest.fail("a million bytes were taken")
