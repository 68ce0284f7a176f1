"""The opening screen: what there is, what to ask, and what can be added."""

from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.collections.library import Library
from tests.serving.conftest import listening
from tests.serving.web.notes import TEA
from tests.serving.web.steps import expect


def test_it_shows_questions_files_and_folders_and_a_question_is_answered(visit):
    page = visit("?collection=office")
    home = page.locator("#home")
    expect(home).to_contain_text("5 documents")
    expect(home.locator("section", has_text="Newest files").get_by_role("listitem")).to_have_count(
        5
    )
    question = home.get_by_role("button", name="What does “How to” say about brewing tea?")
    question.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".turn > h2")).to_have_text("What does “How to” say about brewing tea?")
    expect(page.locator(".turn .hits")).to_contain_text(TEA[:20])
    page.get_by_role("tab", name="Search").click()
    page.keyboard.press("Delete")
    home.get_by_role("button", name="How to", exact=True).click()
    expect(page.locator("#preview-text")).to_contain_text(TEA)


def test_folders_are_updated_and_added_and_files_are_dropped(visit, added):
    page = visit("?collection=birds")
    home = page.locator("#home")
    home.get_by_role("button", name="Update now").click()
    expect(page.locator("#index-status")).to_have_text("Everything was up to date.")
    home.get_by_text("Add a folder").click()
    home.get_by_label("Folder").fill("/etc")
    page.keyboard.press("Enter")
    expect(home.get_by_role("alert")).to_contain_text("no folder '/etc' can be added")
    home.get_by_label("Folder").fill("shelf")
    page.keyboard.press("Enter")
    expect(page.locator("#index-status")).to_contain_text("1 added")
    expect(home.get_by_role("listitem").filter(has_text="shelf")).to_contain_text("1 document")
    home.get_by_text("Add files").click()
    files = [
        {"name": "bats.txt", "mimeType": "text/plain", "buffer": b"Bats hang upside down.\n"},
        {"name": "tool.txt", "mimeType": "text/plain", "buffer": b"\x7fELF" + bytes(60)},
    ]
    home.get_by_label("Choose files").set_input_files(files)
    expect(home.get_by_role("listitem").filter(has_text="sent")).to_contain_text("1 document")
    assert (added / "sent" / "bats.txt").read_bytes() == files[0]["buffer"]
    assert not (added / "sent" / "tool.txt").exists()
    page.locator("#query").fill("bats upside down")
    expect(page.locator(".hit").first).to_contain_text("Bats hang upside down.")


def test_a_dropped_file_is_sent(visit, added):
    page = visit("?collection=birds")
    page.get_by_text("Add files").click()
    transfer = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['Newts swim.'], 'newt.txt')); return data; }"
    )
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_role("list", name="Files that were sent")).to_contain_text(
        "stored as newt.txt"
    )
    expect(page.locator("#index-status")).to_contain_text("1 added")


def test_a_server_without_these_rights_says_how_to_get_them(visit, library):
    own = Library({name: served.collection for name, served in library.served.items()})
    with listening(create_app(own, ServerOptions())) as address:
        page = visit("?collection=animals", at=address)
        page.get_by_text("Add a folder").click()
        expect(page.locator("#home")).to_contain_text("ragkit index FOLDER")
        page.get_by_text("Add files").click()
        expect(page.locator("#home")).to_contain_text("--upload-to DIR")
