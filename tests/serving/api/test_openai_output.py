"""Tools and formats, by OpenAI's own client, with and without a language model."""

from dataclasses import replace

import pytest

openai = pytest.importorskip("openai", reason="the client is not installed")

from ragkit.records.answers import ToolCallPiece  # noqa: E402
from ragkit.serving.api.openai_output import ToolCalls  # noqa: E402
from tests.answers.chat_server import run_chat_server  # noqa: E402

QUESTION = "who may stay at home?"
MESSAGES = [{"role": "user", "content": QUESTION}]
FUNCTION = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION}
OTHER = {"type": "function", "function": {"name": "other"}}
SCHEMA = {"type": "object", "properties": {"who": {"type": "string"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "who", "schema": SCHEMA}}
DELTAS = [
    {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look_up", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]},
]


@pytest.fixture
def model(library):
    """The language model of the collection; its `reply` is the test's."""
    with run_chat_server(lambda messages: DELTAS) as server:
        server.prompt_tokens = 400
        collection = library["default"].collection
        collection.settings = replace(
            collection.settings, llm_base_url=server.url, llm_model="small"
        )
        yield server


def test_calls_of_tools_reach_the_client(model, openai_client):
    asked = {"model": "default", "messages": MESSAGES, "tools": [TOOL, {"type": "web_search"}]}
    completion = openai_client.chat.completions.create(**asked, tool_choice="required")
    choice = completion.choices[0]
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "look_up", '{"a": 1}')
    assert completion.usage.prompt_tokens == 400
    assert (model.requests[0]["tools"], model.requests[0]["tool_choice"]) == ([TOOL], "required")
    with openai_client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.message.tool_calls[0].function.arguments == '{"a": 1}'
    assert streamed.finish_reason == "tool_calls"


def test_calls_of_functions_reach_the_client_of_responses(model, openai_client):
    tools = [{"type": "function", "strict": None, **FUNCTION}]
    asked = {"model": "default", "input": QUESTION, "tools": tools}
    response = openai_client.responses.create(**asked)
    (call,) = response.output
    assert (call.type, call.call_id) == ("function_call", "c1")
    with openai_client.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output[0].arguments == '{"a": 1}'
    assert "response.function_call_arguments.done" in kinds
    assert "response.output_text.delta" not in kinds
    model.reply = lambda messages: ["Parents may stay at home for half a year [1]."]
    result = {"type": "function_call_output", "call_id": "c1", "output": "half a year"}
    conversation = [*MESSAGES, *(item.model_dump() for item in response.output), result]
    final = openai_client.responses.create(model="default", input=conversation, tools=tools)
    assert final.output_text.startswith("Parents")
    assert [message["role"] for message in model.requests[-1]["messages"]] == [
        "system", "user", "assistant", "tool"]  # fmt: skip


def test_structured_output_is_json_and_nothing_else(model, openai_client):
    model.reply = lambda messages: ['{"who": ', '"parents"}']
    completion = openai_client.chat.completions.create(
        model="default", messages=MESSAGES, response_format=FORMAT
    )
    assert completion.choices[0].message.content == '{"who": "parents"}'
    response = openai_client.responses.create(
        model="default", input=QUESTION, instructions="In English.",
        text={"format": {"type": "json_schema", "name": "who", "schema": SCHEMA}},
    )  # fmt: skip
    assert response.output_text == '{"who": "parents"}'
    assert model.requests[1]["response_format"] == FORMAT
    assert "In English." in model.requests[1]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("none", None),
        ({"type": "function", "function": {"name": "look_up"}}, [TOOL, OTHER]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [OTHER]}}, [OTHER]),
        ({"type": "file_search"}, [TOOL, OTHER]),
    ],
)
def test_a_choice_of_tools_is_honoured(model, openai_client, choice, sent):
    model.reply = lambda messages: ["Parents [1]."]
    openai_client.chat.completions.create(
        model="default", messages=MESSAGES, tools=[TOOL, OTHER], tool_choice=choice
    )
    assert model.requests[0].get("tools") == sent


def test_a_refusal_of_the_models_server_is_passed_on(model, openai_client):
    model.failures = [(400, {}, {"error": {"message": "small does not support tools"}})]
    with pytest.raises(openai.BadRequestError, match="small does not support tools"):
        openai_client.chat.completions.create(model="default", messages=MESSAGES, tools=[TOOL])


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"response_format": FORMAT}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": TOOL}, "tool_choice"),
    ],
)
def test_without_a_language_model_both_are_refused_with_the_reason(openai_client, asked, param):
    with pytest.raises(openai.BadRequestError, match="needs a language model") as caught:
        openai_client.chat.completions.create(model="default", messages=MESSAGES, **asked)
    assert caught.value.param == param


def test_without_a_language_model_tools_that_need_not_be_called_are_ignored(openai_client):
    completion = openai_client.chat.completions.create(
        model="default", messages=MESSAGES, tools=[TOOL], response_format={"type": "text"}
    )
    assert completion.choices[0].message.content.startswith("Parents may stay")


@pytest.mark.parametrize(
    ("tools", "choice", "message"),
    [
        ([{"type": "function"}], "auto", "no function.name"),
        ([TOOL], OTHER, "names 'other', which is not among the tools"),
    ],
)
def test_malformed_tools_are_refused(openai_client, tools, choice, message):
    with pytest.raises(openai.BadRequestError, match=message):
        openai_client.chat.completions.create(
            model="default", messages=MESSAGES, tools=tools, tool_choice=choice
        )


def test_a_call_without_an_id_gets_one():
    calls = ToolCalls()
    call, is_first = calls.add(ToolCallPiece(0, None, "f", ""))
    assert is_first
    assert call["id"].startswith("call_")
    assert calls.chat_fields()[0]["function"] == {"name": "f", "arguments": "{}"}
