"""`ragkit ask` and `ragkit chat`."""

from __future__ import annotations

import io
import json

import pytest

from ragkit import Collection
from ragkit.cli import main
from ragkit.cli.commands.ask import _marks
from ragkit.cli.output.wrapping import StreamWrapper
from tests.answers.chat_server import run_chat_server

ANSWER = ("text", "citations", "answerable", "hits", "model")
CITATION = ("n", "passage_id", "path", "page", "start", "end", "quote")


@pytest.fixture
def collection_folder(collection, folder, encoder, monkeypatch):
    """The arguments that name a filled collection; its encoder is the fake one."""
    collection.index(folder)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: encoder)
    return ("-c", str(collection.folder))


def test_an_answer_with_its_sources(collection_folder, capsys):
    assert main([*collection_folder, "ask", "how often rotate the signing keys?"]) == 0
    text, sources = capsys.readouterr().out.split("\n\n")
    assert text == "Rotate the signing keys every ninety days. [1]"
    assert sources == "[1] keys.md, lines 1–3 · Keys\n"


def test_an_answer_is_wrapped_and_each_source_is_one_line(collection_folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*collection_folder, "ask", "how often rotate the signing keys?", "--exact"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Rotate the signing keys every ninety", "days. [1]"]
    assert lines[3].startswith("[1] keys.md, lines")


def test_addresses_of_a_source_are_printed_as_they_are(collection, encoder, tmp_path, capsys,
                                                       monkeypatch):  # fmt: skip
    address = "https://keys.example.org/a?b=c"
    text = f"Rotate the signing keys every ninety days, see {address} or mail ann@example.org."
    (tmp_path / "keys.txt").write_text(text)
    collection.index(tmp_path / "keys.txt")
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: encoder)
    monkeypatch.setenv("COLUMNS", "300")
    arguments = ["-c", str(collection.folder), "ask", "how often rotate the signing keys?"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith(f"{text} [1]\n")
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"].count("hxxps://") == 1


def test_pieces_are_wrapped_as_the_whole_would_be():
    text = "one two  three\n\nfour fivesix 鑰匙每九十天更換一次 seven"
    for size in (1, 3, len(text)):
        wrapping = StreamWrapper(9)
        out = [wrapping.feed(text[at : at + size]) for at in range(0, len(text), size)]
        assert "".join(out) + wrapping.end() == (
            "one two\nthree\n\nfour\nfivesix\n鑰匙每九\n十天更換\n一次\nseven"
        )


@pytest.mark.parametrize(
    ("numbers", "marks"), [([2], "[2]"), ([1, 2, 3], "[1-3]"), ([1, 3], "[1][3]")]
)
def test_how_the_numbers_of_a_source_are_shown(numbers, marks):
    assert _marks(numbers) == marks


def test_json_has_the_fields_of_the_contract(collection_folder, capsys):
    assert main([*collection_folder, "ask", "how often rotate the signing keys?", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert tuple(answer)[:5] == ANSWER
    assert tuple(answer["citations"][0])[:7] == CITATION
    assert "explanation" not in answer["hits"][0]


def test_no_answer_is_exit_code_1(collection_folder, capsys):
    assert main([*collection_folder, "ask", "zebra quantum tariff"]) == 1
    assert capsys.readouterr().out == "The documents do not answer this.\n"


def test_a_question_from_stdin(collection_folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("how often rotate the signing keys?\n"))
    assert main([*collection_folder, "ask", "-", "-k", "1", "--mode", "dense"]) == 0
    assert "ninety days" in capsys.readouterr().out


def test_what_a_model_says_steers_no_terminal(collection_folder, capsys, monkeypatch):
    said = "Rotate the signing keys \x1b[2Jevery\x9b31m ninety days [1]. Cheese is blue [1]."
    with run_chat_server(lambda messages: [said]) as server:
        monkeypatch.setenv("RAGKIT_LLM_BASE_URL", server.url)
        monkeypatch.setenv("RAGKIT_LLM_MODEL", "small")
        assert main([*collection_folder, "ask", "how often rotate the signing keys?"]) == 0
        captured = capsys.readouterr()
        assert (
            main([*collection_folder, "ask", "how often rotate the signing keys?", "--no-llm"]) == 0
        )
    assert "\x1b" not in captured.out
    assert "\x9b" not in captured.out
    assert "not supported by what it cites: Cheese is blue [1]." in captured.err
    assert len(server.requests) == 1


def test_a_conversation_continues_until_the_input_ends(collection_folder, capsys, monkeypatch):
    asked = ["how often rotate the signing keys?", "rotate the signing keys every ninety days?"]
    lines = "\n".join([*asked, "/sources", "/new", "/what"])
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert main([*collection_folder, "chat"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("ninety days. [1]") == 2
    assert "keys.md, line" in captured.out
    assert "/new clears" in captured.err


def test_ctrl_c_stops_the_answer_and_not_the_conversation(collection_folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("one?\nhow often rotate the signing keys?\n"))
    real = Collection.ask_with

    def interrupted(self, question, **options):
        if question == "one?":
            raise KeyboardInterrupt
        return real(self, question, **options)

    monkeypatch.setattr(Collection, "ask_with", interrupted)
    assert main([*collection_folder, "chat"]) == 0
    captured = capsys.readouterr()
    assert "interrupted; the question is not kept" in captured.err
    assert "ninety days" in captured.out
