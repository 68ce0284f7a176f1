#!/usr/bin/env bash
# httpx 0.28.1 under ollama 0.6.3 (the Python client): U+2028 inside a JSON string cuts the line.
# Expected: newline-delimited JSON ends at a line feed. RFC 8259 allows U+2028 and U+0085 unescaped in a
# string, and most JSON libraries write them so on request (ensure_ascii=False in Python).
# Seen: httpx's iter_lines ends a line wherever str.splitlines does, so a reader of JSON lines that is
# built on it gets half an object. A text from a PDF or a web page has U+2028 often enough.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check httpx==0.28.1 ollama==0.6.3
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import ollama

SEPARATORS = {"U+000A": "\n", "U+0085": "\x85", "U+2028": "\u2028", "U+2029": "\u2029"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = "first" + SEPARATORS[body["model"]] + "second"
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson; charset=utf-8")
        self.end_headers()
        for content, done in ((text, False), ("", True)):
            message = {"role": "assistant", "content": content}
            line = {"model": "m", "message": message, "done": done}
            self.wfile.write((json.dumps(line, ensure_ascii=False) + "\n").encode())

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = ollama.Client(f"http://127.0.0.1:{server.server_port}")
print("httpx", version("httpx"), "ollama", version("ollama"))
seen = {}
for name in SEPARATORS:
    try:
        parts = client.chat(name, [{"role": "user", "content": "?"}], stream=True)
        seen[name] = repr("".join(part.message.content for part in parts))
    except json.JSONDecodeError as error:
        seen[name] = f"JSONDecodeError: {error.msg}"
    print(f"{name} in the answer: {seen[name]}")
server.shutdown()

raised = "JSONDecodeError: Unterminated string starting at"
expected = {"U+000A": repr("first\nsecond"), "U+0085": raised, "U+2028": raised, "U+2029": raised}
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: only the line feed, which JSON escapes, arrives.")
PYTHON
