"""OpenDocument → Document: text (odt), presentations and drawings (odp, odg), spreadsheets (ods).

Streams `content.xml`. Each slide and each spreadsheet row has a locator. Notes and comments come
last, or at the end of their slide. `odf_text` and `odf_sheets` know the content's elements; this
module knows the package (OpenDocument 1.3 part 2).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

from ragkit.documents.formats.office.odf_numbering import OdfNumbering
from ragkit.documents.formats.office.odf_scripts import OdfScripts
from ragkit.documents.formats.office.odf_sheets import SpreadsheetHandler
from ragkit.documents.formats.office.odf_text import TextHandler
from ragkit.documents.formats.web.mathml import linear_mathml, without_prefix
from ragkit.documents.layout.grid import Grid, GridFullError
from ragkit.documents.layout.properties import Properties, read_properties
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.unpacking.limits import DAMAGE, MAX_TOTAL_BYTES, ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_CONTENT, _STYLES, _META = "content.xml", "styles.xml", "meta.xml"
_MAX_FORMULA = 200_000  # bytes
_MANIFEST = "META-INF/manifest.xml"
_PROPERTIES = {"dc:date": "modified"}  # in addition to those that all formats share


def read_odt(data: bytes, name: str) -> Document:
    """Read a text document: body text, then notes, comments, headers and footers.

    Raises `DocumentError` if the file is damaged, encrypted or over a size limit.
    """
    with open_zip(data, "odt") as package:
        _refuse_encrypted(package)
        margins = _read_margins(package)
        content = _read_text_content(package, margins.numbering, margins.scripts)
        for text in dict.fromkeys(block.text for block in margins.layout.blocks):
            content.layout.add(text)
        properties = read_properties(package, _META, _PROPERTIES)
    document = content.layout.document(media_types.ODT)
    return _with_properties(package, replace(document, title=content.title), properties, name)


def read_odp(data: bytes, name: str) -> Document:
    """Read the slides of a presentation or the pages of a drawing, with a locator for each.

    Raises the errors of `read_odt`.
    """
    with open_zip(data, "odp") as package:
        _refuse_encrypted(package)
        content = _read_text_content(package, OdfNumbering(), OdfScripts())
        properties = read_properties(package, _META, _PROPERTIES)
    slides = [
        (str(number), layout.document()) for number, layout in enumerate(content.pages, start=1)
    ]
    document = join_documents(slides, "slide", media_types.ODP)
    title = next((heading.text for _, slide in slides[:1] for heading in slide.headings), None)
    return _with_properties(package, replace(document, title=title), properties, name)


def read_ods(data: bytes, name: str) -> Document:
    """Read a spreadsheet: a line and a locator for each row. Raises the errors of `read_odt`."""
    with open_zip(data, "ods") as package:
        _refuse_encrypted(package)
        sheets, damage = SpreadsheetHandler(Grid()), None
        try:
            damage = parse_xml_leniently(
                package, _CONTENT, sheets.start, sheets.end, sheets.text, max_bytes=MAX_TOTAL_BYTES
            )
        except GridFullError:
            sheets.grid.warn_truncated(0)
        if damage is not None and not sheets.grid.locators:
            raise damage
        properties = read_properties(package, _META, _PROPERTIES)
    return _with_properties(package, sheets.grid.document(media_types.ODS), properties, name)


def _read_text_content(
    package: ZipPackage, numbering: OdfNumbering, scripts: OdfScripts
) -> TextHandler:
    """Read `content.xml` up to its first damage; raise the damage if nothing could be read.

    `numbering` and `scripts` have the outline, the list styles and text styles of `styles.xml`.
    """
    content = TextHandler(
        numbering=numbering, scripts=scripts, read_formula=partial(_read_formula, package)
    )
    damage = parse_xml_leniently(package, _CONTENT, content.start, content.end, content.text)
    content.finish()
    if damage is not None and not content.pages and not content.layout.blocks:
        raise damage
    return content


def _read_formula(package: ZipPackage, path: str) -> str:
    """Return the formula of an embedded object on one line; "" for another or a damaged object."""
    part = f"{path.removeprefix('./').rstrip('/')}/{_CONTENT}"
    if part not in package.names:
        return ""
    root = bytearray()
    try:
        with closing(package.iter_chunks(part)) as chunks:
            for chunk in chunks:
                root += chunk
                if len(root) >= _MAX_FORMULA:  # a table or a chart may be much larger
                    break
    except (DocumentError, NotImplementedError, *DAMAGE):
        return ""
    if b"<math" not in root and b":math" not in root:
        return ""
    from selectolax.lexbor import LexborHTMLParser

    markup = without_prefix(root.decode("utf-8", "replace"))
    node = LexborHTMLParser(markup[max(0, markup.find("<math")) :]).css_first("math")
    return "" if node is None else linear_mathml(node)


def _read_margins(package: ZipPackage) -> TextHandler:
    """Read `styles.xml`: list styles, and the paragraphs of page headers and footers, except those
    with a page number."""
    margins = TextHandler(in_margin=True)
    if _STYLES in package.names:
        parse_xml_leniently(package, _STYLES, margins.start, margins.end, margins.text)
    return margins


def _with_properties(
    package: ZipPackage, document: Document, properties: Properties, name: str
) -> Document:
    """Add title, metadata and warnings. The title property takes precedence over the text's."""
    return replace(
        document,
        title=properties.title(name) or document.title,
        metadata=properties.metadata(),
        warnings=(*document.warnings, *package.warnings),
    )


def _refuse_encrypted(package: ZipPackage) -> None:
    """Raise `DocumentError` if the manifest lists encrypted parts (the zip itself is readable)."""
    encrypted = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal encrypted
        encrypted = encrypted or tag == "manifest:encryption-data"

    if _MANIFEST in package.names:
        parse_xml_leniently(package, _MANIFEST, start)
    if encrypted:
        raise DocumentError(f"encrypted {package.kind}: needs a password", kind="encrypted")
