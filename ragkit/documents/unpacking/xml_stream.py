"""XML members of a package → calls, as a stream: memory stays flat and nesting costs nothing.

No entity is ever expanded and nothing outside the file is looked up: an internal DTD, where
entities and default attributes come from, is refused. Knows the namespaces of the formats that are
read here by short names ("w:p", "text:h"); what the elements mean is the readers' business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn
from xml.parsers import expat

from ragkit.documents.unpacking.limits import DAMAGE, MAX_MEMBER, Package
from ragkit.errors import DocumentError

# Namespaces by the end of their URI, which transitional and Strict OOXML share.
_PREFIXES = {
    "wordprocessingml/main": "w",
    "wordprocessingml/2006/main": "w",
    "spreadsheetml/main": "x",
    "spreadsheetml/2006/main": "x",
    "presentationml/main": "p",
    "presentationml/2006/main": "p",
    "drawingml/main": "a",
    "drawingml/2006/main": "a",
    "drawingml/chart": "c",
    "drawingml/2006/chart": "c",
    "drawingml/diagram": "dgm",
    "drawingml/2006/diagram": "dgm",
    "officeDocument/relationships": "r",
    "officeDocument/2006/relationships": "r",
    "officeDocument/math": "m",
    "officeDocument/2006/math": "m",
    "markup-compatibility/2006": "mc",
    "purl.org/dc/elements/1.1/": "dc",
    "purl.org/dc/terms/": "dcterms",
    "package/2006/metadata/core-properties": "cp",
    "opendocument:xmlns:office:1.0": "office",
    "opendocument:xmlns:text:1.0": "text",
    "opendocument:xmlns:table:1.0": "table",
    "opendocument:xmlns:drawing:1.0": "draw",
    "opendocument:xmlns:presentation:1.0": "presentation",
    "opendocument:xmlns:style:1.0": "style",
    "opendocument:xmlns:svg-compatible:1.0": "svg",
    "opendocument:xmlns:meta:1.0": "meta",
    "opendocument:xmlns:manifest:1.0": "manifest",
}

_MOST_NAMES = 10_000  # of elements and attributes; documents have hundreds


class DamagedPartError(DocumentError):
    """A part that is no XML from some place on, or cannot be unpacked."""


class _Names(dict[str, str]):
    """Short names by those with a URI, made when they are first asked for."""

    def __missing__(self, name: str) -> str:
        if len(self) >= _MOST_NAMES:
            raise DocumentError(
                f"XML with over {_MOST_NAMES:,} different names: not read", kind="limit"
            )
        uri, _, local = name.rpartition(" ")
        prefix = next((short for end, short in _PREFIXES.items() if uri.endswith(end)), "")
        self[name] = f"{prefix}:{local}" if prefix else local
        return self[name]


Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def parse(
    package: Package,
    part: str,
    start: Start,
    end: End,
    text: Text,
    *,
    most: int = MAX_MEMBER,
) -> None:
    """Stream one XML part of `most` bytes through the three callbacks; names come as "w:p".

    Names in namespaces that no reader asks for come without a prefix. Raises `DocumentError` for
    a part that is missing, too large, not well formed, or declares a DTD of its own.
    """

    def doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            refuse()

    def refuse(*declaration: object) -> NoReturn:
        raise DocumentError(
            f"{part[-60:]} declares entities, a way to blow files up: not read", kind="limit"
        )

    names = _Names()

    def opened(name: str, attributes: Attributes) -> None:
        if attributes:
            attributes = {names[key]: value for key, value in attributes.items()}
        start(names[name], attributes)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = opened
    parser.EndElementHandler = lambda name: end(names[name])
    parser.CharacterDataHandler = text
    try:
        for piece in package.pieces(part, most):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, *DAMAGE) as error:  # LookupError: an unknown encoding
        detail = str(error)[:80] or "cut off"
        raise DamagedPartError(f"damaged {package.kind}: {part[-60:]}: {detail}") from error


def attempt(
    package: Package,
    part: str,
    start: Start,
    end: End,
    text: Text,
    *,
    most: int = MAX_MEMBER,
) -> DamagedPartError | None:
    """`parse` a part as far as it goes: damage to it becomes a warning in `package.lost`.

    Returns the damage, for readers that can do nothing without the part. Traps are refused as
    ever.
    """
    try:
        parse(package, part, start, end, text, most=most)
    except DamagedPartError as error:
        package.lost.append(f"{part[-60:]} is damaged: read as far as it goes")
        return error
    return None
