"""Which files were not read, and why: a list that is asked for by whoever wants it."""

from tests.serving.web.notes import HOSTILE_NAME, UNREAD
from tests.serving.web.steps import expect, has_no_sideways_scroll

WHOLE = UNREAD + 2  # with the broken one, and the archive of which a part is missing


def opened(page):
    """The list that is open, by keys alone."""
    expect(page.locator("#coverage-line")).to_contain_text("files not read")
    page.locator("#coverage-line").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#coverage-more dl")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Files that were not read, and why")).to_be_focused()
    page.keyboard.press("Enter")
    return page.get_by_role("list", name="Files that were not read, and why")


def test_unread_files_are_listed_with_reasons_by_keyboard(visit, watched):
    page = visit("?collection=old")
    expect(page.locator("#coverage-line")).to_contain_text("61 files not read")
    assert not [address for address in watched.addresses if "/v1/unread" in address]
    entries = opened(page).locator("> li")
    expect(entries).to_have_count(50)
    expect(entries.first).to_contain_text("00.7z")
    expect(entries.first).to_contain_text("not supported yet")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show more")).to_be_focused()
    page.keyboard.press("Enter")
    expect(entries).to_have_count(WHOLE)
    expect(entries.nth(50)).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(entries.filter(has_text=HOSTILE_NAME.replace(".txt", ".pdf"))).to_have_count(1)
    expect(entries.last.locator("li")).to_contain_text("mixed.zip/cut.pdf")


def test_excluded_files_have_a_list_of_their_own(visit):
    page = visit("?collection=old")
    page.locator("#coverage-line").click()
    page.get_by_text("Files that were left out, and why").click()
    entries = page.get_by_role("list", name="Files that were left out, and why").locator("> li")
    expect(entries).to_have_count(1)
    expect(entries).to_have_text(".keyhidden")
    page.get_by_label("Collection").select_option("animals")
    expect(page.get_by_text("Files that were not read, and why")).to_have_count(0)


def test_the_list_fits_375_pixels(visit):
    page = visit("?collection=old", viewport={"width": 375, "height": 667}, has_touch=True)
    page.locator("#coverage-line").tap()
    page.get_by_text("Files that were not read, and why").tap()
    expect(page.get_by_text("49.7z")).to_be_visible()
    assert has_no_sideways_scroll(page)
    for control in (page.get_by_role("button", name="Show more"), page.locator(".unread summary")):
        assert control.last.bounding_box()["height"] >= 24


def test_a_list_that_fails_to_load_can_be_retried(visit, watched):
    page = visit("?collection=old")
    expect(page.locator("#coverage-line")).to_contain_text("files not read")
    page.locator("#coverage-line").click()
    expect(page.locator("#coverage-more dl")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_text("Files that were not read, and why").click()
    entries = page.get_by_role("list", name="Files that were not read, and why").locator("> li")
    expect(page.locator(".unread [role=status]").first).to_contain_text("does not answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(entries).to_have_count(50)
    watched.problems.clear()  # of the browser, that it was offline
