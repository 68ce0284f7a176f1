"""Conversations in the browser: kept, named, found, exported; Markdown of a model, safely."""

import json
from pathlib import Path

from ragkit.records.answers import Answer, Citation, Piece, Statement
from tests.serving.web.notes import QUESTION
from tests.serving.web.steps import ask, expect

UNSUPPORTED = "The moon is made of **cheese**."
MARKDOWN = f"""# Result

Rotate them **every ninety days** [1]. {UNSUPPORTED}

- first
- second [1]

```python
print("<b>")
```

| key | days |
|---|---|
| signing | 90 |

![pixel](http://evil.example/p.png) [link](https://evil.example/) <img src=x onerror=alert(1)>
"""


def answered(page, question=QUESTION):
    turn = ask(page, question)
    expect(page.locator("#ask-status")).to_contain_text("Answered, with")
    return turn


def test_a_conversation_survives_a_reload_with_its_name_and_is_found_again(visit):
    page = visit()
    turn = answered(page)
    page.get_by_label("Name of the conversation").fill("About keys")
    page.keyboard.press("Enter")
    link = page.url
    page.reload()
    expect(turn.locator(".answer")).to_contain_text("Rotate the signing keys every ninety days.")
    expect(page.get_by_label("Name of the conversation")).to_have_value("About keys")
    turn.get_by_role("button", name="Source 1: Keys", exact=True).click()
    expect(page.locator("#cited")).to_contain_text("ninety days")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    answered(page, "Do we keep the private part in a vault?")
    page.get_by_text("Conversations: 2").click()
    entries = page.get_by_role("list", name="Conversations").get_by_role("listitem")
    expect(entries).to_have_count(2)
    page.get_by_label("Search the conversations").fill("ninety")
    expect(entries).to_have_count(1)
    page.get_by_label("Search the conversations").fill("nothing has this")
    expect(page.get_by_text("No conversation has these words.")).to_be_visible()
    page.get_by_label("Search the conversations").fill("")
    page.get_by_role("button", name="About keys").click()
    expect(turn.locator("> h2")).to_have_text(QUESTION)
    assert page.url == link
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Conversations: 1")).to_be_visible()


def test_a_conversation_is_exported_and_an_answer_has_a_link(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    turn = answered(page)
    exports = {}
    for name, button in (("md", "Export"), ("json", "Export JSON")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        assert download.value.suggested_filename.endswith(f".{name}")
        exports[name] = Path(download.value.path()).read_text()
    assert f"## {QUESTION}" in exports["md"]
    assert "Sources:\n[1] keys.md#L" in exports["md"]
    assert json.loads(exports["json"])["turns"][0]["question"] == QUESTION
    read = "navigator.clipboard.readText()"
    turn.get_by_role("button", name="Copy with sources").click()
    expect(turn.get_by_role("button", name="Copied")).to_have_count(1)
    copied = page.evaluate(read)
    assert "ninety days" in copied and "Sources:\n[1] keys.md#L" in copied
    turn.get_by_role("button", name="Copy link").click()
    expect(turn.get_by_role("button", name="Copied")).to_have_count(2)
    link = page.evaluate(read)
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator(".turn:focus > h2")).to_have_text(QUESTION)
    other = visit(link.split("/", 3)[3])  # another browser has no such conversation
    expect(other.locator("#ask-status")).to_contain_text("stored in another browser")
    expect(other.locator("#query")).to_have_value(QUESTION)


def test_markdown_of_a_model_is_shown_without_images_links_and_html(visit, script):
    def write(hits):
        source = Citation(
            1, hits[0].passage_id, hits[0].path, None, hits[0].start, hits[0].end, hits[0].text,
            hits[0].citation, hits[0].title, None, hits[0].start_line, hits[0].end_line, False,
        )  # fmt: skip
        at = MARKDOWN.index(UNSUPPORTED)
        wrong = (Statement(at, at + len(UNSUPPORTED), UNSUPPORTED, (1,), 0.1),)
        yield Piece(MARKDOWN)
        yield Answer(MARKDOWN, (source,), True, hits, "small-llm", wrong, ())

    script(write)
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    turn = answered(page)
    answer = turn.locator(".answer")
    expect(answer.locator("strong")).to_have_text(["Result", "every ninety days", "cheese"])
    expect(answer.locator("li")).to_have_text(["first", "second [1]"])
    expect(answer.get_by_role("cell")).to_have_text(["signing", "90"])
    assert "".join(answer.locator(".doubtful").all_text_contents()) == "The moon is made of cheese."
    expect(answer.locator(".badge")).to_have_count(1)
    expect(answer).to_contain_text("![pixel](http://evil.example/p.png)")
    expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    assert answer.locator("img, a, script, iframe, b").count() == 0
    answer.get_by_role("button", name="Copy code").click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == 'print("<b>")'
    answer.get_by_role("button", name="Source 1: Keys", exact=True).first.click()
    expect(page.locator("#cited")).to_be_visible()
