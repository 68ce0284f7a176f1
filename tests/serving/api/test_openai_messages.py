"""The question and the turns in messages; test_openai_chat.py sends them with the real client."""

import pytest

from ragkit.serving.api import openai_messages
from ragkit.serving.transport.json_http import ApiError

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_the_question_comes_before_calls_of_tools_and_their_results():
    messages = [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "I look it up.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Ann"},
    ]
    assert openai_messages.parse_messages(messages) == ("Who?", [])
    assert openai_messages.question_position(messages) == 0
    with pytest.raises(ApiError, match="not a question of the user"):
        openai_messages.parse_messages([*messages, {"role": "assistant", "content": "Ann."}])


def test_calls_of_functions_in_the_input_of_a_response_become_messages():
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    messages = openai_messages.input_messages(
        [
            {"role": "user", "content": "Who?"},
            {"type": "reasoning", "summary": []},
            {**call, "call_id": "c1"},
            {**call, "call_id": "c2"},
            {"type": "function_call_output", "call_id": "c1", "output": "Ann"},
            {"type": "function_call_output", "call_id": "c2",
             "output": [{"type": "input_text", "text": "Bob"}]},
        ]
    )  # fmt: skip
    assert messages == [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "Ann"},
        {"role": "tool", "tool_call_id": "c2", "content": "Bob"},
    ]
