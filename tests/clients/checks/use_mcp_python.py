"""The MCP client of the official SDK for Python, over HTTP and over stdio."""

import json

import mcp
from checking import ANSWER, MCP_COMMAND, MCP_URL, QUESTION, check, run
from mcp.client.stdio import StdioServerParameters, stdio_client


def over_http():
    return mcp.Client(MCP_URL)


def over_stdio():
    program, *arguments = MCP_COMMAND
    return mcp.Client(stdio_client(StdioServerParameters(command=program, args=arguments)))


async def search(client, **arguments):
    result = await client.call_tool("search", {"query": QUESTION, **arguments})
    assert not result.is_error, result.content
    return result.structured_content["results"]


@check
async def tools_over_http():
    async with over_http() as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert {"search", "fetch", "get", "status"} <= names


@check
async def search_over_http():
    async with over_http() as client:
        assert ANSWER in (await search(client))[0]["text"]


@check
async def k_as_a_float():
    async with over_http() as client:
        assert len(await search(client, k=3.0)) == 3


@check
async def fetch_what_was_found():
    async with over_http() as client:
        (first, *_) = await search(client, k=1)
        fetched = await client.call_tool("fetch", {"id": first["id"]})
        assert ANSWER in fetched.structured_content["text"]


@check
async def get_a_citation():
    async with over_http() as client:
        (first, *_) = await search(client, k=1)
        result = await client.call_tool("get", {"reference": first["citation"]})
        assert ANSWER in result.structured_content["text"]


@check
async def text_and_structured_content_are_the_same():
    async with over_http() as client:
        result = await client.call_tool("search", {"query": QUESTION})
        assert json.loads(result.content[0].text) == result.structured_content


@check
async def wrong_arguments_are_explained():
    async with over_http() as client:
        result = await client.call_tool("search", {"query": QUESTION, "k": 0})
        assert result.is_error
        assert "expected 1 to" in result.content[0].text


@check
async def resources_are_listed_and_read():
    async with over_http() as client:
        resources = (await client.list_resources()).resources
        texts = [await client.read_resource(resource.uri) for resource in resources]
        assert any(ANSWER in text.contents[0].text for text in texts)


@check
async def an_unknown_resource_is_named():
    async with over_http() as client:
        try:
            await client.read_resource("ragkit://none/x.md")
        except mcp.MCPError as error:
            assert error.error.data == {"uri": "ragkit://none/x.md"}
        else:
            raise AssertionError("it was read")


@check
async def resource_templates():
    async with over_http() as client:
        assert (await client.list_resource_templates()).resource_templates


@check
async def search_over_stdio():
    async with over_stdio() as client:
        assert ANSWER in (await search(client, k=2.0))[0]["text"]


@check
async def requests_before_stdin_closes_are_answered():
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *MCP_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    version = "2025-06-18"
    information = {"protocolVersion": version, "capabilities": {},
                   "clientInfo": {"name": "x", "version": "1"}}  # fmt: skip
    call = {"name": "search", "arguments": {"query": QUESTION}}
    messages = [
        {"id": 1, "method": "initialize", "params": information},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": call},
    ]
    text = "".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
    output, _ = await process.communicate(text.encode())
    assert {json.loads(line).get("id") for line in output.splitlines()} >= {1, 2, 3}


run()
