"""The retriever inside LangChain itself."""

import asyncio

import pytest

pytest.importorskip("langchain_core", reason='needs pip install "ragkit-search[langchain]"')

from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from ragkit.errors import UsageError
from ragkit.integrations.langchain import RagkitEmbeddings, RagkitRetriever

QUESTION = "how long do cats sleep?"


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def test_documents_are_the_hits(filled):
    documents = RagkitRetriever(collection=filled, k=2).invoke(QUESTION)
    hits = filled.search(QUESTION, k=2)
    assert [d.page_content for d in documents] == [hit.text for hit in hits]
    assert [d.id for d in documents] == [str(hit.passage_id) for hit in hits]
    assert [d.metadata["citation"] for d in documents] == [hit.citation for hit in hits]
    assert documents[0].metadata["citation"] == "sub/cats.txt#L1"


def test_async_and_batch_give_the_same(filled):
    retriever = RagkitRetriever(collection=filled, k=3)
    expected = retriever.invoke(QUESTION)
    assert asyncio.run(retriever.ainvoke(QUESTION)) == expected
    assert retriever.batch([QUESTION, QUESTION]) == [expected, expected]


def test_options_are_those_of_search(filled):
    retriever = RagkitRetriever(collection=filled, mode="lexical", where="path = keys.md")
    assert {d.metadata["path"] for d in retriever.invoke("vault or cats")} == {"keys.md"}
    narrow = RagkitRetriever(collection=filled, where={"path": "leave.txt"}, per_document=1)
    assert [d.metadata["path"] for d in narrow.invoke("anything")] == ["leave.txt"]


def test_options_of_a_call_are_honoured_and_only_narrow_the_filter(filled):
    retriever = RagkitRetriever(collection=filled, k=1, where="path != keys.md")
    assert len(retriever.invoke(QUESTION, k=2)) == 2
    narrow = retriever.invoke("vault", k=10, where={"path": "leave.txt"})
    assert {document.metadata["path"] for document in narrow} == {"leave.txt"}
    assert retriever.invoke("vault", where="path = keys.md") == []
    same = asyncio.run(retriever.ainvoke("vault", k=10, where={"path": "leave.txt"}))
    assert same == narrow


def test_an_unknown_option_of_a_call_is_refused(filled):
    retriever = RagkitRetriever(collection=filled)
    with pytest.raises(TypeError, match="filter"):
        retriever.invoke(QUESTION, filter={"path": "keys.md"})
    with pytest.raises(TypeError, match="top_k"):
        asyncio.run(retriever.ainvoke(QUESTION, top_k=3))


def test_embeddings_are_those_of_the_encoder(filled, encoder):
    embeddings = RagkitEmbeddings(encoder)
    assert embeddings.embed_query("cats") == encoder.encode_queries(["cats"])[0].tolist()
    assert embeddings.embed_documents(["a", "b"]) == encoder.encode_passages(["a", "b"]).tolist()
    store = InMemoryVectorStore(embeddings)
    store.add_texts(["cats sleep", "keys rotate"])
    assert store.similarity_search("cats", k=1)[0].page_content == "cats sleep"


def test_a_wrong_query_is_ragkits_error(filled):
    with pytest.raises(UsageError, match="the query is empty"):
        RagkitRetriever(collection=filled).invoke(" ")
    with pytest.raises(UsageError, match="mode is 'magic'"):
        asyncio.run(RagkitRetriever(collection=filled, mode="magic").ainvoke("x"))


def test_a_chain_shows_the_model_what_was_found(filled):
    seen = []
    prompt = ChatPromptTemplate.from_template("{sources}\n\n{question}")
    chain = (
        {
            "sources": RagkitRetriever(collection=filled, k=1)
            | (lambda documents: documents[0].page_content),
            "question": RunnablePassthrough(),
        }
        | prompt
        | (lambda value: seen.append(value.to_string()) or value)
        | FakeListChatModel(responses=["Most of the day."])
        | StrOutputParser()
    )
    assert chain.invoke(QUESTION) == "Most of the day."
    assert seen == [f"Human: Cats sleep for most of the day.\n\n{QUESTION}"]


def test_an_unknown_option_of_the_constructor_is_refused(filled):
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        RagkitRetriever(collection=filled, filter="path = keys.md")
