"""The schemas of OpenAI's requests, by examples from its API reference."""

import pytest

from ragkit.serving.schema.openai import OPENAI
from ragkit.serving.schema.validate import InvalidValueError, validate


@pytest.mark.parametrize(
    ("name", "request_body"),
    [
        ("ChatRequest", {"model": "gpt-5", "messages": [
            {"role": "developer", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello!"}], "temperature": 1, "stream": False}),
        ("EmbeddingsRequest", {"input": "The food was delicious and the waiter...",
                               "model": "text-embedding-ada-002", "encoding_format": "float"}),
        ("VectorStoreSearch", {"query": "What is the return policy?", "filters": None}),
        ("ResponsesRequest", {"model": "gpt-5", "input": "What is deep research by OpenAI?",
                              "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"],
                                         "max_num_results": 2}]}),
    ],
)  # fmt: skip
def test_examples_of_the_reference_are_valid(name, request_body):
    validate(request_body, OPENAI[name])


@pytest.mark.parametrize(
    ("name", "request_body", "param"),
    [
        ("ChatRequest", {"model": "m", "messages": []}, "messages"),
        ("ChatRequest", {"model": "m", "messages": [{"role": "tool", "content": "x"}]},
         "messages[0].role"),
        ("EmbeddingsRequest", {"model": "m", "input": ["a", ""]}, "input[1]"),
        ("ResponsesRequest", {"model": "m", "input": "x", "previous_response_id": "resp_1"},
         "previous_response_id"),
        ("ResponsesRequest", {"model": "m", "input": "x", "tools": [{"type": "web_search"}]},
         "tools[0].vector_store_ids"),
    ],
)  # fmt: skip
def test_the_first_error_is_named_by_its_path(name, request_body, param):
    with pytest.raises(InvalidValueError) as caught:
        validate(request_body, OPENAI[name])
    assert caught.value.param == param
