"""Raised and lowered text never becomes part of the number or word before it."""

import pytest

from ragkit.documents.layout.scripts import subscript, superscript, write_scripts


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


def test_blanks_around_marked_text_stay():
    assert write_scripts("the T\x10 0 \x11can") == "the T 0 can"
    assert write_scripts("x\x100 \x11can, m\x0e2 \x0fof") == "x_0 can, m² of"
