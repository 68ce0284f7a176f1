"""The client of `ragkit serve`, against a server on loopback."""

import socket

import pytest

from ragkit.errors import UnavailableError, UsageError
from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.client import search

TOKEN = "a-token-of-some-length"
QUERY = "who may stay at home?"


def test_the_hits_are_those_of_the_collection_without_its_folder(library, listen):
    address = listen(create_app(library, ServerOptions()))
    name, hits = search(f" {address}/v1/ ", QUERY, {"k": 2, "explain": True})
    expected = library["default"].collection.search(QUERY, k=2, explain=True)
    assert name == "default"
    assert [(hit.passage_id, hit.score, hit.heading) for hit in hits] == [
        (hit.passage_id, hit.score, hit.heading) for hit in expected
    ]
    assert {hit.root for hit in hits} == {""}
    assert hits[0].explanation == expected[0].explanation


def test_what_the_server_rejects_is_a_usage_error(library, listen):
    address = listen(create_app(library, ServerOptions()))
    with pytest.raises(UsageError, match="k is 0; expected 1 to 100"):
        search(address, QUERY, {"k": 0})


def test_a_missing_token_and_an_unknown_collection_are_explained(library, listen, monkeypatch):
    address = listen(create_app(library, ServerOptions(token=TOKEN)))
    with pytest.raises(UnavailableError, match=r"401.*--token-env"):
        search(address, QUERY, {})
    monkeypatch.setenv("SERVER_TOKEN", TOKEN)
    assert search(address, QUERY, {}, "SERVER_TOKEN")[0] == "default"
    with pytest.raises(UnavailableError, match=r"404.*is it a ragkit serve"):
        search(address, QUERY, {"collection": "none"}, "SERVER_TOKEN")


def test_a_server_that_is_not_running_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with pytest.raises(UnavailableError, match="ragkit serve"):
        search(f"http://127.0.0.1:{port}", QUERY, {})


def test_an_address_that_is_none_is_a_usage_error():
    with pytest.raises(UsageError, match="--server"):
        search("ftp://x", QUERY, {})
