"""A stand-in for a language model: an OpenAI-compatible server that obeys schemas.

It calls the tool that a request offers, returns JSON that fits the schema of a request, and else
says one cited sentence. So what reaches it, and what comes back, can be checked without a model.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SENTENCE = "Parents may be absent for up to 26 weeks [1]."
USAGE = {"prompt_tokens": 321, "completion_tokens": 9, "total_tokens": 330}


def make_instance(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Return a JSON value that fits a schema; `root` has the definitions."""
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return make_instance(target, root)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return make_instance(choices[0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: make_instance(part, root) for name, part in properties.items()}
    if kind == "array":
        return [make_instance(schema.get("items", {"type": "string"}), root)]
    return {"string": "26 weeks", "integer": 26, "number": 26.5, "boolean": True}.get(kind)


def reply(request: dict[str, Any]) -> dict[str, Any]:
    """Return the message of the assistant."""
    output = request.get("response_format") or {}
    if output.get("type") == "json_schema":
        schema = output["json_schema"]["schema"]
        return {"content": json.dumps(make_instance(schema, schema))}
    if output.get("type") == "json_object":
        schema = _schema_in_text(request["messages"])
        return {"content": json.dumps(make_instance(schema, schema))}
    has_result = request["messages"][-1]["role"] == "tool"
    if request.get("tools") and not has_result:
        choice = request.get("tool_choice")
        name = choice["function"]["name"] if isinstance(choice, dict) else None
        functions = [tool["function"] for tool in request["tools"]]
        function = next((f for f in functions if f["name"] == name), functions[0])
        schema = function.get("parameters") or {}
        arguments = json.dumps(make_instance(schema, schema))
        call = {"id": "call_1", "type": "function",
                "function": {"name": function["name"], "arguments": arguments}}  # fmt: skip
        return {"content": None, "tool_calls": [call]}
    return {"content": SENTENCE}


def _schema_in_text(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The first JSON object with properties in the text of the messages."""
    text = "\n".join(message["content"] or "" for message in messages)
    decoder = json.JSONDecoder()
    for start, letter in enumerate(text):
        if letter == "{":
            try:
                value, _ = decoder.raw_decode(text, start)
            except ValueError:
                continue
            if isinstance(value, dict) and "properties" in value:
                return value
    return {"type": "object"}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = reply(request)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        if not request.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **message},
                      "finish_reason": finish}  # fmt: skip
            self._send("application/json", json.dumps({"choices": [choice], "usage": USAGE}))
            return
        calls = message.get("tool_calls") or []
        deltas: list[dict[str, Any]] = [{"content": message["content"]}] if not calls else []
        for index, call in enumerate(calls):
            function = call["function"]
            half = len(function["arguments"]) // 2
            first = {**call, "index": index, "function": {**function, "arguments": ""}}
            deltas.append({"tool_calls": [first]})
            for part in (function["arguments"][:half], function["arguments"][half:]):
                deltas.append({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        events.append({"choices": [], "usage": USAGE})
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self._send("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))

    def _send(self, media_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@contextmanager
def run_stand_in() -> Iterator[str]:
    """Run the server until the end of the `with` block; yield its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
