"""The shapes of a slide: text, placeholders, positions, tables (ECMA-376 part 1, 19.3 and 21.1)."""

import pytest

from ragkit.documents.formats.office.pptx_shapes import ShapeContent, read_shapes
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.unpacking.limits import open_zip
from tests.documents.files import make_zip
from tests.documents.office_files import OOXML, shape


def read(tree, root="p:sld", attributes=""):
    part = f"<{root} {OOXML} {attributes}>{tree}</{root}>"
    with open_zip(make_zip({"slide.xml": part}), "pptx") as package:
        return read_shapes(package, "slide.xml")


def text_box(paragraphs):
    return f"<p:sp><p:txBody>{paragraphs}</p:txBody></p:sp>"


def test_placeholders_and_positions():
    slide = read(shape("Plan", kind="title", at=(914_400, -5)) + shape("Words"))
    title, words = slide.shapes
    assert (title.kind, title.position, title.text) == ("title", (914_400, -5), "Plan")
    assert (words.kind, words.position, words.text) == ("", None, "Words")


def test_a_placeholder_without_a_type_is_an_object():
    # The default of `type` is "obj" (19.3.1.36).
    tree = '<p:sp><p:nvSpPr><p:nvPr><p:ph idx="4"/></p:nvPr></p:nvSpPr></p:sp>'
    (placeholder,) = read(tree).shapes
    assert (placeholder.kind, placeholder.index) == ("obj", "4")


def test_a_group_is_one_shape_at_its_own_position():
    group = (
        '<p:grpSp><p:grpSpPr><a:xfrm><a:off x="7" y="8"/></a:xfrm></p:grpSpPr>'
        f"{shape('a', at=(1, 1))}{shape('b', kind='title')}</p:grpSp>"
    )
    (shapes,) = read(group).shapes
    assert (shapes.text, shapes.position, shapes.kind) == ("a\nb", (7, 8), "")


@pytest.mark.parametrize(
    ("value", "coordinate"),
    [("12", 12), ("-12", -12), ("1.5", 0), ("", 0), ("9" * 15, 10**15 - 1), ("9" * 16, 0)],
)
def test_coordinates(value, coordinate):
    tree = f'<p:sp><a:xfrm><a:off x="{value}" y="0"/></a:xfrm></p:sp>'
    assert read(tree).shapes[0].position == (coordinate, 0)


def test_levels_become_list_marks_and_breaks_become_lines():
    run = "<a:r><a:t>{}</a:t></a:r>"
    tree = text_box(
        f"<a:p>{run.format('a')}<a:br/>{run.format(' b ')}</a:p>"
        f'<a:p><a:pPr lvl="1"/>{run.format("c")}</a:p>'
        f'<a:p><a:pPr lvl="99"/>{run.format("d")}</a:p>'
    )
    assert read(tree).shapes[0].content.items == ["a\nb", "- c", "  " * 7 + "- d"]


def test_a_table_row_is_a_list_of_cells():
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    row = f"<a:tr>{cell.format('A')}{cell.format(' two  words ')}</a:tr>"
    (frame,) = read(f"<p:graphicFrame><a:tbl>{row}</a:tbl></p:graphicFrame>").shapes
    assert frame.content.items == [["A", "two words"]]
    assert frame.text == ""


def test_charts_and_diagrams_are_links():
    tree = (
        '<p:graphicFrame><c:chart r:id="r1"/></p:graphicFrame>'
        '<p:graphicFrame><dgm:relIds r:dm="r2" r:lo="r3"/></p:graphicFrame>'
    )
    assert [frame.links for frame in read(tree).shapes] == [["r1"], ["r2"]]


def test_a_fallback_repeats_its_choice_and_is_skipped():
    # ECMA-376 part 3, 7.6: a consumer takes the Choice or the Fallback.
    tree = (
        f"<mc:AlternateContent><mc:Choice>{shape('new')}</mc:Choice>"
        f"<mc:Fallback>{shape('old')}</mc:Fallback></mc:AlternateContent>"
    )
    assert [item.text for item in read(tree).shapes] == ["new"]


@pytest.mark.parametrize(
    ("attributes", "hidden"),
    [('show="0"', True), ('show="false"', True), ('show="1"', False), ("", False)],
)
def test_hidden_slides(attributes, hidden):
    assert read("", attributes=attributes).hidden is hidden


def test_comments_and_diagram_nodes_are_shapes():
    assert read("<p:cm><p:text>Why?</p:text></p:cm>", "p:cmLst").shapes[0].text == "Why?"
    node = "<dgm:pt><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt>"
    assert read(node, "dgm:dataModel").shapes[0].text == "Plan"


def test_content_is_written_as_paragraphs_and_tables():
    layout = BlockLayout()
    ShapeContent(["a", "b", ["x", "y"], ["1", "2"], "c"]).write(layout)
    assert layout.document().text == "a\nb\n\nx | y\n1 | 2\n\nc"


@pytest.mark.parametrize(
    ("items", "line"), [(["a", "b"], "a"), (["a\nb"], None), ([["cell"]], None), ([], "")]
)
def test_the_first_line_of_a_shape(items, line):
    assert ShapeContent(items).first_line() == line


def test_a_field_after_a_raised_run_is_on_the_line():
    raised = '<a:r><a:t>x</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>2</a:t></a:r>'
    field = "<a:fld><a:rPr/><a:t>, 15 May</a:t></a:fld>"
    slide = read(text_box(f"<a:p>{raised}{field}</a:p>"))
    assert slide.shapes[0].text == "x^2, 15 May"
