"""Keys, small windows, light and dark, and what the page weighs."""

import gzip
import re
import urllib.request

import pytest

from ragkit.serving.web.static import FOLDER
from tests.serving.web.notes import LAMP, QUESTION
from tests.serving.web.steps import ask, expect, has_no_sideways_scroll, is_in_sight, search


def test_shortcuts_are_listed_and_focus_the_field(visit):
    page = visit()
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()


def test_search_and_preview_work_by_keyboard(visit):
    page = visit()
    page.keyboard.type("signing keys in the vault?")
    expect(page.locator(".hit").nth(1)).to_be_visible()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".hit .open").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#preview-text")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".hit .open").nth(1)).to_be_focused()
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#query")).to_have_value("")
    expect(page.locator(".hit")).to_have_count(0)


def test_arrows_change_tabs_and_every_control_has_a_name(visit):
    page = visit()
    page.get_by_role("tab", name="Search").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Ask")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Ask")).to_be_attached()
    expect(page.get_by_role("searchbox", name="Ask the documents")).to_be_visible()
    for role in ("button", "combobox", "textbox", "searchbox", "tab", "link"):
        every = page.get_by_role(role)
        assert every.count() == page.get_by_role(role, name=re.compile(r"\S")).count()


def test_nothing_is_cut_off_at_375_pixels(visit):
    page = visit(viewport={"width": 375, "height": 667}, has_touch=True)
    button = search(page, "lighthouse keeper copper lamp").locator(".open")
    assert has_no_sideways_scroll(page)
    button.tap()
    expect(page.locator("#cited")).to_contain_text(LAMP)
    box = page.locator("#preview").bounding_box()
    assert (box["x"], box["width"], box["height"]) == (0, 375, 667) and is_in_sight(page)
    for _ in range(6):  # the focus stays inside, or goes to the browser itself
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('main, footer, header') || "
                             "!!document.activeElement.closest('#preview')")  # fmt: skip
    page.get_by_role("button", name="Close").tap()
    expect(button).to_be_focused()
    ask(page, QUESTION)
    expect(page.locator("#ask-status")).to_contain_text("Answered")
    assert has_no_sideways_scroll(page)


def test_the_preview_stays_open_when_the_window_narrows(visit):
    page = visit()
    button = search(page, "lighthouse keeper copper lamp").locator(".open")
    button.click()
    expect(page.locator("#cited")).to_contain_text(LAMP)
    assert page.locator("#preview:modal").count() == 0
    page.set_viewport_size({"width": 375, "height": 667})
    expect(page.locator("#preview:modal #cited")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    expect(button).to_be_focused()


def test_light_and_dark_follow_the_system(visit):
    page = visit(color_scheme="light")
    look = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(look)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(look)
    assert min(map(int, re.findall(r"\d+", light))) > 230
    assert max(map(int, re.findall(r"\d+", dark))) < 50


def luminance(colour):
    """As WCAG 2.2 defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in parts]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "papers", "least"),
    [
        ("ink", ("paper", "raised", "tint"), 7), ("soft", ("paper", "raised", "tint"), 4.5),
        ("accent", ("paper", "raised", "tint"), 4.5), ("wrong", ("paper", "raised"), 4.5),
        ("on-accent", ("accent",), 4.5), ("on-mark", ("mark",), 7), ("doubt", ("doubt-tint",), 4.5),
        ("edge", ("paper", "raised"), 3),
    ],
)  # fmt: skip
def test_contrast_meets_wcag(scheme, ink, papers, least):
    themes = re.findall(r":root \{(.*?)\}", (FOLDER / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", themes[scheme]))
    for paper in papers:
        low, high = sorted(map(luminance, (colours[ink], colours[paper])))
        assert (high + 0.05) / (low + 0.05) >= least


def test_the_page_loads_at_most_55_kb_for_a_search_and_21_kb_compressed(visit, watched):
    page = visit("?q=signing+keys")
    expect(page.locator(".hit").first).to_be_visible()
    names = {address.rpartition("/web/")[2] for address in watched.addresses if "/web/" in address}
    files = [(FOLDER / name).read_bytes() for name in sorted({*names, "index.html"})]
    assert sum(map(len, files)) <= 55_000
    assert sum(len(gzip.compress(file)) for file in files) <= 21_000
    assert not any(name.startswith(("vendor/", "viewer/", "chat/")) for name in names)


def test_every_file_has_a_type_and_the_strict_policy(address):
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for path in FOLDER.rglob("*.*"):
        if path.suffix in (".py", ".pyc", ".txt", ".md"):
            continue
        name = path.relative_to(FOLDER).as_posix()
        with urllib.request.urlopen(f"{address}/web/{name}") as response:
            assert response.headers["content-type"].startswith(kinds.get(path.suffix, "text/html"))
            assert response.headers["etag"]
            assert "trusted-types 'none'" in response.headers["content-security-policy"]
            assert "'unsafe-inline'" not in response.headers["content-security-policy"]
