"""pydantic-ai: agents on the server, and on ragkit's MCP tools."""

from checking import ANSWER, MCP_URL, MODEL_URL, QUESTION, URL, check, run
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Leave(BaseModel):
    duration: str
    weeks: int


EXPECTED = Leave(duration="26 weeks", weeks=26)


def provider(url):
    return OpenAIProvider(openai_client=AsyncOpenAI(base_url=url, api_key="none", max_retries=0))


def chat(url=URL):
    return OpenAIChatModel("default", provider=provider(url))


def responses(url=URL):
    return OpenAIResponsesModel("default", provider=provider(url))


@check
async def chat_completions():
    assert ANSWER in (await Agent(chat()).run(QUESTION)).output


@check
async def chat_completions_streamed():
    async with Agent(chat()).run_stream(QUESTION) as result:
        assert ANSWER in await result.get_output()


@check
async def chat_with_history():
    agent = Agent(chat())
    first = await agent.run(QUESTION)
    assert (await agent.run(QUESTION, message_history=first.all_messages())).output


@check
async def responses_text():
    assert ANSWER in (await Agent(responses()).run(QUESTION)).output


@check
async def responses_with_history():
    agent = Agent(responses())
    first = await agent.run(QUESTION)
    assert (await agent.run(QUESTION, message_history=first.all_messages())).output


@check
async def usage():
    assert (await Agent(chat()).run(QUESTION)).usage.output_tokens > 0


@check
async def tools_of_the_agent():
    agent = Agent(chat(MODEL_URL))

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        return "sunny"

    assert ANSWER in (await agent.run(QUESTION)).output


@check
async def structured_output_by_a_tool():
    assert (await Agent(chat(MODEL_URL), output_type=Leave).run(QUESTION)).output == EXPECTED


@check
async def structured_output_by_schema():
    agent = Agent(chat(MODEL_URL), output_type=NativeOutput(Leave))
    assert (await agent.run(QUESTION)).output == EXPECTED


@check
async def structured_output_by_prompt():
    agent = Agent(chat(MODEL_URL), output_type=PromptedOutput(Leave))
    assert (await agent.run(QUESTION)).output == EXPECTED


@check
async def structured_output_through_responses():
    agent = Agent(responses(MODEL_URL), output_type=NativeOutput(Leave))
    assert (await agent.run(QUESTION)).output == EXPECTED


@check
async def mcp_tools():
    from pydantic_ai.mcp import MCPToolset

    toolset = MCPToolset(MCP_URL)
    async with toolset:
        names = {tool.name for tool in await toolset.list_tools()}
    assert "search" in names


run()
