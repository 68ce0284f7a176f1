"""Tools and formats of the caller, with a model's server that is faked."""

import pytest

from ragkit.answers.llm import ServerModel
from ragkit.answers.model_output import OutputRequest, stream_output
from ragkit.answers.prompt import RULES
from ragkit.errors import ModelError, UsageError
from ragkit.records.answers import Answer, Piece, Retrieved, ToolCallPiece, Turn
from tests.answers.chat_server import run_chat_server

QUESTION = "who may stay at home?"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALL = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look_up",
                                                             "arguments": "{}"}}]}  # fmt: skip
FORMAT = {"type": "json_schema", "json_schema": {"name": "who", "schema": {"type": "object"}}}


@pytest.fixture
def answer(collection, folder):
    """A function: the events of an answer, and the request that the model's server got."""
    collection.index(folder)

    def answer(reply, request, history=(), context_tokens=4096):
        with run_chat_server(reply) as server:
            llm = ServerModel(server.url, "small", None, context_tokens)
            sources = collection.answer_sources(collection.answer_options({}))
            events = list(stream_output(QUESTION, history, llm, sources, request))
            return events, server.requests

    return answer


def test_json_is_unchanged_and_has_no_citations(answer):
    text = '{"who": "parents", "link": "https://example.org", "n": "[1]"}'
    request = OutputRequest(response_format=FORMAT, instructions="Answer in German.")
    events, (sent,) = answer(lambda messages: [text[:9], text[9:]], request)
    assert isinstance(events[0], Retrieved)
    assert "".join(event.text for event in events if isinstance(event, Piece)) == text
    assert isinstance(events[-1], Answer)
    assert (events[-1].text, events[-1].citations, events[-1].model) == (text, (), "small")
    assert sent["response_format"] == FORMAT
    assert "tools" not in sent
    system, *_, user = sent["messages"]
    assert system["content"].endswith("Answer in German.")
    assert "Parents may stay at home for half a year." in user["content"]


def test_calls_of_tools_pass_through_and_the_conversation_goes_on(answer):
    request = OutputRequest(tools=(TOOL,), tool_choice="auto", parallel_tool_calls=False)
    events, (sent,) = answer(lambda messages: [CALL], request)
    assert ToolCallPiece(0, "c1", "look_up", "{}") in events
    assert events[-1].text == ""
    assert (sent["tools"], sent["tool_choice"], sent["parallel_tool_calls"]) == (
        [TOOL], "auto", False)  # fmt: skip
    assert sent["messages"][0]["content"].startswith(RULES)
    result = {"role": "tool", "tool_call_id": "c1", "content": "half a year"}
    called = {"role": "assistant", "content": "", **CALL}
    events, (sent,) = answer(
        lambda messages: ["Parents may stay at home for half a year [1] <b>."],
        OutputRequest(tools=(TOOL,), messages=(called, result)),
    )
    assert sent["messages"][-2:] == [called, result]
    assert "< b>" in events[-1].text  # text is sanitized, as in every answer
    assert [citation.citation for citation in events[-1].citations] == ["leave.txt#L1"]


def test_a_follow_up_is_rewritten_before_the_search(answer):
    replies = iter([["who may stay at home?"], [CALL]])
    events, sent = answer(
        lambda messages: next(replies), OutputRequest(tools=(TOOL,)), [Turn("who?", "parents")]
    )
    assert len(sent) == 2
    assert events[0].question == QUESTION


def test_what_cannot_be_done_is_said(answer):
    with pytest.raises(UsageError, match="expected less than half of the 400 of llm_context_token"):
        answer(lambda messages: [], OutputRequest(instructions="word " * 900), context_tokens=400)
    with pytest.raises(ModelError, match="neither text nor a call"):
        answer(lambda messages: [], OutputRequest(tools=(TOOL,)))
