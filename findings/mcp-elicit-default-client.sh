#!/usr/bin/env bash
# mcp 2.3.0 (Python SDK): a tool that asks the user works with old clients and fails with the SDK's own.
# Expected: Context.elicit(), which the SDK documents for tools, works between a server and a client of
# the same release with default settings and a callback for questions.
# Seen: the two agree on protocol 2026-07-28, in which a server sends no requests; elicit() raises inside
# the tool. The same server answers a client that is told to speak the older protocol.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check mcp==2.3.0 anyio==4.16.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import logging
from importlib.metadata import version

import anyio
import mcp
from mcp import types
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

logging.disable(logging.CRITICAL)


class Confirmation(BaseModel):
    sure: bool


server = MCPServer("example")


@server.tool()
async def ask(ctx: Context) -> str:
    try:
        answer = await ctx.elicit("Sure?", Confirmation)
    except Exception as error:
        return type(error).__name__
    return answer.action


async def accept(context, parameters):
    return types.ElicitResult(action="accept", content={"sure": True})


async def main():
    print("mcp", version("mcp"))
    seen = {}
    for mode in ("auto", "legacy"):  # auto is the default
        async with mcp.Client(server, elicitation_callback=accept, mode=mode) as client:
            result = await client.call_tool("ask", {})
            seen[mode] = result.content[0].text
            print(f"client with mode={mode!r}: {seen[mode]}")
    expected = {"auto": "NoBackChannelError", "legacy": "accept"}
    if seen != expected:
        raise SystemExit(f"CHANGED: {seen}, was {expected}")
    print("As described: the question reaches the older protocol only.")


anyio.run(main)
PYTHON
