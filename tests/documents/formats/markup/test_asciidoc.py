"""AsciiDoc: section titles, delimited blocks, comments and header attributes.

Expected values follow the AsciiDoc language documentation.
"""

import pytest

from ragkit.documents.formats.markup.asciidoc import read_asciidoc

GUIDE = """= The Guide
Ann Berg
:author: Ann Berg

// a comment
Opening words.

== Start *here*

[source,python]
----
== not a section
----

////
a comment block
////
=== Below <<a,there>>

Old style
---------
Words.
"""


def headings(document):
    return [(heading.level, heading.text) for heading in document.headings]


def fences(document):
    return [document.text[start:end] for start, end in document.fences]


def parse(text):
    return read_asciidoc(text.encode(), "a.adoc")


def test_sections_blocks_and_attributes_of_a_document():
    document = parse(GUIDE)
    assert headings(document) == [
        (1, "The Guide"),
        (2, "Start here"),
        (3, "Below there"),
        (2, "Old style"),
    ]
    assert fences(document) == ["----\n== not a section\n----"]
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg"})


def test_comments_become_empty_lines_so_that_line_numbers_stay_valid():
    document = parse(GUIDE)
    source, lines = GUIDE.split("\n"), document.text.split("\n")
    assert len(lines) == len(source)
    changed = [number for number, line in enumerate(lines) if line != source[number]]
    assert changed == [4, 14, 15, 16]
    assert all(lines[number] == "" for number in changed)
    assert document.lines


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("= Title", 1),
        ("== Title", 2),
        ("====== Title", 6),
        ("# Title", 1),
        ("### Title", 3),
        ("======= Title", None),  # seven marks
        ("==Title", None),
        (" == Title", None),
    ],
)
def test_marks_before_a_title_give_its_level(line, level):
    assert headings(parse(line)) == ([(level, "Title")] if level else [])


@pytest.mark.parametrize(
    ("underline", "level"),
    [("=====", 1), ("-----", 2), ("~~~~~", 3), ("^^^^^", 4), ("+++++", 5), ("------", 2)],
)
def test_the_underline_of_a_title_in_the_old_style_gives_its_level(underline, level):
    assert headings(parse(f"text\n\nTitle\n{underline}\n")) == [(level, "Title")]


@pytest.mark.parametrize(
    "text", ["Title\n---------\n", "text\nTitle\n-----\n", "Title\n--\n", "|===\n-----\n"]
)
def test_lines_that_are_no_underline(text):
    assert headings(parse(text)) == []


def test_a_block_attribute_line_may_stand_above_a_title_in_the_old_style():
    assert headings(parse("[appendix]\nTerms\n-----\n")) == [(2, "Terms")]


@pytest.mark.parametrize("delimiter", ["----", "-------", "....", "++++", "```"])
def test_the_content_of_a_delimited_block_is_not_parsed(delimiter):
    document = parse(f"a\n\n{delimiter}\n== no\n// no\n{delimiter}\n== Yes\n")
    assert fences(document) == [f"{delimiter}\n== no\n// no\n{delimiter}"]
    assert headings(document) == [(2, "Yes")]


def test_a_block_without_an_end_runs_to_the_end_of_the_file():
    document = parse("----\ncode\n\n")
    assert fences(document) == ["----\ncode"]


def test_three_slashes_are_no_comment():
    assert parse("/// text\n//comment\n").text == "/// text\n\n"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("[[start]]The `read` call", "The read call"),
        ("See link:https://example.org[the site]", "See the site"),
        ("See xref:a.adoc#b[part two] now", "See part two now"),
        ("See <<b,part two>>", "See part two"),
    ],
)
def test_titles_lose_their_inline_markup(title, text):
    assert headings(parse(f"== {title}")) == [(2, text)]


def test_only_attributes_that_describe_the_document_are_metadata():
    document = parse(":toc: left\n:Lang: en\n:lang: de\n:keywords: a, b \n")
    assert document.metadata == {"lang": "en", "keywords": "a, b"}


def test_a_very_long_line_is_no_title():
    assert headings(parse("== " + "x" * 1000)) == []
