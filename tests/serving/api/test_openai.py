"""OpenAI's own client, unmodified, against a server on a free port."""

import base64

import numpy as np
import pytest

from ragkit.serving.app import ServerOptions, create_app
from tests.lazy_modules import import_when_used
from tests.serving.api.conftest import TOKEN

openai = import_when_used("openai", "the client is not installed")
QUESTION = "who may stay at home?"
LEAVE = "Parents may stay at home for half a year."


def test_models_are_the_collection_and_its_encoder(openai_client):
    assert [model.id for model in openai_client.models.list()] == ["default", "words"]
    assert openai_client.models.retrieve("default").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        openai_client.models.retrieve("gpt")
    assert caught.value.code == "model_not_found"


def test_embeddings_equal_those_of_the_encoder(openai_client, encoder):
    texts = ["Cats sleep.", "Rotate the keys."]
    expected = encoder.encode_passages(texts)
    by_default = openai_client.embeddings.create(model="words", input=texts)  # base64
    as_floats = openai_client.embeddings.create(model="words", input=texts, encoding_format="float")
    for response in (by_default, as_floats):
        vectors = np.array([item.embedding for item in response.data], dtype=np.float32)
        np.testing.assert_array_equal(vectors, expected)
    assert by_default.usage.prompt_tokens == sum(encoder.count_tokens(texts))
    coded = openai_client.embeddings.create(model="words", input=texts[0], encoding_format="base64")
    raw = np.frombuffer(base64.b64decode(coded.data[0].embedding), dtype="<f4")
    np.testing.assert_array_equal(raw, expected[0])


def test_a_vector_store_is_a_collection(openai_client):
    (store,) = openai_client.vector_stores.list()
    assert (store.id, store.status, store.file_counts.completed) == ("default", "completed", 3)
    assert openai_client.vector_stores.retrieve("default") == store
    with pytest.raises(openai.NotFoundError):
        openai_client.vector_stores.retrieve("nothing")


def test_a_vector_store_is_searched(openai_client, library):
    page = openai_client.vector_stores.search("default", query=QUESTION, max_num_results=2)
    hits = library["default"].collection.search(QUESTION, k=2)
    assert [result.score for result in page] == [hit.score for hit in hits]
    first = page.data[0]
    assert (first.filename, first.content[0].text) == ("leave.txt", LEAVE)
    assert first.attributes["citation"] == "leave.txt#L1"
    for name in ("path", "type", "size"):  # mtime: tests/test_collection.py
        same = {"type": "eq", "key": name, "value": first.attributes[name]}
        found = openai_client.vector_stores.search("default", query="x", filters=same).data
        assert first.filename in {result.filename for result in found}, name
    content = openai_client.vector_stores.files.content(first.file_id, vector_store_id="default")
    assert content.data[0].text.strip() == LEAVE


def test_a_search_with_filters(openai_client):
    cats = {"type": "eq", "key": "path", "value": "sub/cats.txt"}
    keys = {"type": "in", "key": "path", "value": ["keys.md"]}
    for filters, expected in (
        (cats, {"sub/cats.txt"}),
        ({"type": "or", "filters": [cats, keys]}, {"sub/cats.txt", "keys.md"}),
        ({"type": "and", "filters": [cats, keys]}, set()),
    ):
        results = openai_client.vector_stores.search("default", query=QUESTION, filters=filters)
        assert {result.filename for result in results} == expected
    unknown = {"type": "like", "key": "a"}
    with pytest.raises(openai.BadRequestError, match="filter"):
        openai_client.vector_stores.search("default", query="x", filters=unknown)


def test_several_queries_and_a_threshold(openai_client):
    several = openai_client.vector_stores.search("default", query=[QUESTION, "cats sleep"])
    names = [result.filename for result in several]
    assert {"leave.txt", "sub/cats.txt"} <= set(names)
    scores = [result.score for result in several]
    assert scores == sorted(scores, reverse=True)
    close_results = openai_client.vector_stores.search(
        "default", query=QUESTION, ranking_options={"score_threshold": 0.5}
    )
    assert {result.filename for result in close_results} == {"leave.txt"}


def test_files_are_listed_in_pages(openai_client):
    files = list(openai_client.vector_stores.files.list("default", limit=2))  # turns pages
    names = sorted(file.attributes["path"] for file in files)
    assert names == ["keys.md", "leave.txt", "sub/cats.txt"]
    one = openai_client.vector_stores.files.retrieve(files[0].id, vector_store_id="default")
    assert one == files[0]


def test_a_wrong_token_raises_the_clients_authentication_error(library, listen):
    address = listen(create_app(library, ServerOptions(token=TOKEN)))
    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
