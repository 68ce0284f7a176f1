"""Raised and lowered text never becomes part of the number or word before it."""

import pytest

from ragkit.documents.formats.office.pptx import read_pptx
from ragkit.documents.formats.office.rtf import read_rtf
from ragkit.documents.formats.office.spreadsheets.xlsx import read_xlsx
from ragkit.documents.layout.scripts import subscript, superscript, write_scripts
from tests.documents.files import make_zip, read_zip
from tests.documents.office_files import make_pptx, make_xlsx, shape


@pytest.mark.parametrize(
    ("before", "raised", "written"),
    [
        ("2", "64", "^64"),
        ("10", "-6", "^-6"),
        ("10", "−6", "^−6"),
        ("5 m", "2", "²"),
        ("12 cm", "3", "³"),
        ("x", "2", "^2"),
        ("2", "n", "^n"),
        ("2", "n+1", "^(n+1)"),
        ("(a+b)", "2", "^2"),
        ("s", "-1", "^-1"),
        ("effective", "12", " [12]"),
        ("effective.", "12", " [12]"),
        ("effective", "1,3", " [1,3]"),
        ("mice", "[3]", " [3]"),
        ("1", "st", "st"),
        ("XIX", "e", "e"),
        ("2", "e", "e"),
        ("M", "me", "me"),
        ("Pump", "TM", "TM"),
        ("Pump", "™", "™"),
        ("", "2", "2"),
        ("word ", "2", "2"),
    ],
)
def test_superscripts(before, raised, written):
    assert superscript(before, raised) == written


def test_a_note_is_set_apart_whatever_precedes_it():
    assert superscript("in 1998", "7", is_note=True) == " [7]"
    assert superscript("", "7", is_note=True) == "[7]"


@pytest.mark.parametrize(
    ("before", "lowered", "written"),
    [
        ("H", "2", "2"),
        ("CO", "2", "2"),
        ("Ca(OH)", "2", "2"),
        ("y", "1", "_1"),
        ("log", "2", "_2"),
        ("V", "max", "_max"),
        ("a", "i+1", "_(i+1)"),
        ("", "2", "2"),
        ("word ", "x", "x"),
    ],
)
def test_subscripts(before, lowered, written):
    assert subscript(before, lowered) == written


@pytest.mark.parametrize(
    ("marked", "written"),
    [
        ("1\x0e1\x0f/\x102\x11 cup", "1 1/2 cup"),
        ("\x0e3\x0f⁄\x104\x11 inch", "3/4 inch"),
        ("1\x0e1\x0f⁄2", "1 1/2"),
        ("10\x0e2\x0f/5", "10^2/5"),
        ("2\x0e2\x0e3\x0f\x0f", "2^(2^3)"),
        ("x\x10i\x11\x0e2\x0f", "x_i^2"),
        ("2\x0e6\x0f\x0e4\x0f", "2^64"),
    ],
)
def test_fractions_and_nested_scripts_keep_their_numbers(marked, written):
    assert write_scripts(marked) == written


def test_blanks_around_marked_text_stay():
    assert write_scripts("the T\x10 0 \x11can") == "the T 0 can"
    assert write_scripts("x\x100 \x11can, m\x0e2 \x0fof") == "x_0 can, m² of"


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (rb"2{\super 64} bytes", "2^64 bytes"),
        (rb"2\super 64\nosupersub  bytes", "2^64 bytes"),
        (rb"2\up6 64\up0  bytes", "2^64 bytes"),
        (rb"10{\up8 -3} x{\sub 1}", "10^-3 x_1"),
        (rb"2\super 64\plain  bytes", "2^64 bytes"),
        (rb"2\super\'366\super0  bytes", "2^66 bytes"),
    ],
)
def test_control_words_of_rtf_raise_text(rtf, text):
    assert read_rtf(rb"{\rtf1\ansi " + rtf + b"}", "a.rtf").text == text


def test_a_distance_from_the_line_raises_text_of_pptx():
    runs = (
        "<a:r><a:t>2</a:t></a:r>"
        '<a:r><a:rPr baseline="30000"/><a:t>64</a:t></a:r>'
        '<a:r><a:rPr baseline="0"/><a:t>, x</a:t></a:r>'
        '<a:r><a:rPr baseline="-25%"/><a:t>1</a:t></a:r>'
    )
    slide = shape("MARK").replace("<a:r><a:t>MARK</a:t></a:r>", runs)
    assert read_pptx(make_pptx(slide), "a.pptx").text == "2^64, x_1"


def test_fonts_of_runs_raise_text_of_xlsx():
    runs = "</t></r><r><rPr><vertAlign val='superscript'/></rPr><t>64"
    string = f"<r><t>2{runs}</t></r>"
    cells = f'<c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is>{string}</is></c>'
    parts = read_zip(make_xlsx({"S": f'<sheetData><row r="1">{cells}</row></sheetData>'}, ["MARK"]))
    strings = parts["xl/strings.xml"].replace(b"<t>MARK</t>", string.encode())
    data = make_zip({**parts, "xl/strings.xml": strings})
    assert read_xlsx(data, "a.xlsx").text == "S\n\n2^64 | 2^64"
