"""Paragraph styles: names, inheritance, lists (ECMA-376 part 1, 17.7 and 17.9)."""

import pytest

from ragkit.documents.formats.office.docx_styles import (
    PLAIN,
    ParagraphStyle,
    StylesHandler,
    heading_level,
    list_depth,
)
from ragkit.documents.unpacking.limits import open_zip
from ragkit.documents.unpacking.xml_stream import parse_xml
from tests.documents.files import make_docx


def style(key, name, base="", properties="", kind="paragraph"):
    return (
        f'<w:style w:type="{kind}" w:styleId="{key}"><w:name w:val="{name}"/>'
        f'<w:basedOn w:val="{base}"/><w:pPr>{properties}</w:pPr></w:style>'
    )


def resolve(*styles):
    handler = StylesHandler()
    with open_zip(make_docx("", styles="".join(styles)), "docx") as package:
        parse_xml(package, "word/styles.xml", handler.start, handler.end, lambda text: None)
    return handler.resolve()


def test_built_in_styles_are_recognised_by_name_not_by_id():
    styles = resolve(
        style("berschrift2", "heading 2"),
        style("Titel", "Title"),
        style("Verzeichnis1", "toc 1"),
        style("Inhalt", "TOC Heading"),
        style("Standard", "Normal"),
    )
    assert styles == {
        "berschrift2": ParagraphStyle(level=2),
        "Titel": ParagraphStyle(title=True),
        "Verzeichnis1": ParagraphStyle(contents=True),
        "Inhalt": ParagraphStyle(contents=True),
        "Standard": PLAIN,
    }


def test_properties_are_inherited_and_overridden():
    styles = resolve(
        style("H1", "heading 1"),
        style("Child", "Mine", "H1"),
        style("Second", "Other", "H1", '<w:outlineLvl w:val="1"/>'),
        style("Body", "Body", "H1", '<w:outlineLvl w:val="9"/>'),
        style("Grandchild", "Grandchild", "Second"),
    )
    assert {key: value.level for key, value in styles.items()} == {
        "H1": 1, "Child": 1, "Second": 2, "Body": 0, "Grandchild": 2,
    }  # fmt: skip


def test_lists_are_inherited_unless_the_number_id_is_zero():
    in_list = '<w:numPr><w:ilvl w:val="2"/><w:numId w:val="4"/></w:numPr>'
    styles = resolve(
        style("Bullet", "List Bullet", "", '<w:numPr><w:numId w:val="4"/></w:numPr>'),
        style("Deep", "Deep", "", in_list),
        style("Child", "Child", "Deep"),
        style("None", "None", "Deep", '<w:numPr><w:numId w:val="0"/></w:numPr>'),
    )
    assert {key: value.item for key, value in styles.items()} == {
        "Bullet": 0, "Deep": 2, "Child": 2, "None": -1,
    }  # fmt: skip


def test_cycles_and_unknown_bases_end_and_character_styles_are_ignored():
    styles = resolve(
        style("A", "a", "B"),
        style("B", "b", "A"),
        style("C", "heading 3", "missing"),
        style("D", "heading 1", kind="character"),
    )
    assert styles == {"A": PLAIN, "B": PLAIN, "C": ParagraphStyle(level=3)}


@pytest.mark.parametrize(
    ("value", "level"), [("0", 1), ("8", 9), ("9", 0), ("", 0), ("-1", 0), ("x", 0)]
)
def test_outline_levels(value, level):
    assert heading_level(value) == level


def test_list_depth_is_bounded():
    assert [list_depth(value) for value in ("0", "8", "700")] == [0, 8, 8]
