"""The stand-in for a language model obeys schemas."""

import pytest

from tests.clients.stand_in_model import make_instance, reply

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in "ab"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": {"type": ["string", "null"]}}, ["26 weeks"]),
        ({"anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}], "$defs": {"x": {"enum": [7]}}}, 7),
        (SCHEMA, {"n": 26}),
    ],
)
def test_a_value_fits_its_schema(schema, value):
    assert make_instance(schema, schema) == value


def test_a_tool_is_called_once():
    asked = [{"role": "user", "content": "x"}]
    assert reply({"messages": asked})["content"].endswith("[1].")
    choice = {"type": "function", "function": {"name": "b"}}
    called = reply({"messages": asked, "tools": TOOLS, "tool_choice": choice})
    assert called["tool_calls"][0]["function"] == {"name": "b", "arguments": '{"n": 26}'}
    done = reply({"messages": [*asked, {"role": "tool", "content": "y"}], "tools": TOOLS})
    assert "tool_calls" not in done
    text = 'Answer as {"properties": {"n": {"type": "integer"}}}'
    json_mode = {"messages": [{"role": "system", "content": text}],
                 "response_format": {"type": "json_object"}}  # fmt: skip
    assert reply(json_mode)["content"] == '{"n": 26}'
