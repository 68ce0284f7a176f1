"""The page in a real browser, over a real server: only the model is made up."""

import re
import threading
import urllib.request

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")

from ragkit import Collection, Settings  # noqa: E402
from ragkit.answer_records import Answer, Citation, Piece, Retrieved, Statement  # noqa: E402
from ragkit.serving.app import Rules, app  # noqa: E402
from ragkit.serving.library import Library  # noqa: E402
from ragkit.serving.web import FOLDER  # noqa: E402
from tests.conftest import WordEncoder  # noqa: E402
from tests.serving.browser import Watched, chromium  # noqa: E402
from tests.serving.conftest import listening  # noqa: E402

expect = sync_api.expect
TOKEN = "a-token-of-some-length"
LAMP = "The lighthouse keeper polishes the copper lamp every evening."
HOSTILE = (
    "The volcano <script>fetch('http://evil.example/a')</script>"
    "<img src='http://evil.example/b' onerror='alert(1)'> ![c](http://evil.example/c.png) "
    "[d](javascript:alert(2)) https://evil.example/e erupts."
)
HOSTILE_NAME = "<img src=x onerror=alert(3)>.txt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    (folder / "keys.md").write_text(
        "# Keys\n\nRotate the signing keys every ninety days.\n\n"
        "## Storage\n\nKeep the private part in a vault.\n"
    )
    # Each fox is one character, and two where JavaScript counts.
    before = "\n\n".join(f"🦊 Paragraph {number} of the log says nothing." for number in range(400))
    after = "\n\n".join(f"Paragraph {number} is as quiet." for number in range(400, 900))
    (folder / "log.txt").write_text(f"{before}\n\n{LAMP}\n\n{after}\n")
    (folder / HOSTILE_NAME).write_text(f"{HOSTILE}\n")
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory, folder):
    animals = tmp_path_factory.mktemp("animals")
    (animals / "cats.txt").write_text("Cats sleep for most of the day.\n")
    found = {}
    for name, root in (("notes", folder), ("animals", animals)):
        found[name] = Collection(
            tmp_path_factory.mktemp("kits") / name,
            settings=Settings(passage_tokens=40, overlap=0.0),
            encoder=WordEncoder(),
        )
        found[name].index(root)
    library = Library(found)
    yield library
    library.close()


@pytest.fixture(scope="module")
def address(library):
    with listening(app(library, Rules())) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    program = chromium()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def watched(address):
    """At the end: nothing was logged, nothing was asked of any other server."""
    watched = Watched()
    yield watched
    assert watched.problems == []
    elsewhere = [each for each in watched.addresses if not each.startswith("http://127.0.0.1:")]
    assert elsewhere == []


@pytest.fixture
def visit(browser, address, watched):
    """Opens the page: visit("?q=…", at=another address, and options of the browser context)."""
    contexts = []

    def visit(path="", at=address, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        watched.watch(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.goto(f"{at}/{path}")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def script(library, monkeypatch):
    """Lets an answer be written by `write(hits)`, a generator, as a language model would."""

    def script(write):
        collection = library["notes"].collection

        def ask_stream(question, history=(), **_):
            hits = tuple(collection.search(question, k=2))
            yield Retrieved(hits, question)
            yield from write(hits)

        monkeypatch.setattr(collection, "ask_stream", ask_stream)

    return script


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
    cited, pane = (page.locator(each).bounding_box() for each in ("#cited", "#preview-text"))
    return pane["y"] <= cited["y"] < pane["y"] + pane["height"]


def test_typing_finds_and_marks_the_words(visit):
    page = visit()
    page.keyboard.type("how often is a signing key rotated", delay=10)  # the field has the focus
    first = page.locator(".hit").first
    expect(first).to_contain_text("Rotate the signing keys every ninety days.")
    assert first.locator("mark").all_text_contents() == ["Rotate", "signing", "keys"]
    expect(first.get_by_role("button", name="Keys")).to_be_visible()
    expect(first.locator(".place")).to_contain_text("keys.md· lines 1–3")
    expect(first.locator(".score")).to_contain_text(re.compile(r"score 0\.\d\d"))
    expect(page.locator("#status")).to_have_text(re.compile(r"^\d+ passages in \d+ ms$"))


def test_only_the_last_of_quick_queries_is_shown(visit):
    page = visit()
    held = []
    page.route("**/v1/search", lambda route: held.append(route) if not held else route.continue_())
    page.locator("#query").fill("private vault")
    page.wait_for_request("**/v1/search")
    page.locator("#query").fill("lighthouse lamp")
    expect(page.locator(".hit").first).to_contain_text(LAMP)
    assert "vault" not in page.locator(".hit").first.text_content()


def test_a_passage_opens_at_its_place(visit):
    page = visit()
    button = search(page, "lighthouse keeper copper lamp").locator(".open")
    button.click()
    expect(page.locator("#cited")).to_contain_text(LAMP)
    assert is_in_sight(page)
    assert page.locator("#preview-text").evaluate("each => each.scrollTop > 1000")
    expect(page.locator("#preview-text")).to_be_focused()
    for label in ("Show what comes before", "Show what comes after"):
        page.get_by_role("button", name=label).click()
        expect(page.get_by_role("button", name=label)).to_have_count(0)
    whole = page.locator("#preview-text").text_content()
    assert whole.startswith("🦊 Paragraph 0 of") and whole.rstrip().endswith("899 is as quiet.")
    page.get_by_role("button", name="Close").click()
    expect(button).to_be_focused()


def test_a_document_that_is_another_by_now_is_noticed(visit, library):
    page = visit()
    page.route(
        "**/v1/documents/*",
        lambda route: route.fulfill(json={**route.fetch().json(), "text": "something else"}),
    )
    search(page, "lighthouse lamp").locator(".open").click()
    expect(page.get_by_role("alert").filter(has_text="no more what was searched")).to_be_visible()


def test_an_answer_of_the_sources_is_cited(visit):
    page = visit()
    turn = ask(page, "How often do we rotate the signing keys?")
    expect(page.locator("#ask-status")).to_contain_text("Answered, with")
    expect(turn.locator(".answer")).to_contain_text("Rotate the signing keys every ninety days.")
    expect(turn).to_contain_text("without a language model")
    turn.locator(".answer").get_by_role("button", name="Source 1").click()
    expect(page.locator("#cited")).to_contain_text("Rotate the signing keys every ninety days.")
    assert is_in_sight(page)
    page.keyboard.press("Escape")
    expect(turn.locator(".cite").first).to_be_focused()


def test_what_the_documents_do_not_answer_is_said(visit):
    page = visit()
    turn = ask(page, "Zzyzx qwrtp?")
    expect(page.locator("#ask-status")).to_have_text("No answer was found.")
    expect(turn.locator(".answer")).to_have_text("The documents do not answer this.")
    assert turn.locator(".cite").count() == 0


def written(hits):
    """An answer whose second sentence nothing supports, in three pieces."""
    said = ("🦊 Every ninety days [1]. ", "The moon is ", "of cheese [1].")
    text, start = "".join(said), len(said[0])
    quote = hits[0].text
    source = Citation(
        1, hits[0].passage_id, hits[0].path, None, hits[0].start, hits[0].end, quote,
        hits[0].citation, hits[0].title, None, hits[0].start_line, hits[0].end_line, False,
    )  # fmt: skip
    wrong = Statement(start, len(text), text[start:], (1,), 0.1)
    return said, Answer(text, (source,), True, hits, "small-llm", (wrong,), ("The prompt was cut.",))


def test_an_answer_appears_as_it_is_written_and_doubt_is_shown(visit, script):
    go_on = threading.Event()

    def write(hits):
        said, answer = written(hits)
        yield from map(Piece, said[:2])
        go_on.wait(20)
        yield Piece(said[2])
        yield answer

    script(write)
    turn = ask(visit(), "How often do we rotate the signing keys?")
    expect(turn.locator(".answer")).to_have_text("🦊 Every ninety days [1]. The moon is")
    go_on.set()
    expect(turn.locator(".doubtful")).to_have_text("The moon is of cheese [1].")
    expect(turn.locator(".doubtful + .badge")).to_have_text("not in its sources")
    expect(turn).to_contain_text("One sentence, underlined, says what its sources do not")
    expect(turn).to_contain_text("Written by small-llm")
    expect(turn).to_contain_text("The prompt was cut.")


def test_stopping_ends_the_answer_on_the_server(visit, script):
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
    turn = ask(page, "How often do we rotate the signing keys?")
    expect(turn.locator(".answer")).to_contain_text("word word")
    turn.get_by_role("button", name="Stop").click()
    expect(turn).to_contain_text("Stopped.")
    assert closed.wait(10)


def test_a_follow_up_brings_what_was_said(visit):
    page = visit()
    ask(page, "How often do we rotate the signing keys?")
    expect(page.locator("#ask-status")).to_contain_text("Answered")
    page.keyboard.type("and the vault?")
    with page.expect_request("**/v1/ask") as sent:
        page.keyboard.press("Enter")
    (turn,) = sent.value.post_data_json["history"]
    assert turn["question"] == "How often do we rotate the signing keys?"
    assert "ninety days" in turn["answer"]
    page.get_by_role("button", name="Begin a new conversation").click()
    expect(page.locator(".turn")).to_have_count(0)


def test_all_of_it_by_keyboard_alone(visit):
    page = visit()
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("signing keys in the vault?")
    expect(page.locator(".hit").nth(1)).to_be_visible()
    page.wait_for_timeout(300)  # until the last of the searches is in
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


def test_tabs_are_changed_by_arrows_and_every_control_has_a_name(visit):
    page = visit()
    page.get_by_role("tab", name="Search").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Ask")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Ask")).to_be_attached()
    expect(page.get_by_role("searchbox", name="Ask the documents")).to_be_visible()
    for role in ("button", "combobox", "textbox", "searchbox", "tab", "link"):
        every = page.get_by_role(role)
        assert every.count() == page.get_by_role(role, name=re.compile(r"\S")).count()


def test_at_375_pixels_nothing_is_cut_off(visit):
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
    ask(page, "How often do we rotate the signing keys?")
    expect(page.locator("#ask-status")).to_contain_text("Answered")
    assert has_no_sideways_scroll(page)


def test_hostile_text_is_text(visit, script):
    page = visit()
    hit = search(page, "volcano erupts")
    expect(hit.locator(".text")).to_contain_text(HOSTILE[:66])
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


def test_a_query_that_is_markup_is_text(visit):
    page = visit("?q=%3Cimg+src%3Dx+onerror%3Dalert(4)%3E+keys&where=&mode=hybrid")
    expect(page.locator(".hit").first).to_be_visible()
    assert page.locator("img").count() == 0


def test_the_address_brings_it_all_again(visit):
    page = visit()
    search(page, "rotate ninety")
    page.keyboard.press("Enter")
    page.get_by_label("Match by").select_option("lexical")
    page.get_by_label("Filter").fill("path = keys.md")
    expect(page.locator(".hit")).to_have_count(1)
    assert "q=rotate+ninety&mode=lexical&where=path+%3D+keys.md" in page.url
    page.reload()
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.get_by_label("Match by")).to_have_value("lexical")
    expect(page.get_by_label("Filter")).to_have_value("path = keys.md")
    page.go_back()
    expect(page.get_by_label("Filter")).to_have_value("")
    expect(page.locator("#query")).to_have_value("rotate ninety")


def test_a_wrong_filter_is_told_beside_it(visit, watched):
    page = visit("?q=keys&where=path+%3D")
    expect(page.locator("#where-error")).to_contain_text("expected a value")
    expect(page.get_by_label("Filter")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Filter").fill("path = keys.md")
    expect(page.locator(".hit").first).to_be_visible()
    expect(page.locator("#where-error")).to_be_hidden()
    assert set(watched.statuses) == {400}


def test_collections_are_chosen_from_and_told_of(visit):
    page = visit("?q=cats+sleep")
    page.get_by_label("Collection").select_option("animals")
    expect(page.locator(".hit").first).to_contain_text("Cats sleep for most of the day.")
    expect(page.locator("#coverage-line")).to_have_text("1 document, 1 passage; every file read")
    page.locator("#coverage-line").click()
    expect(page.locator("#coverage-more")).to_contain_text("1 of 1")
    assert "collection=animals" in page.url


def test_a_token_is_asked_for_and_kept_with_the_tab(visit, library, watched):
    with listening(app(library, Rules(token=TOKEN))) as address:
        page = visit("?q=signing+keys", at=address)
        dialog = page.get_by_role("dialog", name="This server asks for a token")
        for token in ("wrong-token", TOKEN):
            dialog.get_by_label("Token").fill(token)
            dialog.get_by_role("button").click()
            if token != TOKEN:
                expect(dialog).to_contain_text("The server refuses this token.")
        expect(page.locator(".hit").first).to_be_visible()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert not any(TOKEN in each for each in watched.addresses)
        page.reload()
        expect(page.locator(".hit").first).to_be_visible()
    assert set(watched.statuses) == {401}


def test_a_server_that_is_gone_is_said_and_tried_again(visit, watched):
    page = visit()
    expect(page.locator("#coverage-line")).to_contain_text("document")
    page.context.set_offline(True)
    page.locator("#query").fill("signing keys")
    expect(page.locator("#status")).to_contain_text("the server does not answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".hit").first).to_be_visible()
    assert all("ERR_INTERNET_DISCONNECTED" in each for each in watched.problems)
    watched.problems.clear()


def test_light_and_dark_are_as_the_system_says(visit):
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
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
              for each in parts]  # fmt: skip
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
def test_contrast_is_enough(scheme, ink, papers, least):
    themes = re.findall(r":root \{(.*?)\}", (FOLDER / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", themes[scheme]))
    for paper in papers:
        low, high = sorted(map(luminance, (colours[ink], colours[paper])))
        assert (high + 0.05) / (low + 0.05) >= least


def test_the_page_is_small_and_its_files_are_known(address):
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60_000
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for path in files:
        with urllib.request.urlopen(f"{address}/web/{path.name}") as found:
            assert found.headers["content-type"].startswith(kinds.get(path.suffix, "text/html"))
            assert found.headers["etag"]
            assert "'unsafe-inline'" not in found.headers["content-security-policy"]
