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
    ("name", "request_body"),
    [
        ("EmbeddingsRequest", {"model": "m", "input": ["x"] * 2048, "dimensions": None,
                               "encoding_format": None, "user": None}),
        ("VectorStoreSearch", {"query": "x", "max_num_results": None, "ranking_options": None,
                               "rewrite_query": None}),
        ("VectorStoreSearch", {"query": "x", "ranking_options": {"ranker": None,
                                                                 "score_threshold": None}}),
        ("ChatRequest", {"model": "m", "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "tool_call_id": "c1", "content": "noon"}]}),
        ("ResponsesRequest", {"model": "m", "input": "x", "tools": None, "include": None,
                              "stream": None, "previous_response_id": None}),
        ("ResponsesRequest", {"model": "m", "tools": [{"type": "web_search"}], "input": [
            {"role": "user", "content": "x"},
            {"type": "file_search_call", "id": "fs_1", "queries": ["x"], "status": "completed"},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "y", "annotations": []}]},
            {"type": "function_call_output", "call_id": "c1", "output": "noon"}]}),
    ],
)  # fmt: skip
def test_what_clients_send_beside_the_examples_is_valid(name, request_body):
    validate(request_body, OPENAI[name])


@pytest.mark.parametrize(
    ("name", "request_body", "message"),
    [
        ("EmbeddingsRequest", {"model": "m", "input": ["x"] * 2049},
         "input has 2,049 items; expected 1 to 2,048"),
        ("EmbeddingsRequest", {"model": "m", "input": [[1, 2]]},
         "input[0] is [1, 2]; expected string (token arrays"),
        ("EmbeddingsRequest", {"model": "m", "input": [1, 2]},
         "input[0] is 1; expected string (token arrays"),
        ("EmbeddingsRequest", {"model": "m", "input": None},
         "input is null; expected string (token arrays"),
        ("ChatRequest", {"model": "m", "messages": [{"role": "user", "content": True}]},
         "messages[0].content is true; expected string or array or null"),
        ("ResponsesRequest", {"model": "m", "input": "x", "previous_response_id": "resp_1"},
         "previous_response_id is 'resp_1'; expected null, because no response is stored"),
    ],
)  # fmt: skip
def test_messages_name_what_was_sent_and_what_is_expected(name, request_body, message):
    with pytest.raises(InvalidValueError) as caught:
        validate(request_body, OPENAI[name])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "request_body", "param"),
    [
        ("ChatRequest", {"model": "m", "messages": []}, "messages"),
        ("ChatRequest", {"model": "m", "messages": [{"role": "robot", "content": "x"}]},
         "messages[0].role"),
        ("EmbeddingsRequest", {"model": "m", "input": ["a", ""]}, "input[1]"),
        ("ResponsesRequest", {"model": "m", "input": "x", "previous_response_id": "resp_1"},
         "previous_response_id"),
        ("ResponsesRequest", {"model": "m", "input": "x", "tools": [
            {"type": "file_search", "vector_store_ids": []}]}, "tools[0].vector_store_ids"),
    ],
)  # fmt: skip
def test_the_first_error_is_named_by_its_path(name, request_body, param):
    with pytest.raises(InvalidValueError) as caught:
        validate(request_body, OPENAI[name])
    assert caught.value.param == param
