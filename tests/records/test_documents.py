"""Records of documents and passages: values that do not change."""

import dataclasses

import pytest

from ragkit.records.documents import Document, Heading, Passage


def test_a_document_has_no_structure_by_default():
    document = Document("Text.", "text/plain")
    assert (document.headings, document.fences, document.pages) == ((), (), ())
    assert (document.locators, document.tables, document.warnings) == ((), (), ())
    assert (document.title, document.lines, dict(document.metadata)) == (None, False, {})


def test_documents_do_not_share_their_metadata():
    assert Document("a", "x").metadata is not Document("b", "x").metadata


def test_records_are_frozen_and_compared_by_value():
    heading = Heading(0, 4, 1, "Keys")
    assert heading == Heading(0, 4, 1, "Keys")
    with pytest.raises(dataclasses.FrozenInstanceError):
        heading.level = 2
    passage = Passage(0, 4, "Keys", ("Keys",), "", 1)
    assert (passage.page, passage.locator, passage.start_line) == (None, None, None)
