"""OpenAI's own client, unmodified, against a server on a free port."""

import base64

import numpy as np
import pytest

openai = pytest.importorskip("openai", reason="the client is not installed")

from ragkit.serving.app import ServerOptions, create_app  # noqa: E402

QUESTION = "who may stay at home?"
LEAVE = "Parents may stay at home for half a year."
ASKED = [{"role": "user", "content": QUESTION}]
TOKEN = "a-token-of-some-length"


@pytest.fixture
def client(library, listen):
    address = listen(create_app(library, ServerOptions(token=TOKEN)))
    with openai.OpenAI(base_url=f"{address}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


def test_models_are_the_collection_and_its_encoder(client):
    assert [each.id for each in client.models.list()] == ["default", "words"]
    assert client.models.retrieve("default").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt")
    assert caught.value.code == "model_not_found"


def test_embeddings_are_the_encoders(client, encoder):
    texts = ["Cats sleep.", "Rotate the keys."]
    expected = encoder.encode_passages(texts)
    by_default = client.embeddings.create(model="words", input=texts)  # the client asks for base64
    as_floats = client.embeddings.create(model="words", input=texts, encoding_format="float")
    for found in (by_default, as_floats):
        vectors = np.array([each.embedding for each in found.data], dtype=np.float32)
        np.testing.assert_array_equal(vectors, expected)
    assert by_default.usage.prompt_tokens == sum(encoder.count_tokens(texts))
    coded = client.embeddings.create(model="words", input=texts[0], encoding_format="base64")
    raw = np.frombuffer(base64.b64decode(coded.data[0].embedding), dtype="<f4")
    np.testing.assert_array_equal(raw, expected[0])


def test_a_vector_store_is_a_collection(client):
    (store,) = client.vector_stores.list()
    assert (store.id, store.status, store.file_counts.completed) == ("default", "completed", 3)
    assert client.vector_stores.retrieve("default") == store
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve("nothing")


def test_a_vector_store_is_searched(client, library):
    page = client.vector_stores.search("default", query=QUESTION, max_num_results=2)
    hits = library["default"].collection.search(QUESTION, k=2)
    assert [each.score for each in page] == [hit.score for hit in hits]
    first = page.data[0]
    assert (first.filename, first.content[0].text) == ("leave.txt", LEAVE)
    assert first.attributes["citation"] == "leave.txt#L1"
    content = client.vector_stores.files.content(first.file_id, vector_store_id="default")
    assert content.data[0].text.strip() == LEAVE


def test_a_search_with_filters(client):
    cats = {"type": "eq", "key": "path", "value": "sub/cats.txt"}
    keys = {"type": "in", "key": "path", "value": ["keys.md"]}
    for filters, expected in (
        (cats, {"sub/cats.txt"}),
        ({"type": "or", "filters": [cats, keys]}, {"sub/cats.txt", "keys.md"}),
        ({"type": "and", "filters": [cats, keys]}, set()),
    ):
        found = client.vector_stores.search("default", query=QUESTION, filters=filters)
        assert {each.filename for each in found} == expected
    with pytest.raises(openai.BadRequestError, match="filter"):
        client.vector_stores.search("default", query="x", filters={"type": "like", "key": "a"})


def test_several_queries_and_a_threshold(client):
    several = client.vector_stores.search("default", query=[QUESTION, "cats sleep"])
    names = [each.filename for each in several]
    assert {"leave.txt", "sub/cats.txt"} <= set(names)
    scores = [each.score for each in several]
    assert scores == sorted(scores, reverse=True)
    near = client.vector_stores.search(
        "default", query=QUESTION, ranking_options={"score_threshold": 0.5}
    )
    assert {each.filename for each in near} == {"leave.txt"}


def test_files_come_in_pages(client):
    found = list(client.vector_stores.files.list("default", limit=2))  # the client turns pages
    names = sorted(each.attributes["path"] for each in found)
    assert names == ["keys.md", "leave.txt", "sub/cats.txt"]
    one = client.vector_stores.files.retrieve(found[0].id, vector_store_id="default")
    assert one == found[0]


def test_a_chat_completion_cites(client):
    found = client.chat.completions.create(model="default", messages=ASKED, temperature=0)
    text = found.choices[0].message.content
    assert text.startswith(LEAVE)
    assert "[1] leave.txt#L1" in text
    assert found.choices[0].finish_reason == "stop"
    assert found.model_extra["ragkit"]["answerable"]


def test_a_streamed_chat_completion_is_the_same(client):
    whole = client.chat.completions.create(model="default", messages=ASKED)
    chunks = list(
        client.chat.completions.create(
            model="default", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == 0
    with client.chat.completions.stream(model="default", messages=ASKED) as stream:
        assert stream.get_final_completion().choices[0].message.content == text


def test_what_was_said_before_reaches_the_collection(client, library, monkeypatch):
    seen = []
    collection = library["default"].collection
    plain = collection.ask_stream

    def ask_stream(question, *, history, **how):
        seen.append((question, [(turn.question, turn.answer) for turn in history]))
        return plain(question, history=(), **how)

    monkeypatch.setattr(collection, "ask_stream", ask_stream)
    client.chat.completions.create(
        model="default",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "who stays?"}]},
            {"role": "assistant", "content": "Parents. [1]\n\nSources:\n[1] leave.txt#L1"},
            {"role": "user", "content": "how long at home?"},
        ],
    )
    assert seen == [("how long at home?", [("who stays?", "Parents. [1]")])]


@pytest.mark.parametrize(
    "messages",
    [[{"role": "assistant", "content": "x"}], [{"role": "user", "content": " "}],
     [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]],
)  # fmt: skip
def test_a_chat_without_a_question_is_refused(client, messages):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="default", messages=messages)


TOOL = {"type": "file_search", "vector_store_ids": ["default"], "max_num_results": 2}


def test_a_response_has_its_search_and_its_citations(client, library):
    found = client.responses.create(
        model="default", input=QUESTION, tools=[TOOL], include=["file_search_call.results"]
    )
    search, message = found.output
    assert (search.type, search.queries, search.status) == (
        "file_search_call", [QUESTION], "completed")  # fmt: skip
    assert search.results[0].filename == "leave.txt"
    assert found.output_text.startswith(LEAVE)
    cited = message.content[0].annotations[0]
    assert (cited.type, cited.filename) == ("file_citation", "leave.txt")
    assert found.output_text[: cited.index].endswith("[1]")
    text = client.vector_stores.files.content(cited.file_id, vector_store_id="default").data[0].text
    assert text.strip() == LEAVE


def test_a_streamed_response_ends_in_the_same(client):
    whole = client.responses.create(model="default", input=QUESTION, tools=[TOOL])
    with client.responses.stream(model="default", input=QUESTION, tools=[TOOL]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    cited = [message.content[0].annotations for message in (final.output[1], whole.output[1])]
    assert cited[0] == cited[1] != []
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert "response.file_search_call.completed" in kinds
    assert "response.output_text.delta" in kinds


def test_without_the_token_the_client_says_so(library, listen):
    address = listen(create_app(library, ServerOptions(token=TOKEN)))
    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
