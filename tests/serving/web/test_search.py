"""Searching, and reading what was found where it stands."""

import re

from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.collections.library import Library
from tests.serving.conftest import listening
from tests.serving.web.notes import LAMP
from tests.serving.web.steps import expect, is_in_sight, search

TOKEN = "a-token-of-some-length"


def test_typing_searches_and_marks_the_words(visit):
    page = visit()
    page.keyboard.type("how often are the signing keys rotated", delay=10)  # without a click
    first = page.locator(".hit").first
    expect(first).to_contain_text("Rotate the signing keys every ninety days.")
    assert first.locator("mark").all_text_contents() == ["Rotate", "signing", "keys"]
    expect(first.get_by_role("button", name="Keys")).to_be_visible()
    expect(first.locator(".place")).to_contain_text("keys.md· lines 1–3")
    expect(first.locator(".score")).to_contain_text(re.compile(r"score 0\.\d\d"))
    expect(page.locator("#status")).to_have_text(re.compile(r"^\d+ passages in \d+ ms$"))


def test_marks_and_snippet_follow_the_servers_offsets(visit):
    page = visit()
    long = (
        "\U0001f98a"
        + "系统的设置说明如下，" * 90
        + "数据备份每天运行。"
        + "其余部分请参考手册。" * 90
    )
    texts = [("यह किताब कहाँ की है।", "किताब"), (long, "数据备份")]
    hits = [
        {
            "rank": n, "score": None, "passage_id": n, "text": text, "path": f"{n}.md", "title": "",
            "heading": [], "page": None, "start_line": 1, "end_line": 1, "start": 0,
            "end": len(text), "citation": f"{n}.md#L1", "scores": {}, "metadata": {},
            "stale": False, "document_id": n,
            "highlights": [[text.index(word), text.index(word) + len(word)]],
        }
        for n, (text, word) in enumerate(texts, start=1)
    ]  # fmt: skip
    nearest = {"notices": [], "sentences": []}
    page.route("**/v1/nearest", lambda route: route.fulfill(json=nearest))
    page.route("**/v1/search", lambda route: route.fulfill(json={"hits": hits}))
    page.keyboard.type("x")
    expect(page.locator(".hit mark")).to_have_text(["किताब", "数据备份"])
    shown = page.locator(".hit .text").nth(1).text_content()
    assert shown.startswith("…") and shown.endswith(" …") and len(shown) < 500


def test_only_the_latest_of_quick_queries_is_shown(visit):
    page = visit()
    requests = []
    page.route(
        "**/v1/search", lambda route: requests.append(route) if not requests else route.continue_()
    )
    with page.expect_request("**/v1/search"):
        page.locator("#query").fill("private vault")
    page.locator("#query").fill("lighthouse lamp")
    expect(page.locator(".hit").first).to_contain_text(LAMP)
    requests[0].continue_()  # nobody waits for its answer any more
    page.wait_for_timeout(500)
    expect(page.locator(".hit").first).to_contain_text(LAMP)


def test_a_hit_opens_its_document_at_the_passage(visit):
    page = visit()
    button = search(page, "lighthouse keeper copper lamp").locator(".open")
    button.click()
    expect(page.locator("#cited")).to_contain_text(LAMP)
    assert is_in_sight(page)
    assert page.locator("#preview-text").evaluate("element => element.scrollTop > 1000")
    expect(page.locator("#preview-text")).to_be_focused()
    for label in ("Show the text before", "Show the text after"):
        page.get_by_role("button", name=label).click()
        expect(page.get_by_role("button", name=label)).to_have_count(0)
    text = page.locator("#preview-text").text_content()
    assert text.startswith("🦊 Paragraph 0 of") and text.rstrip().endswith("899 is as quiet.")
    page.get_by_role("button", name="Close").click()
    expect(button).to_be_focused()


def test_the_focus_returns_to_a_hit_that_was_shown_anew(visit):
    page = visit()
    search(page, "lighthouse keeper copper lamp").locator(".open").click()
    expect(page.locator("#preview-text")).to_be_focused()
    page.evaluate(  # as when a later answer to the same query arrives
        "const hit = document.querySelector('.hit'); hit.replaceWith(hit.cloneNode(true))"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".hit .open").first).to_be_focused()


def test_a_changed_document_is_reported(visit, library):
    page = visit()
    page.route(
        "**/v1/documents/*",
        lambda route: route.fulfill(json={**route.fetch().json(), "text": "something else"}),
    )
    search(page, "lighthouse lamp").locator(".open").click()
    expect(
        page.get_by_role("alert").filter(has_text="has changed since the search")
    ).to_be_visible()


def test_an_invalid_filter_is_explained_beside_it(visit, watched):
    page = visit("?q=keys&where=path+%3D")
    expect(page.locator("#where-error")).to_contain_text("expected a value")
    expect(page.get_by_label("Filter")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Filter").fill("path = keys.md")
    expect(page.locator(".hit").first).to_be_visible()
    expect(page.locator("#where-error")).to_be_hidden()
    assert set(watched.statuses) == {400}


def test_the_url_restores_the_search(visit):
    page = visit()
    search(page, "rotate ninety")
    page.keyboard.press("Enter")
    page.get_by_label("Mode").select_option("lexical")
    page.get_by_label("Filter").fill("path = keys.md")
    expect(page.locator(".hit")).to_have_count(1)
    assert "q=rotate+ninety&mode=lexical&where=path+%3D+keys.md" in page.url
    page.reload()
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.get_by_label("Mode")).to_have_value("lexical")
    expect(page.get_by_label("Filter")).to_have_value("path = keys.md")
    page.go_back()
    expect(page.get_by_label("Filter")).to_have_value("")
    expect(page.locator("#query")).to_have_value("rotate ninety")


def test_collections_can_be_selected_and_show_their_coverage(visit):
    page = visit("?q=cats+sleep")
    page.get_by_label("Collection").select_option("animals")
    expect(page.locator(".hit").first).to_contain_text("Cats sleep for most of the day.")
    expect(page.locator("#coverage-line")).to_have_text("1 document, 1 passage; every file read")
    page.locator("#coverage-line").click()
    expect(page.locator("#coverage-more")).to_contain_text("1 of 1")
    assert "collection=animals" in page.url


def test_a_token_is_requested_and_kept_for_the_tab(visit, library, watched):
    # A library of its own, over the same collections: a server that stops ends its answers.
    own = Library({name: served.collection for name, served in library.served.items()})
    with listening(create_app(own, ServerOptions(token=TOKEN))) as address:
        page = visit("?q=signing+keys", at=address)
        dialog = page.get_by_role("dialog", name="This server requires a token")
        for token in ("wrong-token", TOKEN):
            dialog.get_by_label("Token").fill(token)
            dialog.get_by_role("button").click()
            if token != TOKEN:
                expect(dialog).to_contain_text("The server refuses this token.")
        expect(page.locator(".hit").first).to_be_visible()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert not any(TOKEN in address for address in watched.addresses)
        page.reload()
        expect(page.locator(".hit").first).to_be_visible()
    assert set(watched.statuses) == {401}


def test_an_unreachable_server_is_reported_and_retried(visit, watched):
    page = visit()
    expect(page.locator("#coverage-line")).to_contain_text("document")
    page.context.set_offline(True)
    page.locator("#query").fill("signing keys")
    expect(page.locator("#status")).to_contain_text("the server does not answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".hit").first).to_be_visible()
    assert all("ERR_INTERNET_DISCONNECTED" in problem for problem in watched.problems)
    watched.problems.clear()
