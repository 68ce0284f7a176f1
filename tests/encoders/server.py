"""An OpenAI-compatible server on a free port of this machine, with an encoder behind it."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

Answer = tuple[int, dict[str, str], Any]


class Server(ThreadingHTTPServer):
    """`encode` computes the vectors. `troubles` are answered first, one per request."""

    def __init__(self, encode: Callable[[list[str]], np.ndarray]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.encode = encode
        self.troubles: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.knows_base64 = True
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, content: dict[str, Any]) -> Answer:
        if self.troubles:
            return self.troubles.pop(0)
        packed = content.get("encoding_format") == "base64"
        if packed and not self.knows_base64:
            return 400, {}, {"error": {"message": "unknown encoding_format"}}
        vectors = self.encode(content["input"]).astype("<f4")
        data = [
            {"index": i, "embedding": b64encode(row).decode() if packed else row.tolist()}
            for i, row in enumerate(vectors)
        ]
        return 200, {}, {"object": "list", "data": data[::-1]}  # only `index` says which is which


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    server: Server

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(content)
        self.server.headers.append({"path": self.path, **self.headers})
        status, headers, answer = self.server.answer(content)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Do not log."""


@contextmanager
def serving(encode: Callable[[list[str]], np.ndarray]) -> Iterator[Server]:
    """Yield a server that answers until the end of the `with`."""
    server = Server(encode)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
