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
        ('<mfrac linethickness="0px"><mi>n</mi><mi>k</mi></mfrac>', "(n; k)"),
        ("<mn>0.</mn><mover><mn>3</mn><mo>¯</mo></mover>", "0.3\u0305"),
        ('<menclose notation="radical"><mn>16</mn></menclose>', "√16"),
        ("<maction><mn>1</mn><mn>2</mn></maction>", "1"),
        ("<mi>sin</mi><mo>\u2061</mo><mi>x</mi>", "sin x"),
        (
            "<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
            "^14_6 C",
        ),
        ("<mmultiscripts><mi>R</mi><mi>i</mi><none/></mmultiscripts>", "R_i"),
        ("<mrow>" * 500 + "<mi>x</mi>", "x"),
    ],
)
def test_formulas_are_linear(formula, text):
    assert read(formula) == f"a {text} b"


@pytest.mark.parametrize("prefix", ["m", "mml"])
def test_a_prefix_of_the_namespace_does_not_matter(prefix):
    fraction = "<P:math><P:mfrac><P:mn>12</P:mn><P:mn>5</P:mn></P:mfrac></P:math>"
    page = f"<p>a {fraction.replace('P', prefix)} b".encode()
    assert read_html(page, "a.xhtml").text == "a 12/5 b"
