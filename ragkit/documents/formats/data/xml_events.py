"""XML → a stream of events: elements begin, contain text, and end. Parsed by expat, without a tree.

Declared entities are replaced by their text, without the markup in it, within limits on depth and
size: none is loaded from a file or an address. Knows no schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import NamedTuple
from xml.parsers import expat

from ragkit.documents.decoding import Decoded, decode
from ragkit.errors import DocumentError

_MAX_ENTITY_CHARS = 1000
_MAX_EXPANDED_CHARS = 1_000_000  # that all entities together may add
_MAX_ENTITIES = 5000
_MAX_INNER_REFERENCES = 100_000
_MAX_ENTITY_DEPTH = 5  # of entities in entities
_REFERENCE = re.compile(r"&([A-Za-z_][\w.-]{0,100});")
_MARKUP = re.compile(r"<[^<>]{0,500}>")
_CHUNK_CHARS = 1 << 16  # given to expat at once
_ENCODING = re.compile(rb"""^[^<]{0,9}<\?xml[^>]{0,99}encoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})""")


class Start(NamedTuple):
    """The event that an element begins. Its tag has no namespace prefix."""

    tag: str
    attributes: dict[str, str]
    line: int  # of the file, from 1


class Text(NamedTuple):
    """The event of characters in an element."""

    text: str
    line: int  # of the file, from 1, where the text ends


class End(NamedTuple):
    """The event that an element ends."""

    tag: str


Event = Start | Text | End


def decode_xml(data: bytes) -> Decoded:
    """Decode an XML file; the encoding in its XML declaration counts as declared."""
    declared = _ENCODING.match(data)
    return decode(data, declared[1].decode() if declared else None)


def parse_events(text: str) -> Iterator[Event]:
    """Yield the events of an XML text in order.

    Raises `ExpatError` at the place where it is not well-formed, and `DocumentError` if it
    declares entities that could grow without limit.
    """
    handler = _Handler()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: handler.events.append(
        Start(_local_name(tag), attributes, parser.CurrentLineNumber)
    )
    parser.EndElementHandler = lambda tag: handler.events.append(End(_local_name(tag)))
    parser.CharacterDataHandler = lambda characters: handler.events.append(
        Text(characters, parser.CurrentLineNumber)
    )
    # With a default handler, expat passes references to entities on instead of expanding them.
    parser.DefaultHandler = lambda markup: handler.expand_reference(
        markup, parser.CurrentLineNumber
    )
    parser.EntityDeclHandler = handler.declare_entity
    try:
        for start in range(0, len(text), _CHUNK_CHARS):
            parser.Parse(text[start : start + _CHUNK_CHARS], False)
            yield from handler.take_events()
        parser.Parse("", True)
    except expat.ExpatError:
        yield from handler.take_events()
        raise
    yield from handler.take_events()


def _local_name(tag: str) -> str:
    return tag.rpartition(":")[2]


@dataclass(slots=True)
class _Handler:
    """Collects events between two calls of the parser, and the declared entities."""

    events: list[Event] = field(default_factory=list)
    entities: dict[str, str] = field(default_factory=dict)
    expanded_chars: int = 0
    inner_references: int = 0  # expanded so far, in the values of entities

    def take_events(self) -> list[Event]:
        """Return the events since the last call."""
        events, self.events = self.events, []
        return events

    def declare_entity(self, name: str, is_parameter: bool, value: str | None, *_: object) -> None:
        """Keep the text of an entity. External ones have no value and are never loaded."""
        if value is None or is_parameter:
            return
        if "%" in value or len(value) > _MAX_ENTITY_CHARS or len(self.entities) > _MAX_ENTITIES:
            raise DocumentError(
                "declares entities that refer to others or are very long: not read", kind="limit"
            )
        self.entities.setdefault(name, value)

    def expand_reference(self, markup: str, line: int) -> None:
        """Add the text of a reference to an entity: a declared one, or one that HTML defines."""
        if not markup.startswith("&"):
            return  # a comment, a processing instruction, a declaration
        value = self.entities.get(markup[1:-1])
        if value is not None:
            text = self._entity_text(value, _MAX_ENTITY_DEPTH)
        else:
            text = html5.get(markup[1:]) or markup
            self._count(text)
        self.events.append(Text(text, line))

    def _entity_text(self, value: str, depth: int) -> str:
        """Return the text of an entity without its markup, with the entities that it refers to."""

        def text_of(match: re.Match[str]) -> str:
            inner = self.entities.get(match[1])
            if inner is None:
                return html5.get(f"{match[1]};", match[0])
            self.inner_references += 1
            if not depth or self.inner_references > _MAX_INNER_REFERENCES:
                raise DocumentError(
                    "declares entities that refer to others too deeply: not read", kind="limit"
                )
            return self._entity_text(inner, depth - 1)

        text = _REFERENCE.sub(text_of, _MARKUP.sub("", value))
        self._count(text)
        return unescape(text)

    def _count(self, text: str) -> None:
        self.expanded_chars += len(text)
        if self.expanded_chars > _MAX_EXPANDED_CHARS:
            raise DocumentError("its entities add too much text: not read", kind="limit")
