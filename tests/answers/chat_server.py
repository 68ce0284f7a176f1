"""A fake OpenAI-compatible chat server on a free port; a function of the test replies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Pieces of text, or the deltas of an answer that calls tools.
Reply = Callable[[list[dict[str, Any]]], Sequence[str | dict[str, Any]]]


class ChatServer(ThreadingHTTPServer):
    """`reply` returns the pieces of an answer to the messages of a request.

    `failures` are sent before any answer, one per request: (status, headers, JSON).
    """

    daemon_threads = True

    def __init__(self, reply: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.failures: list[tuple[int, dict[str, str], Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.prompt_tokens: int | None = None
        self.finish_reason: str | None = "stop"  # None: the stream ends without it and [DONE]
        self.stop_after: int | None = None  # pieces; then the connection breaks
        self.error: dict[str, Any] | None = None  # sent as an event after the pieces
        self.disconnected = threading.Event()  # the client has closed the connection
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_GET(self) -> None:
        """Record the request: nothing may be fetched from this server."""
        self.server.requests.append({"GET": self.path})
        self.send_error(404)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(content)
        self.server.headers.append({"path": self.path, **self.headers})
        if self.server.failures:
            status, headers, failure = self.server.failures.pop(0)
            body = json.dumps(failure).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self._stream(content)
        except OSError:
            self.server.disconnected.set()

    def _stream(self, content: dict[str, Any]) -> None:
        for number, piece in enumerate(self.server.reply(content["messages"])):
            if number == self.server.stop_after:
                self.wfile.write(b"data: {")
                return
            delta = piece if isinstance(piece, dict) else {"content": piece}
            self._event({"choices": [{"index": 0, "delta": delta}]})
        if self.server.error is not None:
            self._event({"error": self.server.error})
            return
        if self.server.finish_reason is None:
            return
        self._event({"choices": [{"delta": {}, "finish_reason": self.server.finish_reason}]})
        if self.server.prompt_tokens is not None:
            usage = {"prompt_tokens": self.server.prompt_tokens, "completion_tokens": 7}
            self._event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: Any) -> None:
        self.wfile.write(b": comment\ndata: " + json.dumps(value).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@contextmanager
def run_chat_server(reply: Reply) -> Iterator[ChatServer]:
    """Run the server until the end of the `with` block."""
    server = ChatServer(reply)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
