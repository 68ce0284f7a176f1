"""What leaves in an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.answers.rendering import Outgoing, inert, marks, unmarked, visible

PARTS = ["![", "](", "]:", "<img", "</a>", "http://", "HTTPS://", "www.", "&#104;", "[1]", "a@b.c"]
PARTS += ["[9]", "[1, 9]", "【2】", *"[](` \naé字", "\u200b", "\x1b"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)


def whole(text, cited=(1, 2)):
    out = Outgoing(cited)
    return out.feed(text) + out.end()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ninety days [1].", "Ninety days [1]."),
        ("Ninety days [9].", "Ninety days."),
        ("So [1, 2] and [1,9] and [2][1].", "So [1][2] and [1] and [2][1]."),
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
def test_what_comes_out(text, shown):
    assert whole(text) == shown


@given(TEXTS, st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=300, deadline=None)
def test_how_the_text_is_cut_makes_no_difference(text, cuts):
    out = Outgoing((1, 2))
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert "".join([out.feed(piece) for piece in pieces] + [out.end()]) == whole(text)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_nothing_is_left_that_markdown_acts_on(text):
    shown = whole(text)
    assert not any(sign in shown for sign in ("![", "](", "]:", "<i", "</", "&#", "\x1b", "\u200b"))
    assert "@b" not in shown
    assert "http://" not in shown.lower()
    assert inert(shown) == shown


def test_a_long_answer_comes_word_by_word():
    out = Outgoing((1,))
    assert [out.feed(piece) for piece in ("Ninety", " days", " [", "1", "].", " Then")] == [
        "", "Ninety", " days", "", "", " [1].",
    ]  # fmt: skip
    assert out.end() == " Then"


def test_a_script_without_spaces_is_not_held_back():
    assert Outgoing(()).feed("鑰匙每九十天更換一次。") == "鑰匙每九十天更換一次。"


def test_marks_are_found_and_those_of_a_source_are_not_ours():
    assert marks("a [1] b [23]") == [(2, 5, 1), (8, 12, 23)]
    assert unmarked("as in [3], of\nlate\n- one\n- two") == "as in (3), of late\n- one\n- two"


def test_the_signs_of_comments_are_not_said():
    assert unmarked("** It makes\n** a UUID.\n**\n// And more.") == "It makes a UUID. And more."
    assert unmarked("* one\n* two\n**bold** text") == "* one\n* two **bold** text"


def test_what_cannot_be_seen_goes():
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert visible(f"a{hidden}b\ufeff\u2066c\r\n") == "abc\n"
