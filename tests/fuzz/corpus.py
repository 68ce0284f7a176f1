"""The files that are mutated: a small one of every format, and real ones if they are available."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import plistlib
import tarfile

import zstandard

from ragkit.documents.registry import BY_EXTENSION
from ragkit.records import media_types
from tests.conftest import REPOSITORY, SHARED
from tests.documents.djvu_files import make_djvu
from tests.documents.engines import draw_boxes, make_scan
from tests.documents.files import make_docx, make_pdf, make_zip, paragraph
from tests.documents.iwork_files import cell as iwork_cell
from tests.documents.iwork_files import make_iwork, storage, table_objects
from tests.documents.mail_files import OUTLOOK_MESSAGE, make_message, make_ole2
from tests.documents.mobi_files import make_mobi
from tests.documents.office_files import (
    make_epub,
    make_odf,
    make_pptx,
    make_xls,
    make_xlsx,
    rows,
    xls_number,
    xls_string,
)
from tests.documents.ppt_files import drawing, make_ppt, table, text_box
from tests.documents.visio_files import make_vsdx
from tests.documents.word_files import IN_TABLE, ROW_END, make_doc, plc
from tests.documents.xlsb_files import cell, make_xlsb, row

MAX_BYTES = 400_000  # of a file: time goes into many of them, not into large ones
_MARKUP = {
    "a.md": "---\ntitle: Keys\ntags: [a, b]\n---\n# Keys\n\n- one\n- two\n\n| a | b |\n|---|---|\n"
    "| 1 | 2 |\n\n```python\nx = 1\n```\n\n[link](http://x.y) `code` \\* ![image](i.png)\n",
    "a.rst": "Keys\n====\n\n.. code-block:: python\n\n   x = 1\n\n:ref:`label <there>` ``code``\n\n"
    "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n|   | 3 |\n+---+---+\n\n== ==\na  b\n== ==\n1  2\n"
    "== ==\n\n"
    ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - 1\n     - 2\n\nEnd.\n",
    "a.mediawiki": "= Keys =\n'''Two''' [[A|keys]].<ref>Note</ref>\n{| class=x\n! A !! B\n|-\n"
    "| 1 || style=x | 2\n|}\n{{Box|a=b}}\n* one\n",
    "a.typ": "#set page()\n#import \"x\"\n= Keys <k>\nIn a _vault_. // no\n#text(red)[*bold*]\n",
    "a.adoc": "= Keys\n:author: Ann\n\n== First\n\n----\ncode\n----\n\nxref:a[b] <<a,b>>\n",
    "a.org": "#+TITLE: Keys\n* TODO First :tag:\n:PROPERTIES:\n:ID: 1\n:END:\n#+begin_src python\n"
    "x = 1\n#+end_src\n[[http://x.y][link]]\n",
    "a.tex": "\\documentclass{article}\\title{Keys}\n\\begin{document}\n\\section[a]{First}\n"
    "% no\n\\emph{Words} \\href{x}{y} $a^2$\n"
    "\\begin{verbatim}\n\\x\n\\end{verbatim}\n\\end{document}\n",
    "a.1": '.TH KEYS 1\n.SH NAME\nkeys\n.SH "TWO WORDS"\n.B bold\n.nf\nx\n.fi\n\\fBb\\fR\n',
    "a.html": "<!doctype html><html><head><title>Keys</title><meta charset=utf-8></head><body>"
    "<nav>n</nav><main><h1>Keys</h1><ul><li>one<li>two</ul><table><tr><th>a<td>b</table><pre>x\ny</pre>"
    "</main></body></html>",
    "a.csv": 'id,name,note\n1,Ann,"two\nlines"\n2,Bo,"a ""quoted"" word"\n3,Cy,\n',
    "a.tsv": "id\tname\n1\tAnn\n2\tBo\n",
    "a.json": json.dumps([{"name": "Ann", "tags": ["a", "b"], "at": {"x": 1.5, "y": None}}] * 5),
    "conversations.json": json.dumps(
        [{"title": "Keys", "mapping": {"a": {"message": {"author": {"role": "user"}, "content":
          {"parts": ["Where?"]}}, "parent": None}}, "current_node": "a"}]
    ),
    "claude.json": json.dumps(
        [{"uuid": "1", "name": "Keys", "chat_messages": [{"sender": "human", "text": "Where?"}]}]
    ),
    "result.json": json.dumps(
        {"name": "Keys", "type": "private_group", "id": 1, "messages": [
            {"type": "message", "date": "2024-03-12T10:00:00", "from": "Ann",
             "text": ["In ", {"type": "bold", "text": "a vault"}]}]}
    ),
    "discord.json": json.dumps(
        {"guild": {"id": "0", "name": "Keys"}, "channel": {"id": "9", "name": "general"},
         "messages": [{"type": "Default", "timestamp": "2024-03-12T10:00:00+00:00",
                       "author": {"name": "ann"}, "content": "In a vault"}]}
    ),
    "keys/2024-03-12.json": json.dumps(
        [{"type": "message", "ts": "1710277500.000100", "user": "U1", "text": "<@U1> &lt; <#C1|a>"}]
    ),
    "a.jsonl": '{"name": "Ann"}\n{"name": "Bo"}\n',
    "a.xml": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "words">]><a><title>T</title><p>One &e;'
    "</p><row><c>1</c><c>2</c></row><![CDATA[<x>]]></a>",
    "a.ipynb": json.dumps(
        {"cells": [{"cell_type": "markdown", "source": ["# Keys\n", "words"]},
                   {"cell_type": "code", "source": "x = 1", "outputs": [
                       {"output_type": "stream", "text": ["1\n"]}]}],
         "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
    "a.srt": "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>.\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\nBye.\n",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello.\n\n"
    "NOTE x\n\n00:03.000 --> 00:04.000\nBye.\n",
    "a.rtf": r"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}{\info{\title Keys}}"
    r"\pard\outlinelevel0 Keys\par\trowd\cellx1000\intbl a\cell b\cell\row \u8364? \'e9"
    r" {\*\x y}{\footnote z}\bin3 abc\par}",
    "a.mht": "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=B\n\n--B\n"
    "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"
    "<html><p>W=6Frds</p></html>\n--B--\n",
    "a.fb2": '<?xml version="1.0"?><FictionBook><description><title-info><book-title>Keys'
    "</book-title></title-info></description><body><section><title><p>One</p></title><p>Words"
    '<a type="note">1</a></p></section></body><body name="notes"><section><title><p>1</p></title>'
    '<p>Note.</p></section></body><binary id="a.png">iVBORw0KGgo=</binary></FictionBook>',
    "a.py": 'def f(x):\n    """Words."""\n    return x\n\n\nclass A:\n    pass\n',
    "a.svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>Keys</title><text x="1" y="2">'
    "Words</text></svg>",
    "a.fodt": '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:mimetype="a.b.text">'
    "<office:body><office:text><text:h>Keys</text:h><text:p>In a vault.</text:p></office:text>"
    "</office:body></office:document>",
    "word.xml": '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml">'
    "<w:body><w:p><w:r><w:t>In a vault.</w:t></w:r></w:p></w:body></w:wordDocument>",
    "package.xml": '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
    '<pkg:part pkg:name="/word/document.xml"><pkg:xmlData><w:document xmlns:w="http://schemas.'
    'openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>In a vault.</w:t></w:r>'
    "</w:p></w:body></w:document></pkg:xmlData></pkg:part></pkg:package>",
    "entities.xml": '<hibernate-generic><object class="Page"><id name="id">1</id><property '
    'name="title">Keys</property></object><object class="BodyContent"><id name="id">2</id>'
    '<property name="body"><![CDATA[<p>In a <ac:link><ri:page ri:content-title="Vault"/>'
    '</ac:link></p>]]></property><property name="content" class="Page"><id name="id">1</id>'
    "</property></object></hibernate-generic>",
    "a.drawio": '<mxfile><diagram name="P"><mxGraphModel><root><mxCell id="1" value="Keys" '
    'vertex="1"><mxGeometry x="1" y="2"/></mxCell>'
    '<mxCell id="2" value="to" edge="1" source="1" target="1"/>'
    "</root></mxGraphModel></diagram></mxfile>",
    "a.canvas": json.dumps(
        {"nodes": [{"id": "a", "type": "text", "text": "# Keys", "x": 0, "y": 0, "width": 9,
                    "height": 9}],
         "edges": [{"id": "e", "fromNode": "a", "toNode": "a", "label": "to"}]}),
    "a.excalidraw": json.dumps(
        {"type": "excalidraw", "elements": [{"type": "frame", "id": "f", "name": "Part"},
         {"type": "text", "text": "Keys", "x": 1, "y": 2, "frameId": "f"}]}),
    "a.enex": '<en-export><note><title>Keys</title><content><![CDATA[<en-note><p>Words</p>'
    '<en-media hash="x"/></en-note>]]></content><created>20240312T100000Z</created><tag>a</tag>'
    "<resource><data>aGVsbG8=</data><mime>text/plain</mime></resource></note></en-export>",
    "a.warc": "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://x.y/\r\n"
    "WARC-Date: 2024-03-12T10:00:00Z\r\nContent-Type: application/http\r\n"
    "Content-Length: 62\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    "<h1>K</h1><p>W</p>\r\n\r\n",
    "a.bib": "@article{keys,\n title = {The {K}eys},\n author = \"Ann Roe and Bo\",\n"
    " year = 2024\n}\n",
    "a.ris": "TY  - JOUR\nTI  - Keys\nAU  - Roe, Ann\nPY  - 2024\nAB  - Words.\nER  - \n",
    "chat.txt": "12.03.24, 10:00 - Ann: Where are the keys?\n12.03.24, 10:01 - Bo: In the vault.\n",
    "a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Ke\r\n ys\r\nDTSTART:20240312T100000Z\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n",
    "a.vcf": "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Roe\nEMAIL:ann@example.org\nEND:VCARD\n",
    "a.ass": "[Script Info]\n[Events]\nFormat: Layer, Start, End, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,{\\b1}Hello, there\n",
    "a.properties": "key=W\\u00f6rds \\\n  more\n",
    "a.emlx": "40\nFrom: a@b.c\nTo: d@e.f\nSubject: Keys\n\nWords\n<?xml?><plist/>\n",
    "a.txt": "1. KEYS\n\nRotate them every ninety days.\n\n2. STORAGE\n\nIn a vault.\n",
}  # fmt: skip


def corpus() -> dict[str, dict[str, bytes]]:
    """Return files by format (their extension), then by name."""
    files: dict[str, dict[str, bytes]] = {}
    for name, data in small_files().items():
        files.setdefault(name.rpartition(".")[2], {})[name] = data
    for folder in (REPOSITORY / "data", SHARED / "data" / "folder"):
        for path in sorted(folder.rglob("*.*")):
            extension = path.suffix[1:].lower()
            if extension in BY_EXTENSION and path.stat().st_size <= MAX_BYTES:
                name = path.relative_to(folder).as_posix()
                files.setdefault(extension, {})[name] = path.read_bytes()
    for path in sorted((REPOSITORY / "tests" / "documents" / "samples").rglob("*.*")):
        extension = path.suffix[1:].lower()
        if extension in BY_EXTENSION and extension != "md":
            files.setdefault(extension, {})[path.name] = path.read_bytes()
    return files


def small_files() -> dict[str, bytes]:
    """Return one small file of each format that is read, by name."""
    markup = {name: text.encode() for name, text in _MARKUP.items()}
    mail = make_message("Plain words.", Date="Tue, 01 Oct 2024 12:34:56 -0500")
    mail.add_attachment(make_pdf(["Attached."]), "application", "pdf", filename="report.pdf")
    mail.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="t.csv")
    eml = mail.as_bytes()
    shape = "<p:sp><p:txBody><a:p><a:r><a:t>Words</a:t></a:r></a:p></p:txBody></p:sp>"
    body = "<text:h text:outline-level='1'>Keys</text:h><text:p>Words</text:p>"
    cells = (
        "<table:table table:name='T'><table:table-row><table:table-cell "
        "table:number-columns-repeated='3'><text:p>x</text:p></table:table-cell></table:table-row>"
        "</table:table>"
    )
    frame = f"<draw:frame><draw:text-box>{body}</draw:text-box></draw:frame>"
    slide = f"<draw:page draw:name='P'>{frame}</draw:page>"
    office = {
        "a.pdf": make_pdf(["One\n^Two", "Three"], title="Keys", outline=[("One", 0)]),
        "a.docx": make_docx(
            paragraph("Keys", "Heading1")
            + paragraph("Words")
            + f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc></w:tr></w:tbl>"
        ),
        "a.pptx": make_pptx(shape, shape),
        "a.xlsx": make_xlsx({"One": rows(["Item", "Cost"], ["Rent", 1200]), "!Two": rows(["x"])}),
        "a.odt": make_odf("text", body + cells),
        "a.ods": make_odf("spreadsheet", cells),
        "a.odp": make_odf("presentation", slide),
        "a.epub": make_epub({"a.xhtml": "<html><body><h1>K</h1><p>W</p></body></html>"}),
        "a.eml": eml,
        "a.mbox": b"".join(
            b"From ann Tue Oct  1 12:34:56 2024\n%s\n\n" % mail for mail in [eml] * 2
        ),
        "a.msg": make_ole2(OUTLOOK_MESSAGE),
        "a.doc": _word_file(),
        "a.mobi": make_mobi(
            "", compression=2, records=[b"<h1>Keys</h1><mbp:pagebreak/><p>abc\x80\x18</p>"]
        ),
        "a.pages": make_iwork({"Document": {1: (10000, b"", []), 2: (2001, storage("Keys"), [])}}),
        "a.numbers": make_iwork(
            {
                "Document": {1: (1, b"\x0a\2\x08\2", []), 2: (2, b"\x0a\1K\x12\2\x08\x64", [])},
                "Tables/Tile": table_objects(100, "T", [[iwork_cell(3, bytes(4), 8)]], ["Keys"]),
            }
        ),
        "a.xls": make_ole2(
            {"Workbook": make_xls({"One": [xls_string(0, 0, 0), xls_number(1, 0, 7)]}, ["Keys"])}
        ),
        "a.vsdx": make_vsdx(
            {"1": "<Shapes><Shape ID='5'><Text>Vault</Text></Shape></Shapes>"},
            Keys="<Shapes><Shape ID='1'><Text>Key</Text></Shape>"
            "<Shape ID='2' Master='1' MasterShape='5'/></Shapes>"
            "<Connects><Connect FromSheet='2' FromCell='BeginX' ToSheet='1'/></Connects>",
        ),
        "a.webarchive": plistlib.dumps(
            {"WebMainResource": {"WebResourceData": b"<h1>Keys</h1><p>Words</p>"}},
            fmt=plistlib.FMT_BINARY,
        ),
        "a.djvu": make_djvu("Keys \n\x1f\x1dWords\n"),
        "a.ppt": make_ppt(
            [drawing(text_box("Keys", kind=0), table(["a", "b"], ["1", "2"]))],
            notes={0: drawing(text_box("Note.", kind=2))},
        ),
        "a.xlsb": make_xlsb(
            {"One": row(0) + cell(7, 0, bytes(4)) + row(1) + cell(5, 1, bytes(8), style=0)},
            strings=["Keys"],
        ),
    }
    inside = {**markup, **{name: office[name] for name in ("a.pdf", "a.docx", "a.eml")}}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, data in inside.items():
            info = tarfile.TarInfo(f"folder/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    text = markup["a.md"] * 20
    packed = {
        "a.zip": make_zip({**inside, "inner.zip": make_zip(markup)}),
        "a.tar": tar.getvalue(),
        "a.tgz": gzip.compress(tar.getvalue()),
        "a.md.gz": gzip.compress(text),
        "a.md.bz2": bz2.compress(text),
        "a.md.xz": lzma.compress(text),
        "a.md.zst": zstandard.compress(text),
    }
    return {**markup, **office, **packed, **_images()}


def _word_file() -> bytes:
    """Return a doc with a heading, a table, a field, a note and a comment."""
    parts = ["Keys\rA\x07B\x07\x07See \x13PAGE\x141\x15.\r", "\x02 Note.\r", "", "", "\x05Why?\r"]
    structures = {4: plc([2, 6], [bytes(30)]), 5: plc([0, 6, 6])}
    places = {4: (1, b""), 6: (0, IN_TABLE), 8: (0, IN_TABLE), 9: (0, IN_TABLE + ROW_END)}
    return make_doc(
        "".join(parts),
        lengths=[len(part) for part in parts],
        paragraphs=places,
        characters=[(0, 4, b"\x48\x2a\x01")],
        styles=[(0, 0xFFF, "Normal", b""), (1, 0, "heading 1", b"")],
        structures=structures,
    )


def _images() -> dict[str, bytes]:
    """Return one image of each kind, and a scan; {} if Pillow is not installed."""
    if importlib.util.find_spec("PIL") is None:
        return {}
    images = {"scan.scan": make_scan([[(10, 20, 50, 40)], []])}
    for kind in media_types.IMAGES.values():
        data = io.BytesIO()
        pages = [draw_boxes([(10, 20, 50, 40)]), draw_boxes([])]
        several = {"save_all": True, "append_images": pages[1:]} if kind in {"TIFF", "GIF"} else {}
        pages[0].save(data, kind, **several)
        images[f"a.{kind.lower()}"] = data.getvalue()
    return images
