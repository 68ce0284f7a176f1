"""The head of a web page → its title, and what it says of itself: language, address, author, date.

Knows what pages write there, in all the ways they have for one thing; not what the page shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_LONGEST = 1000  # characters of one value
_KEYS = ("name", "property", "http-equiv")  # attributes that say what a `<meta>` is about
# `<meta>` by its name, property or http-equiv. Where several say the same, the first here counts.
_NAMES = {
    "description": ("description", "og:description", "dc.description", "twitter:description"),
    "author": ("author", "article:author", "dc.creator", "citation_author"),
    "language": ("content-language", "dc.language", "og:locale"),
    "canonical": ("og:url",),
    "keywords": ("keywords",),
    "created": ("article:published_time", "date", "dc.date", "citation_publication_date"),
    "modified": ("article:modified_time", "last-modified"),
}


def described(tree: LexborHTMLParser) -> tuple[str | None, dict[str, str]]:
    """The page's `<title>`, and its metadata: only keys that it has something for."""
    title = None
    said: dict[str, str] = {}
    metadata: dict[str, str] = {}
    if tree.root is not None:
        attributes = tree.root.attributes
        metadata["language"] = attributes.get("lang") or attributes.get("xml:lang") or ""
    for node in tree.head.iter() if tree.head is not None else ():
        attributes = node.attributes
        if node.tag == "title" and title is None:
            title = node.text()
        elif node.tag == "meta":
            name = next(filter(None, map(attributes.get, _KEYS)), "")
            said.setdefault((name or "").lower(), attributes.get("content") or "")
        elif node.tag == "link" and "canonical" in (attributes.get("rel") or "").lower().split():
            metadata.setdefault("canonical", attributes.get("href") or "")
    for key, names in _NAMES.items():
        values = (metadata.get(key), *(said.get(name) for name in names))
        metadata[key] = next((value for value in map(_folded, values) if value), "")
    return title, {key: value for key, value in metadata.items() if value}


def _folded(value: str | None) -> str:
    return " ".join((value or "").split())[:_LONGEST]
