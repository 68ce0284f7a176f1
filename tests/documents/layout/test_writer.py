"""Documents written block by block and joined from parts: all offsets are right."""

from ragkit.documents.layout.writer import DocumentWriter, join_documents
from ragkit.records.documents import Document, Heading, Locator, Table


def test_blocks_have_their_separators_headings_and_locators():
    writer = DocumentWriter()
    writer.add("Title", level=2, locator=("time", "0"))
    writer.add("one", separator=" ", locator=("time", "0"))  # the same place: no second locator
    writer.add(" \0 ", locator=("time", "9"))  # dropped
    writer.add("x = 1", fence=True, locator=("time", "5"))
    document = writer.document("text/vtt")
    assert document.text == "Title one\n\nx = 1"
    assert document.headings == (Heading(0, 5, 2, "Title"),)
    assert document.fences == ((11, 16),)
    assert document.locators == (Locator(0, "time", "0"), Locator(11, "time", "5"))


def test_parts_are_joined_with_a_locator_each():
    first = Document("# A", "x", headings=(Heading(0, 3, 1, "A"),))
    second = Document("a | b\nc | d", "x", tables=(Table(0, 11, 6),), fences=((6, 11),))
    parts = [("1", first), ("2", Document(" ", "x")), ("3", second)]
    document = join_documents(parts, "slide", "y")
    assert document.text == "# A\n\na | b\nc | d"
    assert document.headings == (Heading(0, 3, 1, "A"),)
    assert document.tables == (Table(5, 16, 11),)
    assert document.fences == ((11, 16),)
    assert document.locators == (Locator(0, "slide", "1"), Locator(5, "slide", "3"))
    assert document.media_type == "y"
