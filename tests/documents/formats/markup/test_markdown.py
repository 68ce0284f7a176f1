"""Markdown: headings, fences, tables, titles; compared with CommonMark and with markdown-it-py."""

from itertools import product
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from ragkit.documents.formats.markup.markdown import (
    read_markdown,
    strip_inline_markup,
    title_heading,
)
from ragkit.records.documents import Heading
from tests.documents.formats.work import growth

PROJECT = Path(__file__).parents[4]


def read(text):
    return read_markdown(text.encode(), "a.md")


def headings(text):
    return [(heading.level, heading.text) for heading in read(text).headings]


def fences(text):
    return [text[start:end] for start, end in read(text).fences]


def test_the_text_is_the_source_and_headings_span_their_lines():
    source = "# One\n\ntext\n\nTwo\n---\n\n### Three ###\n"
    document = read(source)
    assert document.text == source
    assert document.lines
    spans = [source[heading.start : heading.end] for heading in document.headings]
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
def test_lines_that_are_no_heading(text):
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
def test_headings_next_to_other_blocks(text, expected):
    assert headings(text) == expected


def test_fences_include_their_markers_and_run_to_the_end_if_they_are_not_closed():
    text = "a\n\n```py\nx\n```\n\nb\n\n   ~~~\ny\n```\nz\n"
    assert fences(text) == ["```py\nx\n```", "   ~~~\ny\n```\nz"]
    assert fences("`` ``` `` is no fence\n``` a`b\n") == []


@pytest.mark.parametrize(
    ("content", "expected"),
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
def test_headings_lose_their_inline_markup(content, expected):
    assert strip_inline_markup(content) == expected


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
def test_the_title_is_the_only_or_first_top_heading(text, title):
    assert read(text).title == title


@pytest.mark.parametrize(
    "piece", ["[", "`", "*a", "<a", "# ", "![](", "_", "- ", "\n```", "<!--\n"]
)
def test_hostile_markup_takes_linear_time(piece):
    assert growth(read, lambda size: "# " + piece * size, 2000) < 5
    assert growth(read, lambda size: ("# " + piece * 30 + "\n") * size, 50) < 5


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
    document = read(text)
    assert [
        (text[t.start :][:3], text[t.header_end :][:3], text[: t.end][-3:]) for t in document.tables
    ] == tables


def test_a_long_line_that_is_nearly_a_delimiter_row_is_no_table():
    for row in ("|" + " " * 200_000 + "x", "| -" * 100_000 + "x", "-" * 300_000 + "|x"):
        assert read(f"A | B\n{row}\n").tables == ()


def test_the_title_is_the_first_heading_of_level_one_if_it_is_alone_or_at_the_start():
    one, two = Heading(2, 5, 1, "One"), Heading(7, 10, 1, "Two")
    assert title_heading("  One\n\nTwo", [one, two]) == "One"
    assert title_heading("a One\n\nTwo", [one, two]) is None
    assert title_heading("a One\n\nTwo", [one, two], start=1) == "One"
    assert title_heading("a One\n\nTwo", [one]) == "One"
    assert title_heading("", []) is None


def reference_structure(text):
    """Return headings (level and lines), fences and tables (lines) by markdown-it-py."""
    lines = text.split("\n")

    def span(token):
        first, end = token.map
        while not lines[end - 1].strip():
            end -= 1
        return first, end

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return (
        [(int(token.tag[1]), *span(token)) for token in tokens if token.type == "heading_open"],
        [span(token) for token in tokens if token.type == "fence"],
        [span(token) for token in tokens if token.type == "table_open"],
    )


def structure(text):
    """Return the same by `read_markdown`."""
    document = read(text)
    text = document.text  # without comments and link definitions

    def span(start, end):
        return text.count("\n", 0, start), text.count("\n", 0, end) + 1

    return (
        [(heading.level, *span(heading.start, heading.end)) for heading in document.headings],
        [span(start, end) for start, end in document.fences],
        [span(table.start, table.end) for table in document.tables],
    )


@pytest.mark.parametrize(
    "path",
    [*sorted((PROJECT / "docs").glob("*.md")), PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"],
    ids=lambda path: path.name,
)
def test_the_projects_own_pages_have_the_structure_that_markdown_it_finds(path):
    text = path.read_text(encoding="utf-8")
    assert structure(text) == reference_structure(text)


BLOCKS = [
    "# Heading",
    "Two\nlines\n=====",
    "Title\n---",
    "some words",
    "***",
    "```py\n# code\n```",
    "~~~~\n```\n~~~~",
    "    # indented code",
    "> a quote",
    "- an item\n\n  its second paragraph",
    "1. one\n2. two",
    "| A | B |\n|---|---|\n| 1 | 2 |",
    "<!--\n# a comment\n-->",
    "<div>\nwords\n</div>",
]


PAIRS = [  # below a list, indented lines are not code but belong to the last item
    (first, second)
    for first, second in product(BLOCKS, repeat=2)
    if not (first.startswith(("- ", "1. ")) and second.startswith("    "))
]


@pytest.mark.parametrize("blocks", PAIRS)
def test_two_blocks_have_the_structure_that_markdown_it_finds(blocks):
    text = "\n\n".join(blocks) + "\n"
    assert structure(text) == reference_structure(text)
