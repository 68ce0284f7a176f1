"""The retriever inside LangChain itself."""

import asyncio

import pytest

from ragkit.errors import UsageError
from tests.lazy_modules import import_when_used

REASON = 'needs pip install "ragkit-search[langchain]"'
integration = import_when_used("ragkit.integrations.langchain")
language_models = import_when_used("langchain_core.language_models", REASON)
output_parsers = import_when_used("langchain_core.output_parsers")
prompts = import_when_used("langchain_core.prompts")
runnables = import_when_used("langchain_core.runnables")
vectorstores = import_when_used("langchain_core.vectorstores")
QUESTION = "how long do cats sleep?"


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def test_documents_are_the_hits(filled):
    documents = integration.RagkitRetriever(collection=filled, k=2).invoke(QUESTION)
    hits = filled.search(QUESTION, k=2)
    assert [d.page_content for d in documents] == [hit.text for hit in hits]
    assert [d.id for d in documents] == [str(hit.passage_id) for hit in hits]
    assert [d.metadata["citation"] for d in documents] == [hit.citation for hit in hits]
    assert documents[0].metadata["citation"] == "sub/cats.txt#L1"


def test_async_and_batch_give_the_same(filled):
    retriever = integration.RagkitRetriever(collection=filled, k=3)
    expected = retriever.invoke(QUESTION)
    assert asyncio.run(retriever.ainvoke(QUESTION)) == expected
    assert retriever.batch([QUESTION, QUESTION]) == [expected, expected]


def test_options_are_those_of_search(filled):
    retriever = integration.RagkitRetriever(
        collection=filled, mode="lexical", where="path = keys.md"
    )
    assert {d.metadata["path"] for d in retriever.invoke("vault or cats")} == {"keys.md"}
    narrow = integration.RagkitRetriever(
        collection=filled, where={"path": "leave.txt"}, per_document=1
    )
    assert [d.metadata["path"] for d in narrow.invoke("anything")] == ["leave.txt"]


def test_options_of_a_call_are_honoured_and_only_narrow_the_filter(filled):
    retriever = integration.RagkitRetriever(collection=filled, k=1, where="path != keys.md")
    assert len(retriever.invoke(QUESTION, k=2)) == 2
    narrow = retriever.invoke("vault", k=10, where={"path": "leave.txt"})
    assert {document.metadata["path"] for document in narrow} == {"leave.txt"}
    assert retriever.invoke("vault", where="path = keys.md") == []
    same = asyncio.run(retriever.ainvoke("vault", k=10, where={"path": "leave.txt"}))
    assert same == narrow


def test_an_unknown_option_of_a_call_is_refused(filled):
    retriever = integration.RagkitRetriever(collection=filled)
    with pytest.raises(TypeError, match="filter"):
        retriever.invoke(QUESTION, filter={"path": "keys.md"})
    with pytest.raises(TypeError, match="top_k"):
        asyncio.run(retriever.ainvoke(QUESTION, top_k=3))


def test_embeddings_are_those_of_the_encoder(filled, encoder):
    embeddings = integration.RagkitEmbeddings(encoder)
    assert embeddings.embed_query("cats") == encoder.encode_queries(["cats"])[0].tolist()
    assert embeddings.embed_documents(["a", "b"]) == encoder.encode_passages(["a", "b"]).tolist()
    store = vectorstores.InMemoryVectorStore(embeddings)
    store.add_texts(["cats sleep", "keys rotate"])
    assert store.similarity_search("cats", k=1)[0].page_content == "cats sleep"


def test_a_wrong_query_is_ragkits_error(filled):
    with pytest.raises(UsageError, match="the query is empty"):
        integration.RagkitRetriever(collection=filled).invoke(" ")
    with pytest.raises(UsageError, match="mode is 'magic'"):
        asyncio.run(integration.RagkitRetriever(collection=filled, mode="magic").ainvoke("x"))


def test_a_chain_shows_the_model_what_was_found(filled):
    seen = []
    prompt = prompts.ChatPromptTemplate.from_template("{sources}\n\n{question}")
    chain = (
        {
            "sources": integration.RagkitRetriever(collection=filled, k=1)
            | (lambda documents: documents[0].page_content),
            "question": runnables.RunnablePassthrough(),
        }
        | prompt
        | (lambda value: seen.append(value.to_string()) or value)
        | language_models.FakeListChatModel(responses=["Most of the day."])
        | output_parsers.StrOutputParser()
    )
    assert chain.invoke(QUESTION) == "Most of the day."
    assert seen == [f"Human: Cats sleep for most of the day.\n\n{QUESTION}"]


def test_an_unknown_option_of_the_constructor_is_refused(filled):
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        integration.RagkitRetriever(collection=filled, filter="path = keys.md")
