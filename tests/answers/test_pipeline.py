"""From a question to a cited answer, with a fake language model server."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from ragkit import Answer, Piece, Retrieved, Settings, Turn, UsageError
from ragkit.answers.pipeline import NO_ANSWER, Chat
from ragkit.answers.prompt import ABSTENTION, REWRITE_INSTRUCTION
from ragkit.network import json_client
from ragkit.retrieval.pipeline import Retriever
from tests.answers.chat_server import run_chat_server

QUESTION = "How often are the signing keys rotated?"
REPLY = "Rotate the signing keys every ninety days [1]."


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(json_client.time, "sleep", lambda seconds: None)
    with run_chat_server(lambda messages: REPLY.partition("signing")) as server:
        yield server


@pytest.fixture
def filled(open_collection, folder, server):
    settings = Settings(passage_tokens=40, overlap=0.0, llm_base_url=server.url, llm_model="small")
    collection = open_collection(settings)
    collection.index(folder)
    return collection


def test_the_events_are_hits_pieces_answer(filled):
    events = list(filled.ask_stream(QUESTION))
    retrieved, *pieces, answer = events
    assert isinstance(retrieved, Retrieved)
    assert all(isinstance(piece, Piece) for piece in pieces)
    assert isinstance(answer, Answer)
    assert len(pieces) >= 2
    assert "".join(piece.text for piece in pieces) == answer.text == REPLY
    assert (answer.hits, answer.question) == (retrieved.hits, QUESTION)
    assert (answer.model, answer.answerable, answer.unsupported) == ("small", True, ())


def test_a_citation_has_the_quote_of_its_document(filled):
    (citation,) = filled.ask(QUESTION).citations
    text = filled.get(citation.path).text
    assert (citation.n, citation.path) == (1, "keys.md")
    assert citation.quote == text[citation.start : citation.end]
    assert citation.quote == "Rotate the signing keys every ninety days."
    assert citation.passage_id in {hit.passage_id for hit in filled.search(QUESTION)}


def test_unsupported_statements_are_listed_and_unknown_citations_removed(filled, server):
    server.reply = lambda messages: [REPLY, " The moon is green cheese [1]. So it is [42]."]
    answer = filled.ask(QUESTION)
    assert answer.text == f"{REPLY} The moon is green cheese [1]. So it is."
    statement = answer.unsupported[0]
    assert answer.text[statement.start : statement.end] == statement.text
    assert statement.text == "The moon is green cheese [1]."


def test_an_abstention_is_not_answerable(filled, server):
    server.reply = lambda messages: [ABSTENTION]
    answer = filled.ask("What does the moon weigh?")
    assert (answer.answerable, answer.text, answer.citations) == (False, ABSTENTION, ())
    assert answer.unsupported == ()


def test_an_answer_without_citations_has_a_warning(filled, server):
    server.reply = lambda messages: ["Now and then, as they like."]
    answer = filled.ask(QUESTION)
    assert answer.answerable
    assert "the answer cites no source" in answer.warnings
    assert [statement.text for statement in answer.unsupported] == ["Now and then, as they like."]


def test_without_its_language_model_the_answer_is_extractive(filled, server, notices):
    server.failures = [(401, {}, {"error": "no"})]
    answer = filled.ask("Are the signing keys to rotate every ninety days?")
    assert (answer.model, answer.answerable) == ("extractive", True)
    assert "ninety days" in answer.text
    (warning,) = answer.warnings
    assert warning.startswith("small is not available (")
    assert notices == [warning]


def test_an_answer_that_breaks_off_is_kept_with_a_warning(filled, server):
    server.stop_after = 2
    answer = filled.ask(QUESTION)
    assert answer.text == "Rotate the signing"
    assert answer.warnings[0].startswith("the answer is incomplete: ")
    assert answer.usage is not None
    assert answer.usage.cut_off


@pytest.mark.parametrize(
    ("finish_reason", "detail"),
    [(None, "without finish_reason and [DONE]"), ("content_filter", "content_filter")],
)
def test_an_answer_that_ends_without_a_reason_or_is_filtered_is_incomplete(
    filled, server, finish_reason, detail
):
    server.finish_reason = finish_reason
    answer = filled.ask(QUESTION)
    assert answer.text.startswith("Rotate the signing")
    (warning,) = (text for text in answer.warnings if text.startswith("the answer is incomplete: "))
    assert detail in warning
    assert answer.usage.cut_off


def test_a_shortened_prompt_has_a_warning(filled, server):
    server.prompt_tokens = 40
    assert "it shortened the prompt" in filled.ask(QUESTION).warnings[0]
    server.prompt_tokens = 400
    assert filled.ask(QUESTION).warnings == ()


def test_closing_the_stream_closes_the_connection(filled, server):
    server.reply = lambda messages: iter(["word "] * 100_000)
    with closing(filled.ask_stream(QUESTION)) as events:
        assert isinstance(next(events), Retrieved)
        assert isinstance(next(events), Piece)
    assert server.disconnected.wait(60)


def test_the_model_rewrites_a_followup_question(filled, server):
    def reply(messages):
        return [QUESTION if messages[0]["content"] == REWRITE_INSTRUCTION else REPLY]

    server.reply = reply
    answer = filled.ask("How often?", history=[Turn("Who rotates the signing keys?", "She.")])
    assert answer.question == QUESTION
    rewrite, ask = server.requests
    assert "Who rotates the signing keys?" in rewrite["messages"][1]["content"]
    assert ask["messages"][1] == {"role": "user", "content": "Who rotates the signing keys?"}
    assert ask["messages"][-1]["content"].endswith("Question: How often?")


def test_without_a_model_a_followup_gets_words_of_the_earlier_question(filled, server):
    history = [Turn("Who rotates the signing keys?", "She.")]
    answer = filled.ask("How often?", history=history, llm=False)
    assert answer.question.startswith("How often? (")
    assert "signing" in answer.question
    assert answer.hits[0].path == "keys.md"
    assert server.requests == []


def test_a_chat_keeps_completed_turns_as_history(filled, server):
    chat = filled.chat()
    chat.ask(QUESTION)
    with closing(chat.stream("And the cats?")) as events:
        next(events)
    assert chat.history == [Turn(QUESTION, REPLY)]
    assert isinstance(chat, Chat)


def test_aask_answers_in_an_event_loop(filled):
    assert asyncio.run(filled.aask(QUESTION)).text == REPLY


def test_an_empty_collection_and_dissimilar_documents_give_no_answer(collection, folder):
    empty = collection.ask(QUESTION)
    collection.index(folder)
    far = collection.ask("zebra quantum tariff")
    for answer in (empty, far):
        assert (answer.text, answer.answerable, answer.model) == (NO_ANSWER, False, "extractive")
    assert (empty.hits, bool(far.hits)) == ((), True)


def test_wrong_input_raises_usage_error_before_the_stream_begins(collection):
    with pytest.raises(UsageError, match="the query is empty"):
        collection.ask_stream("  ")
    with pytest.raises(UsageError, match="k is 0"):
        collection.ask("why?", k=0)


def test_rerank_and_exact_reach_the_retriever(filled, monkeypatch):
    options = []
    real = Retriever.search
    monkeypatch.setattr(
        Retriever,
        "search",
        lambda self, queries, request: (
            options.append((request.rerank, request.exact))
            or real(self, queries, replace(request, rerank=False))
        ),
    )
    filled.ask(QUESTION, rerank=True, exact=True)
    filled.ask(QUESTION)
    assert options == [(True, True), (False, False)]


@pytest.mark.parametrize(
    ("question", "searched", "title"),
    [
        ("Sick leave?", "Sick leave?", "sick"),
        ("What about sick leave?", "What about sick leave?", "sick"),
        ("For how many weeks?", "For how many weeks? (may parents stay home)", "parents"),
        ("Why?", "Why? (may parents stay home)", "parents"),
    ],
)
def test_a_short_new_topic_is_searched_by_itself(
    open_collection, tmp_path, question, searched, title
):
    texts = {
        "parents": "Parents may stay at home for 104 weeks. This parental leave is paid for weeks.",
        "sick": "For sick leave a note of the doctor is needed from the fourth day.",
        "keys": "Keys of the building are kept in the office.",
    }
    (tmp_path / "handbook").mkdir()
    for name, text in texts.items():
        (tmp_path / "handbook" / f"{name}.txt").write_text(text)
    collection = open_collection(Settings())
    collection.index(tmp_path / "handbook")
    chat = collection.chat()
    chat.ask("How long may parents stay at home?")
    answer = chat.ask(question)
    assert answer.question == searched
    assert answer.hits[0].path == f"{title}.txt"


@pytest.mark.parametrize(
    ("identifier", "is_known"),
    [
        ("E4711", True), ("E-4711", True), ("E 4711", True), ("max_pages", True), ("2.4.10", True),
        ("E4712", False), ("E-4799", False), ("max_files", False), ("2.4.1", False),
    ],
)  # fmt: skip
def test_an_identifier_that_occurs_nowhere_counts_against_answering(
    open_collection, tmp_path, identifier, is_known
):
    (tmp_path / "manual").mkdir()
    for code in ("E4711", "E-4711", "max_pages", "release 2.4.10"):
        text = f"The error {code} means that the disk of the server is full.\n"
        (tmp_path / "manual" / f"{len(code)}.txt").write_text(text)
    collection = open_collection(Settings())
    collection.index(tmp_path / "manual")
    answer = collection.ask(f"what does the error {identifier} of the disk of the server mean?")
    known = collection.ask("what does the error of the disk of the server mean?")
    assert (answer.relevance > known.relevance - 0.25) is is_known
