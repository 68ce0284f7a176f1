"""Who may ask what, tried as an attacker would; the gate itself is in test_gate."""

import contextlib
import json
import re
import socket
import threading
import time
import urllib.request

import pytest

from ragkit.serving.app import ENDPOINTS, ServerOptions, create_app
from ragkit.serving.transport import json_http
from ragkit.serving.transport.rate_limit import RateLimiter
from ragkit.serving.transport.timeouts import TimeoutProtocol

TOKEN = "a-token-of-some-length"
SEARCH = {"query": "who may stay at home?"}
PATHS = sorted({(each.method, each.path) for each in ENDPOINTS})
ESCAPES = ("../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2fetc", "..\\..\\etc",
           "/etc/passwd", "%00", "file-1%00", "~", "....//", "x%2f..%2f..", "-1",
           "é" * 99)  # fmt: skip


def called(client, method, path, **how):
    path = path.format(document_id=1, model="default", vector_store_id="default", file_id="file-1")
    return client.request(method, path, **({"json": {}} if method == "POST" else {}), **how)


def test_forged_host_and_origin_are_refused_everywhere(client):
    for method, path in PATHS:
        assert called(client, method, path, headers={"host": "evil.example"}).status_code == 421
        forged = called(client, method, path, headers={"origin": "https://evil.example"})
        assert (forged.status_code, forged.json()["error"]["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize(
    "given", [None, "", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer é".encode()]
)
def test_without_the_token_nothing_is_told(connect, library, given):
    client = connect(library, ServerOptions(token=TOKEN))
    for endpoint in (each for each in ENDPOINTS if not each.is_public):
        headers = {} if given is None else {"authorization": given}
        refused = called(client, endpoint.method, endpoint.path, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["type"] == "authentication_error"


def test_with_the_token_all_is(connect, library):
    client = connect(library, ServerOptions(token=TOKEN))
    for method, path in PATHS:
        answered = called(client, method, path, headers={"authorization": f"Bearer {TOKEN}"})
        assert answered.status_code not in (401, 403, 421)


def test_the_page_needs_no_token_but_is_no_way_around_it(connect, library):
    client = connect(library, ServerOptions(token=TOKEN))
    for path in ("/", "/docs", "/openapi.json", "/web/docs.css", "/v1/health"):
        assert client.get(path).status_code == 200
    for path in ("/web/../v1/status", "/web/..%2fv1/status", "//v1/status", "/v1/health/../status"):
        assert client.get(path).status_code in (401, 404)


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path in PATHS if "{" in path]
)
def test_no_path_parameter_leads_out(client, method, path):
    name = re.findall(r"\{(\w+)\}", path)[-1]
    for escape in ESCAPES:
        answered = called(client, method, path.replace(f"{{{name}}}", escape))
        assert answered.status_code in (400, 404, 405)
        assert "root:" not in answered.text


def test_no_reference_and_no_name_of_a_file_leads_out(client):
    for escape in ESCAPES:
        answered = client.get("/v1/get", params={"reference": escape})
        assert answered.status_code == 404
        assert "root:" not in answered.text
        assert client.get(f"/web/fonts/{escape}").status_code == 404


def test_an_absolute_path_is_refused_even_where_it_is_indexed(client, folder):
    assert client.get("/v1/get", params={"reference": "leave.txt"}).status_code == 200
    absolute = str(folder / "leave.txt")
    assert client.get("/v1/get", params={"reference": absolute}).status_code == 404


def test_a_path_in_several_roots_does_not_say_where_they_are(client, library, tmp_path):
    other = tmp_path / "secret" / "more"
    other.mkdir(parents=True)
    (other / "leave.txt").write_text("Leave the keys.\n")
    library["default"].collection.index(other)
    answered = client.get("/v1/get", params={"reference": "leave.txt"})
    assert (answered.status_code, "secret" in answered.text) == (404, False)
    for address in re.findall(r"ragkit://[\w./-]+", answered.json()["error"]["message"]):
        assert client.get("/v1/get", params={"reference": address}).status_code == 200


def test_only_named_pages_may_ask(connect, library):
    client = connect(library, ServerOptions(origins=("https://chat.example",)))
    ours = client.post("/v1/search", json=SEARCH, headers={"origin": "https://chat.example"})
    assert ours.headers["access-control-allow-origin"] == "https://chat.example"
    before = client.options(
        "/v1/search",
        headers={"origin": "https://chat.example", "access-control-request-method": "POST",
                 "access-control-request-headers": "content-type,authorization"},
    )  # fmt: skip
    assert before.status_code == 200
    other = client.post("/v1/search", json=SEARCH, headers={"origin": "https://evil.example"})
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers


def test_without_a_named_page_there_is_no_cors(client):
    answered = client.post("/v1/search", json=SEARCH, headers={"origin": "http://localhost"})
    assert answered.status_code == 200
    assert not [name for name in answered.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_a_body_that_a_foreign_page_could_send_is_refused(client, kind):
    body = json.dumps({"roots": ["notes"]})
    answered = client.post("/v1/index", content=body, headers={"content-type": kind})
    assert answered.status_code == 415


def test_a_body_that_is_too_large_is_refused(client):
    declared = client.post("/v1/search", json={"query": "x" * 1_000_001})
    assert declared.status_code == 413
    headers = {"content-type": "application/json"}
    parts = (b" " * 100_000 for _ in range(11))
    assert client.post("/v1/search", content=parts, headers=headers).status_code == 413


def test_too_many_requests_of_one_address_are_refused(connect, library):
    client = connect(library, ServerOptions(rate=1))
    statuses = [client.get("/v1/health").status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses[2:]


def test_asking_whether_one_may_ask_counts_as_well(connect, library):
    """A preflight; and a page that may ask can read why it is refused."""
    client = connect(library, ServerOptions(rate=1, origins=("https://chat.example",)))
    ours = {"origin": "https://chat.example"}
    before = {**ours, "access-control-request-method": "POST"}
    statuses = [client.options("/v1/search", headers=before).status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses[2:]
    refused = client.post("/v1/search", json=SEARCH, headers=ours)
    assert refused.status_code == 429
    assert refused.headers["access-control-allow-origin"] == "https://chat.example"
    other = client.get("/v1/health", headers={"origin": "https://evil.example"})
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (429, False)


def test_the_bucket_fills_again_and_each_address_has_its_own():
    rate = RateLimiter(2)
    assert [rate.allow("a", 0.0) for _ in range(5)] == [True, True, True, True, False]
    assert rate.allow("b", 0.0)
    assert not rate.allow("a", 0.4)
    assert rate.allow("a", 0.6)


def test_too_many_requests_at_once_are_refused(connect, library, monkeypatch):
    client = connect(library, ServerOptions(max_requests=1))
    inside, go_on = threading.Event(), threading.Event()

    def search_many(queries, options):
        inside.set()
        go_on.wait(10)
        return [[] for _ in queries]

    monkeypatch.setattr(library["default"].batcher, "_search_many", search_many)
    thread = threading.Thread(target=lambda: client.post("/v1/search", json=SEARCH))
    thread.start()
    assert inside.wait(10)
    refused = client.get("/v1/health")
    go_on.set()
    thread.join()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /v1/hea", b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1"]
)
def test_who_never_ends_a_head_is_let_go(library, listen, monkeypatch, begun):
    monkeypatch.setattr(TimeoutProtocol, "seconds", 0.1)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(begun)
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.count(b"HTTP/1.1 200") == begun.count(b"Host")


def test_who_asks_again_and_again_is_not_let_go(library, listen, monkeypatch):
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


def test_a_head_without_an_end_is_not_kept(library, listen):
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with contextlib.suppress(ConnectionError):  # hung up while we still send
            for _ in range(100):
                caller.sendall(b"x" * 10_000)
                time.sleep(0.001)
            pytest.fail("a million bytes were taken")


@pytest.mark.parametrize("head", ["Content-Length: 99", "Transfer-Encoding: chunked"])
def test_who_never_ends_a_body_is_told_so(library, listen, monkeypatch, head):
    monkeypatch.setattr(json_http, "BODY_SECONDS", 0.1)
    with connected(listen(create_app(library, ServerOptions()))) as caller:
        caller.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + head.encode()
            + b"\r\n\r\n"
        )
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408")


def test_who_hangs_up_in_a_body_is_one_line_of_the_log(library, listen, caplog):
    address = listen(create_app(library, ServerOptions()))
    with connected(address) as caller:
        caller.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 99\r\n\r\n{"query"'
        )
        time.sleep(0.1)  # so that the head is read before the end
    while not caplog.records:
        time.sleep(0.01)
    figures = urllib.request.urlopen(f"{address}/metrics").read()
    assert b'endpoint="/v1/search",method="POST",status="499"} 1.0' in figures
    (line,) = caplog.records
    assert (line.getMessage(), line.exc_info) == (
        "a caller hung up in the middle of a body: '/v1/search'", None,
    )  # fmt: skip


def connected(address):
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_what_goes_wrong_inside_is_not_told(connect, library, monkeypatch):
    def search_many(queries, options):
        raise RuntimeError("at /home/somebody/secret")

    monkeypatch.setattr(library["default"].batcher, "_search_many", search_many)
    answered = connect(library).post("/v1/search", json=SEARCH)
    assert (answered.status_code, "secret" in answered.text) == (500, False)


def test_who_hangs_up_ends_the_work_for_the_answer(library, listen, monkeypatch, caplog):
    from ragkit import Piece, Retrieved

    begun, ended = threading.Event(), threading.Event()

    def ask_stream(question, **how):
        try:
            yield Retrieved((), question)
            for _ in range(1000):
                begun.set()
                ended.wait(0.02)
                yield Piece("word ")
        finally:
            ended.set()

    monkeypatch.setattr(library["default"].collection, "ask_stream", ask_stream)
    address = listen(create_app(library, ServerOptions()))
    for stream in (True, False):
        begun.clear()
        ended.clear()
        body = json.dumps({"question": "x", "stream": stream}).encode()
        head = (
            "POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with connected(address) as caller:
            caller.sendall(head.encode() + body)
            assert begun.wait(10)
        assert ended.wait(10)
    assert caplog.records == []
