"""openai-agents on chat completions, on responses, and on the MCP tools."""

from agents import (
    Agent,
    FileSearchTool,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from agents.mcp import MCPServerStdio, MCPServerStreamableHttp
from checking import ANSWER, MCP_COMMAND, MCP_URL, MODEL_URL, QUESTION, URL, check, run
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(True)


class Leave(BaseModel):
    duration: str
    weeks: int


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


def client(url=URL):
    return AsyncOpenAI(base_url=url, api_key="none", max_retries=0)


def completions(url=URL):
    return OpenAIChatCompletionsModel(model="default", openai_client=client(url))


def responses(url=URL):
    return OpenAIResponsesModel(model="default", openai_client=client(url))


@check
async def chat_completions():
    result = await Runner.run(Agent("a", model=completions()), QUESTION)
    assert ANSWER in result.final_output


@check
async def responses_with_file_search():
    search = FileSearchTool(vector_store_ids=["default"], include_search_results=True)
    result = await Runner.run(Agent("a", model=responses(), tools=[search]), QUESTION)
    assert ANSWER in result.final_output


@check
async def responses_streamed():
    result = Runner.run_streamed(Agent("a", model=responses()), QUESTION)
    async for _ in result.stream_events():
        pass
    assert ANSWER in result.final_output


@check
async def a_second_turn_with_the_items_of_the_first():
    agent = Agent("a", model=responses())
    first = await Runner.run(agent, QUESTION)
    again = [*first.to_input_list(), {"role": "user", "content": QUESTION}]
    assert ANSWER in (await Runner.run(agent, again)).final_output


@check
async def a_tool_of_the_agent_through_chat_completions():
    agent = Agent("a", model=completions(MODEL_URL), tools=[weather])
    assert ANSWER in (await Runner.run(agent, QUESTION)).final_output


@check
async def a_tool_of_the_agent_through_responses():
    agent = Agent("a", model=responses(MODEL_URL), tools=[weather])
    assert ANSWER in (await Runner.run(agent, QUESTION)).final_output


@check
async def structured_output():
    agent = Agent("a", model=completions(MODEL_URL), output_type=Leave)
    result = await Runner.run(agent, QUESTION)
    assert result.final_output == Leave(duration="26 weeks", weeks=26)


@check
async def structured_output_through_responses():
    agent = Agent("a", model=responses(MODEL_URL), output_type=Leave)
    result = await Runner.run(agent, QUESTION)
    assert result.final_output == Leave(duration="26 weeks", weeks=26)


@check
async def mcp_over_http():
    async with MCPServerStreamableHttp({"url": MCP_URL}) as server:
        assert "search" in {tool.name for tool in await server.list_tools()}
        assert ANSWER in str(await server.call_tool("search", {"query": QUESTION}))


@check
async def mcp_over_stdio():
    program, *arguments = MCP_COMMAND
    settings = {"command": program, "args": arguments}
    async with MCPServerStdio(settings, client_session_timeout_seconds=60) as server:
        assert ANSWER in str(await server.call_tool("search", {"query": QUESTION}))


@check
async def an_agent_calls_the_mcp_tools():
    async with MCPServerStreamableHttp({"url": MCP_URL}) as server:
        settings = ModelSettings(tool_choice="search")
        agent = Agent(
            "a", model=completions(MODEL_URL), mcp_servers=[server], model_settings=settings
        )
        result = await Runner.run(agent, QUESTION)
    assert ANSWER in result.final_output


run()
