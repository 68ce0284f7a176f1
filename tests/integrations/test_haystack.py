"""The component inside Haystack itself."""

import asyncio

import pytest


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Haystack sends usage figures from its import on unless it is told not to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
        pytest.importorskip("haystack", reason='needs pip install "ragkit-search[haystack]"')
        yield


@pytest.fixture
def retriever(collection, folder):
    from ragkit.integrations.haystack import RagkitRetriever

    collection.index(folder)
    return RagkitRetriever(collection, top_k=2)


QUESTION = "how long do cats sleep?"


def test_documents_are_the_hits_with_their_cosine(retriever):
    documents = retriever.run(QUESTION)["documents"]
    hits = retriever.collection.search(QUESTION, k=2)
    assert [d.content for d in documents] == [hit.text for hit in hits]
    assert [d.score for d in documents] == [hit.score for hit in hits]
    assert documents[0].meta["citation"] == "sub/cats.txt#L1"


def test_async_gives_the_same(retriever):
    assert asyncio.run(retriever.run_async(QUESTION)) == retriever.run(QUESTION)


def test_top_k_of_a_run_wins(retriever):
    assert len(retriever.run(QUESTION)["documents"]) == 2
    assert len(retriever.run(QUESTION, top_k=1)["documents"]) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"field": "meta.path", "operator": "==", "value": "leave.txt"}, {"leave.txt"}),
        ({"field": "path", "operator": "in", "value": ["leave.txt", "keys.md"]},
         {"leave.txt", "keys.md"}),
        ({"operator": "AND", "conditions": [
            {"field": "size", "operator": ">", "value": 1},
            {"field": "path", "operator": "!=", "value": "keys.md"}]},
         {"leave.txt", "sub/cats.txt"}),
        ({"operator": "OR", "conditions": [
            {"field": "path", "operator": "==", "value": "keys.md"},
            {"field": "path", "operator": "not in", "value": ["keys.md", "leave.txt"]}]},
         {"keys.md", "sub/cats.txt"}),
        ({"operator": "NOT", "conditions": [
            {"field": "path", "operator": "==", "value": "keys.md"}]},
         {"leave.txt", "sub/cats.txt"}),
        # Haystack's NOT is true unless all of its conditions are.
        ({"operator": "NOT", "conditions": [
            {"field": "path", "operator": "==", "value": "keys.md"},
            {"field": "path", "operator": "==", "value": "leave.txt"}]},
         {"keys.md", "leave.txt", "sub/cats.txt"}),
    ],
)  # fmt: skip
def test_haystacks_filters_are_understood(retriever, filters, expected):
    documents = retriever.run(QUESTION, filters, top_k=9)["documents"]
    assert {d.meta["path"] for d in documents} == expected


def test_a_wrong_filter_is_ragkits_error(retriever):
    from ragkit.errors import UsageError

    with pytest.raises(UsageError, match="filter operator 'XOR'"):
        retriever.run(QUESTION, {"operator": "XOR", "conditions": []})
    with pytest.raises(UsageError, match="filter"):
        retriever.run(QUESTION, {"operator": "AND", "conditions": []})


def test_a_pipeline_runs(retriever):
    from haystack import Pipeline
    from haystack.components.builders import PromptBuilder

    template = "{% for d in documents %}{{ d.content }}{% endfor %} {{ question }}"
    given = {"retriever": {"query": QUESTION, "top_k": 1}, "prompt": {"question": QUESTION}}
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    pipeline.add_component("prompt", PromptBuilder(template, required_variables="*"))
    pipeline.connect("retriever", "prompt.documents")
    expected = {"prompt": {"prompt": f"Cats sleep for most of the day. {QUESTION}"}}
    assert pipeline.run(given) == expected
    assert asyncio.run(pipeline.run_async(given)) == expected


def test_a_pipeline_is_saved_and_loaded(retriever, encoder, monkeypatch):
    from haystack import Pipeline

    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=["ragkit.integrations.haystack"])
    documents = loaded.run({"retriever": {"query": QUESTION}})["retriever"]["documents"]
    assert documents == retriever.run(QUESTION)["documents"]
    loaded.get_component("retriever").collection.close()
