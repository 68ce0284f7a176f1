"""Requests to a JSON server, and everything that can go wrong with them."""

from __future__ import annotations

import email.utils
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ragkit.errors import ModelError
from ragkit.network import json_client
from ragkit.network.json_client import JsonClient
from tests.encoders.server import Server, serving

KEY = "sk-very-secret-0123"


@pytest.fixture(autouse=True)
def pauses_made(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No proxies of the environment; pauses between retries are recorded, not waited for."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    pauses: list[float] = []
    monkeypatch.setattr(json_client.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(lambda texts: np.zeros((len(texts), 2))) as server:
        yield server


def ask(server: Server, api_key_env: str | None = None) -> dict:
    return JsonClient(server.url, "/embeddings", api_key_env).post({"input": ["x"]})


def test_post_returns_the_object_of_the_response(server: Server) -> None:
    assert len(ask(server)["data"]) == 1
    assert server.headers[0]["path"] == "/v1/embeddings"
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("given", ["/v1", "/v1/", "/v1/embeddings", "/v1/embeddings/"])
def test_the_path_is_added_once(server: Server, given: str) -> None:
    JsonClient(server.url.removesuffix("/v1") + given, "/embeddings").post({"input": []})
    assert server.headers[0]["path"] == "/v1/embeddings"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_retried_with_growing_pauses(
    server: Server, pauses_made: list[float], status: int
) -> None:
    server.troubles = [(status, {}, {"error": "busy"})] * 3
    assert len(ask(server)["data"]) == 1
    assert pauses_made == [0.5, 1.0, 2.0]


def test_retry_after_sets_the_pause(server: Server, pauses_made: list[float]) -> None:
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    after = ["7", soon, "yesterday", "-1"]
    server.troubles = [(429, {"Retry-After": value}, {}) for value in after]
    ask(server)
    assert pauses_made[0] == 7
    assert 25 < pauses_made[1] <= 30
    assert pauses_made[2:] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("troubles", "requests", "message"),
    [
        (
            [(503, {}, {"error": {"message": "loading"}})] * 9,
            5,
            "answered 503: loading. It is busy",
        ),
        ([(429, {"Retry-After": "3600"}, {})], 1, "asks to wait 3600 s"),
        ([(404, {}, {"error": {"message": "no model m"}})], 1, "404: no model m. Is the model's"),
        ([(400, {}, {"detail": "too long"})], 1, "400: too long. If a text is too long"),
        ([(422, {}, [{"loc": 1}])], 1, "smaller window"),
        ([(301, {"Location": "https://evil.example/"}, {})], 1, "It redirects"),
        ([(200, {}, b"<html>")], 1, "returned no JSON: <html>"),
        ([(200, {}, b"[" * 100_000)], 1, "no JSON"),
        ([(200, {}, [1])], 1, "no JSON object"),
        ([(200, {}, b"\xff\x1b[2J\0")], 1, "no JSON: � \\[2J"),
        ([(401, {}, b"")], 1, "401: nothing. It refused a request without a key"),
    ],
)
def test_an_error_quotes_the_message_of_the_server(
    server: Server, troubles, requests: int, message: str
) -> None:
    server.troubles = troubles
    with pytest.raises(ModelError, match=message) as error:
        ask(server)
    assert str(error.value).startswith(f"{server.url}/embeddings ")
    assert len(server.requests) == requests


def test_the_key_is_sent_and_never_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    server.troubles = [(401, {}, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    with pytest.raises(ModelError, match="refused the key in MY_KEY") as error:
        ask(server, "MY_KEY")
    assert KEY not in str(error.value)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "MY_KEY, named in api_key_env, is not set"),
        (f"{KEY}\nX: y", "is not a key"),
        ("é", "is not a key"),
    ],
)
def test_an_invalid_key_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(ModelError, match=message) as error:
        ask(server, "MY_KEY")
    assert KEY not in str(error.value)
    assert server.requests == []


def test_a_key_goes_over_plain_http_only_to_this_machine() -> None:
    with pytest.raises(ModelError, match="anyone on the way reads the key in MY_KEY"):
        JsonClient("http://10.0.0.7/v1", "/embeddings", "MY_KEY")
    JsonClient("https://10.0.0.7/v1", "/embeddings", "MY_KEY")
    JsonClient("http://localhost:1/v1", "/embeddings", "MY_KEY")


def test_an_address_where_no_server_listens() -> None:
    with socket.socket() as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match=r"cannot reach .*Is the server running"):
            JsonClient(url, "/embeddings").post({})


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="did not answer in time"):
            JsonClient(url, "/embeddings").post({})


def test_a_server_that_closes_the_connection(pauses_made: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def close_each_connection() -> None:
            for _ in range(5):
                rude.accept()[0].close()

        thread = threading.Thread(target=close_each_connection)
        thread.start()
        url = f"http://127.0.0.1:{rude.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="closed the connection"):
            JsonClient(url, "/embeddings").post({})
        thread.join()
    assert len(pauses_made) == 4


def test_a_kept_connection_that_the_server_has_closed_is_replaced_at_once(
    server: Server, pauses_made: list[float]
) -> None:
    client = JsonClient(server.url, "/embeddings")
    server.troubles = [(200, {}, {})]
    client.post({})
    connection = client._idle.get_nowait()
    connection.sock.shutdown(socket.SHUT_RDWR)
    client._idle.put(connection)
    assert len(client.post({"input": ["x"]})["data"]) == 1
    assert pauses_made == []


def test_the_size_of_a_response_is_limited(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "_MAX_BYTES", 1_000)
    server.troubles = [(200, {}, {"x": "y" * 1_000})]
    with pytest.raises(ModelError, match="more than 1,000 bytes"):
        ask(server)


def test_requests_go_through_the_proxy_of_the_environment_but_not_to_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = server.url.removesuffix("/v1").replace("http://", "http://me:p%40ss@")
    monkeypatch.setenv("http_proxy", proxy)
    JsonClient("http://models.example:9/v1", "/embeddings").post({"input": []})
    assert server.headers[0]["path"] == "http://models.example:9/v1/embeddings"
    assert server.headers[0]["Proxy-Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ask(server)["data"]
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ModelError, match="a socks5 proxy"):
        JsonClient("http://models.example/v1", "/embeddings").post({})


def test_https_is_never_sent_in_plain_text(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cannot reach https://127"):
        JsonClient(server.url.replace("http:", "https:"), "/embeddings").post({})
    monkeypatch.setenv("https_proxy", server.url.removesuffix("/v1"))
    with pytest.raises(ModelError, match="Tunnel connection failed: 501"):
        JsonClient("https://models.example/v1", "/embeddings").post({})
    assert server.requests == []


def test_threads_share_a_client(server: Server) -> None:
    client = JsonClient(server.url, "/embeddings")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.post({"input": ["x"] * n}), range(40)))
    assert [len(answer["data"]) for answer in answers] == list(range(40))
