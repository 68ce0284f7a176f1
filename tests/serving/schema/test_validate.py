"""The part of JSON Schema that requests are checked by, beside the reference implementation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.serving.schema.own import SCHEMAS
from ragkit.serving.schema.parts import ref
from ragkit.serving.schema.validate import InvalidValueError, parse_parameter, validate

jsonschema = pytest.importorskip("jsonschema", reason="the reference is not installed")

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.floats(-2, 2) | st.text(max_size=3)
    | st.sampled_from(["dense", "user", "text", "base64", "file_search"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["query", "k", "mode", "where", "input", "model", "messages", "role",
                         "content", "type", "text", "tools", "history", "question", "answer"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
REQUESTS = [name for name in SCHEMAS if name.endswith(("Request", "Search"))]


def allows(value, schema):
    try:
        validate(value, schema)
    except InvalidValueError:
        return False
    return True


def is_python_float_of_a_whole_number(value):
    """JSON Schema takes 3.0 for an integer; a request must not."""
    if isinstance(value, dict):
        return any(map(is_python_float_of_a_whole_number, value.values()))
    if isinstance(value, list):
        return any(map(is_python_float_of_a_whole_number, value))
    return isinstance(value, float) and value.is_integer()


@pytest.mark.parametrize("name", REQUESTS)
@settings(max_examples=150)
@given(value=VALUES)
def test_validation_agrees_with_the_reference_implementation(name, value):
    document = {**ref(name), "components": {"schemas": SCHEMAS}}
    expected = jsonschema.Draft202012Validator(document).is_valid(value)
    assert allows(value, ref(name)) == expected or is_python_float_of_a_whole_number(value)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [("7", {"type": "integer"}, 7), ("-7", {"type": "integer"}, -7), ("7", {"type": "string"}, "7"),
     ("0.5", {"type": "number"}, 0.5), ("true", {"type": "boolean"}, True)],
)  # fmt: skip
def test_parameters_are_parsed_by_their_schema(text, schema, value):
    assert parse_parameter(text, schema, "x") == value


@pytest.mark.parametrize("text", ["", "x", "1e3", "٣", "1" * 30, "0x10", " 1", "nan", "inf"])
def test_malformed_numbers_in_query_strings_are_refused(text):
    for kind in ("integer", "number"):
        with pytest.raises(InvalidValueError, match="x is"):
            parse_parameter(text, {"type": kind}, "x")
