"""OpenDocument → Document: text (odt), slides and drawings (odp, odg), spreadsheets (ods).

Streams `content.xml`. Slides have a locator each, rows of spreadsheets theirs; notes and comments
come last, or under their slide. What the elements mean is in `odfcontent` and `odfsheets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.formats.office.odf_sheets import Sheets
from ragkit.documents.formats.office.odf_text import Content
from ragkit.documents.layout.grid import FullError, Grid
from ragkit.documents.layout.properties import Properties, properties_in
from ragkit.documents.parts import joined, laid_out
from ragkit.documents.unpacking.limits import MAX_INFLATED, Package, opened
from ragkit.documents.unpacking.xml_stream import Attributes, attempt
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_CONTENT, _STYLES, _META = "content.xml", "styles.xml", "meta.xml"
_MANIFEST = "META-INF/manifest.xml"
_ELEMENTS = {"dc:date": "modified"}  # beside those that all formats share


def read_odt(data: bytes, name: str) -> Document:
    """A text document. Raises `DocumentError` where it is damaged, encrypted, or a trap."""
    with opened(data, "odt") as package:
        _check(package)
        content = Content()
        _read(package, content)
        for text in dict.fromkeys(_margins(package)):
            content.flow.add(text)
        properties = properties_in(package, _META, _ELEMENTS)
    document = laid_out(content.flow, media_types.ODT)
    return _described(package, replace(document, title=content.title), properties, name)


def read_odp(data: bytes, name: str) -> Document:
    """Slides, or the pages of a drawing, one locator each. Raises as `read_odt`."""
    with opened(data, "odp") as package:
        _check(package)
        content = Content()
        _read(package, content)
        properties = properties_in(package, _META, _ELEMENTS)
    slides = [(str(number), laid_out(flow)) for number, flow in enumerate(content.pages, start=1)]
    document = joined(slides, "slide", media_types.ODP)
    first = next((heading.text for _, slide in slides[:1] for heading in slide.headings), None)
    return _described(package, replace(document, title=first), properties, name)


def read_ods(data: bytes, name: str) -> Document:
    """A spreadsheet, one locator a row. Raises as `read_odt`."""
    with opened(data, "ods") as package:
        _check(package)
        sheets, damage = Sheets(Grid()), None
        try:
            damage = attempt(
                package, _CONTENT, sheets.start, sheets.end, sheets.text, most=MAX_INFLATED
            )
        except FullError:
            sheets.grid.stopped(0)
        if damage is not None and not sheets.grid.locators:
            raise damage
        properties = properties_in(package, _META, _ELEMENTS)
    return _described(package, sheets.grid.document(media_types.ODS), properties, name)


def _read(package: Package, content: Content) -> None:
    """Read the content, as far as it goes; raise where that is nowhere."""
    damage = attempt(package, _CONTENT, content.start, content.end, content.text)
    content.finish()
    if damage is not None and not content.pages and not content.flow.blocks:
        raise damage


def _margins(package: Package) -> Iterator[str]:
    """What stands above and below the pages, but for their numbers."""
    margins = Content(margin=True)
    if _STYLES in package.names:
        attempt(package, _STYLES, margins.start, margins.end, margins.text)
    return (block.text for block in margins.flow.blocks)


def _described(package: Package, document: Document, properties: Properties, name: str) -> Document:
    """The document with what its properties say; their title counts before the text's own."""
    return replace(
        document,
        title=properties.title(name) or document.title,
        metadata=properties.metadata(),
        warnings=(*document.warnings, *package.lost),
    )


def _check(package: Package) -> None:
    """Refuse a package whose content is encrypted: its zip is not, only what is in it."""
    encrypted = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal encrypted
        encrypted = encrypted or tag == "manifest:encryption-data"

    if _MANIFEST in package.names:
        attempt(package, _MANIFEST, start, lambda tag: None, lambda text: None)
    if encrypted:
        raise DocumentError(f"encrypted {package.kind}: needs a password", kind="encrypted")
