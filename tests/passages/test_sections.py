"""Sections: where they begin and end, their headers, and what belongs to none."""

from ragkit.passages.blobs import blob_spans, blob_warning
from ragkit.passages.sections import find_sections, is_code
from ragkit.records.documents import Document, Locator, Table
from tests.passages.tools import Words, markdown


def texts(document, limit=20):
    return [document.text[s.start : s.end] for s in find_sections(document, Words(), limit)]


def test_each_heading_begins_a_section():
    document = markdown("Intro.\n\n# One\n\nText.\n\n# Two\n\nMore.\n")
    assert texts(document) == ["Intro.", "# One\n\nText.", "# Two\n\nMore."]


def test_a_heading_without_text_joins_the_deeper_heading_below():
    document = markdown("# One\n\n## Inner\n\nText.\n")
    (section,) = find_sections(document, Words(), 20)
    assert section.path == ("One", "Inner")
    assert document.text[section.body_start :].startswith("Text.")
    assert section.header == "One › Inner"


def test_only_the_innermost_heading_is_in_the_header():
    document = markdown("# One\n\nA.\n\n## Two\n\nB.\n\n### Three\n\nC.\n", title="Book")
    headers = [section.header for section in find_sections(document, Words(), 20)]
    assert headers == ["Book › One", "Book › Two", "Book › Three"]


def test_a_slide_begins_a_section():
    slides = (Locator(0, "slide", "1"), Locator(7, "slide", "2"))
    assert texts(Document("First.\nSecond.", "x", locators=slides)) == ["First.", "Second."]


def test_passages_in_a_table_repeat_its_header_rows():
    text = "Name | Year\nAda | 1815\nAlan | 1912"
    document = Document(text, "text/csv", tables=(Table(0, len(text), 12),))
    (section,) = find_sections(document, Words(), 20)
    assert section.header_at(12) == "Name | Year"
    assert section.header_tokens_at(12) == 3
    assert (section.header_at(0), section.header_tokens_at(0)) == ("", 0)


def test_a_blob_keeps_its_first_hundred_characters():
    text = "Before " + "A" * 2_001 + " after"
    assert list(blob_spans(text)) == [(107, 2_008)]
    assert blob_warning(text) == "a word of over 2,000 characters: 1,901 characters not searched"
    assert texts(Document(text, "text/plain")) == ["Before " + "A" * 100, "after"]


def test_a_word_of_two_thousand_characters_is_no_blob():
    assert list(blob_spans("A" * 2_000)) == []
    assert blob_warning("A" * 2_000) is None
    assert list(blob_spans("猫" * 5_000)) == []


def test_source_code_is_recognised_by_its_media_type():
    assert is_code("text/x-python")
    assert is_code("text/javascript")
    assert not is_code("text/x-rst")
    assert not is_code("text/markdown")
