"""MathML: fractions, powers, indices and roots stay apart on one line."""

import pytest

from ragkit.documents.formats.web.html import read_html


def read(formula):
    return read_html(f"<p>a <math>{formula}</math> b".encode(), "a.html").text


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mfrac><mn>12</mn><mn>5</mn></mfrac>", "12/5"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a + b)/2"),
        ("<mn>2</mn><mfrac><mn>1</mn><mn>3</mn></mfrac>", "2 1/3"),
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msup><mn>10</mn><mrow><mo>-</mo><mn>6</mn></mrow></msup>", "10^-6"),
        ("<msub><mi>y</mi><mn>1</mn></msub><msqrt><mn>16</mn></msqrt>", "y_1 √16"),
        ("<mroot><mn>16</mn><mn>3</mn></mroot>", "∛16"),
        ("<mroot><mi>x</mi><mn>5</mn></mroot>", "x^(1/5)"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "x"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a, b)"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>", "[1, 2]"),
        (
            "<semantics><mfrac><mn>1</mn><mn>2</mn></mfrac><annotation>1 over 2</annotation>"
            "</semantics>",
            "1/2",
        ),
        ("<mrow>" * 500 + "<mi>x</mi>", "x"),
    ],
)
def test_formulas_are_linear(formula, text):
    assert read(formula) == f"a {text} b"
