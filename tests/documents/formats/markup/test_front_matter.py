"""Front matter: plain fields and lists, and where the body starts."""

import pytest

from ragkit.documents.formats.markup.front_matter import parse_front_matter
from ragkit.documents.read import read


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
def test_yaml(block, fields):
    assert parse_front_matter(f"---\n{block}---\nBody.\n") == (8 + len(block), fields)


def test_toml():
    block = '+++\ntitle = "Tea"\ndraft=false\ntags = ["a", "b"]\n+++\n'
    expected = {"title": "Tea", "draft": "false", "tags": "a, b"}
    assert parse_front_matter(block + "Body.\n") == (len(block), expected)


@pytest.mark.parametrize("text", ["Body.\n", "---\nnever: closed\n", "----\na: 1\n----\n", "---"])
def test_none(text):
    assert parse_front_matter(text) == (0, {})


def test_markdown_keeps_it_as_metadata():
    document = read(b"---\ntitle: Tea\nauthor: Ann\n---\n# Leaves\n", "a.md")
    assert (document.title, document.metadata) == ("Tea", {"author": "Ann"})
