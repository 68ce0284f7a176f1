"""Lines of a markup file: their numbers stay, headings and code blocks have their offsets."""

from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Heading


def test_a_dropped_line_stays_as_an_empty_line():
    lines = Lines()
    lines.add("")  # a comment
    lines.add_heading("* Keys", 1, " Keys ")
    lines.add("Rotate them.")
    assert lines.text() == "\n* Keys\nRotate them."
    assert lines.headings == [Heading(1, 7, 1, "Keys")]


def test_a_heading_without_text_is_an_ordinary_line():
    lines = Lines()
    lines.add_heading("* ", 1, " ")
    assert (lines.text(), lines.headings) == ("* ", [])


def test_a_code_block_includes_its_delimiters():
    lines = Lines()
    lines.open_fence("----")
    lines.add("x = 1")
    lines.close_fence("----")
    lines.add("Text.")
    text = lines.text()
    assert [text[start:end] for start, end in lines.fences] == ["----\nx = 1\n----"]


def test_an_open_code_block_ends_at_the_last_line_with_text():
    lines = Lines()
    lines.open_fence("----")
    lines.add("x = 1")
    lines.add("")
    text = lines.text()
    assert [text[start:end] for start, end in lines.fences] == ["----\nx = 1"]
