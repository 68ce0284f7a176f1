"""Org mode: headlines, blocks, drawers, comments and keywords, as in the Org manual."""

import pytest

from ragkit.documents.formats.markup.org import read_org

GUIDE = """#+TITLE: The Guide
#+AUTHOR: Ann Berg
# a comment
* TODO [#A] Start :tag:
:PROPERTIES:
:ID: 7
:END:
Words.
** Below [[https://x.org][there]]
#+BEGIN_SRC python
* not a headline
#+END_SRC
"""


def headings(document):
    return [(heading.level, heading.text) for heading in document.headings]


def fences(document):
    return [document.text[start:end] for start, end in document.fences]


def parse(text):
    return read_org(text.encode(), "a.org")


def test_headlines_blocks_and_keywords_of_a_document():
    document = parse(GUIDE)
    assert headings(document) == [(1, "Start"), (2, "Below there")]
    assert fences(document) == ["#+BEGIN_SRC python\n* not a headline\n#+END_SRC"]
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg"})


def test_comments_and_drawers_become_empty_lines_so_that_line_numbers_stay_valid():
    document = parse(GUIDE)
    lines = document.text.split("\n")
    assert lines[2:8] == ["", "* TODO [#A] Start :tag:", "", "", "", "Words."]
    assert document.lines


@pytest.mark.parametrize("text", ["*bold* words", " * an indented item", "**", "#+TITLE: x"])
def test_lines_that_are_no_headline(text):
    assert headings(parse(text)) == []


def test_the_number_of_stars_is_the_level_up_to_nine():
    assert headings(parse("*** Three\n" + "*" * 12 + " Deep\n")) == [(3, "Three"), (9, "Deep")]


@pytest.mark.parametrize(
    ("headline", "text"),
    [
        ("DONE Ship it", "Ship it"),
        ("[#B] Ship it", "Ship it"),
        ("TODONE Ship it", "TODONE Ship it"),
        ("Ship it :work:@home:", "Ship it"),
        ("See [[file:a.org]]", "See file:a.org"),
    ],
)
def test_headlines_lose_state_priority_tags_and_links(headline, text):
    assert headings(parse(f"* {headline}")) == [(1, text)]


def test_a_block_ends_only_with_its_own_end():
    document = parse("#+begin_example\n#+end_src\n* no\n#+end_example\n* Yes\n")
    assert fences(document) == ["#+begin_example\n#+end_src\n* no\n#+end_example"]
    assert headings(document) == [(1, "Yes")]


def test_a_quote_block_is_prose():
    assert fences(parse("#+begin_quote\nwords\n#+end_quote\n")) == []


def test_the_content_of_a_comment_block_is_dropped():
    document = parse("a\n#+BEGIN_COMMENT\nb\n* c\n#+END_COMMENT\nd\n")
    assert document.text.split("\n")[:4] == ["a", "", "", ""]
    assert (headings(document), fences(document)) == ([], [])


def test_the_first_of_repeated_keywords_counts():
    document = parse("#+title: A\n#+TITLE: B\n#+language: en\n#+options: toc:nil\n")
    assert (document.title, document.metadata) == ("A", {"language": "en"})


def test_a_file_without_a_title_keyword_has_the_title_of_its_only_first_level_headline():
    assert parse("* One\n** Two\n").title == "One"
    assert parse("text\n* One\n* Two\n").title is None


def test_macros_are_expanded_and_hidden_trees_left_out():
    source = (
        "#+MACRO: prod Falcon 9000\n* Oil\nUse {{{prod}}}.\n* COMMENT Draft\nhidden\n** Sub\n"
        "hidden\n"
        "* Old :noexport:\nhidden\n#+BEGIN_COMMENT\nx\n#+END_COMMENT\n* Last\nend"
    )
    document = read_org(source.encode(), "a.org")
    assert [heading.text for heading in document.headings] == ["Oil", "Last"]
    assert "Use Falcon 9000." in document.text
    assert "hidden" not in document.text
    assert document.text.count("\n") == source.count("\n")
