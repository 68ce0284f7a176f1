"""Sanitized answers: citations, URLs, tags and invisible characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.answers.sanitize import (
    AnswerSanitizer,
    cite_quote,
    defang,
    find_citation_marks,
    format_display,
    format_quote,
    is_display,
    remove_invisible,
    restore_addresses,
)

PARTS = ["![", "](", "]:", "<img", "</a>", "http://", "HTTPS://", "www.", "&#104;", "[1]", "a@b.c"]
PARTS += ["[9]", "[1, 9]", "【2】", *"[](` \naé字", "\u200b", "\x1b"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)


def sanitize(text, sources=(1, 2)):
    sanitizer = AnswerSanitizer(sources)
    return sanitizer.feed(text) + sanitizer.end()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ninety days [1].", "Ninety days [1]."),
        ("Ninety days [9].", "Ninety days."),
        ("So [1, 2] and [1,9] and [2][1].", "So [1][2] and [1] and [2][1]."),
        ("So [1-2] and [1\u20139] and [1 - 1, 2].", "So [1][2] and [1][2] and [1][2]."),
        ("Intervals [0-100], [2-1] and [1990-1999].", "Intervals [0-100], [2-1] and [1990-1999]."),
        ("Said 【1】 and [Source 2] and [^1].", "Said [1] and [2] and [1]."),
        ("In `argv[9]` it is [9] kept.", "In `argv[9]` it is kept."),
        ("![x](http://e/p)", "[x] (hxxp://e/p)"),
        ("[x](/p)\n[x]: /p", "[x] (/p)\n[x] : /p"),
        ("a <b and <script>", "a < b and < script>"),
        ("1 < 2, 3<4", "1 < 2, 3<4"),
        ("Https://e www.e.org ftp://e file:///x", "hxxps://e www[.]e.org fxp://e file:///x"),
        ("Ask hr@firm.org, @me or a@b.", "Ask hr[at]firm.org, @me or a@b."),
        ("&lt; R&D AT&T &#60;", "& lt; R&D AT&T & #60;"),
        ("\x1b[2Jx\u202ey\u200bz\tü 👩\u200d🔬", "[2Jxyz\tü 👩\u200d🔬"),
    ],
)
def test_text_is_sanitized(text, expected):
    assert sanitize(text) == expected


@given(TEXTS, st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=300)
def test_the_result_does_not_depend_on_the_pieces(text, cuts):
    sanitizer = AnswerSanitizer((1, 2))
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert "".join([sanitizer.feed(piece) for piece in pieces] + [sanitizer.end()]) == sanitize(
        text
    )


@given(TEXTS)
@settings(max_examples=300)
def test_the_result_has_no_markdown_or_html_syntax(text):
    result = sanitize(text)
    assert not any(
        sign in result for sign in ("![", "](", "]:", "<i", "</", "&#", "\x1b", "\u200b")
    )
    assert "@b" not in result
    assert "http://" not in result.lower()
    assert defang(result) == result


def test_a_long_answer_is_returned_word_by_word():
    sanitizer = AnswerSanitizer((1,))
    assert [sanitizer.feed(piece) for piece in ("Ninety", " days", " [", "1", "].", " Then")] == [
        "", "Ninety", " days", "", "", " [1].",
    ]  # fmt: skip
    assert sanitizer.end() == " Then"


def test_a_script_without_spaces_is_not_held_back():
    assert AnswerSanitizer(()).feed("鑰匙每九十天更換一次。") == "鑰匙每九十天更換一次。"


def test_citation_marks_are_found_and_those_in_a_quote_become_parentheses():
    assert find_citation_marks("a [1] b [23]") == [(2, 5, 1), (8, 12, 23)]
    assert format_quote("as in [3], of\nlate\n- one\n- two") == "as in (3), of late\n- one\n- two"


def test_comment_signs_are_removed_from_a_quote():
    assert format_quote("** It makes\n** a UUID.\n**\n// And more.") == "It makes a UUID. And more."
    assert format_quote("* one\n* two\n**bold** text") == "* one\n* two **bold** text"


def test_invisible_characters_are_removed():
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert remove_invisible(f"a{hidden}b\ufeff\u2066c\r\n") == "abc\n"


def test_a_display_keeps_its_lines_and_has_the_citation_mark_before_it():
    display = format_display(["if a[1] > 0:", "    b(x)  // c", "", "end"])
    assert is_display(display.partition("\n\n")[0])
    quote = format_quote(f"So\nit is\n\n{display}\n\nwhere [2] is\n\nb.")
    code = "    if a[ 1] > 0:\n        b(x)  // c\n\n    end"
    assert quote == f"So it is\n\n{code}\n\nwhere (2) is b."
    assert sanitize(cite_quote(quote, 1)) == f"{quote} [1]"
    assert cite_quote(f"So it is\n\n{code}", 1) == f"So it is [1]\n\n{code}"
    assert cite_quote(code, 1) == f"{code}\n\n[1]"


@pytest.mark.parametrize(
    "text",
    [
        "See https://www.example.org/a_b?c=1, and so on.",
        "See (HTTP://example.org/x).",
        "Write to ann.b@example.org; or to ftp://example.org.",
        "At www.example.org/.",
        "`curl https://example.org/x`",
    ],
)
def test_addresses_of_the_sources_are_restored(text):
    inert = sanitize(text)
    assert inert != text
    assert restore_addresses(inert, ["Nothing.", f"Before. {text} After."]) == text
    assert restore_addresses(inert, ["Nothing.", "https://example.com/other"]) == inert
    assert restore_addresses(inert, []) == inert


def test_an_address_with_more_than_the_one_of_the_source_is_not_restored():
    sources = ["See https://example.org/a for it."]
    assert restore_addresses("hxxps://example.org/a/secret", sources) == (
        "hxxps://example.org/a/secret"
    )
