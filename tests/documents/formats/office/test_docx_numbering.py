"""Automatic numbers of paragraphs, as Word displays them."""

import pytest

from ragkit.documents.formats.office.docx import read_docx
from tests.documents.files import make_docx, paragraph


def level(place, style="decimal", label="", *, start=1, more=""):
    return (
        f'<w:lvl w:ilvl="{place}"><w:start w:val="{start}"/><w:numFmt w:val="{style}"/>'
        f'<w:lvlText w:val="{label}"/>{more}</w:lvl>'
    )


def definition(number, *levels):
    return f'<w:abstractNum w:abstractNumId="{number}">{"".join(levels)}</w:abstractNum>'


def instance(number, of, more=""):
    return f'<w:num w:numId="{number}"><w:abstractNumId w:val="{of}"/>{more}</w:num>'


def item(text, place=0, number=1, style=""):
    properties = f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{number}"/></w:numPr>'
    return paragraph(text, style, properties)


def read(body, numbering, **parts):
    return read_docx(make_docx(body, numbering=numbering, **parts), "a.docx")


CLAUSES = definition(
    0,
    level(0, "upperRoman", "%1."),
    level(1, "decimal", "%1.%2", more='<w:isLgl w:val="1"/>'),
    level(2, "lowerLetter", "(%3)"),
)


def test_clauses_have_the_numbers_of_all_levels():
    body = "".join(
        item(text, place)
        for text, place in [
            ("A", 0),
            ("b", 1),
            ("c", 1),
            ("d", 2),
            ("e", 2),
            ("B", 0),
            ("f", 1),
            ("g", 2),
        ]
    )
    assert read(body, CLAUSES + instance(1, 0)).text == (
        "I. A\n  1.1 b\n  1.2 c\n    (a) d\n    (b) e\nII. B\n  2.1 f\n    (a) g"
    )


def test_lists_count_on_unless_they_have_a_start_of_their_own():
    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride>'
    numbering = (
        definition(0, level(0, label="%1)", start=3))
        + instance(1, 0)
        + instance(2, 0)
        + instance(3, 0, restart)
    )
    body = item("a") + paragraph("text") + item("b", number=2) + item("c", number=3)
    body += item("d", number=3)
    assert read(body, numbering).text == "3) a\n\ntext\n\n4) b\n7) c\n8) d"


@pytest.mark.parametrize(
    ("numbering", "text"),
    [
        (definition(0, level(0, "bullet", "\uf0b7")) + instance(1, 0), "- a"),
        (definition(0, level(0, "none", "")) + instance(1, 0), "- a"),
        (definition(0, level(0, "none", "Note:")) + instance(1, 0), "Note: a"),
        (definition(0, level(0, "ordinal", "%1")) + instance(1, 0), "1st a"),
        (definition(0, level(0, label="Article %1 –")) + instance(1, 0), "Article 1 – a"),
        ("", "- a"),
        (definition(0) + instance(1, 0), "- a"),
        (instance(1, 5), "- a"),
        (
            definition(0, '<w:numStyleLink w:val="L"/>')
            + definition(1, '<w:styleLink w:val="L"/>', level(0, label="%1.")) + instance(1, 0),
            "1. a",
        ),
    ],
)  # fmt: skip
def test_one_item(numbering, text):
    assert read(item("a"), numbering).text == text


def test_headings_are_numbered_by_their_style():
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="H{number}"><w:name w:val="heading {number}"/>'
        '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        for number in (1, 2)
    )
    numbering = definition(
        0,
        level(0, label="%1", more='<w:pStyle w:val="H1"/>'),
        level(1, label="%1.%2", more='<w:pStyle w:val="H2"/>'),
    ) + instance(1, 0)
    body = paragraph("Use", "H1") + paragraph("Oil", "H2") + paragraph("Care", "H1")
    document = read(body, numbering, styles=styles)
    assert [heading.text for heading in document.headings] == ["1 Use", "1.1 Oil", "2 Care"]
    assert document.text == "1 Use\n\n1.1 Oil\n\n2 Care"
