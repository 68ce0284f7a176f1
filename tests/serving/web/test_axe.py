"""No violation that axe finds, on each screen, light and dark, narrow and wide."""

import pytest

from tests.serving.web.notes import QUESTION
from tests.serving.web.steps import ask, expect, has_no_sideways_scroll, search

playwright_axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python (extra dev)"
)
NARROW, WIDE = {"width": 375, "height": 667}, {"width": 1280, "height": 800}
ON_COLOURS = ["color-contrast", "link-in-text-block"]  # axe's only rules that look at colours
_AXE = playwright_axe.Axe()


def check(page):
    """Every rule with light colours, and with dark ones the rules on colours: the others see the
    same page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.axe_script)
        rules = page.evaluate("axe.getRules(['cat.color']).map(rule => rule.ruleId)")
        assert set(rules) - {"color-contrast-enhanced"} == set(ON_COLOURS)  # axe leaves that out
    for scheme, only in (("light", None), ("dark", {"type": "rule", "values": ON_COLOURS})):
        page.emulate_media(color_scheme=scheme)
        options = {"resultTypes": ["violations"], **({"runOnly": only} if only else {})}
        found = page.evaluate("options => axe.run(options)", options)["violations"]
        assert [(violation["id"], [node["html"] for node in violation["nodes"]])
                for violation in found] == [], scheme  # fmt: skip
    assert has_no_sideways_scroll(page)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_no_screen_has_a_violation(visit, size):
    page = visit("?collection=office", viewport=size, reduced_motion="reduce")
    expect(page.locator("#home")).to_contain_text("Newest files")
    page.get_by_text("Add a folder").click()
    page.get_by_text("Add files").click()
    page.locator("#coverage-line").click()
    check(page)  # the opening screen, with everything open
    search(page, "ships enter the harbour at high tide")
    page.locator("#chips").get_by_role("button", name="pdf 1").click()
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".nearest")).to_be_visible()
    check(page)  # hits and chosen filters
    page.locator(".hit .open").click()
    expect(page.locator(".passage-box").first).to_be_visible()
    check(page)  # a page of a PDF
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear filters").click()
    hit = search(page, "plum quince medlar")
    expect(hit.locator(".path")).to_have_text("fruit.csv")
    hit.locator(".open").click()
    expect(page.get_by_role("table")).to_be_visible()
    check(page)  # a table
    page.keyboard.press("Escape")
    page.get_by_label("Collection").select_option("notes")
    turn = ask(page, QUESTION)
    expect(page.locator("#ask-status")).to_contain_text("Answered")
    turn.locator("details summary").click()
    page.locator("#talks-title").click()
    check(page)  # an answer and the conversations
    if size is NARROW:  # a wide window shows the same
        page.get_by_role("tab", name="Explore").click()
        page.get_by_label("Collection").select_option("office")
        expect(page.get_by_role("application", name="Map of 5 passages")).to_be_visible()
        check(page)  # the map
        page.get_by_role("button", name="Duplicates").click()
        page.get_by_label("Minimum cosine").fill("0.6")
        page.keyboard.press("Tab")
        expect(page.locator(".changed").first).to_be_visible()
        check(page)  # near-duplicates
    page.get_by_role("button", name="Keys", exact=True).first.click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    check(page)  # a dialog
