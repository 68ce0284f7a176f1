"""pptx: slides in order, their shapes from top to bottom, then notes and comments."""

import pytest

from ragkit.documents.formats.office.pptx import read_pptx
from ragkit.errors import DocumentError
from tests.documents.office_files import make_pptx, shape, text_by_locator


def read(*slides, **parts):
    return read_pptx(make_pptx(*slides, **parts), "a.pptx")


def test_a_slide_is_its_title_and_its_shapes_from_top_to_bottom():
    slide = (
        shape("right", at=(5_000_000, 1_000_000))
        + shape("low", at=(0, 4_000_000))
        + shape("left", at=(0, 1_010_000))
        + shape("Leave", kind="title")
        + shape("5", kind="sldNum")
    )
    document = read(slide)
    assert document.text == "Leave\n\nleft\n\nright\n\nlow"
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Leave")]
    assert document.title == "Leave"


def test_empty_and_hidden_slides_are_counted():
    document = read(shape("One"), "", f"<hidden/>{shape('Three')}", shape("Four"))
    assert text_by_locator(document) == [("1", "One"), ("3", "Three"), ("4", "Four")]
    assert {locator.kind for locator in document.locators} == {"slide"}
    assert document.warnings == ("1 hidden slides are read",)


def test_a_short_first_line_is_the_heading_of_a_slide_without_a_title():
    assert [heading.text for heading in read(shape("Agenda", "a", "b")).headings] == ["Agenda"]
    assert read(shape("Just one line")).headings == ()


def test_indentation_levels_and_line_breaks():
    slide = (
        "<p:sp><p:txBody><a:p><a:r><a:t>a</a:t></a:r><a:br/><a:r><a:t>b</a:t></a:r></a:p>"
        '<a:p><a:pPr lvl="1"/><a:r><a:t>c</a:t></a:r></a:p>'
        '<a:p><a:pPr lvl="2"/><a:fld><a:t>d</a:t></a:fld></a:p></p:txBody></p:sp>'
    )
    assert read(slide).text == "a\nb\n- c\n  - d"


def test_each_table_row_is_a_line():
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    lines = "".join(
        f"<a:tr>{''.join(map(cell.format, row))}</a:tr>" for row in (["A", "B"], ["1", "2"])
    )
    document = read(f"<p:graphicFrame><a:tbl>{lines}</a:tbl></p:graphicFrame>")
    assert document.text == "A | B\n1 | 2"
    assert [(table.start, table.end) for table in document.tables] == [(0, 11)]


def test_charts_diagrams_notes_and_comments_are_on_their_slide():
    series = (
        "<c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        "<c:ser><c:tx><c:v>North</c:v></c:tx><c:cat><c:pt idx='0'><c:v>May</c:v></c:pt>"
        "<c:pt idx='1'><c:v>June</c:v></c:pt></c:cat><c:val><c:pt idx='1'>"
        "<c:v>0.30000000000000004</c:v></c:pt></c:val></c:ser>"
    )
    node = "<dgm:pt><dgm:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></dgm:t></dgm:pt>"
    frames = (
        '<p:graphicFrame><c:chart r:id="c"/></p:graphicFrame>'
        '<p:graphicFrame><dgm:relIds r:dm="d"/></p:graphicFrame>'
    )
    document = read(
        shape("T", kind="title") + frames,
        shape("Next"),
        links=[
            ("c", "chart", "../chart.xml"),
            ("d", "diagramData", "../diagram.xml"),
            ("n", "notesSlide", "../notes.xml"),
            ("k", "comments", "../comments.xml"),
            ("x", "image", "../missing.png"),
        ],
        chart=series,
        diagram=node.format("Plan") + node.format("Do"),
        notes=shape("Say hello", kind="body") + shape("1", kind="sldNum"),
        comments="<p:cm><p:text>Really?</p:text></p:cm>",
    )
    assert text_by_locator(document) == [
        (
            "1",
            "T\n\nSales\n\n| North\nMay |\nJune | 0.3\n\nPlan\nDo\n\nNotes: Say hello\n\n"
            "Comment: Really?",
        ),
        ("2", "Next"),
    ]


def test_placeholders_without_a_position_take_that_of_their_layout():
    body = (
        '<p:sp><p:nvSpPr><p:nvPr><p:ph idx="{}"/></p:nvPr></p:nvSpPr><p:spPr>{}</p:spPr>{}</p:sp>'
    )
    text = "<p:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody>"
    position = '<a:xfrm><a:off x="0" y="{}"/></a:xfrm>'
    document = read(
        body.format(1, "", text.format("second")) + body.format(2, "", text.format("first")),
        links=[("l", "slideLayout", "../layout.xml")],
        layout=body.format(1, position.format(9_000_000), "")
        + body.format(2, position.format(9), ""),
    )
    assert document.text == "first\n\nsecond"


def test_properties_become_title_and_metadata():
    core = (
        "<dc:title>Plan</dc:title><dc:creator>Ada</dc:creator><dc:creator>Bob</dc:creator>"
        "<dcterms:created>2024-03-15T05:57:54Z</dcterms:created><cp:keywords>a, b</cp:keywords>"
    )
    document = read(shape("x"), core=core)
    assert document.title == "Plan"
    assert document.metadata == {
        "author": "Ada, Bob",
        "created": "2024-03-15T05:57:54Z",
        "keywords": "a, b",
    }


def test_a_damaged_part_is_read_up_to_the_damage():
    document = read(shape("One") + "<p:sp>", shape("Two"), core="<dc:title>Plan</dc:creator>")
    assert text_by_locator(document) == [("1", "One"), ("2", "Two")]
    assert document.warnings == (
        "ppt/slides/slide1.xml is damaged: read as far as it goes",
        "docProps/core.xml is damaged: read as far as it goes",
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_pptx(), "damaged pptx: it has no slides"),
        (make_pptx("<p:sp>"), "damaged pptx: ppt/slides/slide1.xml is damaged"),
        (make_pptx(" " * 5_000_000), "slide1.xml inflates to over 200 times its size"),
        (make_pptx(shape("x"))[:-40], "damaged pptx: "),
    ],
)
def test_damaged_and_malicious_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read_pptx(data, "a.pptx")


def test_groups_nested_a_hundred_thousand_deep_are_read():
    assert read("<p:grpSp>" * 100_000 + shape("x") + "</p:grpSp>" * 100_000).text == "x"


def test_a_picture_has_its_alternative_text():
    picture = '<p:pic><p:nvPicPr><p:cNvPr id="4" name="Picture 3" descr="{}"/></p:nvPicPr></p:pic>'
    slide = picture.format("Plan of the harbour crane") + picture.format("")
    assert read_pptx(make_pptx(slide), "a.pptx").text == "[Plan of the harbour crane]"
