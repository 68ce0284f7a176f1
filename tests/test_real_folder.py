"""A folder of 73 real files in 18 formats: each is read, found by a phrase and cited correctly.

The phrases and their places were looked up in the files with other programs: `grep -n` for formats
with lines, `unzip` for docx, odt and epub, python-pptx for slides, calamine for sheets, PDFium for
pages.
"""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from ragkit import Collection, Settings
from tests.conftest import SHARED, WordEncoder

FOLDER = SHARED / "data" / "folder"
FORMATS = "csv docx eml epub html ipynb json md odt pdf pptx rst rtf tsv txt xls xlsx xml"

SHEET = "09060124-b5e7-4717-9d07-3c046eb"
UUID = "affc7dad-52dc-4b98-9b5d-51e65d8a8ad0"
# path, a phrase in it, and the place of the phrase: kind and number
CASES = [
    ("misc/stanley-cups.csv", "Maple Leafs | TOR | 13", "L", 5),
    ("misc/stanley-cups.tsv", "Flyers | PHI | 2", "L", 4),
    ("misc/fake-text.txt", "Hamburgers are delicious", "L", 7),
    ("misc/fake-text-utf-16.txt", "I love fuzzy blankets", "L", 9),
    ("misc/README.md", "too big to store in the repo", "L", 10),
    ("misc/README.rst", "too big to store in the repo", "L", 13),
    ("python/howto-sorting.rst", "operator module functions allow multiple levels", "L", 120),
    ("misc/factbook.xml", "Emmanuel Macron", "line=", 18),
    ("office/test.json", "9700dc99-6685-40b4-9a3a-5e406dcb37f3", "L", 9),
    ("misc/spring-weather.html.json", "Are You Weather-Ready for the Spring?", "L", 98),
    ("misc/fake-html.html", "if the cow comes home under the sun", "char=", None),
    ("sqlite/faq.html", "want to shrink the database file", "char=", None),
    ("postgresql/mvcc-intro.html", "each SQL statement sees a snapshot of data", "char=", None),
    ("office/word_sample.docx", "forget to drink water", "char=", None),
    ("office/test.docx", "d666f1f7-46cb-42bd-9a39-9a39cf2a509f", "char=", None),
    ("misc/docx-tables.docx", "Lorem ipsum | A link example", "char=", None),
    ("misc/fake.odt", "Leader | Sarah | Mark | Ryan", "char=", None),
    ("misc/fake-doc.rtf", "Row 2, Cell 1 | Row 2, Cell 2", "char=", None),
    ("misc/fake-email.eml", "Violets are blue", "char=", None),
    ("misc/mime-different-plain-html.eml", "first email was sent by Ray Tomlinson", "char=", None),
    ("misc/layout-parser-paper-fast.pdf", "digitization projects", "page=", 2),
    ("misc/list-item-example.pdf", "Budgeting and resource planning", "page=", 2),
    ("office/movie-theater-booking-2024.pdf", "Primary Contact: Sarah Johnson", "page=", 1),
    ("office/test.pptx", "AutoGen is an open-source framework", "slide=", 2),
    ("office/test.pptx", "A Nested Shape parsing", "slide=", 5),
    ("office/test.epub", "This is a blockquote for testing.", "chapter=", 2),
    ("office/test_notebook.ipynb", "comment in code", "cell=", 4),
    ("office/test.xlsx", UUID, SHEET, 5),
    ("office/test.xls", UUID, SHEET, 5),
    ("misc/stanley-cups.xlsx", "Maple Leafs | TOR | 0", "Stanley Cups Since 67", 5),
]  # fmt: skip


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """Return the collection of the folder, and the report of the run that read it."""
    if not FOLDER.is_dir():
        pytest.skip("no folder of real documents beside the project")
    with Collection(
        tmp_path_factory.mktemp("real") / "kit",
        settings=Settings(passage_tokens=40, overlap=0.0),
        encoder=WordEncoder(),
        notify=lambda line: None,
    ) as collection:
        report = collection.index(FOLDER)
        yield collection, report


def test_every_file_is_read(indexed):
    collection, report = indexed
    on_disk = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    files = collection.files()
    assert {file.path: file.status for file in files} == dict.fromkeys(on_disk, "indexed")
    assert (len(files), report.added, report.missing) == (74, 74, ())  # SOURCES.md is one
    assert collection.status().coverage.read == 74
    assert all(file.passages and file.truncated_tokens == 0 for file in files)
    assert sum(file.passages for file in files) == report.passages


def test_the_folder_contains_every_format(indexed):
    suffixes = Counter(Path(file.path).suffix[1:] for file in indexed[0].files())
    assert sorted(suffixes) == FORMATS.split()
    assert {Path(path).suffix[1:] for path, *_ in CASES} == set(FORMATS.split())


@pytest.mark.parametrize(("path", "phrase", "kind", "number"), CASES)
def test_a_phrase_is_found_and_cited(indexed, path, phrase, kind, number):
    collection, _ = indexed
    hits = collection.search(phrase, k=10, mode="lexical")
    found = [hit for hit in hits if normalize_spaces(phrase) in normalize_spaces(hit.text)]
    # Several files of the folder have the same text.
    text, hit = next((hit.text, at) for hit in found for at in hit.locations if at.path == path)
    excerpt = collection.get(hit.citation)
    assert normalize_spaces(phrase) in normalize_spaces(excerpt.text)
    assert (excerpt.path, excerpt.stale, hit.stale) == (path, False, False)
    place = unquote(hit.citation.removeprefix(f"{path}#"))
    if number is None:
        assert place == f"char={hit.start},{hit.end}"
        assert collection.get(path).text[hit.start : hit.end] == text
    else:
        name, first, last = parse_place(place)
        assert name == kind and first <= number <= last
        assert kind != "L" or phrase.split()[0] in lines_of(path)[number - 1]


def lines_of(path):
    data = (FOLDER / path).read_bytes()
    return data.decode("utf-16" if "utf-16" in path else "utf-8").splitlines()


def normalize_spaces(text):
    """Return `text` with single spaces, so that line breaks do not matter."""
    return " ".join(text.split())


def parse_place(place):
    """`L5-L9` → ("L", 5, 9), `page=2` → ("page=", 2, 2),
    `sheet=Budget!A2:F9` → ("Budget", 2, 9)."""
    sheet = re.fullmatch(r"sheet=(.+)!([A-Z]+)(\d+):[A-Z]+(\d+)", place)
    if sheet:
        return sheet[1], int(sheet[3]), int(sheet[4])
    name, first, last = re.fullmatch(r"(L|[a-z]+=)(\d+)(?:-L?(\d+))?", place).groups()
    return name, int(first), int(last or first)
