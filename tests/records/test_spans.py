"""Spans: which ones form a group, and what shifting a document moves."""

from ragkit.records.documents import Document, Heading, Locator, Table
from ragkit.records.spans import group_overlapping, shift_offsets


def test_overlapping_and_touching_spans_form_a_group():
    spans = [(20, 30), (0, 5), (5, 8), (31, 40), (25, 31)]
    assert group_overlapping(spans) == [[1, 2], [0, 4, 3]]


def test_a_span_inside_a_longer_one_does_not_end_the_group():
    assert group_overlapping([(0, 100), (10, 20), (50, 60)]) == [[0, 1, 2]]


def test_spans_apart_stay_alone_in_text_order():
    assert group_overlapping([(7, 9), (0, 5)]) == [[1], [0]]
    assert group_overlapping([]) == []


def test_equal_starts_keep_the_given_order():
    assert group_overlapping([(3, 9), (3, 4), (3, 6)]) == [[0, 1, 2]]


def test_every_offset_of_a_document_is_shifted():
    document = Document(
        "Title\nbody\na | b\n1 | 2",
        "text/plain",
        headings=(Heading(0, 5, 1, "Title"),),
        fences=((6, 10),),
        pages=(0, 11),
        locators=(Locator(0, "slide", "1"),),
        tables=(Table(11, 22, 17),),
    )
    shifted = shift_offsets(document, 7)
    assert shifted.text == document.text
    assert shifted.headings == (Heading(7, 12, 1, "Title"),)
    assert shifted.fences == ((13, 17),)
    assert shifted.pages == (7, 18)
    assert shifted.locators == (Locator(7, "slide", "1"),)
    assert shifted.tables == (Table(18, 29, 24),)
