"""Responses, by OpenAI's own client."""

import pytest

openai = pytest.importorskip("openai", reason="the client is not installed")

from ragkit.serving.api.openai_responses import ResponseBuilder  # noqa: E402
from ragkit.serving.app import ServerOptions, create_app  # noqa: E402

QUESTION = "who may stay at home?"
LEAVE = "Parents may stay at home for half a year."
TOOL = {"type": "file_search", "vector_store_ids": ["default"], "max_num_results": 2}


def test_a_response_has_a_file_search_call_and_citations(openai_client, library):
    response = openai_client.responses.create(
        model="default", input=QUESTION, tools=[TOOL], include=["file_search_call.results"]
    )
    search, message = response.output
    assert (search.type, search.queries, search.status) == (
        "file_search_call", [QUESTION], "completed")  # fmt: skip
    assert search.results[0].filename == "leave.txt"
    assert response.output_text.startswith(LEAVE)
    cited = message.content[0].annotations[0]
    assert (cited.type, cited.filename) == ("file_citation", "leave.txt")
    assert response.output_text[: cited.index].endswith("[1]")
    text = (
        openai_client.vector_stores.files.content(cited.file_id, vector_store_id="default")
        .data[0]
        .text
    )
    assert text.strip() == LEAVE


def test_a_streamed_response_ends_with_the_same_response(openai_client):
    complete = openai_client.responses.create(model="default", input=QUESTION, tools=[TOOL])
    with openai_client.responses.stream(model="default", input=QUESTION, tools=[TOOL]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == complete.output_text
    cited = [message.content[0].annotations for message in (final.output[1], complete.output[1])]
    assert cited[0] == cited[1] != []
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert "response.file_search_call.completed" in kinds
    assert "response.output_text.delta" in kinds


def test_a_conversation_may_be_sent_back_as_input(openai_client, library, monkeypatch):
    first = openai_client.responses.create(
        model="default", input=QUESTION, tools=[TOOL], include=["file_search_call.results"]
    )
    conversation = [
        {"role": "user", "content": QUESTION},
        *(item.model_dump() for item in first.output),
        {"role": "user", "content": "how often are the signing keys rotated?"},
    ]
    histories = []
    stream = library["default"].collection.ask_stream

    def recorded(question, *, history=(), **options):
        histories.append([(turn.question, turn.answer) for turn in history])
        return stream(question, history=history, **options)

    monkeypatch.setattr(library["default"].collection, "ask_stream", recorded)
    second = openai_client.responses.create(model="default", input=conversation, tools=[TOOL])
    assert histories == [[(QUESTION, first.output_text)]]
    assert second.status == "completed"
    assert second.usage.total_tokens == second.usage.input_tokens + second.usage.output_tokens > 0


def test_tools_that_are_no_file_search_are_ignored(openai_client):
    tools = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}}, TOOL]
    response = openai_client.responses.create(model="default", input=QUESTION, tools=tools)
    assert response.output_text.startswith(LEAVE)


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([TOOL, TOOL], "there are several file_search tools"),
        ([{"type": "file_search"}], "has no vector_store_ids"),
        ([{**TOOL, "vector_store_ids": ["other"]}], "no collection is served by the name 'other'"),
    ],
)
def test_a_file_search_that_cannot_be_done_is_refused(openai_client, tools, message):
    with pytest.raises(openai.APIStatusError, match=message):
        openai_client.responses.create(model="default", input=QUESTION, tools=tools)


def test_events_are_numbered_from_zero_and_a_failure_says_why():
    builder = ResponseBuilder({"model": "default"}, False, lambda document: f"file-{document}")
    *opening, delta = builder.text_events("word ")
    failure = builder.failure_event("no model")
    assert [event["type"] for event in opening] == [
        "response.output_item.added", "response.content_part.added"]  # fmt: skip
    assert (delta["sequence_number"], failure["sequence_number"]) == (2, 3)
    assert (delta["type"], delta["delta"]) == ("response.output_text.delta", "word ")
    assert failure["response"]["status"] == "failed"
    assert failure["response"]["error"] == {"code": "server_error", "message": "no model"}


def test_several_vector_stores_are_searched_together(make_library, folder, listen):
    library = make_library(people=folder / "leave.txt", cats=folder / "sub")
    address = listen(create_app(library, ServerOptions()))
    tool = {"type": "file_search", "vector_store_ids": ["cats", "people"]}
    asked = {"model": "cats", "input": QUESTION, "tools": [tool],
             "include": ["file_search_call.results"]}  # fmt: skip
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        response = client.responses.create(**asked)
        search, message = response.output
        assert {result.filename for result in search.results} == {"leave.txt", "cats.txt"}
        assert {result.attributes["type"] for result in search.results} == {"text/plain"}
        cited = message.content[0].annotations[0]
        assert client.files.content(cited.file_id).text.strip() == LEAVE
        assert response.model_extra["ragkit"]["citations"][0]["citation"] == "people:leave.txt#L1"
        with client.responses.stream(**asked) as stream:
            final = stream.get_final_response()
        assert final.output[0].results == search.results


def test_an_earlier_response_cannot_be_named(openai_client):
    with pytest.raises(openai.BadRequestError, match="send the conversation as input"):
        openai_client.responses.create(
            model="default", input=QUESTION, previous_response_id="resp_1"
        )
