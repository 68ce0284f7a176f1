"""The elements of OpenDocument texts and presentations (OpenDocument 1.3 part 3)."""

import pytest

from ragkit.documents.formats.office.odf import read_odp, read_odt
from tests.documents.office_files import make_odf, split_tables, text_by_locator


def text(body, **parts):
    return read_odt(make_odf("text", body, **parts), "a.odt").text


def table(*rows, tag="table:table-row"):
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    lines = (f"<{tag}>{''.join(map(cell.format, row))}</{tag}>" for row in rows)
    return f"<table:table>{''.join(lines)}</table:table>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<text:p>a\n  b<text:s text:c='3'/>c<text:tab/>d<text:line-break/>e</text:p>",
            "a b c\td\ne",
        ),
        ("<text:p>a <text:span>b</text:span> <text:a>c</text:a></text:p><text:p/>", "a b c"),
        (
            "<text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b"
            "</text:p></text:list-item></text:list></text:list-item></text:list><text:p>c</text:p>",
            "- a\n  - b\n\nc",
        ),
        (
            "<text:p>Word<text:note><text:note-citation>1</text:note-citation><text:note-body>"
            "<text:p>A note.</text:p></text:note-body></text:note> goes on.</text:p>"
            "<text:p>x</text:p>",
            "Word goes on.\n\nx\n\nA note.",
        ),
        (
            "<text:p>Word<office:annotation><dc:creator>Ada</dc:creator><dc:date>2024</dc:date>"
            "<text:p>Why?</text:p></office:annotation>.</text:p>",
            "Word.\n\nComment by Ada: Why?",
        ),
        (
            "<text:tracked-changes><text:deletion><text:p>gone</text:p></text:deletion>"
            "</text:tracked-changes><text:p>here</text:p>",
            "here",
        ),
        (
            "<text:p>anchor<draw:frame><svg:desc>alt</svg:desc><draw:text-box><text:p>box</text:p>"
            "</draw:text-box></draw:frame></text:p>",
            "box\n\nanchor",
        ),
        (
            "<text:table-of-content><text:index-body><text:p>One 1</text:p></text:index-body>"
            "</text:table-of-content><text:h text:outline-level='1'>One</text:h>",
            "One",
        ),
        (table(["A", "B"], ["1", ""], ["2", "3"]), "A | B\n1 |\n2 | 3"),
    ],
)
def test_blocks_of_the_text(body, expected):
    assert text(body) == expected


def test_a_slide_has_its_title_first_and_its_notes_last():
    frame = (
        "<draw:frame presentation:class='{}'><draw:text-box><text:p>{}</text:p></draw:text-box>"
        "</draw:frame>"
    )
    slide = (
        "<draw:page>"
        + frame.format("outline", "Point")
        + frame.format("page-number", "7")
        + "<presentation:notes>"
        + frame.format("notes", "Say it")
        + "</presentation:notes>"
        + frame.format("title", "Plan")
        + "</draw:page>"
    )
    document = read_odp(make_odf("presentation", slide + "<draw:page/>" + slide), "a.odp")
    assert text_by_locator(document) == [
        (number, "Plan\n\nPoint\n\nNotes: Say it") for number in "13"
    ]
    assert [heading.text for heading in document.headings] == ["Plan", "Plan"]
    assert document.title == "Plan"


def test_the_first_row_of_a_table_is_its_header():
    document = read_odt(make_odf("text", table(["A", "B"], ["1", "2"])), "a.odt")
    assert split_tables(document) == [("A | B\n", "1 | 2")]


@pytest.mark.parametrize("tag", ["text:section", "text:list", "draw:frame"])
def test_elements_nested_a_hundred_thousand_deep_are_read(tag):
    deep = f"<{tag}>" * 100_000 + "<text:p>x</text:p>" + f"</{tag}>" * 100_000
    assert text(deep).strip() == "x"


def test_marked_header_rows_replace_the_first_row_as_header():
    header = table(["A", "B"], ["Euro", "Days"])
    header = header.replace("<table:table>", "<table:table><table:table-header-rows>")
    header = header.replace("</table:table>", "</table:table-header-rows>")
    body = table(["1", "2"], ["3", "4"]).removeprefix("<table:table>")
    document = read_odt(make_odf("text", header + body), "a.odt")
    assert split_tables(document) == [("A | B\nEuro | Days\n", "1 | 2\n3 | 4")]


def test_a_list_paragraph_without_a_mark_of_its_own_is_indented():
    # Only the first paragraph of a text:list-item has a bullet (part 3, 5.3.4).
    body = (
        "<text:list><text:list-item><text:p>a</text:p><text:p>more</text:p></text:list-item>"
        "<text:list-item><text:p>b</text:p></text:list-item></text:list>"
    )
    assert text(body) == "- a\n  more\n- b"


@pytest.mark.parametrize(
    ("level", "expected"), [("1", 1), ("9", 9), ("12", 9), ("0", 1), ("x", 1), ("", 1)]
)
def test_outline_levels(level, expected):
    document = read_odt(make_odf("text", f"<text:h text:outline-level='{level}'>A</text:h>"), "a")
    assert [heading.level for heading in document.headings] == [expected]


@pytest.mark.parametrize("count", ["2", "9999", "x", ""])
def test_a_run_of_spaces_is_one_space(count):
    assert text(f"<text:p>a<text:s text:c='{count}'/>b</text:p>") == "a b"
