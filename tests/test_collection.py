"""`Collection` as one object: event loops, ready-made options, streams of events."""

import asyncio
import inspect
import threading

import pytest

from ragkit import Collection, Settings, UsageError


@pytest.fixture
def filled(collection, folder):
    collection.index(folder)
    return collection


def test_asearch_runs_on_another_thread(filled, monkeypatch):
    threads = []
    search_with = filled.search_with

    def spy(queries, options):
        threads.append(threading.current_thread())
        return search_with(queries, options)

    monkeypatch.setattr(filled, "search_with", spy)
    hits = asyncio.run(filled.asearch("parents at home", 2, mode="hybrid"))
    assert threads[0] is not threading.main_thread()
    assert hits == filled.search("parents at home", 2, mode="hybrid")


def test_search_with_ready_made_options_is_search(filled):
    options = filled.search_options({"k": 2, "mode": "lexical", "context": 1})
    ready = filled.search_with(["parents", "keys"], options)
    assert ready[0] == filled.search("parents", k=2, mode="lexical", context=1)
    assert ready == filled.search_many(["parents", "keys"], 2, mode="lexical", context=1)


def test_options_that_are_not_given_are_the_settings(open_collection):
    collection = open_collection(Settings(top_k=3, mode="lexical", fusion="rrf"))
    options = collection.search_options({"min_score": 0.1})
    assert (options.k, options.mode, options.fusion, options.min_score) == (
        3,
        "lexical",
        "rrf",
        0.1,
    )
    answer = collection.answer_options({})
    assert (answer.k, answer.mode, answer.fusion, answer.rerank) == (6, "hybrid", "rrf", False)


def test_unknown_and_invalid_options_are_refused(filled):
    with pytest.raises(TypeError):
        filled.search_options({"depth": 3})
    with pytest.raises(UsageError, match="k is 0"):
        filled.search_options({"k": 0})


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("query", ["größe über", "数据备份", "बैकअप", '"größe" -über'])
def test_an_empty_collection_has_no_hits_in_any_script(collection, query, mode):
    assert collection.search(query, mode=mode) == []


def test_ask_is_the_last_event_of_its_stream(filled):
    question = "How long may parents stay at home?"
    events = list(filled.ask_stream(question, llm=False))
    assert filled.ask(question, llm=False) == events[-1]
    assert asyncio.run(filled.aask(question, llm=False)) == events[-1]
    options = filled.answer_options({})
    assert list(filled.ask_with(question, options, llm=False)) == events


def test_an_invalid_question_is_refused_before_the_first_event(filled):
    with pytest.raises(UsageError, match="the query is empty"):
        filled.ask_stream(" ")
    with pytest.raises(UsageError, match="mode is 'magic'"):
        filled.ask_stream("why?", mode="magic")


@pytest.mark.parametrize(
    ("method", "twin"), [("search", "asearch"), ("ask", "aask"), ("ask", "ask_stream")]
)
def test_async_methods_have_the_parameters_of_their_synchronous_ones(method, twin):
    first = inspect.signature(getattr(Collection, method)).parameters
    second = inspect.signature(getattr(Collection, twin)).parameters
    assert list(first.values()) == list(second.values())


def test_help_shows_where_a_method_is_written():
    assert Collection.asearch.__qualname__ == "Collection.asearch"
    assert inspect.iscoroutinefunction(Collection.aask)
    assert inspect.getdoc(Collection.ask).startswith("Return the answer to a question")


def test_a_closed_collection_opens_again_when_used(filled):
    expected = filled.search("parents", k=1)
    filled.close()
    assert filled.search("parents", k=1) == expected


def test_what_filters_can_name_of_documents(collection, folder):
    collection.index(folder)
    documents = {entry.path: entry for entry in collection.documents()}
    fields = collection.file_fields([entry.id for entry in documents.values()])
    leave = fields[documents["leave.txt"].id]
    assert (leave["type"], leave["size"]) == ("text/plain", (folder / "leave.txt").stat().st_size)
    assert "title" not in leave  # `Hit.title` has the file's name instead
    found = collection.search("cats", where={"mtime": leave["mtime"], "size": leave["size"]})
    assert {hit.path for hit in found} == {"leave.txt"}
    assert collection.file_fields([10**9]) == {}
