"""The SDK's client, connected to a server in the same process."""

import asyncio
import socket

TRAVERSALS = (
    "/etc/passwd", "../../../../etc/passwd", "sub/../../../etc/passwd", "~/.ssh/id_rsa",
    "..\\..\\x", "file:///etc/passwd", "ragkit://HOST/../../etc/passwd",
    "ragkit://HOST/%2e%2e/%2e%2e/etc/passwd", "ragkit://HOST//etc/passwd", "leave.txt/../keys.md",
)  # fmt: skip


def run(collection, work):
    """What `work` gives for a client of the collection's server; errors as they are."""
    import mcp  # here, so that every test process need not load it

    from ragkit.serving.mcp.server import create_server

    async def connected():
        async with mcp.Client(create_server(collection)) as client:
            try:
                return await work(client), None
            except mcp.MCPError as error:  # the client would wrap it in a group
                return None, error

    response, error = asyncio.run(connected())
    if error is not None:
        raise error
    return response


def call(collection, tool, **arguments):
    """The result of one tool call."""
    return run(collection, lambda client: client.call_tool(tool, arguments))


def connected(address):
    """A socket connected to a server, `http://127.0.0.1:PORT`."""
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=60)
