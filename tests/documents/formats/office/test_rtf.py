r"""RTF 1.9.1: code pages, `\u`, destinations, styles and tables."""

import pytest

from ragkit.documents.formats.office.rtf import read_rtf
from ragkit.errors import DocumentError
from tests.documents.office_files import split_tables

FONTS = rb"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset128 B;}{\f2\fcharset204 C;}{\f3\cpg1253 D;}}"


def read(body):
    return read_rtf(rb"{\rtf1\ansi\ansicpg1252" + FONTS + body + b"}", "a.rtf")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"caf\'e9 \f2\'cf\'f0\'e8\f0  \'80", "café При €"),
        (rb"\f1\'83A\'83\'89", "アラ"),  # the second byte may be an ASCII letter
        (rb"\f3\'e1\'e2", "αβ"),
        (rb"\mac \'8e", "é"),
        (rb"\u8364?\u8364\'80\uc2\u8364ab\uc0\u8364 c", "€€€€c"),
        (rb"\u-10179?\u-8694?", "😊"),
        (rb"{\uc0 \u8364}x", "€x"),
        (rb"a\~b\_c\-d\{\}\\", r"a b-cd{}\ ".strip()),
        (rb"a\emdash b\lquote c\rquote\bullet", "a—b‘c’•"),
        (b"one\r\n line\\par two\\line three\\\nfour", "one line\n\ntwo\nthree\n\nfour"),
        (rb"a{\v hidden}{\deleted gone}b{\*\unknown c{\b d}}", "ab"),
        (rb"a{\pict\wmetafile8 010009}{\object{\*\objdata 00}{\result shown}}", "ashown"),
        (rb"\bin5 {{{{{b", "b"),
        (rb'{\field{\*\fldinst{HYPERLINK "http://x.y"}}{\fldrslt{\ul the link}}}', "the link"),
        (
            rb"{\listtext\'b7\tab}one\par{\pntext 2.\tab}two\par three",
            "- one\n2. two\n\nthree",
        ),
        (rb"Text{\footnote {\chftn} A note.\par}.\par More", "Text.\n\nMore\n\nA note."),
        (rb"a{\*\atnauthor Ada}{\*\annotation Why?}", "a\n\nComment: Why?"),
        (rb"{\header Acme Ltd\par}{\footer {\field{\fldrslt 7}}}text", "text\n\nAcme Ltd"),
        (b"", ""),
    ],
)
def test_text_of_control_words(body, text):
    assert read(body).text == text


def test_headings_by_style_and_outline_level():
    document = read(
        rb"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 berschrift;}{\s2 heading 2;}{\s9 Title;}}"
        rb"\pard\s9 The report\par\pard\s1 One\par\pard\s2 Two\par\pard\outlinelevel2 Three\par"
        rb"\pard\outlinelevel9 Body\par"
    )
    assert document.title == "The report"
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "The report"),
        (1, "One"),
        (2, "Two"),
        (3, "Three"),
    ]


def test_each_table_row_is_a_line():
    document = read(
        rb"before\par\trowd\cellx1\cellx2\pard\intbl A\par more\cell B\cell\row"
        rb"\pard\intbl 1\cell 2\cell\row\pard after\par"
    )
    assert document.text == "before\n\nA more | B\n1 | 2\n\nafter"
    assert split_tables(document) == [("A more | B\n", "1 | 2")]


def test_document_properties():
    document = read(
        rb"{\info{\title My plan}{\author Ad\'e1}{\creatim\yr2024\mo2\dy3\hr1}{\operator x}}text"
    )
    assert (document.title, document.text) == ("My plan", "text")
    assert document.metadata == {"author": "Adá", "created": "2024-02-03"}


def test_a_truncated_file_is_read_up_to_its_end():
    document = read_rtf(rb"{\rtf1 one\par {\b tw", "a.rtf")
    assert document.text == "one\n\ntw"
    assert document.warnings == ("cut off: read as far as it goes",)


def test_other_data_is_refused():
    with pytest.raises(DocumentError, match="damaged rtf"):
        read_rtf(b"text", "a.rtf")


@pytest.mark.parametrize(
    "body",
    [
        b"{" * 100_000 + b"x" + b"}" * 100_000,
        b"{" * 200_000,
        b"\\" * 300_000,
        b"\\'" * 200_000,
        b"\\" + b"a" * 300_000,
        b"\\u" + b"9" * 300_000,
        b"\\cell" * 50_000,
        b"{\\footnote a}" * 20_000,
        b"{\\*\\x" * 50_000,
        b"\\bin999999999 ",
    ],
)
def test_hostile_files_take_linear_time(body):
    read(body)  # quadratic time would take minutes


def test_numbers_of_control_words_have_up_to_ten_digits():
    data = rb"{\rtf1 Kept {\revised\revauth1\revdttm1493828408 inserted} words}"
    assert read_rtf(data, "a.rtf").text == "Kept inserted words"


def test_a_raised_character_of_two_surrogates_stays_one():
    # U+1F600 is \\u-10179 \\u-8704: the RTF specification has 16-bit signed numbers.
    body = rb"{\rtf1\ansi x{\super \u-10179?\u-8704?} y}"
    assert read_rtf(body, "a.rtf").text == "x\U0001f600 y"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"{\f4 a \'b3 b}, {\f4\u-3999\'61} a", "α ≥ β, α a"),
        (rb"{\f5\'fc} yes {\f5 \u-3844?}\plain v", "✓ yes ✓v"),
        (rb"{\listtext\f5 v\tab}one\par", "- one"),
        (rb"{\f6 text}", "text"),  # its letters are not known to be signs
    ],
)
def test_letters_of_symbol_fonts_are_signs(body, text):
    fonts = (
        rb"{\fonttbl{\f0\fcharset0 A;}{\f4\froman\fcharset2\fprq2 Symbol;}"
        rb"{\f5\fnil\fcharset2{\*\panose 05}Wingdings;}{\f6\fcharset2 Other;}}"
    )
    assert read_rtf(rb"{\rtf1\ansi\ansicpg1252" + fonts + body + b"}", "a.rtf").text == text


def test_a_font_table_may_be_without_groups():
    body = rb"{\fonttbl\f0 Arial;\f1 Symbol;}\f1 a\f0 b"
    assert read_rtf(rb"{\rtf1\ansi" + body + b"}", "a.rtf").text == "αb"
