"""Small office files (pptx, xlsx, xls, OpenDocument, epub), made by hand for the readers' tests."""

from __future__ import annotations

import io
import struct
import zipfile
from urllib.parse import unquote

from tests.documents.files import make_zip

RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OOXML = " ".join(
    f'xmlns{prefix}="http://schemas.openxmlformats.org/{name}"'
    for prefix, name in {
        ":a": "drawingml/2006/main",
        ":c": "drawingml/2006/chart",
        ":dgm": "drawingml/2006/diagram",
        ":p": "presentationml/2006/main",
        ":r": "officeDocument/2006/relationships",
        ":mc": "markup-compatibility/2006",
        "": "spreadsheetml/2006/main",
    }.items()
)
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{uri}:1.0"'
    for name, uri in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "presentation": "presentation",
        "style": "style",
        "svg": "svg-compatible",
        "meta": "meta",
        "manifest": "manifest",
    }.items()
)
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
CORE = (
    f'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
    f'core-properties" {DC}>{{}}</cp:coreProperties>'
)


def text_by_locator(document):
    """Return (value, text up to the next locator) of each locator."""
    ends = [*(locator.start for locator in document.locators[1:]), len(document.text)]
    return [
        (locator.value, document.text[locator.start : end].strip())
        for locator, end in zip(document.locators, ends, strict=True)
    ]


def split_tables(document):
    """Return (header rows, rows below them) of each table."""
    text = document.text
    return [
        (text[table.start : table.header_end], text[table.header_end : table.end])
        for table in document.tables
    ]


def relationships_part(*links):
    """Return a `_rels` part; `links`: (id, kind, target)."""
    rows = (
        f'<Relationship Id="{key}" Type="{TYPES}/{kind}" Target="{target}"/>'
        for key, kind, target in links
    )
    return f'<Relationships xmlns="{RELATIONS}">{"".join(rows)}</Relationships>'


def make_pptx(*slides, core="", links=(), **parts):
    """Return a pptx. `slides`: the XML of their shape trees; "<hidden/>" in it hides the slide.

    `links`: (id, kind, target) of the first slide; `parts`: XML by name (chart="<c:…>").
    """
    numbers = range(1, len(slides) + 1)
    ids = "".join(f'<p:sldId r:id="r{number}"/>' for number in numbers)
    files = {
        "ppt/presentation.xml": f"<p:presentation {OOXML}><p:sldIdLst>{ids}</p:sldIdLst>"
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relationships_part(
            *((f"r{number}", "slide", f"slides/slide{number}.xml") for number in numbers)
        ),
        "ppt/slides/_rels/slide1.xml.rels": relationships_part(*links),
        "docProps/core.xml": CORE.format(core),
    }
    for number, slide in enumerate(slides, start=1):
        show = "" if "<hidden/>" not in slide else ' show="0"'
        tree = slide.replace("<hidden/>", "")
        files[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {OOXML}{show}><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>"
        )
    for name, content in parts.items():
        files[f"ppt/{name}.xml"] = f"<p:part {OOXML}>{content}</p:part>"
    return make_zip(files)


def shape(*lines, kind="", at=None):
    """Return a shape with these paragraphs. `kind`: placeholder type; `at`: (left, top) in EMU."""
    placeholder = f'<p:ph type="{kind}"/>' if kind else ""
    position = f'<a:xfrm><a:off x="{at[0]}" y="{at[1]}"/></a:xfrm>' if at else ""
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return (
        f"<p:sp><p:nvSpPr><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr><p:spPr>{position}</p:spPr>"
        f"<p:txBody>{paragraphs}</p:txBody></p:sp>"
    )


def make_xlsx(sheets, strings=(), styles="", core="", dated="0", comments=""):
    """Return an xlsx. `sheets`: name → XML of the rows; "!" before the name hides the sheet."""
    names = list(sheets)
    sheet_list = "".join(
        f'<sheet name="{name.removeprefix("!")}" r:id="r{number}" '
        f'state="{"hidden" if name.startswith("!") else "visible"}"/>'
        for number, name in enumerate(names)
    )
    links = [
        (f"r{number}", "worksheet", f"worksheets/{number}.xml") for number in range(len(names))
    ]
    links += [("rs", "sharedStrings", "strings.xml"), ("rt", "styles", "/xl/styles.xml")]
    items = "".join(f"<si><t>{text}</t></si>" for text in strings)
    return make_zip(
        {
            "xl/workbook.xml": f'<workbook {OOXML}><workbookPr date1904="{dated}"/>'
            f"<sheets>{sheet_list}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relationships_part(*links),
            "xl/strings.xml": f"<sst {OOXML}>{items}</sst>",
            "xl/styles.xml": f"<styleSheet {OOXML}>{styles}</styleSheet>",
            "docProps/core.xml": CORE.format(core),
            "xl/worksheets/_rels/0.xml.rels": relationships_part(
                ("c", "comments", "../comments.xml")
            ),
            "xl/comments.xml": f"<comments {OOXML}>{comments}</comments>",
            **{
                f"xl/worksheets/{number}.xml": f"<worksheet {OOXML}>{rows}</worksheet>"
                for number, rows in enumerate(sheets.values())
            },
        }
    )


def rows(*lines, first=1):
    """Return the XML of rows. `lines`: lists of values; str: inline text, None: no cell."""
    elements = []
    for number, values in enumerate(lines, start=first):
        cells = ""
        for column, value in zip("ABCDEFGH", values, strict=False):
            if isinstance(value, str):
                cells += f'<c r="{column}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            elif value is not None:
                cells += f'<c r="{column}{number}"><v>{value}</v></c>'
        elements.append(f'<row r="{number}">{cells}</row>')
    return f"<sheetData>{''.join(elements)}</sheetData>"


def make_xls(sheets, strings=(), formats=(), use_1904_epoch=False):
    """Return the Workbook stream of an xls ([MS-XLS], BIFF8).

    `sheets`: name → cell records; "!" before the name hides the sheet. `strings`: the shared
    strings. `formats`: format codes of the cell styles 1, 2, …; style 0 is General.
    """

    def workbook(offsets):
        font = struct.pack("<5H4B", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + _short_text("Arial")
        records = [_bof(0x0005), _record(0x0022, struct.pack("<H", use_1904_epoch))]
        records += [_record(0x0031, font)] * 4
        for number, code in enumerate(formats, start=164):
            records.append(_record(0x041E, struct.pack("<H", number) + _text(code)))
        for number in (0, *range(164, 164 + len(formats))):
            style = struct.pack("<3H4B2IH", 0, number, 0, 0, 0, 0, 0xFC, 0, 0, 0x20C0)
            records.append(_record(0x00E0, style))
        for name, offset in zip(sheets, offsets, strict=True):
            bound = struct.pack("<IBB", offset, name.startswith("!"), 0)
            records.append(_record(0x0085, bound + _short_text(name.removeprefix("!"))))
        shared = struct.pack("<II", len(strings), len(strings)) + b"".join(map(_text, strings))
        return b"".join([*records, _record(0x00FC, shared), _record(0x000A)])

    bodies = [_bof(0x0010) + b"".join(cells) + _record(0x000A) for cells in sheets.values()]
    ends = [len(workbook([0] * len(bodies)))]
    for body in bodies:
        ends.append(ends[-1] + len(body))
    return workbook(ends[:-1]) + b"".join(bodies)


def xls_string(row, column, index):
    """Return a LabelSst record: a cell with a shared string."""
    return _record(0x00FD, struct.pack("<HHHI", row, column, 0, index))


def xls_number(row, column, value, style=0):
    """Return a Number record."""
    return _record(0x0203, struct.pack("<HHHd", row, column, style, value))


def xls_boolean(row, column, value, is_error=False):
    """Return a BoolErr record: 0, 1, or an error code such as 0x2A (#N/A)."""
    return _record(0x0205, struct.pack("<HHHBB", row, column, 0, value, is_error))


def _bof(kind):
    return _record(0x0809, struct.pack("<4H2I", 0x0600, kind, 0, 1997, 0, 6))


def _record(number, data=b""):
    return struct.pack("<HH", number, len(data)) + data


def _text(text):
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def _short_text(text):
    return struct.pack("<BB", len(text), 1) + text.encode("utf-16-le")


def make_odf(kind, body, meta="", manifest="", styles="", pages=""):
    """Return an OpenDocument file. `kind`: "text", "spreadsheet", "presentation"; `pages`: XML of
    styles.xml."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr(
            "content.xml",
            f"<office:document-content {ODF} {DC}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
        )
        archive.writestr(
            "styles.xml", f"<office:document-styles {ODF}>{pages}</office:document-styles>"
        )
        archive.writestr("meta.xml", f"<office:meta {ODF} {DC}>{meta}</office:meta>")
        archive.writestr(
            "META-INF/manifest.xml", f"<manifest:manifest {ODF}>{manifest}</manifest:manifest>"
        )
    return buffer.getvalue()


def make_epub(chapters, toc="", metadata="", **files):
    """Return an epub. `chapters`: href → XHTML; `toc`: an NCX navMap; `files`: content by path."""
    items = "".join(
        f'<item id="i{number}" href="{href}" media-type="application/xhtml+xml"/>'
        for number, href in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{number}"/>' for number in range(len(chapters)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "OPS/book.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf" {DC}><metadata>{metadata}</metadata>'
            f'<manifest>{items}<item id="n" href="toc.ncx" '
            f'media-type="application/x-dtbncx+xml"/></manifest><spine>{spine}</spine></package>',
        )
        archive.writestr(
            "OPS/toc.ncx",
            '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" '
            '"http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">'
            f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/">{toc}</ncx>',
        )
        for href, page in chapters.items():
            archive.writestr(f"OPS/{unquote(href)}", page)
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()
