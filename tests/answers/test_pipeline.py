"""From a question to a cited answer, with a server that says what it is told to."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from ragkit import Answer, Piece, Retrieved, Settings, Turn, UsageError
from ragkit.answers.pipeline import NOTHING, Chat
from ragkit.answers.prompt import ABSTENTION, WHOLE
from ragkit.network import json_client
from ragkit.retrieval.pipeline import Retriever
from tests.answers.server import chat_serving

QUESTION = "How often are the signing keys rotated?"
SAID = "Rotate the signing keys every ninety days [1]."


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(json_client.time, "sleep", lambda seconds: None)
    with chat_serving(lambda messages: SAID.partition("signing")) as server:
        yield server


@pytest.fixture
def filled(open_collection, folder, server):
    settings = Settings(passage_tokens=40, overlap=0.0, llm_base_url=server.url, llm_model="small")
    collection = open_collection(settings)
    collection.index(folder)
    return collection


def test_hits_come_first_then_pieces_then_the_answer(filled):
    events = list(filled.ask_stream(QUESTION))
    found, *pieces, answer = events
    assert isinstance(found, Retrieved)
    assert all(isinstance(piece, Piece) for piece in pieces)
    assert isinstance(answer, Answer)
    assert len(pieces) >= 2
    assert "".join(piece.text for piece in pieces) == answer.text == SAID
    assert (answer.hits, answer.question) == (found.hits, QUESTION)
    assert (answer.model, answer.answerable, answer.unsupported) == ("small", True, ())


def test_a_citation_leads_to_the_words(filled):
    (citation,) = filled.ask(QUESTION).citations
    text = filled.get(citation.path).text
    assert (citation.n, citation.path) == (1, "keys.md")
    assert citation.quote == text[citation.start : citation.end]
    assert citation.quote == "Rotate the signing keys every ninety days."
    assert citation.passage_id in {hit.passage_id for hit in filled.search(QUESTION)}


def test_what_no_source_says_is_flagged_and_what_is_no_source_dropped(filled, server):
    server.say = lambda messages: [SAID, " The moon is green cheese [1]. So it is [42]."]
    answer = filled.ask(QUESTION)
    assert answer.text == f"{SAID} The moon is green cheese [1]. So it is."
    found = answer.unsupported[0]
    assert answer.text[found.start : found.end] == found.text == "The moon is green cheese [1]."


def test_an_abstention_is_no_answer(filled, server):
    server.say = lambda messages: [ABSTENTION]
    answer = filled.ask("What does the moon weigh?")
    assert (answer.answerable, answer.text, answer.citations) == (False, ABSTENTION, ())
    assert answer.unsupported == ()


def test_an_answer_without_sources_is_told(filled, server):
    server.say = lambda messages: ["Now and then, as they like."]
    answer = filled.ask(QUESTION)
    assert answer.answerable
    assert "the answer names no source" in answer.warnings
    assert [each.text for each in answer.unsupported] == ["Now and then, as they like."]


def test_without_its_model_the_sources_speak(filled, server, notices):
    server.troubles = [(401, {}, {"error": "no"})]
    answer = filled.ask("Are the signing keys to rotate every ninety days?")
    assert (answer.model, answer.answerable) == ("extractive", True)
    assert "ninety days" in answer.text
    (warning,) = answer.warnings
    assert warning.startswith("small cannot be asked (")
    assert notices == [warning]


def test_an_answer_that_breaks_off_is_kept_and_told(filled, server):
    server.breaks_after = 2
    answer = filled.ask(QUESTION)
    assert answer.text == "Rotate the signing"
    assert answer.warnings[0].startswith("the answer breaks off: ")


def test_a_prompt_that_the_server_has_cut_is_told(filled, server):
    server.prompt_tokens = 40
    assert "it has cut it" in filled.ask(QUESTION).warnings[0]
    server.prompt_tokens = 400
    assert filled.ask(QUESTION).warnings == ()


def test_closing_the_stream_hangs_up(filled, server):
    server.say = lambda messages: iter(["word "] * 100_000)
    with closing(filled.ask_stream(QUESTION)) as events:
        assert isinstance(next(events), Retrieved)
        assert isinstance(next(events), Piece)
    assert server.hung_up.wait(10)


def test_a_follow_up_is_made_whole_by_the_model(filled, server):
    def say(messages):
        return [QUESTION if messages[0]["content"] == WHOLE else SAID]

    server.say = say
    answer = filled.ask("How often?", history=[Turn("Who rotates the signing keys?", "She.")])
    assert answer.question == QUESTION
    whole, asked = server.asked
    assert "Who rotates the signing keys?" in whole["messages"][1]["content"]
    assert asked["messages"][1] == {"role": "user", "content": "Who rotates the signing keys?"}
    assert asked["messages"][-1]["content"].endswith("Question: How often?")


def test_or_by_the_words_of_the_one_before(filled, server):
    history = [Turn("Who rotates the signing keys?", "She.")]
    answer = filled.ask("How often?", history=history, llm=False)
    assert answer.question.startswith("How often? (")
    assert "signing" in answer.question
    assert answer.hits[0].path == "keys.md"
    assert server.asked == []


def test_a_chat_remembers_what_was_answered(filled, server):
    chat = filled.chat()
    chat.ask(QUESTION)
    with closing(chat.stream("And the cats?")) as events:
        next(events)
    assert chat.history == [Turn(QUESTION, SAID)]
    assert isinstance(chat, Chat)


def test_an_event_loop_can_ask(filled):
    assert asyncio.run(filled.aask(QUESTION)).text == SAID


def test_nothing_there_is_no_answer(collection, folder):
    empty = collection.ask(QUESTION)
    collection.index(folder)
    far = collection.ask("zebra quantum tariff")
    for answer in (empty, far):
        assert (answer.text, answer.answerable, answer.model) == (NOTHING, False, "extractive")
    assert (empty.hits, bool(far.hits)) == ((), True)


def test_wrong_input_is_refused_at_once(collection):
    with pytest.raises(UsageError, match="the query is empty"):
        collection.ask_stream("  ")
    with pytest.raises(UsageError, match="k is 0"):
        collection.ask("why?", k=0)


def test_a_reranker_is_asked_where_it_is_wanted(filled, monkeypatch):
    wanted = []
    real = Retriever.search
    monkeypatch.setattr(
        Retriever,
        "search",
        lambda self, queries, request: (
            wanted.append((request.rerank, request.exact))
            or real(self, queries, replace(request, rerank=False))
        ),
    )
    filled.ask(QUESTION, rerank=True, exact=True)
    filled.ask(QUESTION)
    assert wanted == [(True, True), (False, False)]
