"""Front matter: plain fields and lists, and the offset where the body starts."""

import pytest

from ragkit.documents.formats.markup.front_matter import parse_front_matter
from ragkit.documents.formats.markup.markdown import read_markdown


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        ("title: Tea\nAuthor: 'It''s Ann'\n", {"title": "Tea", "author": "It's Ann"}),
        ("tags: [a, 'b c']\n", {"tags": "a, b c"}),
        ("tags:\n  - a\n  - b\nx: 1 # one\n", {"tags": "a, b", "x": "1"}),
        ("url: https://x.org/a:b\n", {"url": "https://x.org/a:b"}),
        ("deep:\n  inner: 1\nlong: |\n  text\n", {}),
        ("a: 1\na: 2\n", {"a": "1"}),
    ],
)
def test_fields_of_yaml(block, fields):
    assert parse_front_matter(f"---\n{block}---\nBody.\n") == (8 + len(block), fields)


def test_fields_of_toml():
    block = '+++\ntitle = "Tea"\ndraft=false\ntags = ["a", "b"]\n+++\n'
    expected = {"title": "Tea", "draft": "false", "tags": "a, b"}
    assert parse_front_matter(block + "Body.\n") == (len(block), expected)


@pytest.mark.parametrize("text", ["Body.\n", "---\nnever: closed\n", "----\na: 1\n----\n", "---"])
def test_text_without_front_matter(text):
    assert parse_front_matter(text) == (0, {})


def test_markdown_keeps_the_fields_as_metadata():
    document = read_markdown(b"---\ntitle: Tea\nauthor: Ann\n---\n# Leaves\n", "a.md")
    assert (document.title, document.metadata) == ("Tea", {"author": "Ann"})


def test_three_dots_end_a_yaml_block_but_no_toml_block():
    assert parse_front_matter("---\na: 1\n...\nBody.\n") == (13, {"a": "1"})
    assert parse_front_matter("+++\na = 1\n...\n") == (0, {})


def test_a_block_that_does_not_end_within_200_lines_is_text():
    entry = "key: value\n"
    assert parse_front_matter("---\n" + entry * 199 + "---\n")[0] > 0
    assert parse_front_matter("---\n" + entry * 200 + "---\n") == (0, {})


def test_a_long_value_is_cut():
    assert parse_front_matter(f"---\na: {'x' * 900}\n---\n")[1] == {"a": "x" * 500}
