"""XML → its elements and text, one after the other, by expat: depth costs nothing.

Declared entities are put in as plain text where they are harmless: none is loaded from anywhere,
none may hold another. Knows no schema and builds no tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5
from typing import NamedTuple
from xml.parsers import expat

from ragkit.documents.decoding import Decoded, decode
from ragkit.errors import DocumentError

_LONGEST_ENTITY = 1000  # characters
_MOST_EXPANDED = 1_000_000  # characters that all entities together may add
_CHUNK = 1 << 16  # characters given to expat at once
_ENCODING = re.compile(rb"""^[^<]{0,9}<\?xml[^>]{0,99}encoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})""")


class Start(NamedTuple):
    """An element begins; names are without their namespace's prefix."""

    tag: str
    attributes: dict[str, str]
    line: int  # of the file, from 1


class Text(NamedTuple):
    """Characters in an element."""

    text: str
    line: int


class End(NamedTuple):
    """An element ends."""

    tag: str


Event = Start | Text | End


def decoded(data: bytes) -> Decoded:
    """The characters of an XML file, by what it says of its encoding."""
    declared = _ENCODING.match(data)
    return decode(data, declared[1].decode() if declared else None)


def events(text: str) -> Iterator[Event]:
    """What stands in an XML text, in order.

    Raises ExpatError where it is not well-formed, after what stands before that, and DocumentError
    where it declares entities that could grow without end.
    """
    parsing = _Parsing()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: parsing.found.append(
        Start(_local(tag), attributes, parser.CurrentLineNumber)
    )
    parser.EndElementHandler = lambda tag: parsing.found.append(End(_local(tag)))
    parser.CharacterDataHandler = lambda words: parsing.found.append(
        Text(words, parser.CurrentLineNumber)
    )
    # With a default handler, expat hands references to entities over instead of expanding them.
    parser.DefaultHandler = lambda words: parsing.reference(words, parser.CurrentLineNumber)
    parser.EntityDeclHandler = parsing.declaration
    for at in range(0, len(text), _CHUNK):
        parser.Parse(text[at : at + _CHUNK], False)
        yield from parsing.taken()
    parser.Parse("", True)
    yield from parsing.taken()


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


@dataclass(slots=True)
class _Parsing:
    """What expat has found since it was last asked, and the entities so far."""

    found: list[Event] = field(default_factory=list)
    entities: dict[str, str] = field(default_factory=dict)
    expanded: int = 0

    def taken(self) -> list[Event]:
        taken, self.found = self.found, []
        return taken

    def declaration(self, name: str, is_parameter: bool, value: str | None, *_: object) -> None:
        if value is None or is_parameter:  # an external one, which nobody loads
            return
        if "&" in value or "%" in value or len(value) > _LONGEST_ENTITY:
            raise DocumentError(
                "declares entities that hold others or are very long: not read", kind="limit"
            )
        self.entities.setdefault(name, value)

    def reference(self, words: str, line: int) -> None:
        if not words.startswith("&"):
            return  # a comment, an instruction, a declaration
        text = self.entities.get(words[1:-1]) or html5.get(words[1:]) or words
        self.expanded += len(text)
        if self.expanded > _MOST_EXPANDED:
            raise DocumentError("its entities add too much text: not read", kind="limit")
        self.found.append(Text(text, line))
