"""Who may ask what, tried as an attacker would; the gate itself is in test_gate."""

import json
import re
import shutil
import threading

import pytest

from ragkit import Collection
from ragkit.serving.app import ENDPOINTS, ServerOptions, create_app
from ragkit.serving.collections.library import Library
from tests.serving.clients import connected

TOKEN = "a-token-of-some-length"
SEARCH = {"query": "who may stay at home?"}
PATHS = sorted({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS})
ESCAPES = ("../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2fetc", "..\\..\\etc",
           "/etc/passwd", "%00", "file-1%00", "~", "....//", "x%2f..%2f..", "-1",
           "é" * 99)  # fmt: skip


def called(client, method, path, **how):
    path = path.format(
        document_id=1, page=1, model="default", vector_store_id="default", file_id="file-1"
    )
    return client.request(method, path, **({"json": {}} if method == "POST" else {}), **how)


def test_forged_host_and_origin_are_refused_by_every_endpoint(client):
    for method, path in PATHS:
        assert called(client, method, path, headers={"host": "evil.example"}).status_code == 421
        forged = called(client, method, path, headers={"origin": "https://evil.example"})
        assert (forged.status_code, forged.json()["error"]["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize(
    "authorization",
    [None, "", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer é".encode()],
)
def test_requests_without_the_token_are_refused(connect, library, authorization):
    client = connect(library, ServerOptions(token=TOKEN))
    for endpoint in (e for e in ENDPOINTS if not e.is_public):
        headers = {} if authorization is None else {"authorization": authorization}
        refused = called(client, endpoint.method, endpoint.path, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["type"] == "authentication_error"


def test_requests_with_the_token_are_answered(connect, library):
    client = connect(library, ServerOptions(token=TOKEN))
    for method, path in PATHS:
        answered = called(client, method, path, headers={"authorization": f"Bearer {TOKEN}"})
        assert answered.status_code not in (401, 403, 421)


def test_the_page_needs_no_token_and_gives_no_access_to_other_paths(connect, library):
    client = connect(library, ServerOptions(token=TOKEN))
    for path in ("/", "/docs", "/openapi.json", "/web/docs.css", "/v1/health"):
        assert client.get(path).status_code == 200
    for path in ("/web/../v1/status", "/web/..%2fv1/status", "//v1/status", "/v1/health/../status"):
        assert client.get(path).status_code in (401, 404)


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path in PATHS if "{" in path]
)
def test_no_path_parameter_reads_a_file_outside_the_collection(client, method, path):
    name = re.findall(r"\{(\w+)\}", path)[-1]
    for escape in ESCAPES:
        answered = called(client, method, path.replace(f"{{{name}}}", escape))
        assert answered.status_code in (400, 404, 405)
        assert "root:" not in answered.text


def test_no_reference_and_no_file_name_reads_outside_the_collection(client):
    for escape in ESCAPES:
        answered = client.get("/v1/get", params={"reference": escape})
        assert answered.status_code == 404
        assert "root:" not in answered.text
        assert client.get(f"/web/fonts/{escape}").status_code == 404


def test_an_absolute_path_is_refused_even_if_it_is_indexed(client, folder):
    assert client.get("/v1/get", params={"reference": "leave.txt"}).status_code == 200
    absolute = str(folder / "leave.txt")
    assert client.get("/v1/get", params={"reference": absolute}).status_code == 404


def test_an_ambiguous_path_is_explained_without_naming_folders(client, library, tmp_path):
    other = tmp_path / "secret" / "more"
    other.mkdir(parents=True)
    (other / "leave.txt").write_text("Leave the keys.\n")
    library["default"].collection.index(other)
    answered = client.get("/v1/get", params={"reference": "leave.txt"})
    assert (answered.status_code, "secret" in answered.text) == (404, False)
    for address in re.findall(r"ragkit://[\w./-]+", answered.json()["error"]["message"]):
        assert client.get("/v1/get", params={"reference": address}).status_code == 200


def test_only_allowed_origins_get_cors_headers(connect, library):
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


def test_without_allowed_origins_there_are_no_cors_headers(client):
    answered = client.post("/v1/search", json=SEARCH, headers={"origin": "http://localhost"})
    assert answered.status_code == 200
    assert not [name for name in answered.headers if name.startswith("access-control")]


def test_internal_errors_are_not_shown_to_callers(connect, library, monkeypatch):
    def search_many(queries, options):
        raise RuntimeError("at /home/somebody/secret")

    monkeypatch.setattr(library["default"].batcher, "_search_many", search_many)
    answered = connect(library).post("/v1/search", json=SEARCH)
    assert (answered.status_code, "secret" in answered.text) == (500, False)


def test_disconnecting_closes_the_answer_stream(library, listen, monkeypatch, caplog):
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
            assert begun.wait(60)
        assert ended.wait(60)
    assert caplog.records == []


def test_a_collection_that_came_with_a_checkout_is_served_and_not_indexed(
    connect, make_library, folder, tmp_path, encoder
):
    make_library(default=folder).close()
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    collection_folder = tmp_path / "clone" / ".ragkit"
    shutil.copytree(tmp_path / "kits" / "default", collection_folder)
    names = sorted(path.name for path in collection_folder.rglob("*"))
    content = (collection_folder / "ragkit.db").read_bytes()
    library = Library({"default": Collection(collection_folder, encoder=encoder)})
    client = connect(library)
    assert client.post("/v1/search", json=SEARCH).json()["hits"][0]["path"] == "leave.txt"
    client.post("/v1/index", json={})
    library.index_runs.close()
    run = client.get("/v1/index").json()
    assert (run["state"], run["error"]) == ("failed", "indexing failed; the server's log says why")
    library.close()
    assert sorted(path.name for path in collection_folder.rglob("*")) == names
    assert (collection_folder / "ragkit.db").read_bytes() == content
