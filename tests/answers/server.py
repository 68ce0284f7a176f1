"""An OpenAI-compatible chat server on a free port of this machine that says what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Say = Callable[[list[dict[str, str]]], Sequence[str]]


class ChatServer(ThreadingHTTPServer):
    """`say` makes the pieces of an answer from the messages; `troubles` are answered first, one a
    request: (status, headers, JSON)."""

    daemon_threads = True

    def __init__(self, say: Say) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.say = say
        self.troubles: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.prompt_tokens: int | None = None
        self.finish_reason = "stop"
        self.breaks_after: int | None = None  # pieces
        self.error: dict[str, Any] | None = None  # sent in the stream
        self.hung_up = threading.Event()  # the client has closed the connection
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_GET(self) -> None:
        """Nothing here may ever be fetched; a test looks at what was."""
        self.server.asked.append({"GET": self.path})
        self.send_error(404)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(content)
        self.server.headers.append({"path": self.path, **self.headers})
        if self.server.troubles:
            status, headers, answer = self.server.troubles.pop(0)
            body = json.dumps(answer).encode()
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
            self.server.hung_up.set()

    def _stream(self, content: dict[str, Any]) -> None:
        for number, piece in enumerate(self.server.say(content["messages"])):
            if number == self.server.breaks_after:
                self.wfile.write(b"data: {")
                return
            self._event({"choices": [{"index": 0, "delta": {"content": piece}}]})
        if self.server.error is not None:
            self._event({"error": self.server.error})
            return
        self._event({"choices": [{"delta": {}, "finish_reason": self.server.finish_reason}]})
        if self.server.prompt_tokens is not None:
            counted = {"prompt_tokens": self.server.prompt_tokens, "completion_tokens": 7}
            self._event({"choices": [], "usage": counted})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, value: Any) -> None:
        self.wfile.write(b": comment\ndata: " + json.dumps(value).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the test's output is the test's."""


@contextmanager
def chat_serving(say: Say) -> Iterator[ChatServer]:
    """The server, answering until the end of the `with`."""
    server = ChatServer(say)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
