"""Haystack: ragkit's retriever, and its OpenAI components against the server."""

from checking import ANSWER, FOLDER, MODEL_URL, QUESTION, URL, check, raises, run
from haystack import Document, Pipeline
from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

import ragkit
from ragkit.integrations.haystack import RagkitRetriever

retriever = RagkitRetriever(ragkit.Collection(FOLDER, create=False), top_k=3)
key = Secret.from_token("none")
KEYS = {"field": "meta.path", "operator": "==", "value": "keys.md"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def paths(**options):
    found = retriever.run(query=QUESTION, **options)["documents"]
    return {document.meta["path"] for document in found}


@check
def retrieve():
    assert ANSWER in retriever.run(query=QUESTION)["documents"][0].content


@check
def in_a_pipeline():
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    assert pipeline.run({"retriever": {"query": QUESTION}})["retriever"]["documents"]


@check
def filters():
    assert paths(filters=KEYS) == {"keys.md"}


@check
def filters_with_and_or():
    leave = {**KEYS, "value": "leave.md"}
    assert paths(filters={"operator": "OR", "conditions": [KEYS, leave]}) == {"keys.md", "leave.md"}
    assert paths(filters={"operator": "AND", "conditions": [KEYS, leave]}) == set()


@check
def filters_with_not():
    found = paths(filters={"operator": "NOT", "conditions": [KEYS]})
    assert "keys.md" not in found
    assert "leave.md" in found


@check
def unknown_operators_are_refused():
    raises(Exception, lambda: paths(filters={**KEYS, "operator": "like"}), "expected one of")


@check
def text_embedder():
    embedder = OpenAITextEmbedder(api_key=key, api_base_url=URL, model="default")
    assert len(embedder.run(text="keys")["embedding"]) == 384


@check
def document_embedder():
    embedder = OpenAIDocumentEmbedder(
        api_key=key, api_base_url=URL, model="default", progress_bar=False
    )
    found = embedder.run(documents=[Document(content="keys")])["documents"]
    assert len(found[0].embedding) == 384


@check
def chat_generator():
    generator = OpenAIChatGenerator(api_key=key, api_base_url=URL, model="default")
    replies = generator.run(messages=[ChatMessage.from_user(QUESTION)])["replies"]
    assert ANSWER in replies[0].text


@check
def tools_of_the_model():
    from haystack.tools import Tool

    tool = Tool("weather", "The weather in a city.", PARAMETERS, function=lambda city: "sunny")
    generator = OpenAIChatGenerator(api_key=key, api_base_url=MODEL_URL, model="default")
    reply = generator.run(messages=[ChatMessage.from_user(QUESTION)], tools=[tool])["replies"][0]
    assert reply.tool_calls[0].arguments == {"city": "26 weeks"}


run()
