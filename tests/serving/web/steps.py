"""What someone does at the page, in a few steps."""

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
expect.set_options(timeout=20_000)  # milliseconds: the machine may be busy


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
    """Wait until the cited text begins within what the pane shows: the page scrolls to it."""
    page.wait_for_function(
        """() => {
            const [cited, pane] = ["cited", "preview-text"].map((id) =>
                document.getElementById(id).getBoundingClientRect());
            return pane.top <= cited.top && cited.top < Math.min(pane.bottom, innerHeight);
        }"""
    )
    return True
