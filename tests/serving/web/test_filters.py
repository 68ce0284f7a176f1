"""Filter chips, hits by document, the nearest sentence, and nothing close."""

from tests.serving.web.steps import expect, search


def test_chips_have_counts_and_limit_the_search(visit):
    page = visit("?collection=office&q=colours+fruit+tea+harbour")
    chips = page.locator("#chips")
    expect(chips.get_by_role("button", name="pdf 1")).to_be_visible()
    expect(chips.get_by_role("group", name="Tag").get_by_role("button")).to_have_text(
        ["blue 2", "red 1"]
    )
    expect(chips.get_by_role("group", name="Folder").get_by_role("button")).to_have_count(2)
    chips.get_by_role("button", name="html 2").click()
    expect(page.locator(".hit")).to_have_count(2)
    expect(chips.get_by_role("button", name="html 2")).to_be_focused()
    chips.get_by_role("button", name="red 1").click()
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit .path")).to_have_text("part0/page.html")
    page.reload()
    expect(chips.get_by_role("button", name="red 1")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".hit")).to_have_count(1)
    page.go_back()
    expect(page.locator(".hit")).to_have_count(2)
    chips.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".hit").nth(4)).to_be_visible()


def test_a_half_typed_filter_keeps_the_hits(visit, watched):
    page = visit("?collection=office")
    search(page, "boiling water")
    count = page.locator(".hit").count()
    for typed in ("t", "type", "type =", "type = m"):
        page.get_by_label("Filter").fill(typed)
        expect(page.locator("#where-error")).to_be_visible()
        expect(page.locator(".hit")).to_have_count(count)
    page.get_by_label("Filter").fill("type = md")
    expect(page.locator("#where-error")).to_be_hidden()
    expect(page.locator(".hit .path").first).to_have_text("howto.md")
    assert set(watched.statuses) == {400}


def test_a_query_typed_before_the_collections_are_known_searches_the_one_of_the_link(visit):
    page, held = visit(), []
    page.route("**/v1/status", lambda route: held.append(route))  # noqa: PLW0108 (it gets attributes)
    page.goto(page.url.split("?")[0] + "?collection=office", wait_until="commit")
    page.locator("#query").fill("boiling water")
    expect(page.locator(".hit .path").first).to_have_text("howto.md")
    held[0].continue_()
    expect(page.locator("#collection")).to_have_value("office")
    expect(page.locator(".hit .path").first).to_have_text("howto.md")


def test_hits_are_grouped_by_document_and_the_nearest_sentence_is_marked(visit):
    page = visit()
    search(page, "signing keys private vault")
    group = page.locator(".group").filter(has_text="keys.md")
    expect(group.get_by_role("list")).to_have_accessible_name("Passages of Keys")
    expect(group.locator(".hit")).to_have_count(2)
    page.goto(page.url.split("?")[0] + "?collection=office&q=take+the+leaves+out")
    nearest = page.locator(".nearest").first
    expect(nearest).to_have_text("Then take the leaves out.")


def test_nothing_close_is_said(visit):
    page = visit("?collection=animals&q=xylophone+quixotic")
    expect(page.locator("#notice")).to_contain_text(
        "Nothing close: no word of this query occurs here"
    )
    page.locator("#query").fill("cats sleep")
    expect(page.locator("#notice")).to_be_hidden()
