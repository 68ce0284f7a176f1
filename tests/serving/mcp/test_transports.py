"""stdio and streamable HTTP: real processes, the SDK's client, and what it would not send."""

import asyncio
import contextlib
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("mcp", reason='needs pip install "ragkit-search[mcp]"')

import httpx2
import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from ragkit.serving.mcp.server import create_mcp_app
from ragkit.serving.transport import json_http
from tests.conftest import REPOSITORY

TOKEN = "correct-horse-battery-staple"
PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture
def collection_path(collection, folder):
    collection.index(folder)
    return str(collection.folder)


def started(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=REPOSITORY, env=os.environ | more,
    )  # fmt: skip


@contextlib.contextmanager
def ended(process):
    """The process, which does not outlive the block."""
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def serve(collection_path):
    """Starts the tests' HTTP server, with a token or without; gives its port."""
    with contextlib.ExitStack() as stack:

        def serve_(token=""):
            process = started("tests.serving.served", collection_path, "http", token)
            stack.enter_context(ended(process))
            return int(process.stdout.readline())

        yield serve_


def answer(port, headers, body=PING, path="/mcp", method="POST"):
    """Status of a request with just these headers besides what the body needs."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    sent = json.dumps(body).encode() if not isinstance(body, bytes) else body
    parameters = {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(sent)),
    } | headers
    for name, value in parameters.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(sent)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


async def searched(server):
    async with mcp.Client(server) as client:
        response = await client.call_tool("search", {"query": "how long do cats sleep?", "k": 1})
        resources = await client.list_resources()
        return response.structured_content["results"][0]["citation"], len(resources.resources)


def test_stdio_serves_the_sdks_client(collection_path):
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tests.serving.served", collection_path, "stdio"],
        cwd=REPOSITORY,
    )
    assert asyncio.run(searched(stdio_client(server))) == ("sub/cats.txt#L1", 3)


def test_the_command_serves_stdio_until_stdin_closes(collection_path):
    """Everything on stdout is the protocol; the process ends when stdin does."""
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }  # fmt: skip
    calls = [
        hello,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
         "params": {"name": "get", "arguments": {"reference": "leave.txt"}}},
    ]  # fmt: skip
    with ended(started("ragkit", "-c", collection_path, "mcp")) as process:
        for message in calls:
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert {line["id"] for line in lines} == {1, 2}
    (answer,) = [line["result"] for line in lines if line["id"] == 2]
    assert answer["structuredContent"]["text"] == "Parents may stay at home for half a year.\n"


def test_requests_that_were_read_are_answered_after_stdin_closes(collection_path):
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize",
         "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"}}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *({"jsonrpc": "2.0", "id": number, "method": "tools/call",
           "params": {"name": "get", "arguments": {"reference": "leave.txt"}}}
          for number in range(2, 8)),
    ]  # fmt: skip
    with ended(started("ragkit", "-c", collection_path, "mcp")) as process:
        output, errors = process.communicate(
            "".join(json.dumps(message) + "\n" for message in calls), timeout=60
        )
    assert (process.returncode, errors) == (0, "")
    assert {json.loads(line)["id"] for line in output.splitlines()} == set(range(1, 8))


def test_output_of_a_library_does_not_reach_the_protocol(collection_path):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    with ended(started("tests.serving.served", collection_path, "stdio")) as process:
        handshake = {"protocolVersion": "2025-06-18", "capabilities": {}}
        handshake["clientInfo"] = {"name": "test", "version": "1"}
        hello |= {"method": "initialize", "params": handshake}
        search = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
        search["params"] = {"name": "search", "arguments": {"query": "cats"}}
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for message in (hello, ready, search):
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        assert [json.loads(process.stdout.readline())["id"] for _ in range(2)] == [1, 2]
        process.stdin.close()
        assert process.wait(60) == 0
        assert "encoding ['cats']" in process.stderr.read()


def test_http_serves_the_sdks_client(serve):
    assert asyncio.run(searched(f"http://127.0.0.1:{serve()}/mcp")) == ("sub/cats.txt#L1", 3)


def test_http_with_a_token_requires_it(serve):
    port = serve(TOKEN)

    async def with_token():
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            url = f"http://127.0.0.1:{port}/mcp"
            return await searched(streamable_http_client(url, http_client=client))

    assert asyncio.run(with_token()) == ("sub/cats.txt#L1", 3)
    assert answer(port, {})[0] == 401
    assert answer(port, {"Authorization": f"Bearer {TOKEN}x"})[0] == 401
    assert answer(port, {"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_http_refuses_forged_requests_before_anything_else(serve):
    port = serve()
    assert answer(port, {})[0] == 200
    assert answer(port, {"Host": "kb.example"})[0] == 200
    assert answer(port, {"Origin": f"http://localhost:{port}"})[0] == 200
    assert answer(port, {"Host": "evil.example"})[0] == 421
    assert answer(port, {"Host": f"evil.example:{port}"}, path="/nothing")[0] == 421
    assert answer(port, {"Origin": "http://evil.example"})[0] == 403
    assert answer(port, {"Origin": "null"})[0] == 403


def test_http_answers_nonsense_without_breaking(serve):
    port = serve()
    large = {**PING, "params": {"name": "x" * 1_100_000}}
    statuses = [
        answer(port, {}, body=body)[0]
        for body in (b"", b"{", b"[]", b"\xff\xfe", {"jsonrpc": "2.0"}, [PING] * 3, large)
    ]
    assert all(400 <= status < 500 for status in statuses), statuses
    assert statuses[-1] == 413
    assert answer(port, {}, path="/../../etc/passwd")[0] == 404
    assert answer(port, {})[0] == 200


def test_the_command_serves_http_until_it_is_interrupted(collection_path):
    with ended(started("ragkit", "-c", collection_path, "mcp", "--http", "--port", "0")) as process:
        line = process.stderr.readline()
        assert line.startswith(f"ragkit: serving {collection_path} at http://127.0.0.1:")
        port = int(line.rsplit(":", 1)[1].split("/")[0])
        assert answer(port, {})[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
        assert process.stdout.read() == ""


def test_an_unfinished_body_times_out_and_a_disconnect_logs_one_line(
    collection, folder, listen, monkeypatch, caplog, body_begun
):
    collection.index(folder)
    monkeypatch.setattr(json_http, "BODY_SECONDS", 0.1)
    host, _, port = (
        listen(create_mcp_app(collection, "127.0.0.1")).removeprefix("http://").partition(":")
    )
    head = f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += "Accept: application/json, text/event-stream\r\nContent-Length: 99\r\n\r\n{"
    with socket.create_connection((host, int(port)), timeout=60) as caller:
        caller.sendall(head.encode())
        reply = b"".join(iter(lambda: caller.recv(4096), b""))
    assert reply.startswith(b"HTTP/1.1 408")
    monkeypatch.setattr(json_http, "BODY_SECONDS", 30.0)
    with socket.create_connection((host, int(port)), timeout=60) as caller:
        body_begun.clear()
        caller.sendall(head.encode())
        assert body_begun.wait(60)  # the head has been read
    while not (lines := [record for record in caplog.records if record.levelno >= logging.WARNING]):
        time.sleep(0.01)
    assert [line.getMessage() for line in lines] == [
        "a caller hung up in the middle of a body: '/mcp'"
    ]
    assert answer(int(port), {})[0] == 200
