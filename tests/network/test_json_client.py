"""What can go wrong between here and a server."""

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
from ragkit.network.addresses import is_loopback
from ragkit.network.json_client import Endpoint
from tests.encoders.server import Server, serving

KEY = "sk-very-secret-0123"


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No proxies of the machine's; the pauses that were made, none of them waited for."""
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
    return Endpoint(server.url, "/embeddings", api_key_env).post({"input": ["x"]})


def test_an_object_comes_back(server: Server) -> None:
    assert len(ask(server)["data"]) == 1
    assert server.headers[0]["path"] == "/v1/embeddings"
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("given", ["/v1", "/v1/", "/v1/embeddings", "/v1/embeddings/"])
def test_the_address_may_end_either_way(server: Server, given: str) -> None:
    Endpoint(server.url.removesuffix("/v1") + given, "/embeddings").post({"input": []})
    assert server.headers[0]["path"] == "/v1/embeddings"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_with_growing_pauses(
    server: Server, calm: list[float], status: int
) -> None:
    server.troubles = [(status, {}, {"error": "busy"})] * 3
    assert len(ask(server)["data"]) == 1
    assert calm == [0.5, 1.0, 2.0]


def test_retry_after_is_honoured(server: Server, calm: list[float]) -> None:
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    after = ["7", soon, "yesterday", "-1"]
    server.troubles = [(429, {"Retry-After": value}, {}) for value in after]
    ask(server)
    assert calm[0] == 7
    assert 25 < calm[1] <= 30
    assert calm[2:] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("troubles", "asked", "says"),
    [
        ([(503, {}, {"error": {"message": "loading"}})] * 9, 5, "answers 503: loading. It is busy"),
        ([(429, {"Retry-After": "3600"}, {})], 1, "asks to wait 3600 s"),
        ([(404, {}, {"error": {"message": "no model m"}})], 1, "404: no model m. Is the model's"),
        ([(400, {}, {"detail": "too long"})], 1, "400: too long. If a text is too long"),
        ([(422, {}, [{"loc": 1}])], 1, "smaller window"),
        ([(301, {"Location": "https://evil.example/"}, {})], 1, "points elsewhere"),
        ([(200, {}, b"<html>")], 1, "no JSON: <html>"),
        ([(200, {}, b"[" * 100_000)], 1, "no JSON"),
        ([(200, {}, [1])], 1, "no JSON object"),
        ([(200, {}, b"\xff\x1b[2J\0")], 1, "no JSON: � \\[2J"),
        ([(401, {}, b"")], 1, "401: nothing. It refused a request without a key"),
    ],
)
def test_what_the_server_says_is_told(server: Server, troubles, asked, says: str) -> None:
    server.troubles = troubles
    with pytest.raises(ModelError, match=says) as error:
        ask(server)
    assert str(error.value).startswith(f"{server.url}/embeddings answers")
    assert len(server.asked) == asked


def test_the_key_is_sent_and_never_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    server.troubles = [(401, {}, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    with pytest.raises(ModelError, match="refused the key in MY_KEY") as error:
        ask(server, "MY_KEY")
    assert KEY not in str(error.value)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "MY_KEY, named in api_key_env, is not set"), (f"{KEY}\nX: y", "is no key"), ("é", "no")],
)
def test_a_key_that_cannot_be_one(
    server: Server, monkeypatch: pytest.MonkeyPatch, value: str, says: str
) -> None:
    monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(ModelError, match=says) as error:
        ask(server, "MY_KEY")
    assert KEY not in str(error.value)
    assert server.asked == []


def test_a_key_goes_over_plain_http_only_to_this_machine() -> None:
    with pytest.raises(ModelError, match="anyone on the way reads the key in MY_KEY"):
        Endpoint("http://10.0.0.7/v1", "/embeddings", "MY_KEY")
    Endpoint("https://10.0.0.7/v1", "/embeddings", "MY_KEY")
    Endpoint("http://localhost:1/v1", "/embeddings", "MY_KEY")


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://localhost:8080/v1", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:80/v1", True),
        ("http://api.localhost", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://0.0.0.0", False),
        ("https://192.168.1.5", False),
    ],
)
def test_what_is_this_machine(address: str, here: bool) -> None:
    assert is_loopback(address) is here


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080", "ftp://x/v1", "http://", "http://x:port/v1", "http://x/v1?a=1", "",
        "http://x/v1#a", "file:///etc/passwd", "http://x/a b", "http://x\r\nHost: y/", "http://é/",
    ],
)  # fmt: skip
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ModelError, match="base_url is"):
        Endpoint(address, "/embeddings")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ModelError, match="user's name or password") as error:
        Endpoint(f"https://me:{KEY}@host/v1", "/embeddings")
    assert KEY not in str(error.value)


def test_nobody_there() -> None:
    with socket.socket() as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match=r"cannot reach .*Is the server running"):
            Endpoint(url, "/embeddings").post({})


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="does not answer in time"):
            Endpoint(url, "/embeddings").post({})


def test_a_server_that_hangs_up(calm: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up() -> None:
            for _ in range(5):
                rude.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{rude.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="breaks off the connection"):
            Endpoint(url, "/embeddings").post({})
        thread.join()
    assert len(calm) == 4


def test_a_kept_connection_that_the_server_closed_costs_no_pause(
    server: Server, calm: list[float]
) -> None:
    link = Endpoint(server.url, "/embeddings")
    server.troubles = [(200, {}, {})]
    link.post({})
    connection = link._idle.get_nowait()
    connection.sock.shutdown(socket.SHUT_RDWR)
    link._idle.put(connection)
    assert len(link.post({"input": ["x"]})["data"]) == 1
    assert calm == []


def test_an_answer_without_end_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_client, "_MOST_BYTES", 1_000)
    server.troubles = [(200, {}, {"x": "y" * 1_000})]
    with pytest.raises(ModelError, match="more than 1,000 bytes"):
        ask(server)


def test_the_environment_s_proxy_is_used_but_not_for_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = server.url.removesuffix("/v1").replace("http://", "http://me:p%40ss@")
    monkeypatch.setenv("http_proxy", proxy)
    Endpoint("http://models.example:9/v1", "/embeddings").post({"input": []})
    assert server.headers[0]["path"] == "http://models.example:9/v1/embeddings"
    assert server.headers[0]["Proxy-Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ask(server)["data"]
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ModelError, match="a proxy by socks5"):
        Endpoint("http://models.example/v1", "/embeddings").post({})


def test_https_is_not_talked_to_in_plain(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cannot reach https://127"):
        Endpoint(server.url.replace("http:", "https:"), "/embeddings").post({})
    monkeypatch.setenv("https_proxy", server.url.removesuffix("/v1"))
    with pytest.raises(ModelError, match="Tunnel connection failed: 501"):
        Endpoint("https://models.example/v1", "/embeddings").post({})
    assert server.asked == []


def test_threads_share_an_endpoint(server: Server) -> None:
    link = Endpoint(server.url, "/embeddings")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: link.post({"input": ["x"] * n}), range(40)))
    assert [len(answer["data"]) for answer in found] == list(range(40))
