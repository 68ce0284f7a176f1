"""Raised and lowered text of an OpenDocument file is no part of the number before it."""

import pytest

from ragkit.documents.formats.office.odf import read_ods, read_odt
from tests.documents.office_files import make_odf


def style(name, position, parent=""):
    return (
        f'<style:style style:name="{name}" style:family="text" style:parent-style-name="{parent}">'
        f'<style:text-properties style:text-position="{position}"/></style:style>'
    )


STYLES = (
    style("Up", "super 58%") + style("Down", "-33% 58%") + style("High", "25% 58%")
    + style("Line", "0% 100%")
    + '<style:style style:name="Child" style:parent-style-name="Up"/>'
)  # fmt: skip


def span(text, name):
    return f'<text:span text:style-name="{name}">{text}</text:span>'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f"2{span(64, 'Up')}", "2^64"),
        (f"2{span(64, 'High')}", "2^64"),
        (f"2{span(64, 'Child')}", "2^64"),
        (f"2{span(64, 'Line')}", "264"),
        (f"x{span(1, 'Down')}", "x_1"),
        (f"1{span(1, 'Up')}/{span(2, 'Down')} cup", "1 1/2 cup"),
    ],
)
def test_styles_of_odt_and_ods_raise_text(content, text):
    odt = make_odf("text", f"<text:p>{content}</text:p>", styles=STYLES)
    assert read_odt(odt, "a.odt").text == text
    cell = f"<table:table-cell><text:p>{content}</text:p></table:table-cell>"
    table = f'<table:table table:name="S"><table:table-row>{cell}</table:table-row></table:table>'
    ods = make_odf("spreadsheet", table, styles=STYLES)
    assert read_ods(ods, "a.ods").text == f"S\n\n{text}"
