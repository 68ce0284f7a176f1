#!/usr/bin/env bash
# openai 3.57.0 (Python): a keep-alive comment raises once the server has sent an event id.
# Expected: a comment line of server-sent events is ignored wherever it stands, and a block without
# data is no event, as the HTML standard says.
# Seen: the client remembers the id of the last event, takes the next blank line for an event with
# empty data, and parses that as JSON. Without ids the same comment is ignored.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check openai==3.57.0 httpx==0.28.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import openai


def chunk(text):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps(
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


STREAMS = {
    "comment, no ids": f"data: {chunk('one')}\n\n: keep-alive\n\ndata: {chunk('two')}\n\n",
    "ids, no comment": f"id: 1\ndata: {chunk('one')}\n\nid: 2\ndata: {chunk('two')}\n\n",
    "ids and comment": f"id: 1\ndata: {chunk('one')}\n\n: keep-alive\n\nid: 2\ndata: {chunk('two')}\n\n",
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write((STREAMS[body["model"]] + "data: [DONE]\n\n").encode())

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/v1"
client = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
print("openai", version("openai"))
seen = {}
for name in STREAMS:
    texts = []
    try:
        stream = client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "?"}], stream=True
        )
        texts.extend(part.choices[0].delta.content for part in stream)
    except json.JSONDecodeError as error:
        texts.append(f"JSONDecodeError: {error}")
    seen[name] = texts
    print(f"{name}: {texts}")
server.shutdown()

expected = {
    "comment, no ids": ["one", "two"],
    "ids, no comment": ["one", "two"],
    "ids and comment": ["JSONDecodeError: Expecting value: line 1 column 1 (char 0)"],
}
seen["ids and comment"] = seen["ids and comment"][-1:]
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: a valid stream raises.")
PYTHON
