"""What someone does at the page, in a few steps."""

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect


def search(page, query):
    page.locator("#query").fill(query)
    expect(page.locator("#status")).to_contain_text("passage")
    expect(page.locator("#hits:not([aria-busy]) .hit").first).to_be_visible()
    return page.locator(".hit").first


def ask(page, question):
    page.get_by_role("tab", name="Ask").click()
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    return page.locator(".turn").first


def has_no_sideways_scroll(page):
    width, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return width <= inner


def is_in_sight(page):
    """Whether the cited text begins within what the pane shows."""
    cited, pane = (
        page.locator(selector).bounding_box() for selector in ("#cited", "#preview-text")
    )
    bottom = min(pane["y"] + pane["height"], page.viewport_size["height"])
    return pane["y"] <= cited["y"] < bottom
