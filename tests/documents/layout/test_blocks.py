"""Blocks laid out as text: separators, headings, tables, offsets."""

from ragkit.documents.layout.blocks import Block, BlockLayout
from ragkit.records.documents import Heading, Table


def add_row(layout, *cells, first=False, header=None):
    layout.open_row()
    for cell in cells:
        layout.open_cell()
        layout.add(cell)
    return layout.close_row(first=first, header=header)


def test_blocks_are_separated_by_blank_lines_and_tight_ones_by_newlines():
    layout = BlockLayout()
    layout.add("Title", level=1)
    layout.add(" ")  # dropped
    layout.add("One.")
    layout.add("- item", tight=True)
    layout.add("x = 1", fence=True)
    document = layout.document("text/html")
    assert document.text == "Title\n\nOne.\n- item\n\nx = 1"
    assert document.headings == (Heading(0, 5, 1, "Title"),)
    assert [document.text[start:end] for start, end in document.fences] == ["x = 1"]
    assert document.media_type == "text/html"


def test_rows_become_lines_and_a_table_with_its_header():
    layout = BlockLayout()
    layout.add("Before.")
    add_row(layout, "Name", "Born", first=True)
    add_row(layout, "Ada", "1815")
    layout.add("After.")
    document = layout.document()
    assert document.text == "Before.\n\nName | Born\nAda | 1815\n\nAfter."
    # "Before." and a blank line: 9 characters; "Name | Born" and its newline: 12; "Ada | 1815": 10.
    assert document.tables == (Table(9, 31, 21),)


def test_a_table_without_a_header_row_has_none():
    layout = BlockLayout()
    add_row(layout, "Ada", "1815", first=True, header=False)
    add_row(layout, "Alan", "1912", header=False)
    assert layout.document().tables == (Table(0, 22, 0),)


def test_two_tables_in_a_row_stay_apart():
    layout = BlockLayout()
    for first in (True, False, True, False):
        add_row(layout, "a", "b", first=first)
    assert [table.start for table in layout.document().tables] == [0, 13]


def test_cells_with_long_text_or_headings_are_blocks_and_no_row():
    layout = BlockLayout()
    assert not add_row(layout, "x" * 1_999, "yy", first=True)
    assert layout.document().text == "x" * 1_999 + "\n\nyy"
    layout = BlockLayout()
    layout.open_row()
    layout.open_cell()
    layout.add("Heading", level=2)
    assert not layout.close_row()
    assert layout.document().headings == (Heading(0, 7, 2, "Heading"),)


def test_a_table_in_a_cell_is_text_of_that_cell():
    layout = BlockLayout()
    layout.open_row()
    layout.open_cell()
    add_row(layout, "inner", "cell", first=True)
    layout.open_cell()
    layout.add("outer")
    layout.close_row(first=True)
    assert layout.document().text == "inner | cell | outer"
    assert not layout.in_row


def test_bold_lines_before_text_become_headings_of_the_lowest_level():
    layout = BlockLayout()
    for text, bold in (("Steps", True), ("Turn it off.", False), ("a", True), ("b", True)):
        layout.append(Block(text, bold=bold))
    layout.promote_bold_lines()
    assert [(heading.text, heading.level) for heading in layout.document().headings] == [
        ("Steps", 7)
    ]


def test_a_bold_line_that_ends_in_a_colon_is_no_heading():
    layout = BlockLayout()
    layout.append(Block("Note:", bold=True))
    layout.add("Text.")
    layout.promote_bold_lines()
    assert layout.document().headings == ()
