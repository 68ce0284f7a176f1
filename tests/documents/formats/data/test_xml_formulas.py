"""Formulas and raised numbers in XML of any schema: JATS, DocBook."""

import pytest

from ragkit.documents.formats.data.xml_text import read_xml

FRACTION = "<P:math><P:mfrac><P:mn>12</P:mn><P:mn>5</P:mn></P:mfrac></P:math>"
FRACTION = f'<formula xmlns:P="x">{FRACTION}</formula>'


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (f"<p>at {FRACTION} a year</p>", "at 12/5 a year"),
        (f"<disp-formula>{FRACTION}</disp-formula>", "12/5"),
        (
            rf"<p>at <alternatives><tex-math>\frac{{12}}{{5}}</tex-math>{FRACTION}</alternatives>"
            " <tex-math>x^2</tex-math></p>",
            r"at \frac{12}{5} x^2",
        ),
        ("<para>2<superscript>64</superscript> x<subscript>i</subscript></para>", "2^64 x_i"),
        ("<p>used<xref><sup>12</sup></xref>, 2<sup>64</sup></p>", "used [12], 2^64"),
        ("<marks><math>90</math><sub>5</sub></marks>", "math: 90\nsub: 5"),
        ("<marks><math> <first>90</first><second>80</second></math></marks>",
         "first: 90\nsecond: 80"),
        ("<code>x<superscript>64</superscript></code>", "x^64"),
    ],
)  # fmt: skip
def test_numbers_stay_apart(xml, text):
    assert read_xml(f"<?xml version='1.0'?><r>{xml}</r>".encode(), "a.xml").text == text


def test_the_rest_of_a_very_long_formula_is_read_as_text():
    xml = "<p><math>" + "<mn>1</mn>" * 20_000 + "<mi>last</mi></math></p>"
    assert read_xml(f"<r>{xml}</r>".encode(), "a.xml").text.endswith("last")
