"""Formulas of Word files on one line."""

import pytest

from ragkit.documents.formats.office.docx import read_docx
from tests.documents.files import make_docx

MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def run(text):
    return f"<m:r><m:t>{text}</m:t></m:r>"


def operand(tag, text):
    return f"<m:{tag}>{run(text)}</m:{tag}>"


HALF = f"<m:f>{operand('num', 1)}{operand('den', 2)}</m:f>"


def read(formula):
    body = f"<w:p><w:r><w:t>a </w:t></w:r><m:oMath xmlns:m='{MATH}'>{formula}</m:oMath></w:p>"
    return read_docx(make_docx(body), "a.docx").text.removeprefix("a").strip()


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<m:f>{operand('num', 12)}{operand('den', 5)}</m:f>{run('+')}{run('x')}", "12/5 + x"),
        (f"{run(2)}{HALF}", "2 1/2"),
        (f"<m:f>{operand('num', 'a+b')}<m:den>{HALF}</m:den></m:f>", "(a+b)/(1/2)"),
        (f"<m:sSup>{operand('e', 'x')}{operand('sup', 2)}</m:sSup>", "x^2"),
        (f"<m:sSubSup>{operand('e', 'x')}{operand('sub', 1)}{operand('sup', 2)}</m:sSubSup>",
         "x_1^2"),
        (f"<m:rad>{operand('deg', 3)}{operand('e', 16)}</m:rad>", "∛16"),
        (f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/>{operand("e", 16)}</m:rad>',
         "√16"),
        (f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr>{operand("e", "x")}</m:d>',
         "[x]"),
        (f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{operand("sub", "i")}'
         f"{operand('sup', 'n')}{operand('e', 'i')}</m:nary>", "∑_i^n i"),
        (f"<m:func>{operand('fName', 'sin')}{operand('e', 'x')}</m:func>", "sin x"),
        (f"<m:m><m:mr>{operand('e', 1)}{operand('e', 2)}</m:mr></m:m>", "[1, 2]"),
        (f"<m:sPre>{operand('sub', 6)}{operand('sup', 14)}{operand('e', 'C')}</m:sPre>", "^14_6 C"),
        (f'{run("0.")}<m:bar><m:barPr><m:pos m:val="top"/></m:barPr>{operand("e", 3)}</m:bar>',
         "0.3\u0305"),
        (f'<m:phant><m:phantPr><m:show m:val="0"/></m:phantPr>{operand("e", 9)}</m:phant>{run(1)}',
         "1"),
        (f"<m:f>{operand('num', 1)}{operand('den', '2x')}</m:f>", "1/(2x)"),
        ("<m:sSup><m:e>" * 300 + run("x") + "</m:e></m:sSup>" * 300, "x"),
    ],
)  # fmt: skip
def test_structures_stay_apart(formula, text):
    assert read(formula) == text
