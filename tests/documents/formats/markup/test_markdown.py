"""Markdown: headings, fences, front matter, titles."""

import time

import pytest

from ragkit.documents.formats.markup.markdown import read_markdown, strip_inline_markup


def read(text):
    return read_markdown(text.encode(), "a.md")


def headings(text):
    return [(each.level, each.text) for each in read(text).headings]


def fences(text):
    return [text[start:end] for start, end in read(text).fences]


def test_text_is_the_source_and_headings_know_their_lines():
    source = "# One\n\ntext\n\nTwo\n---\n\n### Three ###\n"
    document = read(source)
    assert document.text == source
    assert document.lines
    spans = [source[each.start : each.end] for each in document.headings]
    assert spans == ["# One", "Two\n---", "### Three ###"]
    assert headings(source) == [(1, "One"), (2, "Two"), (3, "Three")]


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag",
        "####### seven",
        "    # indented code",
        "```\n# in a fence\n```",
        "~~~\n# in a fence\n",
        "````\n```\n# still in it\n````",
        "<!--\n# in a comment\n-->",
        "<pre>\n# in pre\n</pre>",
        "- item\n---\n",
        "> quote\n---\n",
        "| a |\n---\n",
        "text\n\n---\n",
        "---\nkey: value\n# comment\n---\n",
    ],
)
def test_what_only_looks_like_a_heading(text):
    assert headings(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two\nlines\n===", [(1, "Two lines")]),
        ("text\n\n---\nRule above\n---", [(2, "Rule above")]),
        ("- item\n\nAfter a list\n---", [(2, "After a list")]),
        ("```\ncode\n```\n# After a fence", [(1, "After a fence")]),
        ("<!-- one line -->\n# After a comment", [(1, "After a comment")]),
        ("#\n# #\n## ##", []),
        ("# C#", [(1, "C#")]),
    ],
)
def test_where_headings_stand(text, expected):
    assert headings(text) == expected


def test_fences_keep_their_marks_and_run_to_the_end_if_left_open():
    text = "a\n\n```py\nx\n```\n\nb\n\n   ~~~\ny\n```\nz\n"
    assert fences(text) == ["```py\nx\n```", "   ~~~\ny\n```\nz"]
    assert fences("`` ``` `` is no fence\n``` a`b\n") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The `read()` call", "The read() call"),
        ("**Bold** and _slanted_ snake_case 2*3", "Bold and slanted snake_case 2*3"),
        ("See [the `docs`](https://x.y/z) now", "See the docs now"),
        ("![logo](a.png) Name", "logo Name"),
        ('<a name="x"></a>Anchor {#anchor}', "Anchor"),
        (r"A \* star &amp; more", "A * star & more"),
        ("Mail <me@example.org>", "Mail me@example.org"),
    ],
)
def test_heading_words_lose_their_markup(words, expected):
    assert strip_inline_markup(words) == expected


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Only\n\n## Sub", "Only"),
        ("# First\n\n# Second", "First"),
        ("text\n\n# One\n\n# Two", None),
        ("## No level 1", None),
        ('---\ntitle: "Given: name"\n---\n# Other\n', "Given: name"),
        ("+++\ntitle = 'Hugo'\n+++\n# Other\n", "Hugo"),
        ("---\ntitle: >\n  folded\n---\n# Heading\n", "Heading"),
        ("---\ntitle: never closed\n", None),
    ],
)
def test_title(text, title):
    assert read(text).title == title


@pytest.mark.parametrize(
    "piece", ["[", "`", "*a", "<a", "# ", "![](", "_", "- ", "\n```", "<!--\n"]
)
def test_hostile_markup_takes_linear_time(piece):
    start = time.perf_counter()
    read("# " + piece * (1_000_000 // len(piece)))
    read(("# " + piece * 300 + "\n") * (1_000_000 // (300 * len(piece))))
    assert time.perf_counter() - start < 4


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("x\n\n| A | B |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\ny", [("| A", "| 1", "4 |")]),
        ("A | B\n--|--\n1 | 2", [("A |", "1 |", "| 2")]),
        ("A | B\n\n--|--\n1 | 2", []),
        ("A\n---\n1 | 2", []),
        ("```\nA | B\n--|--\n1 | 2\n```", []),
        ("A | B\n-|-\n1|2\n\nC | D\n-|-\n3|4\n# H", [("A |", "1|2", "1|2"), ("C |", "3|4", "3|4")]),
    ],
)
def test_tables(text, tables):
    document = read_markdown(text.encode(), "a.md")
    assert [
        (text[t.start :][:3], text[t.header_end :][:3], text[: t.end][-3:]) for t in document.tables
    ] == tables


def test_long_rows_of_delimiters_take_linear_time():
    for row in ("|" + " " * 200_000 + "x", "| -" * 100_000 + "x", "-" * 300_000 + "|x"):
        assert read_markdown(f"A | B\n{row}\n".encode(), "a.md").tables == ()
