"""Asking: answers as they are written, what they cite, what their sources do not say."""

import threading

from ragkit.records.answers import Answer, Citation, Piece, Statement
from tests.serving.web.notes import QUESTION
from tests.serving.web.steps import ask, expect, is_in_sight


def test_an_extractive_answer_is_cited(visit):
    page = visit()
    turn = ask(page, QUESTION)
    expect(page.locator("#ask-status")).to_contain_text("Answered, with")
    expect(turn.locator(".answer")).to_contain_text("Rotate the signing keys every ninety days.")
    expect(turn).to_contain_text("without a language model")
    turn.get_by_role("button", name="Source 1: Keys", exact=True).click()
    expect(page.locator("#cited")).to_contain_text("Rotate the signing keys every ninety days.")
    assert is_in_sight(page)
    page.keyboard.press("Escape")
    expect(turn.locator(".cite").first).to_be_focused()


def test_sources_are_grouped_and_their_addresses_appear_as_they_are(visit, script):
    def write(hits):
        text = "See hxxps://evil.example/e [1]. Not hxxps://other.example [2]."
        yield Piece(text)
        first = hits[0]
        quotes = tuple(
            Citation(
                n, first.passage_id, first.path, None, first.start, first.end, quote,
                first.citation, "Volcanoes", None, first.start_line, first.end_line, False,
            )
            for n, quote in ((1, "One."), (2, "Two."))
        )  # fmt: skip
        yield Answer(text, quotes, True, hits, "small-llm", (), ())

    script(write)
    turn = ask(visit(), "When does the volcano fetch http evil example erupts?")
    expect(turn.locator(".sources li")).to_have_count(1)
    expect(turn.locator(".sources li")).to_contain_text("[1] Volcanoes")
    expect(turn.locator(".sources blockquote")).to_have_text(["One.", "Two."])
    expect(turn.locator(".answer")).to_have_text(
        "See https://evil.example/e [1]. Not hxxps://other.example [2]."
    )


def test_an_unanswerable_question_is_reported(visit):
    page = visit("?where=path+%3D+nothing.txt")
    turn = ask(page, QUESTION)
    expect(page.locator("#ask-status")).to_have_text("No answer was found.")
    expect(turn.locator(".answer")).to_have_text("The documents do not answer this.")
    assert turn.locator(".cite").count() == 0
    page.keyboard.type("and now?")
    with page.expect_request("**/v1/ask") as sent:
        page.keyboard.press("Enter")
    assert sent.value.post_data_json["history"] == []


def streamed_answer(hits):
    """Return three pieces of text and the answer, whose second sentence has no source."""
    pieces = ("🦊 Every ninety days [1]. ", "The moon is ", "of cheese [1].")
    text, start = "".join(pieces), len(pieces[0])
    quote = hits[0].text
    source = Citation(
        1, hits[0].passage_id, hits[0].path, None, hits[0].start, hits[0].end, quote,
        hits[0].citation, hits[0].title, None, hits[0].start_line, hits[0].end_line, False,
    )  # fmt: skip
    wrong = (Statement(start, len(text), text[start:], (1,), 0.1),)
    return pieces, Answer(text, (source,), True, hits, "small-llm", wrong, ("It was cut short.",))


def test_an_answer_is_streamed_and_unsupported_sentences_are_marked(visit, script):
    go_on = threading.Event()

    def write(hits):
        pieces, answer = streamed_answer(hits)
        yield from map(Piece, pieces[:2])
        go_on.wait(60)
        yield Piece(pieces[2])
        yield answer

    script(write)
    turn = ask(visit(), QUESTION)
    expect(turn.locator(".answer")).to_have_text("🦊 Every ninety days [1]. The moon is")
    go_on.set()
    expect(turn.locator(".doubtful")).to_have_text("The moon is of cheese [1].")
    expect(turn.locator(".doubtful + .badge")).to_have_text("not supported by its sources")
    expect(turn).to_contain_text("One sentence, underlined, is not supported by its sources")
    expect(turn).to_contain_text("Written by small-llm")
    expect(turn).to_contain_text("It was cut short.")


def test_stop_ends_the_answer_on_the_server(visit, script):
    closed = threading.Event()

    def write(hits):
        try:
            while True:
                yield Piece("word ")
                closed.wait(0.05)
        finally:
            closed.set()

    script(write)
    page = visit()
    turn = ask(page, QUESTION)
    expect(turn.locator(".answer")).to_contain_text("word word")
    turn.get_by_role("button", name="Stop").click()
    expect(turn).to_contain_text("Stopped.")
    assert closed.wait(60)


def test_a_follow_up_question_sends_the_history(visit):
    page = visit()
    ask(page, QUESTION)
    expect(page.locator("#ask-status")).to_contain_text("Answered")
    page.keyboard.type("and the vault?")
    with page.expect_request("**/v1/ask") as sent:
        page.keyboard.press("Enter")
    (turn,) = sent.value.post_data_json["history"]
    assert turn["question"] == QUESTION
    assert "ninety days" in turn["answer"]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
