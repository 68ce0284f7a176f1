"""LangChain's MCP adapters, which need mcp 1: an environment without ragkit (and its mcp 2)."""

from checking import ANSWER, MCP_COMMAND, MCP_URL, QUESTION, check, run
from langchain_mcp_adapters.client import MultiServerMCPClient


async def tools(connection):
    client = MultiServerMCPClient({"handbook": connection})
    return {tool.name: tool for tool in await client.get_tools()}


@check
async def search_over_http():
    found = await tools({"transport": "streamable_http", "url": MCP_URL})
    assert ANSWER in str(await found["search"].ainvoke({"query": QUESTION}))


@check
async def search_over_stdio():
    program, *arguments = MCP_COMMAND
    found = await tools({"transport": "stdio", "command": program, "args": arguments})
    assert ANSWER in str(await found["search"].ainvoke({"query": QUESTION}))


run()
