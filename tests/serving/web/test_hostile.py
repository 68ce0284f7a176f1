"""What documents, models and addresses say is text: nothing runs, nothing is loaded."""

from ragkit.records.answers import Answer, Piece
from tests.serving.web.notes import HOSTILE, HOSTILE_NAME
from tests.serving.web.steps import ask, expect, search


def test_html_in_documents_and_answers_is_shown_as_text(visit, script):
    page = visit()
    hit = search(page, "volcano erupts")
    expect(hit.locator(".text")).to_contain_text(HOSTILE[:60])
    expect(hit.locator(".path")).to_have_text(HOSTILE_NAME)
    hit.locator(".open").click()
    expect(page.locator("#preview-text")).to_contain_text(HOSTILE)

    def write(hits):
        yield Piece(HOSTILE)
        yield Answer(HOSTILE, (), True, hits, "<b>llm</b>")

    script(write)
    turn = ask(page, "Which volcano erupts?")
    expect(turn).to_contain_text("Written by <b>llm</b>")
    expect(turn.locator(".answer")).to_have_text(HOSTILE)
    page.wait_for_timeout(200)  # time for a request that must not be
    assert page.locator("img, main a, main script, main b, iframe").count() == 0


def test_html_in_a_query_is_shown_as_text(visit):
    page = visit("?q=%3Cimg+src%3Dx+onerror%3Dalert(4)%3E+keys&where=&mode=hybrid")
    expect(page.locator(".hit").first).to_be_visible()
    assert page.locator("img").count() == 0
