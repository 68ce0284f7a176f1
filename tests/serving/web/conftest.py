"""The page in a real browser, over a real server: only the model is made up."""

import pytest

from ragkit import Collection, Settings
from ragkit.records.answers import Retrieved
from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.collections.folders import AddedFolders, FolderRights
from ragkit.serving.collections.library import Library
from tests.conftest import WordEncoder
from tests.documents.files import make_pdf, make_zip
from tests.serving.conftest import listening
from tests.serving.web.browser import Watched, chromium
from tests.serving.web.notes import (
    FRUIT,
    GUIDE,
    HOSTILE,
    HOSTILE_NAME,
    LAMP,
    TEA,
    UNREAD,
)


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def office(tmp_path_factory):
    """A PDF, a table, code, and notes with tags in folders."""
    office = tmp_path_factory.mktemp("office")
    (office / "guide.pdf").write_bytes(
        make_pdf(["A cover", GUIDE, "The end"], title="Harbour guide")
    )
    rows = "".join(f"{name},{number},{number * 7}\n" for number, name in enumerate(FRUIT))
    (office / "fruit.csv").write_text(f"fruit,number,price\n{rows}")
    (office / "howto.md").write_text(
        f"# How to\n\n## Brewing tea\n\n{TEA}\n\n```sh\nkettle --boil\n```\n"
    )
    for number, tags in enumerate(("red, blue", "blue")):
        (office / f"part{number}").mkdir()
        (office / f"part{number}" / "page.html").write_text(
            f'<head><meta name="keywords" content="{tags}"></head>'
            f"<p>Paragraph {number} about colours.</p>"
        )
    return office


@pytest.fixture(scope="package")
def added(tmp_path_factory):
    """Folders that the server may add, and where it stores files."""
    added = tmp_path_factory.mktemp("added")
    for name in ("shelf", "sent"):
        (added / name).mkdir()
    (added / "shelf" / "owl.txt").write_text("Owls hunt at night.\n")
    return added


@pytest.fixture(scope="package")
def library(tmp_path_factory, folder, office):
    animals = tmp_path_factory.mktemp("animals")
    (animals / "cats.txt").write_text("Cats sleep for most of the day.\n")
    birds = tmp_path_factory.mktemp("birds")
    (birds / "owls.txt").write_text("Owls sleep by day.\n")
    old = tmp_path_factory.mktemp("old")
    for number in range(UNREAD):
        (old / f"{number:02}.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    (old / HOSTILE_NAME.replace(".txt", ".pdf")).write_bytes(b"%PDF-1.4 broken")
    (old / "mixed.zip").write_bytes(make_zip({"tea.txt": "Tea.", "cut.pdf": "%PDF-1.4 cut"}))
    (old / ".key").write_text("secret")
    collections = {}
    for name, root in (
        ("notes", folder),
        ("animals", animals),
        ("old", old),
        ("office", office),
        ("birds", birds),
    ):
        collections[name] = Collection(
            tmp_path_factory.mktemp("kits") / name,
            settings=Settings(passage_tokens=40, overlap=0.0),
            encoder=WordEncoder(),
        )
        collections[name].index(root)
    library = Library(collections)
    yield library
    library.close()


@pytest.fixture(scope="package")
def address(library, added):
    rights = FolderRights((str(added / "shelf"),), str(added / "sent"))
    app = create_app(library, ServerOptions(), folders=AddedFolders(rights))
    with listening(app) as address:
        yield address


@pytest.fixture(scope="package")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")
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
    elsewhere = [
        address for address in watched.addresses if not address.startswith("http://127.0.0.1:")
    ]
    assert elsewhere == []


@pytest.fixture
def visit(browser, address, watched):
    """Opens the page: visit("?q=…", at=another address, and options of the browser context)."""
    contexts = []

    def visit(path="", at=address, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        watched.watch(context)
        context.set_default_timeout(60_000)  # milliseconds, on a busy machine
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
