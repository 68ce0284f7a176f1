"""Markdown without comments, link definitions, block ids and raw front matter."""

import pytest

from ragkit.documents.formats.markup.markdown import read_markdown


def read(text):
    return read_markdown(text.encode(), "a.md")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a <!-- b\nc --> d", "a \n d"),
        ("a %%b%% c", "a  c"),
        ("%%\nb\n%%\nc", "\n\n\nc"),
        ("{/* b */}\nc", "\nc"),
        ("{{/* b */}}\nc", "\nc"),
        ("text ^block-7f\n", "text\n"),
        ("> [!warning]- Hot\n> x", "> Warning: Hot\n> x"),
        ('[ref]: https://x.y "T"\n[^1]: Note.', "\n[^1]: Note."),
        ("# A { #a-b }\n## B {#b .c}\n", "# A\n## B\n"),
        ("```{note}\nx\n```\n% comment\n", "```{note}\nx\n```\n\n"),
        ("% Title of pandoc\n", "% Title of pandoc\n"),
        ("```\n<!-- code -->\n[a]: b\n```\n", "```\n<!-- code -->\n[a]: b\n```\n"),
        ("50%% of 100%% are", "50%% of 100%% are"),
        ("write `<!-- more -->` <!-- x -->", "write `<!-- more -->` "),
        ("---\ntags: [a]\n---\n# T", "\n\n\n# T"),
        ("an [x] and {y} stay: ^", "an [x] and {y} stay: ^"),
    ],
)
def test_lines_are_what_a_reader_sees(source, text):
    assert read(source).text == text


def test_headings_and_metadata_are_found():
    document = read("---\ntitle: T\ntags: [a]\n---\n# First { #first }\n\ntext")
    assert [heading.text for heading in document.headings] == ["First"]
    assert (document.title, document.metadata) == ("T", {"tags": "a"})
