"""Host, Origin and token, by an ASGI application that says yes."""

import asyncio

import pytest

from ragkit.serving.transport.access import AccessControl, is_loopback

TOKEN = "t" * 32


async def yes(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status(gate, **headers):
    sent = []

    async def send(message):
        sent.append(message)

    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(gate({"type": "http", "headers": raw_headers}, None, send))
    return sent[0]["status"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8766", 200), ("localhost:8766", 200), ("localhost", 200), ("[::1]:8766", 200),
        ("LOCALHOST:1", 200), ("kb.example", 200), ("evil.example", 421), ("127.0.0.1.evil", 421),
        ("localhost.evil:8766", 421), ("10.0.0.5:8766", 421), ("", 421), ("user@localhost", 421),
        ("localhost/x", 421), ("localhost:x", 421), ("[::1", 421),
    ],
)  # fmt: skip
def test_only_hosts_of_this_server_are_accepted(host, expected):
    assert status(AccessControl(yes, "127.0.0.1", ["kb.example"]), host=host) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8766", 200), ("https://kb.example", 200), ("http://127.0.0.1", 200),
        ("http://evil.example", 403), ("null", 403), ("file://", 403), ("", 403),
        ("ftp://localhost", 403), ("http://localhost.evil", 403),
    ],
)  # fmt: skip
def test_other_origins_are_refused(origin, expected):
    gate = AccessControl(yes, "127.0.0.1", ["kb.example"])
    assert status(gate, host="localhost", origin=origin) == expected


def test_a_request_needs_exactly_one_host_header():
    gate = AccessControl(yes, "127.0.0.1")
    assert status(gate) == 421
    assert status(gate, host="localhost", Host="localhost") == 421


def test_a_server_on_all_addresses_accepts_any_address_but_no_unknown_name():
    gate = AccessControl(yes, "0.0.0.0", token=TOKEN)
    authorization = f"Bearer {TOKEN}"
    assert status(gate, host="192.0.2.7:8766", authorization=authorization) == 200
    assert status(gate, host="rebound.example:8766", authorization=authorization) == 421


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401), ("Bearer ", 401), ("Bearer", 401), (TOKEN, 401),
        (f"Basic {TOKEN}", 401), ("Bearer é", 401),
    ],
)  # fmt: skip
def test_the_bearer_token_must_match_exactly(authorization, expected):
    gate = AccessControl(yes, "127.0.0.1", token=TOKEN)
    assert status(gate, host="localhost", authorization=authorization) == expected
    assert status(gate, host="localhost") == 401


def test_loopback_addresses_are_recognized():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.7", "kb.example", "")))
