"""The original beside the answer: pages with boxes, tables, code; links and the Back button."""

import re

import pytest

from tests.serving.web.notes import TEA
from tests.serving.web.steps import expect, search

PASSAGE = "ships enter the harbour at high tide"


def opened(page, query, path):
    hit = search(page, query)
    expect(hit.locator(".path")).to_have_text(path)
    hit.locator(".open").click()
    return page.locator("#preview")


def test_a_pdf_page_is_shown_with_the_passage_boxed(visit):
    page = visit("?collection=office")
    viewer = opened(page, PASSAGE, "guide.pdf")
    canvas = viewer.get_by_role(
        "img", name="Page 2 of 3 of Harbour guide, the cited passage is boxed"
    )
    expect(canvas).to_be_visible()
    boxes = viewer.locator(".passage-box")
    expect(boxes).to_have_count(3)
    sheet, first = canvas.bounding_box(), boxes.first.bounding_box()
    # The first line begins at (50, 700) of a page of 900 × 800 points, measured from below.
    assert (first["x"] - sheet["x"]) / sheet["width"] == pytest.approx(50 / 900, abs=0.02)
    assert 0.08 < (first["y"] - sheet["y"]) / sheet["height"] < 0.14
    dark = canvas.evaluate(
        "canvas => [...canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data]"
        ".filter((value, index) => index % 4 === 0 && value < 100).length"
    )
    assert dark > 100  # the letters of the page
    page.get_by_role("button", name="Next page").click()
    expect(viewer.get_by_role("img", name=re.compile("Page 3 of 3"))).to_be_visible()
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("#cited")).to_contain_text("only at high tide")
    expect(page.get_by_role("button", name="Open file")).to_be_visible()  # the server is here


def test_where_the_original_is_gone_its_text_is_shown_with_the_reason(visit, watched):
    page = visit("?collection=office")
    reason = {"error": {"message": "it was deleted", "type": "", "code": "", "param": None}}
    page.route("**/pages/*", lambda route: route.fulfill(status=404, json=reason))
    viewer = opened(page, PASSAGE, "guide.pdf")
    expect(viewer).to_contain_text("it was deleted")
    expect(page.locator("#cited")).to_contain_text("Ships enter the harbour")
    assert watched.statuses == [404]


def test_rows_are_a_table_and_fenced_code_is_code(visit):
    page = visit("?collection=office")
    viewer = opened(page, "plum quince medlar", "fruit.csv")
    table = viewer.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["fruit", "number", "price"])
    expect(table.get_by_role("row").nth(3)).to_have_text("plum214")
    expect(table.locator("tr.cited").first).to_be_visible()
    page.keyboard.press("Escape")
    opened(page, "pour boiling water on the leaves", "howto.md")
    expect(viewer.locator("pre code")).to_have_text("kettle --boil\n")
    expect(page.locator("#cited")).to_contain_text("Pour boiling water")


def test_a_link_opens_the_passage_and_back_keeps_the_search(visit, watched):
    page = visit("?collection=office&q=boiling+water")
    page.locator(".hit .open").first.click()
    expect(page.locator("#cited")).to_contain_text("Pour boiling water")
    link = page.url
    assert "doc=" in link and "at=" in link
    searches = sum("/v1/search" in address for address in watched.addresses)
    page.go_back()
    expect(page.locator("#preview")).to_be_hidden()
    expect(page.locator(".hit").first).to_contain_text("boiling")
    assert sum("/v1/search" in address for address in watched.addresses) == searches
    page.go_forward()
    expect(page.locator("#cited")).to_contain_text(TEA[:20])
    page.goto(link)
    expect(page.locator("#cited")).to_contain_text(TEA[:20])
    expect(page.locator("#query")).to_have_value("boiling water")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    assert "doc=" not in page.url and "q=boiling" in page.url
