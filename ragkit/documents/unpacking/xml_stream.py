"""Streams XML members of a zip package to callbacks, in constant memory and at any nesting depth.

No entity is ever expanded and no external resource is loaded: an internal DTD, which could define
entities and default attributes, is refused. Knows the namespaces of the formats that are read,
under short prefixes ("w:p", "text:h"); does not know what the elements mean.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn
from xml.parsers import expat

from ragkit.documents.unpacking.limits import DAMAGE, MAX_MEMBER_BYTES, ZipPackage
from ragkit.errors import DocumentError

# Namespaces by the end of their URI, which transitional and Strict OOXML share.
_PREFIXES = {
    "wordprocessingml/main": "w",
    "wordprocessingml/2006/main": "w",
    "office/word/2003/wordml": "w",
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

_MAX_NAMES = 10_000  # different names of elements and attributes; documents have hundreds


class DamagedPartError(DocumentError):
    """A member that is not well-formed XML, or cannot be unpacked."""


class _PrefixedNames(dict[str, str]):
    """Names with a namespace URI → prefixed names, computed on first use."""

    def __missing__(self, name: str) -> str:
        if len(self) >= _MAX_NAMES:
            raise DocumentError(
                f"XML with over {_MAX_NAMES:,} different names: not read", kind="limit"
            )
        uri, _, local = name.rpartition(" ")
        prefix = _prefix(uri)
        self[name] = prefixed = f"{prefix}:{local}" if prefix else local
        return prefixed


@lru_cache(maxsize=256)
def _prefix(uri: str) -> str:
    return next((prefix for end, prefix in _PREFIXES.items() if uri.endswith(end)), "")


Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def parse_xml(
    package: ZipPackage,
    part: str,
    start: Start,
    end: End | None = None,
    text: Text | None = None,
    *,
    tags: frozenset[str] | None = None,
    max_bytes: int = MAX_MEMBER_BYTES,
) -> None:
    """Stream the XML member `part`, of at most `max_bytes`, to the three callbacks.

    Names are passed as "w:p"; those of namespaces that no reader uses, without a prefix. `tags`:
    only elements of these names are passed; all text is. Raises
    `DamagedPartError` if it is not well formed, `DocumentError` if it is missing, too large, or
    declares a DTD of its own.
    """

    def doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            refuse()

    def refuse(*declaration: object) -> NoReturn:
        raise DocumentError(
            f"{part[-60:]} declares entities, which can expand without limit: not read",
            kind="limit",
        )

    names = _PrefixedNames()

    def start_element(name: str, attributes: Attributes) -> None:
        tag = names[name]
        if tags is not None and tag not in tags:
            return
        if attributes:
            attributes = {names[key]: value for key, value in attributes.items()}
        start(tag, attributes)

    def end_element(name: str) -> None:
        tag = names[name]
        if end is not None and (tags is None or tag in tags):
            end(tag)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start_element
    parser.EndElementHandler = None if end is None else end_element
    parser.CharacterDataHandler = text
    try:
        for chunk in package.iter_chunks(part, max_bytes):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, *DAMAGE) as error:  # LookupError: an unknown encoding
        detail = str(error)[:80] or "cut off"
        raise DamagedPartError(f"damaged {package.kind}: {part[-60:]}: {detail}") from error


def parse_xml_leniently(
    package: ZipPackage,
    part: str,
    start: Start,
    end: End | None = None,
    text: Text | None = None,
    *,
    tags: frozenset[str] | None = None,
    max_bytes: int = MAX_MEMBER_BYTES,
) -> DamagedPartError | None:
    """Like `parse_xml`, but damage becomes a warning in `package.warnings`; returns the error.

    What precedes the damage has been passed to the callbacks. Missing and too large members and
    DTDs still raise `DocumentError`.
    """
    try:
        parse_xml(package, part, start, end, text, tags=tags, max_bytes=max_bytes)
    except DamagedPartError as error:
        package.warnings.append(f"{part[-60:]} is damaged: read as far as it goes")
        return error
    return None
