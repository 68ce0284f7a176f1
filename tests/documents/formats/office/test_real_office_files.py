"""Real office files of several formats: a visible phrase of each, with its locator."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError
from ragkit.records import media_types

CASES = [
    ("office/test.pptx", "slide", "2", "AutoGen is an open-source framework"),
    ("office/test.pptx", "slide", "3", "ColA | ColB | ColC | ColD | ColE | ColF\n1 | 2 | 3"),
    ("office/test.pptx", "slide", "4", "2003 | 2003"),
    ("office/test.pptx", "slide", "5", "This is a nested shape with content in 2 shapes"),
    ("misc/fake-power-point.pptx", "slide", "1", "Here is a lot of text!"),
    ("office/test.xlsx", "sheet", "Sheet1!A1:D1", "Alpha | Beta | Gamma | Delta"),
    ("office/test.xlsx", "sheet", "Sheet1!A14:D14", "6ff4173b-42a5-4784-9b19-f49caff4d93d"),
    ("office/test.xls", "sheet", "Sheet1!A1:D1", "Alpha | Beta | Gamma | Delta"),
    (
        "office/test.xls",
        "sheet",
        "09060124-b5e7-4717-9d07-3c046eb!A5:D5",
        "13 | 14 | 15 | affc7dad-52dc-4b98-9b5d-51e65d8a8ad0",
    ),
    ("misc/stanley-cups.xlsx", "sheet", "Stanley Cups!A5:C5", "Maple Leafs | TOR | 13"),
    ("office/test.epub", "chapter", "1", "- A bullet point\n- Another point"),
    ("office/test.epub", "chapter", "2", "This is a blockquote for testing."),
    ("misc/fake.odt", None, None, "Leader | Sarah | Mark | Ryan"),
    ("misc/fake-doc.rtf", None, None, "Column 1 | Column 2\nRow 1, Cell 1 | Row 1, Cell 2"),
    ("office/test_with_comment.docx", None, None, "Comment: This is a test comment. 12df-321a"),
    (
        "misc/docx-tables.docx",
        None,
        None,
        "Header Col 1 | Header Col 2\nLorem ipsum | A link example",
    ),
]


@pytest.mark.parametrize(("path", "kind", "value", "phrase"), CASES)
def test_a_phrase_has_its_locator(real_files, path, kind, value, phrase):
    document = read((real_files / path).read_bytes(), path)
    assert document.text.count(phrase) == 1
    offset = document.text.index(phrase)
    locators = [
        (locator.kind, locator.value) for locator in document.locators if locator.start <= offset
    ]
    assert locators[-1:] == ([(kind, value)] if kind else [])


@pytest.mark.parametrize(
    "path", ["office/test.xlsx", "office/test.xls", "misc/stanley-cups.xlsx", "misc/fake.odt"]
)
def test_the_header_of_each_table_is_detected(real_files, path):
    document = read((real_files / path).read_bytes(), path)
    headers = [document.text[table.start : table.header_end] for table in document.tables]
    assert headers[0] in {
        "Alpha | Beta | Gamma | Delta\n",
        "Team | Location | Stanley Cups\n",
        "Header row | Mon | Wed | Fri\n",
    }
    assert len(headers) == (1 if path.endswith("odt") else 2)


@pytest.mark.parametrize("path", ["office/test.pptx", "office/test.xlsx", "office/test.epub"])
def test_a_truncated_file_is_refused(real_files, path):
    data = (real_files / path).read_bytes()
    with pytest.raises(DocumentError, match=r"^damaged \w+: cut off$"):
        read(data[: len(data) // 2], path)


def test_types_are_detected_by_content(real_files):
    for path, expected in {
        "office/test.pptx": media_types.PPTX,
        "office/test.xlsx": media_types.XLSX,
        "office/test.xls": media_types.XLS,
        "office/test.epub": media_types.EPUB,
        "misc/fake.odt": media_types.ODT,
        "misc/fake-doc.rtf": media_types.RTF,
    }.items():
        document = read((real_files / path).read_bytes(), "file.bin")
        assert (document.media_type, document.warnings) == (expected, ())
