"""LangChain: ragkit's retriever and embeddings; langchain-openai against the server."""

import os
import subprocess
import sys
from pathlib import Path

from checking import ANSWER, FOLDER, MODEL_URL, QUESTION, URL, check, raises, run
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

import ragkit
from ragkit.integrations.langchain import RagkitRetriever

collection = ragkit.Collection(FOLDER, create=False)
retriever = RagkitRetriever(collection=collection, k=3)


class Leave(BaseModel):
    duration: str
    weeks: int


def weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


def chat(url=URL, **options):
    return ChatOpenAI(base_url=url, api_key="none", model="default", max_retries=0, **options)


@check
def langchain_tests_pass_completely():
    tests = Path(__file__).with_name("langchain_standard_tests.py")
    # Without the settings and the conftest.py of this project's own tests.
    options = ["-q", "-c", os.devnull, "-o", "asyncio_mode=auto", "-p", "no:cacheprovider"]
    options += ["--confcutdir", str(tests.parent)]
    command = [sys.executable, "-m", "pytest", *options, str(tests)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-400:]
    assert "skipped" not in done.stdout
    assert "failed" not in done.stdout


@check
def retriever_invoke():
    assert ANSWER in retriever.invoke(QUESTION)[0].page_content


@check
async def retriever_ainvoke():
    assert ANSWER in (await retriever.ainvoke(QUESTION))[0].page_content


@check
def retriever_batch():
    assert len(retriever.batch([QUESTION, "keys"])) == 2


@check
def invoke_with_k():
    assert len(retriever.invoke(QUESTION, k=1)) == 1


@check
def invoke_with_where():
    found = retriever.invoke(QUESTION, where="path = keys.md")
    assert {document.metadata["path"] for document in found} == {"keys.md"}


@check
async def ainvoke_with_where():
    found = await retriever.ainvoke(QUESTION, where="path = keys.md")
    assert {document.metadata["path"] for document in found} == {"keys.md"}


@check
def where_of_a_call_does_not_replace_that_of_the_retriever():
    limited = RagkitRetriever(collection=collection, where="path = keys.md")
    assert limited.invoke(QUESTION, where="path = leave.md") == []


@check
def unknown_options_are_refused():
    raises(TypeError, lambda: retriever.invoke(QUESTION, filter={"path": "keys.md"}))


@check
def unknown_options_of_the_constructor_are_refused():
    raises(ValueError, lambda: RagkitRetriever(collection=collection, top=3))


@check
def documents_have_ids_and_citations():
    document = retriever.invoke(QUESTION)[0]
    assert document.id
    assert document.metadata["citation"].startswith("leave.md")


@check
def embeddings_in_a_vector_store():
    from ragkit.integrations.langchain import RagkitEmbeddings

    store = InMemoryVectorStore(RagkitEmbeddings(collection.encoder()))
    store.add_texts(["cats sleep", "dogs bark"])
    assert store.similarity_search("barking", k=1)[0].page_content == "dogs bark"


@check
def a_chain():
    chain = {"c": retriever, "q": RunnablePassthrough()} | RunnablePassthrough()
    assert ANSWER in str(chain.invoke(QUESTION))


@check
def as_a_tool():
    from langchain_core.tools.retriever import create_retriever_tool

    tool = create_retriever_tool(retriever, "handbook", "The handbook.")
    assert ANSWER in tool.invoke({"query": QUESTION})


@check
def chat_model():
    assert ANSWER in chat().invoke(QUESTION).content


@check
def chat_model_in_a_chain():
    assert ANSWER in (chat() | StrOutputParser()).invoke(QUESTION)


@check
def chat_model_streams():
    assert ANSWER in "".join(part.content for part in chat().stream(QUESTION))


@check
async def chat_model_streams_asynchronously():
    assert ANSWER in "".join([part.content async for part in chat().astream(QUESTION)])


@check
def chat_model_counts_tokens():
    assert chat().invoke(QUESTION).usage_metadata["total_tokens"] > 0


@check
def responses_api():
    assert ANSWER in chat(use_responses_api=True).invoke(QUESTION).text


@check
def embeddings_of_the_server_as_text():
    vectors = OpenAIEmbeddings(
        base_url=URL, api_key="none", model="default", check_embedding_ctx_length=False
    )
    assert len(vectors.embed_documents(["x"] * 600)) == 600


@check
def tools_of_the_model():
    (call,) = chat(MODEL_URL).bind_tools([weather]).invoke(QUESTION).tool_calls
    assert call["args"] == {"city": "26 weeks"}


@check
def structured_output_by_schema():
    model = chat(MODEL_URL).with_structured_output(Leave, method="json_schema")
    assert model.invoke(QUESTION) == Leave(duration="26 weeks", weeks=26)


@check
def structured_output_by_a_tool():
    model = chat(MODEL_URL).with_structured_output(Leave, method="function_calling")
    assert model.invoke(QUESTION) == Leave(duration="26 weeks", weeks=26)


run()
