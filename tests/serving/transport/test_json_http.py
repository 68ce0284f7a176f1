"""Request bodies: size, time, content type and strict JSON; errors as responses."""

import json
import time
import urllib.request

import pytest

from ragkit.errors import BusyError, ModelError, UsageError
from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.transport import json_http
from tests.serving.clients import connected


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_content_types_that_need_no_preflight_are_refused(client, kind):
    body = json.dumps({"roots": ["notes"]})
    answered = client.post("/v1/index", content=body, headers={"content-type": kind})
    assert answered.status_code == 415


def test_a_body_over_the_limit_is_refused(client):
    declared = client.post("/v1/search", json={"query": "x" * 1_000_001})
    assert declared.status_code == 413
    headers = {"content-type": "application/json"}
    parts = (b" " * 100_000 for _ in range(11))
    assert client.post("/v1/search", content=parts, headers=headers).status_code == 413


@pytest.mark.parametrize("head", ["Content-Length: 99", "Transfer-Encoding: chunked"])
def test_a_body_that_never_ends_times_out_with_408(library, listen, monkeypatch, head):
    monkeypatch.setattr(json_http, "BODY_SECONDS", 0.1)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + head.encode()
            + b"\r\n\r\n"
        )
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408")


def test_disconnecting_within_a_body_logs_one_line(library, listen, caplog, body_begun):
    address = listen(create_app(library, ServerOptions()))
    with connected(address) as caller:
        caller.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 99\r\n\r\n{"query"'
        )
        assert body_begun.wait(60)  # the head has been read
    while not caplog.records:
        time.sleep(0.01)
    figures = urllib.request.urlopen(f"{address}/metrics").read()
    assert b'endpoint="/v1/search",method="POST",status="499"} 1.0' in figures
    (line,) = caplog.records
    assert (line.getMessage(), line.exc_info) == (
        "a caller hung up in the middle of a body: '/v1/search'", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"query": NaN}', b"[" * 100_000, b'{"query": "\\ud800"}',
     b'{"query": "x", "k": 1' + b"0" * 5000 + b"}"],
)  # fmt: skip
def test_a_body_that_is_not_strict_json_is_refused(client, body):
    answered = client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert answered.status_code == 400
    assert answered.json()["error"]["code"] in ("invalid_json", "invalid_value")


@pytest.mark.parametrize(
    ("error", "status", "error_type", "code"),
    [
        (UsageError("k is 0"), 400, "invalid_request_error", "invalid_value"),
        (BusyError("/srv/notes is locked"), 409, "invalid_request_error", "busy"),
        (ModelError("cannot read /srv/model"), 503, "server_error", "unavailable"),
        (ValueError("/srv/notes"), 500, "server_error", "internal_error"),
    ],
)
def test_errors_become_statuses_and_name_no_folder(error, status, error_type, code):
    api_error = json_http.to_api_error(error)
    body = json.loads(api_error.response().body)["error"]
    assert (api_error.status, body["type"], body["code"]) == (status, error_type, code)
    assert "/srv" not in body["message"]


def test_an_event_has_a_name_and_one_line_of_json():
    event = json_http.encode_event("text", {"text": "a\nß"})
    assert event.decode() == 'event: text\ndata: {"text":"a\\nß"}\n\n'
    assert json_http.encode_event(None, {}) == b"data: {}\n\n"


def test_an_event_contains_no_character_that_a_client_may_take_for_the_end_of_a_line():
    event = json_http.encode_event("text", {"text": "a\u2028b\u2029c\u0085d"})
    assert len(event.decode().splitlines()) == 3  # name, data, blank
    (data,) = (line for line in event.decode().splitlines() if line.startswith("data: "))
    assert json.loads(data.removeprefix("data: ")) == {"text": "a\u2028b\u2029c\u0085d"}
