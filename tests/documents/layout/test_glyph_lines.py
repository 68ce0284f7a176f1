"""Lines of glyphs: right-to-left order, false blanks and letter-spacing."""

from pathlib import Path

import pytest

from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.layout.glyph_lines import Glyph, is_letter_spaced, write_line

SAMPLES = Path(__file__).parents[1] / "samples" / "pdf"


def visual(text, step=10):
    """Return glyphs that show `text` from the left to the right, without gaps."""
    return [
        Glyph(char, index * step, index * step, (index + 1) * step)
        for index, char in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("shown", "logical"),
    [
        ("םולש", "שלום"),
        ("2.4.10 הסרג", "גרסה 2.4.10"),
        ("NX-2040 םגד", "דגם NX-2040"),
        ("15% החנה", "הנחה 15%"),
        ("$20 ריחמ", "מחיר $20"),
        ("A-12/B דוק", "קוד A-12/B"),
        ("a b םולש", "שלום a b"),
        ("10 20 הז", "זה 20 10"),  # two numbers, each read from the left
        (",12-15 םידומע", "עמודים 12-15,"),
        (")B( םגד", "דגם (B)"),  # the characters of the brackets
        ("(B) םגד", "דגם (B)"),  # their shapes
        ("(B( םגד", "דגם (B)"),  # one of each
        ("םייתש )ב דחא )א", "א) אחד ב) שתיים"),  # an enumeration; characters
        ("םייתש (ב דחא (א", "א) אחד ב) שתיים"),  # shapes
        (")ב( דחא )א", "א) אחד (ב)"),
        ("لاير ١٢٣٫٥ رعس", "سعر ١٢٣٫٥ ريال"),
    ],
)
def test_right_to_left_lines_are_in_reading_order(shown, logical):
    assert write_line(visual(shown), 10) == logical


def test_letters_of_one_ligature_are_in_the_order_of_the_word():
    ligature = [Glyph("ا", 0, 0, 5), Glyph("ل", 0, 0, 5)]
    assert write_line(ligature, 10) == "لا"
    latin = [Glyph(char, index + 9, index + 9, index + 10) for index, char in enumerate("abcdef")]
    assert write_line([*ligature, *latin], 10) == "لاabcdef"


def test_letters_that_share_the_box_of_a_ligature_go_from_right_to_left():
    ligature = [Glyph("ا", 0, 0, 5), Glyph("ل", 0, 5, 10)]
    assert write_line(ligature, 10) == "لا"
    assert write_line(ligature[::-1], 10) == "لا"


def test_a_gap_between_words_becomes_a_blank():
    glyphs = [Glyph("ג", 50, 50, 60), Glyph("ב", 20, 20, 30), Glyph("א", 10, 10, 20)]
    assert write_line(glyphs, 10) == "ג בא"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("C h a p t e r w a r", True),
        ("a b c", False),
        ("I am a man as I am", False),
        ("1 2 3 4 5 6 7 8", False),
        ("", False),
    ],
)
def test_letter_spaced_lines_are_recognised(line, expected):
    assert is_letter_spaced(line) is expected


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        ("lam-alef.pdf", "لا يشمل الضمان الإطارات. السلام والصلاحية ثلاث سنوات"),
        ("chromium-arabic.pdf", "ضمان المضخة ثلاث سنوات من تاريخ الشراء"),
        ("chromium-hindi.pdf", "क्षेत्र में पानी की किल्लत और विद्यार्थियों की शिकायत"),
        (
            "hebrew.pdf",
            "גרסה 2.4.10 של NX-2040 (דגם B) עמודים 12-15, מחיר 1,250.50 ביום 12/05/2026 "
            "שעה 14:30 טלפון 03-555-1234 קוד A-12/B הנחה 15%",
        ),
        ("spaced-heading.pdf", "Chapter warranty conditions\nBody words follow here."),
    ],
)
def test_files_of_other_programs(sample, text):
    assert read_pdf((SAMPLES / sample).read_bytes(), sample).text == text
