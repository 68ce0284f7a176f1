"""From OpenAI's client through the server to a language model's server, and back."""

import time
from dataclasses import replace

import pytest

from ragkit.serving.app import ServerOptions, create_app
from tests.answers.chat_server import run_chat_server

openai = pytest.importorskip("openai", reason="the client is not installed")

ASKED = [{"role": "user", "content": "who may stay at home?"}]


def pieces(messages):
    yield "Parents may stay at home for half a year"
    yield " [1]."


def forever(messages):
    while True:
        time.sleep(0.01)
        yield "word "


@pytest.fixture
def connected(library, listen):
    """Return a function that connects a client to a server with this language model."""

    def connect(model):
        collection = library["default"].collection
        collection.settings = replace(
            collection.settings, llm_base_url=model.url, llm_model="small"
        )
        address = listen(create_app(library, ServerOptions()))
        return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)

    return connect


def test_a_language_model_answers_from_the_sources_and_its_tokens_are_counted(connected):
    with run_chat_server(pieces) as model, connected(model) as client:
        model.prompt_tokens = 400
        completion = client.chat.completions.create(model="default", messages=ASKED)
        sent = "".join(message["content"] for message in model.requests[0]["messages"])
    text = completion.choices[0].message.content
    assert text.startswith("Parents may stay at home for half a year [1].")
    assert text.endswith("Sources:\n[1] leave.txt#L1")
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (400, 7)
    assert "Parents may stay at home for half a year." in sent


def test_a_truncated_answer_has_finish_reason_length(connected):
    with run_chat_server(pieces) as model, connected(model) as client:
        model.prompt_tokens, model.finish_reason = 400, "length"
        completion = client.chat.completions.create(model="default", messages=ASKED)
    assert completion.choices[0].finish_reason == "length"


@pytest.mark.parametrize("is_structured", [False, True], ids=["text", "structured"])
@pytest.mark.parametrize(
    ("finish_reason", "reason", "finished"),
    [
        ("length", "max_output_tokens", "length"),
        ("content_filter", "content_filter", "content_filter"),
        (None, None, "length"),
    ],
    ids=["limit", "filter", "broken-off"],
)
def test_an_answer_that_is_not_finished_is_an_incomplete_response(
    connected, is_structured, finish_reason, reason, finished
):
    asked = {"model": "default", "input": ASKED[0]["content"]}
    chat = {"model": "default", "messages": ASKED}
    if is_structured:
        schema = {"name": "s", "schema": {"type": "object"}}
        asked["text"] = {"format": {"type": "json_schema", **schema}}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    with run_chat_server(pieces) as model, connected(model) as client:
        model.finish_reason, model.prompt_tokens = finish_reason, 400
        response = client.responses.create(**asked)
        events = list(client.responses.create(**asked, stream=True))
        completion = client.chat.completions.create(**chat)
    assert completion.choices[0].finish_reason == finished
    assert events[-1].type == "response.incomplete"
    for each in (response, events[-1].response):
        assert (each.status, each.output[-1].status) == ("incomplete", "incomplete")
        assert each.incomplete_details.reason == reason
        assert each.output_text.startswith("Parents may stay at home for half a year")
        if finish_reason != "length":
            assert "did not complete the answer" in each.model_extra["ragkit"]["warnings"][0]
    done = [event for event in events if event.type == "response.output_item.done"]
    assert done[-1].item.status == "incomplete"


def test_disconnecting_ends_the_request_to_the_language_model(connected):
    with run_chat_server(forever) as model, connected(model) as client:
        stream = client.chat.completions.create(model="default", messages=ASKED, stream=True)
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        assert not model.disconnected.is_set()
        stream.close()
        assert model.disconnected.wait(60)
