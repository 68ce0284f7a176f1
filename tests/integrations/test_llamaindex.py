"""The retriever inside LlamaIndex itself."""

import asyncio

import pytest

from ragkit.errors import UsageError
from tests.lazy_modules import import_when_used

REASON = 'needs pip install "ragkit-search[llamaindex]"'
integration = import_when_used("ragkit.integrations.llamaindex")
llms = import_when_used("llama_index.core.llms", REASON)
query_engine = import_when_used("llama_index.core.query_engine")
schema = import_when_used("llama_index.core.schema")
QUESTION = "how long do cats sleep?"


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def test_nodes_are_the_hits_with_their_cosine(filled):
    nodes = integration.RagkitRetriever(filled, k=2).retrieve(QUESTION)
    hits = filled.search(QUESTION, k=2)
    assert [n.node.get_content() for n in nodes] == [hit.text for hit in hits]
    assert [n.score for n in nodes] == [hit.score for hit in hits]
    assert nodes[0].node.metadata["citation"] == "sub/cats.txt#L1"
    assert (nodes[0].node.start_char_idx, nodes[0].node.end_char_idx) == (0, 31)


def test_async_gives_the_same(filled):
    retriever = integration.RagkitRetriever(filled, k=3)
    expected = [n.node_id for n in retriever.retrieve(QUESTION)]
    assert [n.node_id for n in asyncio.run(retriever.aretrieve(QUESTION))] == expected


def test_embeddings_are_those_of_the_encoder(encoder):
    embedding = integration.RagkitEmbedding(encoder)
    assert embedding.get_query_embedding("cats") == encoder.encode_queries(["cats"])[0].tolist()
    passages = encoder.encode_passages(["a", "b"]).tolist()
    assert embedding.get_text_embedding_batch(["a", "b"]) == passages
    assert asyncio.run(embedding.aget_query_embedding("a")) == embedding.get_query_embedding("a")
    assert embedding.model_name == encoder.name


def test_options_are_those_of_search(filled):
    retriever = integration.RagkitRetriever(filled, mode="lexical", where="path = keys.md")
    nodes = retriever.retrieve("vault or cats")
    assert {n.node.metadata["path"] for n in nodes} == {"keys.md"}
    with pytest.raises(UsageError, match="k is 0"):
        integration.RagkitRetriever(filled, k=0).retrieve("x")


def test_a_model_sees_citation_and_title_and_no_more(filled):
    (node,) = integration.RagkitRetriever(filled, k=1).retrieve(QUESTION)
    content = node.node.get_content(schema.MetadataMode.LLM)
    assert content == (
        "citation: sub/cats.txt#L1\ntitle: cats.txt\n\nCats sleep for most of the day."
    )
    assert node.node.get_content(schema.MetadataMode.EMBED) == "Cats sleep for most of the day."


def test_a_query_engine_answers_from_it(filled):
    retriever = integration.RagkitRetriever(filled, k=1)
    engine = query_engine.RetrieverQueryEngine.from_args(retriever, llm=llms.MockLLM())
    answer = engine.query(QUESTION)  # the mock says the prompt back
    assert "Cats sleep for most of the day." in str(answer)
    assert QUESTION in str(answer)
    assert [n.node.metadata["path"] for n in answer.source_nodes] == ["sub/cats.txt"]
