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


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import Tabs from '@theme/Tabs';\nexport const x = 'y';\n\n# Pumps", "\n\n\n# Pumps"),
        ("import './a.css'\n\nText", "\n\nText"),
        ("export const a = {\n  b: [\n\n  ],\n}\n\nText", "\n\n\n\n\n\nText"),
        ("Text\nexport const is a word", "Text\nexport const is a word"),
        ("import duties from China\n\nText", "import duties from China\n\nText"),
        ("```js\nimport a from 'b'\n```\n", "```js\nimport a from 'b'\n```\n"),
    ],
)
def test_imports_and_exports_of_mdx_are_no_text(source, text):
    assert read_markdown(source.encode(), "a.mdx").text == text
    assert read(source).text == source  # in Markdown they are
