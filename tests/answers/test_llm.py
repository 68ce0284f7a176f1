"""`ServerModel` with a server that streams, counts tokens, or fails."""

from __future__ import annotations

import pytest

from ragkit.answers.llm import ServerModel, create_server_model
from ragkit.errors import ModelError, UsageError
from ragkit.network import json_client
from ragkit.records.answers import Usage
from tests.answers.chat_server import run_chat_server

ASK = [{"role": "user", "content": "How often?"}]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(json_client.time, "sleep", lambda seconds: None)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with run_chat_server(lambda messages: ["Every ", "ninety ", "days."]) as server:
        yield server


def generate(server, key=None, max_tokens=9):
    """The pieces of an answer, and what the generator returns."""
    pieces = ServerModel(server.url, "small", key, 4096).generate(ASK, max_tokens)
    received = []
    while True:
        try:
            received.append(next(pieces))
        except StopIteration as end:
            return received, end.value


def test_pieces_arrive_as_they_are_generated(server):
    server.prompt_tokens = 12
    assert generate(server) == (["Every ", "ninety ", "days."], Usage(12, 7))
    (sent,) = server.requests
    assert (sent["model"], sent["messages"], sent["max_tokens"]) == ("small", ASK, 9)
    assert sent["stream"] is True
    assert server.headers[0]["path"] == "/v1/chat/completions"


def test_a_server_without_token_counts_gives_no_usage(server):
    assert generate(server)[1] is None


def test_an_answer_at_its_limit_is_marked_as_cut_off(server):
    server.prompt_tokens, server.finish_reason = 12, "length"
    assert generate(server)[1] == Usage(12, 7, cut_off=True)


def test_a_key_is_read_from_its_variable(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-1")
    generate(server, "MY_KEY")
    assert server.headers[0]["Authorization"] == "Bearer sk-1"


def test_a_busy_server_is_retried_before_the_first_piece(server):
    server.failures = [(503, {}, {"error": "loading"}), (429, {"Retry-After": "1"}, {})]
    assert "".join(generate(server)[0]) == "Every ninety days."
    assert len(server.requests) == 3


def test_an_answer_that_breaks_off_is_not_retried(server):
    server.stop_after = 2
    pieces = ServerModel(server.url, "small", None, 4096).generate(ASK, 9)
    assert [next(pieces), next(pieces)] == ["Every ", "ninety "]
    with pytest.raises(ModelError, match="ended its response early"):
        next(pieces)
    assert len(server.requests) == 1


def test_an_error_event_raises_model_error(server):
    server.error = {"message": "out of memory"}
    with pytest.raises(ModelError, match="out of memory"):
        generate(server)


@pytest.mark.parametrize(
    "junk",
    [
        {"choices": 7},
        {"choices": ["x"]},
        {"choices": [{"delta": "x"}]},
        {"choices": [{"delta": {"content": [1]}}]},
        {"usage": {"prompt_tokens": "many"}},
    ],
)
def test_json_that_is_not_a_completion_raises_model_error(server, junk):
    server.failures = [(200, {}, junk)]
    with pytest.raises(ModelError, match="is not a chat completion"):
        generate(server)


def test_an_unreachable_server_raises_model_error():
    with run_chat_server(lambda messages: []) as closed:
        pass
    with pytest.raises(ModelError, match="cannot reach"):
        generate(closed)


def test_closing_the_generator_closes_the_connection(server):
    server.reply = lambda messages: iter(["word "] * 100_000)
    pieces = ServerModel(server.url, "small", None, 4096).generate(ASK, 9)
    assert next(pieces) == "word "
    pieces.close()
    assert server.disconnected.wait(60)


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (["<thi", "nk>hm", "m</th", "ink>\n\nYes", "."], "Yes."),
        (["<think>never ends"], ""),
        (["<b", "> it"], "<b> it"),
        (["", "Yes"], "Yes"),
    ],
)
def test_thinking_before_the_answer_is_removed(server, pieces, kept):
    server.reply = lambda messages: pieces
    assert "".join(generate(server)[0]) == kept


def test_a_preset_sets_the_address_and_the_context(monkeypatch):
    ollama = create_server_model("ollama", None, "llama3.2", None, None)
    assert (ollama.name, ollama.context_tokens) == ("llama3.2", 4096)
    assert ollama._client.url == "http://localhost:11434/v1/chat/completions"
    assert create_server_model("llamacpp", None, None, None, 9000).context_tokens == 9000
    assert create_server_model(None, None, "x", None, None) is None
    with pytest.raises(UsageError, match="llm_model is not set"):
        create_server_model("vllm", None, None, None, None)


def test_the_key_of_a_preset_is_not_sent_to_another_address(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    model = create_server_model("openai", server.url, "x", None, None)
    list(model.generate(ASK, 9))
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "deltas",
    [
        [{"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]},
         {"tool_calls": [{"index": 0, "function": {"arguments": '{"day":'}}]},
         {"tool_calls": [{"index": 0, "function": {"arguments": ' 1}'}}]}],
        # Complete, without a number and with an object, as some servers send it.
        [{"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"day": 1}}}]}],
    ],
)  # fmt: skip
def test_calls_of_tools_are_yielded_and_plain_answers_leave_them_out(server, deltas):
    server.reply = lambda messages: ["Wait. ", *deltas]
    model = ServerModel(server.url, "small", None, 4096)
    tool = {"type": "function", "function": {"name": "f"}}
    text, *calls = model.generate_output(ASK, 9, {"tools": [tool]})
    assert server.requests[0]["tools"] == [tool]
    assert text == "Wait. "
    assert (calls[0].index, calls[0].id, calls[0].name) == (0, "c1", "f")
    assert "".join(call.arguments for call in calls) == '{"day": 1}'
    assert list(model.generate(ASK, 9)) == ["Wait. "]
