"""ragkit's own API, in this process: what it finds, shows and refuses."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from ragkit.encoders.cross_encoder import Reranker
from ragkit.serving.collections import library as libraries

QUESTION = "who may stay at home?"
LEAVE = "Parents may stay at home for half a year."


def test_search_returns_the_hits_of_the_collection(client, library):
    result = client.post("/v1/search", json={"query": QUESTION, "k": 2}).json()
    hits = library["default"].collection.search(QUESTION, k=2)
    assert [hit["passage_id"] for hit in result["hits"]] == [hit.passage_id for hit in hits]
    first = result["hits"][0]
    assert (first["text"], first["path"]) == (LEAVE, "leave.txt")
    assert (first["citation"], first["score"]) == ("leave.txt#L1", hits[0].score)


def test_get_search_returns_the_same_as_post(client):
    by_link = client.get("/v1/search", params={"query": QUESTION, "k": 1, "mode": "hybrid"})
    posted = client.post("/v1/search", json={"query": QUESTION, "k": 1, "mode": "hybrid"})
    assert by_link.json() == posted.json()
    assert by_link.json()["hits"][0]["scores"]["fused"] is not None


def test_rerank_uses_the_servers_reranker(client, library):
    """Of the three documents the shortest: that about cats."""

    def by_length(query, passages):
        return np.array([-len(passage) for passage in passages], dtype=np.float32)

    collection = library["default"].collection
    collection.settings = replace(collection.settings, reranker="by length")
    collection._reranker = Reranker("by length", 512, by_length)
    body = {"query": "rotate the keys", "rerank": True, "budget": 60, "exact": True}
    (result, by_link) = (
        client.post("/v1/search", json=body).json(),
        client.get("/v1/search", params={**body, "rerank": "true", "exact": "true"}).json(),
    )
    shortest = min(result["hits"], key=lambda hit: len(hit["text"]))
    assert max(result["hits"], key=lambda hit: hit["scores"]["rerank"]) == shortest
    assert by_link == result


def test_slow_searches_do_not_block_other_requests(client, library, monkeypatch):
    collection = library["default"].collection
    go_on, search = threading.Event(), collection.search_with

    def slow(queries, options):
        assert not options.explain or go_on.wait(60)
        return search(queries, options)

    monkeypatch.setattr(collection, "search_with", slow)
    monkeypatch.setattr(library["default"].batcher, "_search_many", slow)
    body = {"query": QUESTION, "explain": True}
    threads = [
        threading.Thread(target=client.post, args=("/v1/search",), kwargs={"json": body})
        for _ in range(libraries.READ_THREADS + 1)
    ]
    for thread in threads:
        thread.start()
    for path in ("/v1/status", "/v1/get?reference=leave.txt", "/v1/search?query=cats"):
        assert client.get(path).status_code == 200
    assert all(thread.is_alive() for thread in threads)
    go_on.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"budget": 1}, "budget is the time for rerank"),
        ({"rerank": True, "budget": 0}, "expected 0.001 to 60"),
        ({"rerank": True}, "settings name no reranker"),
        ({"reranker": "other/model"}, "not known"),
    ],
)
def test_invalid_rerank_options_are_refused(client, wrong, message):
    answered = client.post("/v1/search", json={"query": QUESTION, **wrong})
    assert (answered.status_code, message in answered.text) == (400, True)


def test_a_filter_restricts_the_hits(client):
    body = {"query": QUESTION, "where": {"type": "eq", "key": "path", "value": "sub/cats.txt"}}
    result = client.post("/v1/search", json=body).json()
    assert {hit["path"] for hit in result["hits"]} == {"sub/cats.txt"}


def test_no_response_contains_a_path_of_this_machine(client, tmp_path, folder):
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    client.post("/v1/index", json={})
    wait_for_index(client)
    texts = [client.post("/v1/search", json={"query": QUESTION, "explain": True}).text]
    texts += [client.post("/v1/ask", json={"question": QUESTION}).text]
    paths = ("status", "unread", "unread?left_out=true", "documents", "documents/1", "models",
             "get?reference=keys.md", "index", "vector_stores", "vector_stores/default/files",
             "get?reference=nothing")  # fmt: skip
    texts += [client.get(f"/v1/{path}").text for path in paths]
    assert [text for text in texts if str(tmp_path) in text or "Traceback" in text] == []


def wait_for_index(client, **params):
    while (run := client.get("/v1/index", params=params).json())["state"] == "running":
        time.sleep(0.01)
    return run


def test_an_index_run_is_visible_to_the_next_search(client, folder):
    (folder / "dogs.txt").write_text("Dogs bark at strangers at night.\n")
    started = client.post("/v1/index", json={"roots": ["notes"]})
    assert (started.status_code, started.json()["state"]) == (202, "running")
    run = wait_for_index(client)
    assert (run["state"], run["report"]["added"]) == ("done", 1)
    result = client.post("/v1/search", json={"query": "dogs bark", "k": 1}).json()
    assert result["hits"][0]["path"] == "dogs.txt"


def test_only_roots_known_at_the_start_can_be_indexed(client, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in (str(other), "other", "../other", "notes/.."):
        refused = client.post("/v1/index", json={"roots": [name]})
        assert (refused.status_code, refused.json()["error"]["type"]) == (
            400,
            "invalid_request_error",
        )
    assert client.get("/v1/index").json()["state"] == "never"


def test_a_second_index_run_gets_409(client, library, monkeypatch):
    going, go_on = threading.Event(), threading.Event()

    def index(paths, on_progress, wait):
        going.set()
        go_on.wait(60)
        raise libraries.UsageError("enough")

    monkeypatch.setattr(library["default"].collection, "index", index)
    assert client.post("/v1/index", json={}).status_code == 202
    assert going.wait(60)
    assert client.post("/v1/index", json={}).status_code == 409
    go_on.set()
    assert wait_for_index(client)["state"] == "failed"


def test_hits_have_explanations_on_request(client, library):
    body = {"query": QUESTION, "k": 1, "explain": True}
    why = client.post("/v1/search", json=body).json()["hits"][0]["explanation"]
    (hit,) = library["default"].collection.search(QUESTION, k=1, explain=True)
    assert (why["sentence"], why["words"]) == (LEAVE, dict(hit.explanation.words))
    assert client.post("/v1/search", json={**body, "k": 21}).status_code == 400


def test_documents_are_listed_in_pages(client):
    first = client.get("/v1/documents", params={"limit": 2}).json()
    second = client.get("/v1/documents", params={"limit": 2, "after": first["next"]}).json()
    both = first["documents"] + second["documents"]
    assert sorted(document["path"] for document in both) == ["keys.md", "leave.txt", "sub/cats.txt"]
    assert (first["total"], second["next"]) == (3, None)


def test_a_document_is_returned_whole_or_in_part(client, folder):
    (document,) = [
        document
        for document in client.get("/v1/documents").json()["documents"]
        if document["path"] == "keys.md"
    ]
    text = (folder / "keys.md").read_text()
    assert client.get(f"/v1/documents/{document['id']}").json()["text"] == text
    part = client.get(f"/v1/documents/{document['id']}", params={"start": 8, "end": 14}).json()
    assert (part["text"], part["start"], part["end"]) == (text[8:14], 8, 14)
    assert part["characters"] == len(text)
    assert client.get("/v1/documents/999").status_code == 404


def test_unread_files_are_listed_in_pages_with_reasons(client, library, folder):
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "film.mp4").write_bytes(b"\0\0\0 ftypisom" + bytes(99))
    (folder / ".key").write_text("secret")
    library["default"].collection.index(folder)
    first = client.get("/v1/unread", params={"limit": 1, "collection": "default"}).json()
    more = [client.get("/v1/unread", params={"after": first["files"][0]["id"]}).json()]
    assert [(file["path"], file["kind"]) for file in first["files"]] == [("bad.pdf", "damaged")]
    assert first["files"][0]["reason"].startswith("damaged PDF")
    left_out = client.get("/v1/unread?left_out=true").json()["files"]
    assert {file["path"]: file["kind"] for file in left_out} == {
        ".key": "hidden", "film.mp4": "no_document",
    }  # fmt: skip
    assert more == [{"collection": "default", "files": [], "next": None}]
    assert client.get("/v1/unread?limit=1001").status_code == 400


@pytest.mark.parametrize(
    ("reason", "public_reason"),
    [
        ("cannot be read: FileNotFoundError: [Errno 2] '/usr/bin/x y'", "[Errno 2] '…'"),
        ("no such file: {root}/sub/a b.pdf", "ragkit://notes-"),
        (r"damaged: C:\Users\ann\x.tmp, cut off", "damaged: …, cut off"),
        ("symbolic link to sub/x, inside this folder", "link to sub/x, inside"),
        ("ignored by ../.gitignore:3", "by ../.gitignore:3"),
        ("larger than 50 MB and/or 3/4 of it", "MB and/or 3/4 of it"),
    ],
)
def test_reasons_contain_no_path_of_this_machine(client, library, folder, reason, public_reason):
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    collection = library["default"].collection
    collection.index(folder)
    with collection._store.changing() as (connection, _):
        connection.execute(
            "UPDATE files SET reason = ? WHERE path = 'bad.pdf'", (reason.format(root=folder),)
        )
    (file,) = client.get("/v1/unread").json()["files"]
    assert public_reason in file["reason"]
    assert str(folder.parent) not in file["reason"]


def test_get_returns_the_text_behind_a_citation(client):
    result = client.get("/v1/get", params={"reference": "leave.txt#L1"}).json()
    assert (result["text"], result["truncated"]) == (LEAVE, False)


def test_ask_returns_a_cited_answer(client):
    result = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert result["answerable"]
    assert LEAVE in result["text"]
    (cited,) = [citation for citation in result["citations"] if citation["path"] == "leave.txt"]
    assert f"[{cited['n']}]" in result["text"]
    text = client.get(f"/v1/documents/{cited['document_id']}").json()["text"]
    assert text[cited["start"] : cited["end"]] == cited["quote"]


def events(text):
    parsed = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        parsed.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return parsed


def test_a_streamed_answer_starts_with_hits_and_ends_with_usage(client):
    answered = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    assert answered.headers["content-type"].startswith("text/event-stream")
    stream = events(answered.text)
    names = [name for name, _ in stream]
    assert names[0] == "hits"
    assert names[-3:] == ["citations", "usage", "done"]
    assert set(names[1:-3]) == {"text"}
    pieces = "".join(data["text"] for name, data in stream if name == "text")
    complete = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert pieces == complete["text"]
    assert stream[-3][1]["citations"] == complete["citations"]


def test_an_error_within_a_stream_becomes_an_event(client, library, monkeypatch):
    from ragkit import ModelError, Retrieved

    def ask_stream(question, **how):
        yield Retrieved((), question)
        raise ModelError(f"cannot read {library['default'].collection.folder}")

    monkeypatch.setattr(library["default"].collection, "ask_stream", ask_stream)
    stream = events(client.post("/v1/ask", json={"question": "x", "stream": True}).text)
    assert [name for name, _ in stream] == ["hits", "error"]
    assert "cannot read" not in stream[-1][1]["error"]["message"]


def test_an_unreachable_language_model_is_reported_without_its_address(
    make_library, connect, folder
):
    library = make_library(default=folder)
    collection = library["default"].collection
    collection.settings = replace(
        collection.settings, llm_base_url="http://127.0.0.1:9/v1", llm_model="m"
    )
    result = connect(library).post("/v1/ask", json={"question": QUESTION})
    assert "did not complete the answer" in result.json()["warnings"][0]
    assert result.json()["model"] == "extractive"
    assert "127.0.0.1" not in result.text


def test_several_collections_are_selected_by_name(make_library, connect, folder, tmp_path):
    other = tmp_path / "zoo"
    other.mkdir()
    (other / "home.txt").write_text("Owls may stay at home in the barn.\n")
    client = connect(make_library(notes=folder, zoo=other))
    for name, path in (("notes", "leave.txt"), ("zoo", "home.txt")):
        body = {"query": QUESTION, "k": 1, "collection": name}
        result = client.post("/v1/search", json=body).json()
        assert (result["collection"], result["hits"][0]["path"]) == (name, path)
    unnamed = client.post("/v1/search", json={"query": QUESTION})
    assert (unnamed.status_code, "notes, zoo" in unnamed.text) == (400, True)
    unknown = client.post("/v1/search", json={"query": QUESTION, "collection": "none"})
    assert unknown.status_code == 404
    names = [item["name"] for item in client.get("/v1/status").json()["collections"]]
    assert names == ["notes", "zoo"]


def test_the_only_collection_is_the_default_whatever_its_name(make_library, connect, folder):
    client = connect(make_library(handbook=folder))
    for name in (None, "default", "handbook"):
        body = {"query": QUESTION, **({"collection": name} if name else {})}
        assert client.post("/v1/search", json=body).json()["collection"] == "handbook"


def test_health_readiness_and_metrics(client, library):
    assert client.get("/v1/health").json() == {"status": "ok"}
    assert client.get("/v1/ready").status_code == 503
    library.warm()
    assert client.get("/v1/ready").status_code == 200
    client.post("/v1/search", json={"query": QUESTION})
    text = client.get("/metrics").text
    assert 'ragkit_requests_total{endpoint="/v1/search",method="POST",status="200"} 1.0' in text
    assert 'ragkit_searches_total{collection="default"} 1.0' in text
    assert 'ragkit_documents{collection="default"} 3.0' in text
    assert 'ragkit_request_seconds_count{endpoint="/v1/search"} 1.0' in text


@pytest.fixture
def two(make_library, connect, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "leave.txt").write_text("Parents may stay at home with their dogs.\n")
    return connect(make_library(notes=folder, pets=other))


def test_search_over_several_collections_names_them(two):
    body = {"query": QUESTION, "k": 2, "collections": ["notes", "pets"]}
    result = two.post("/v1/search", json=body).json()
    assert (result["collections"], result["merged_by"]) == (["notes", "pets"], "score")
    hits = result["hits"]
    assert {(hit["collection"], hit["citation"]) for hit in hits} == {
        ("notes", "notes:leave.txt#L1"),
        ("pets", "pets:leave.txt#L1"),
    }
    for hit in hits:
        excerpt = two.get("/v1/get", params={"reference": hit["citation"]}).json()
        assert (excerpt["text"], excerpt["collection"]) == (hit["text"], hit["collection"])


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        ({"collections": ["notes", "x"]}, 404, "no collection is served by the name 'x'"),
        ({"collections": []}, 400, "collections has 0 items"),
        ({"collections": ["notes"], "collection": "pets"}, 400, "both collection and collections"),
        ({"collections": ["notes"], "rerank": True}, 400, "name no reranker"),
    ],
)
def test_a_search_over_several_collections_refuses_what_one_refuses(two, more, status, message):
    response = two.post("/v1/search", json={"query": QUESTION, **more})
    assert response.status_code == status
    assert message in response.json()["error"]["message"]
