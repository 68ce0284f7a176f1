"""`ragkit query --server`: the same output as a local query, from a server on loopback."""

import json
import socket
import subprocess
import sys

import pytest

from ragkit.cli import main
from ragkit.serving.app import ServerOptions, create_app
from tests.serving.conftest import connect, library, listen, make_library  # noqa: F401 - fixtures

TOKEN = "a-token-of-some-length"
QUESTION = "how do we rotate keys?"


@pytest.fixture
def server(library, listen):  # noqa: F811
    return listen(create_app(library, ServerOptions()))


@pytest.fixture
def guarded(library, listen):  # noqa: F811
    return listen(create_app(library, ServerOptions(token=TOKEN)))


@pytest.fixture
def query_locally(library):  # noqa: F811
    """Return the `search` of the collection behind the server, in this process."""
    return library["default"].collection.search


@pytest.fixture
def query(capsys, monkeypatch, encoder):
    """Return the exit code, stdout and stderr of `ragkit query` with the fake encoder."""
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)

    def run(*arguments):
        code = main(["query", *arguments])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ([], {}),
        (["-k", "2", "--mode", "hybrid"], {"k": 2, "mode": "hybrid"}),
        (["--mode", "hybrid", "--fusion", "rrf"], {"mode": "hybrid", "fusion": "rrf"}),
        (["--where", "type = markdown"], {"where": "type = markdown"}),
        (["--context", "1", "--exact"], {"context": 1, "exact": True}),
        (["--per-document", "1"], {"per_document": 1}),
        (["--lambda", "0"], {"diverse": 0.0}),
        (["--diverse"], {"diverse": True}),
        (["--min-score", "0.2"], {"min_score": 0.2}),
        (["--explain", "-k", "1"], {"explain": True, "k": 1}),
    ],
)
def test_the_hits_are_those_of_the_collection(server, query_locally, query, options, same):
    code, out, message = query(QUESTION, "--server", server, "--json", *options)
    expected = query_locally(QUESTION, **same)
    results = json.loads(out)
    assert expected
    assert code == 0
    assert [(hit["passage_id"], hit["score"], hit["citation"]) for hit in results] == [
        (hit.passage_id, hit.score, hit.citation) for hit in expected
    ]
    assert message == f"ragkit: searched default at {server}\n"


def test_json_equals_that_of_a_local_query_except_for_the_root(server, library, query):  # noqa: F811
    folder = str(library["default"].collection.folder)
    local = json.loads(query(QUESTION, "-c", folder, "--json")[1])
    remote = json.loads(query(QUESTION, "--server", f"{server}/v1/", "--json")[1])
    assert remote == [{**hit, "root": ""} for hit in local]
    assert [list(hit) for hit in remote] == [list(hit) for hit in local]


@pytest.mark.parametrize("shape", ["--explain", "--mode=hybrid"])
def test_text_is_that_of_a_query_here(server, library, query, shape):  # noqa: F811
    folder = str(library["default"].collection.folder)
    local = query(QUESTION, "-c", folder, shape)
    assert local[:2] == query(QUESTION, "--server", server, shape)[:2]
    assert local[0] == 0


def test_a_collection_by_its_name(server, query):
    assert query(QUESTION, "--server", server, "-c", "default")[0] == 0
    code, _, message = query(QUESTION, "--server", server, "-c", "other")
    assert code == 3
    assert "no collection is served by the name 'other'" in message


def test_nothing_found_is_1(server, query):
    code, out, message = query(QUESTION, "--server", server, "--where", "type = pdf")
    assert (code, out) == (1, "")
    assert "nothing found" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--where", "type ="], "/v1/search: "),
        (["-k", "101"], "101"),
        (["--budget", "300ms"], "budget is the time for rerank"),
        (["--rerank"], "the server's settings name no reranker"),
        (["--rerank", "--reranker", "x"], "leave out --reranker"),
        (["--batch", "questions.txt"], "one question at a time"),
    ],
)
def test_options_that_a_server_does_not_support_are_wrong_usage(server, query, options, message):
    text = [] if "--batch" in options else [QUESTION]
    code, out, error = query(*text, "--server", server, *options)
    assert (code, out) == (2, "")
    assert message in error


@pytest.mark.parametrize("url", ["localhost:8765", "ftp://localhost", "http://u:p@localhost"])
def test_an_address_that_is_none(query, url):
    code, _, message = query(QUESTION, "--server", url)
    assert code == 2
    assert "--server" in message
    assert "base_url" not in message


def test_a_token_comes_from_the_environment(guarded, query, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    assert query(QUESTION, "--server", guarded, "--token-env", "MY_TOKEN")[0] == 0
    code, _, message = query(QUESTION, "--server", guarded)
    assert code == 3
    assert "--token-env" in message
    monkeypatch.setenv("MY_TOKEN", "another-token-of-some-length")
    code, _, message = query(QUESTION, "--server", guarded, "--token-env", "MY_TOKEN")
    assert code == 3
    assert "another-token" not in message


def test_a_token_for_no_server(query):
    code, _, message = query(QUESTION, "--token-env", "MY_TOKEN")
    assert code == 2
    assert "--server" in message


def test_nobody_is_there(query):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    code, out, message = query(QUESTION, "--server", f"http://127.0.0.1:{port}")
    assert (code, out) == (3, "")
    assert "cannot reach" in message
    assert "ragkit serve" in message


def test_asking_a_server_imports_nothing_heavy(server):
    script = (
        "import sys; from ragkit.cli import main; "
        f"assert main(['query', {QUESTION!r}, '--server', {server!r}]) == 0; "
        "print(sorted({'numpy', 'sqlite3', 'starlette', 'tantivy', 'tokenizers'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
