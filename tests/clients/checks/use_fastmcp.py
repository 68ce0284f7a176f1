"""fastmcp's client, over HTTP and over stdio."""

import fastmcp
from checking import ANSWER, MCP_COMMAND, MCP_URL, QUESTION, check, run
from fastmcp.client.transports import StdioTransport


@check
async def tools_are_listed():
    async with fastmcp.Client(MCP_URL) as client:
        assert {"search", "fetch"} <= {tool.name for tool in await client.list_tools()}


@check
async def search():
    async with fastmcp.Client(MCP_URL) as client:
        result = await client.call_tool("search", {"query": QUESTION, "k": 3})
        assert ANSWER in str(result.data or result.structured_content)


@check
async def errors_are_raised():
    async with fastmcp.Client(MCP_URL) as client:
        try:
            await client.call_tool("search", {"query": QUESTION, "k": 0})
        except fastmcp.exceptions.ToolError as error:
            assert "expected 1 to" in str(error)
        else:
            raise AssertionError("no error")


@check
async def resources_are_read():
    async with fastmcp.Client(MCP_URL) as client:
        resources = await client.list_resources()
        texts = [(await client.read_resource(item.uri))[0].text for item in resources]
        assert any(ANSWER in text for text in texts)


@check
async def search_over_stdio():
    program, *arguments = MCP_COMMAND
    async with fastmcp.Client(StdioTransport(program, arguments)) as client:
        result = await client.call_tool("search", {"query": QUESTION})
        assert ANSWER in str(result.structured_content)


run()
