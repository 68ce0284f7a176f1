"""Formulas on one line."""

import pytest

from ragkit.documents.layout import formulas


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (formulas.fraction("12", "5"), "12/5"),
        (formulas.fraction("1.5", "a + b"), "1.5/(a + b)"),
        (formulas.power("x", "2"), "x^2"),
        (formulas.power("x", "′"), "x′"),
        (formulas.power("x + 1", "n+1"), "(x + 1)^(n+1)"),
        (formulas.power("10", "- 6"), "10^-6"),
        (formulas.index("y", "1"), "y_1"),
        (formulas.index("y", " "), "y"),
        (formulas.root("16"), "√16"),
        (formulas.root("16", "3"), "∛16"),
        (formulas.root("x", "n"), "x^(1/n)"),
        (formulas.fraction("1", "2x"), "1/(2x)"),
        (formulas.power("10", "2n"), "10^(2n)"),
        (formulas.power("60", "∘"), "60°"),
        (formulas.stacked("n", "k"), "(n; k)"),
        (formulas.overlined("3"), "3\u0305"),
        (formulas.overlined("x"), "x"),
        (formulas.prescripts("C", "6", "14"), "^14_6 C"),
        (formulas.join(["2", formulas.operator("\u2064"), formulas.fraction("1", "3")]), "2 1/3"),
        (formulas.join(["2", formulas.fraction("1", "3")]), "2 1/3"),
        (formulas.join([formulas.fraction("1", "3"), "x"]), "1/3 x"),
        (formulas.join(["a", "b", "", formulas.operator("+"), "c"]), "ab + c"),
        (formulas.join([]), ""),
    ],
)
def test_operands_stay_apart(written, text):
    assert written == text
