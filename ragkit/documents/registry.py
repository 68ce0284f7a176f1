"""The table of file formats: one row (`Format`) per format.

File type detection (`detect`), the choice of a reader (`read`) and the table in
docs/formats.md are derived from these rows. To add a format, write its reader in `formats/` and
add one row. Readers are named by "module:function" and imported when the first file of their
format is read. Knows no file contents.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.documents.unread_formats import UNREAD_FORMATS
from ragkit.records import media_types
from ragkit.records.documents import Document

Locator = Literal["lines", "line", "characters", "page", "slide", "sheet", "chapter", "cell",
                  "time", "message", "path", "the content's",
                  "slide, sheet or characters"]  # fmt: skip
NameRule = Literal["decides", "hints", "ignored"]
ReasonKind = Literal["no_document", "unsupported", "encrypted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file format: how it is recognised, what reads it, and its line in the documentation.

    A format has a `reader`, `members`, a `decompressor`, or the `reason` why it is not read.
    """

    media_type: str
    name: str  # in docs/formats.md
    label: str = "text"  # in warnings: "the name says PDF, the content is HTML"

    # Recognition by name: extensions without dot, and whole file names, both in lower case.
    extensions: str = ""  # separated by spaces
    file_names: str = ""
    # What the name may decide about a file that is text: "decides"; "hints": only if the content
    # looks like it; "ignored": only the content counts.
    name_rule: NameRule = "decides"
    # Recognition by content.
    magic: tuple[bytes, ...] = ()  # alternatives, each at offset 0
    signatures: tuple[tuple[tuple[int, bytes], ...], ...] = ()  # alternatives: (offset, bytes) each
    zip_members: tuple[str, ...] = ()  # prefixes of the name of a member of a zip
    zip_mimetypes: tuple[str, ...] = ()  # what the member `mimetype` of a zip contains
    zip_extensions: str = ""  # decide about a zip without such a member
    ole2_streams: tuple[str, ...] = ()  # names of streams in an OLE2 file, the surest first
    ole2_extensions: str = ""  # decide where an OLE2 file is cut off before its stream names
    binary_extensions: str = ""  # decide about binary data and archives of an unknown kind

    # Reading: "module:function".
    reader: str = ""  # (bytes, name) → Document; with `paged`, (bytes, name, Ocr | None)
    paged: bool = False  # its pages may be images: the reader gets the OCR engine
    members: str = ""  # (bytes, name, Budget) → the `Member`s of a container
    attachments: str = ""  # the same, for files in a document that has a reader
    records: str = ""  # the same, one document per row, element or line of data
    decompressor: str = ""  # (bytes) → the open file of what a compressed file contains
    # (bytes, passwords) → the bytes without encryption, or None if no password opens the file
    decryptor: str = ""
    takes_passwords: bool = False  # `members` gets the passwords: single members are encrypted
    # A file in the folder above the file's own, whose bytes `reader` takes as its last argument.
    beside: str = ""
    in_process: bool = False  # linear code of ragkit's own: small files need no sandbox

    native: str = ""  # a module in C that reads it where it is installed, not in this process

    # Not read: the reason shown to the user, and its kind ("no_document": nothing is missing).
    reason: str = ""
    reason_kind: ReasonKind = "no_document"

    # docs/formats.md. Rows that follow each other with the same `content` share a line there.
    content: str = ""  # what is read
    locator: Locator = "lines"  # what citations name
    library: str = ""  # the package that parses it, where it is not Python or ragkit
    extra: str = ""  # of ragkit, that installs this library; "" for a required dependency


@dataclass(frozen=True, slots=True)
class Member:
    """What `Format.members` and `Format.records` yield, one for each document in a container: bytes
    to be read by their name, a document, or the reason why there is none."""

    name: str  # as the container has it; "" for the container's own document
    data: bytes = b""
    document: Document | None = None
    reason: str | None = None
    skipped: bool = False
    kind: str = "damaged"  # kind of the reason: see docs/formats.md
    metadata: Mapping[str, str] = field(default_factory=dict)  # for the documents in `data`


def _not_read(name: str, remedy: str) -> str:
    """The reason of a format without a reader, with a way to convert its files."""
    return f"{name} is not supported yet; {remedy}"


_OFFICE = "convert it: soffice --headless --convert-to {} FILE"
_TEXT = "ragkit.documents.decoding:read_text"
_FORMATS = "ragkit.documents.formats"
_COMPRESSED = "ragkit.documents.unpacking.compressed"
_OFFICE_DECRYPTOR = "ragkit.documents.formats.office.encryption:decrypt_office"

# Source code and configuration: text as it is, one media type per language.
_SOURCE_CODE = {
    "application/toml": "toml",
    "application/yaml": "yaml yml",
    "text/css": "css scss sass less",
    "text/javascript": "js mjs cjs jsx",
    "text/x-ada": "adb ads",
    "text/x-assembly": "asm s",
    "text/x-c": "c h",
    "text/x-c++": "cc cpp cxx c++ hh hpp hxx cu cuh",
    "text/x-clojure": "clj cljs cljc edn",
    "text/x-cmake": "cmake",
    "text/x-csharp": "cs",
    "text/x-cython": "pyx pxd",
    "text/x-d": "d",
    "text/x-dart": "dart",
    "text/x-dockerfile": "dockerfile",
    "text/x-elixir": "ex exs",
    "text/x-elm": "elm",
    "text/x-erlang": "erl hrl",
    "text/x-fortran": "f f90 f95 for",
    "text/x-fsharp": "fs fsx fsi",
    "text/x-go": "go",
    "text/x-graphql": "graphql gql",
    "text/x-groovy": "groovy gradle",
    "text/x-haskell": "hs lhs",
    "text/x-ini": "ini cfg conf",
    "text/x-java": "java",
    "text/x-julia": "jl",
    "text/x-kotlin": "kt kts",
    "text/x-lisp": "lisp el scm rkt",
    "text/x-lua": "lua",
    "text/x-makefile": "mk mak",
    "text/x-nim": "nim",
    "text/x-nix": "nix",
    "text/x-objectivec": "m mm",
    "text/x-ocaml": "ml mli",
    "text/x-pascal": "pas pp",
    "text/x-perl": "pl pm",
    "text/x-php": "php",
    "text/x-powershell": "ps1 psm1",
    "text/x-protobuf": "proto",
    "text/x-python": "py pyi pyw",
    "text/x-r": "r",
    "text/x-ruby": "rb rake",
    "text/x-rust": "rs",
    "text/x-scala": "scala sc",
    "text/x-shellscript": "sh bash zsh fish",
    "text/x-sql": "sql",
    "text/x-svelte": "svelte",
    "text/x-swift": "swift",
    "text/x-tcl": "tcl",
    "text/x-terraform": "tf",
    "text/x-typescript": "ts tsx mts cts",
    "text/x-verilog": "v sv",
    "text/x-vhdl": "vhd vhdl",
    "text/x-vim": "vim",
    "text/x-vue": "vue",
    "text/x-xsd": "xsd",
    "text/x-xslt": "xsl xslt",
    "text/x-zig": "zig",
}
_WITH_GRAMMAR = frozenset(  # languages whose classes and functions are found: `formats/code`
    {
        *("text/javascript", "text/x-c", "text/x-c++", "text/x-csharp", "text/x-go", "text/x-java"),
        *("text/x-kotlin", "text/x-php", "text/x-python", "text/x-ruby", "text/x-rust"),
        *("text/x-scala", "text/x-shellscript", "text/x-swift", "text/x-typescript"),
    }
)
_SOURCE_FILE_NAMES = {
    "text/x-cmake": "cmakelists.txt",
    "text/x-dockerfile": "dockerfile containerfile",
    "text/x-groovy": "jenkinsfile",
    "text/x-makefile": "makefile gnumakefile",
    "text/x-ruby": "rakefile gemfile",
}
_SOURCE_CONTENT = "the text as it is, in any encoding; classes and functions → headings"
_OFFICE_CONTENT = "text, headings, lists, tables, notes, comments, headers and footers"
_SLIDES_CONTENT = "slides with tables, charts and speaker notes, also hidden slides"
_SHEETS_CONTENT = "every sheet, one line per row, values as displayed; the header row"

# The order matters where the content of a file fits several rows: for `signatures`, `zip_members`
# and `ole2_streams` the first row wins.
_ROWS: tuple[Format, ...] = (
    # --- Text and markup ---
    Format(
        media_type="text/plain",
        name="plain text, logs",
        extensions="txt text log",
        reader=f"{_FORMATS}.plain_text:read_plain",
        in_process=True,
        content="the text as it is, in any encoding; lines set apart → headings",
    ),
    *(
        Format(
            media_type=media_type,
            name="source code, configuration",
            extensions=extensions,
            file_names=_SOURCE_FILE_NAMES.get(media_type, ""),
            reader=f"{_FORMATS}.code:read_code" if media_type in _WITH_GRAMMAR else _TEXT,
            in_process=True,
            native="tree_sitter" if media_type in _WITH_GRAMMAR else "",
            content=_SOURCE_CONTENT,
        )
        for media_type, extensions in _SOURCE_CODE.items()
    ),
    Format(
        media_type="text/x-java-properties",
        name="Java properties",
        extensions="properties",
        reader=f"{_FORMATS}.data.java_properties:read_properties_file",
        content="the text with its escaped letters",
    ),
    Format(
        media_type="text/markdown",
        name="Markdown",
        extensions="md markdown mdown mkd mdx qmd rmd",
        reader=f"{_FORMATS}.markup.markdown:read_markdown",
        in_process=True,
        content="the text as it is; headings, code fences, tables; YAML or TOML front matter"
        " → metadata",
    ),
    Format(
        media_type="text/x-rst",
        name="reStructuredText",
        extensions="rst rest",
        reader=f"{_FORMATS}.markup.rst:read_rst",
        content="the text as it is; sections, literal blocks, tables (grid, simple, `list-table`,"
        " `csv-table`)",
    ),
    Format(
        media_type="text/asciidoc",
        name="AsciiDoc",
        extensions="adoc asciidoc",
        reader=f"{_FORMATS}.markup.asciidoc:read_asciidoc",
        content="the text as it is, without comments; sections, blocks; header attributes"
        " → metadata",
    ),
    Format(
        media_type="text/x-org",
        name="Org",
        extensions="org",
        reader=f"{_FORMATS}.markup.org:read_org",
        content="the text as it is, without comments and drawers; headlines, blocks; keywords"
        " → metadata",
    ),
    Format(
        media_type="text/x-wiki",
        name="MediaWiki",
        extensions="mediawiki wiki wikitext",
        reader=f"{_FORMATS}.markup.mediawiki:read_mediawiki",
        content="the text without markup; headings, tables, notes, values of templates",
    ),
    Format(
        media_type="text/x-typst",
        name="Typst",
        extensions="typ",
        reader=f"{_FORMATS}.markup.typst:read_typst",
        content="the text without comments, settings and labels; headings; formulas stay",
    ),
    Format(
        media_type="text/x-tex",
        name="LaTeX",
        extensions="tex ltx sty",
        reader=f"{_FORMATS}.markup.latex:read_latex",
        content="the text without preamble, comments and layout commands; sections, verbatim"
        " blocks; formulas stay",
    ),
    Format(
        media_type="text/troff",
        name="manual pages (man, mdoc)",
        extensions="1 2 3 4 5 6 7 8 9 1p 3p 3pm 1ssl 3ssl 5ssl 7ssl man mdoc roff",
        name_rule="hints",  # `syslog.1` is no manual page
        reader=f"{_FORMATS}.markup.man:read_man",
        content="the text without macros; sections, displays",
    ),
    # --- Web and books ---
    Format(
        media_type="text/html",
        name="HTML",
        label="HTML",
        extensions="html htm xhtml xht",
        reader=f"{_FORMATS}.web.html:read_html",
        content="the main part of the page without navigation; tables; the head → metadata",
        locator="characters",
        library="selectolax",
    ),
    Format(
        media_type=media_types.MHTML,
        name="MHTML",
        label="MHTML",
        extensions="mht mhtml",
        reader=f"{_FORMATS}.web.mhtml:read_mhtml",
        content="the page in it, as HTML",
        locator="characters",
        library="selectolax",
    ),
    Format(
        media_type=media_types.EPUB,
        name="EPUB",
        label="epub",
        extensions="epub",
        name_rule="ignored",
        zip_mimetypes=(media_types.EPUB,),
        reader=f"{_FORMATS}.web.epub:read_epub",
        content="chapters in reading order",
        locator="chapter",
        library="selectolax",
    ),
    Format(
        media_type=media_types.FB2,
        name="FictionBook (fb2)",
        label="fb2",
        extensions="fb2",
        name_rule="ignored",
        reader=f"{_FORMATS}.web.fb2:read_fb2",
        attachments=f"{_FORMATS}.web.fb2:fb2_pictures",
        content="chapters, then notes; title, author, language → metadata; pictures are documents",
        locator="chapter",
    ),
    Format(
        media_type=media_types.MOBI,
        name="mobi, azw3",
        label="mobi",
        extensions="mobi azw azw3 prc",
        name_rule="ignored",
        signatures=(((60, b"BOOKMOBI"),), ((60, b"TEXtREAd"),)),
        reader=f"{_FORMATS}.web.mobi:read_mobi",
        attachments=f"{_FORMATS}.web.mobi:mobi_pictures",
        content="chapters in reading order; title, author → metadata; pictures are documents",
        locator="chapter",
        library="selectolax",
    ),
    Format(
        media_type="application/x-webarchive",
        name="Safari web archive",
        label="property list",
        extensions="webarchive",
        name_rule="ignored",
        magic=(b"bplist00",),
        reader=f"{_FORMATS}.web.webarchive:read_webarchive",
        content="the page in it, as HTML",
        locator="characters",
        library="selectolax",
    ),
    # --- PDF and office documents ---
    Format(
        media_type="application/pdf",
        name="PDF",
        label="PDF",
        extensions="pdf",
        name_rule="ignored",
        magic=(b"%PDF-",),
        reader=f"{_FORMATS}.pdf:read_pdf",
        paged=True,
        attachments=f"{_FORMATS}.pdf:pdf_attachments",
        decryptor=f"{_FORMATS}.pdf:decrypt_pdf",
        content="the text layer in the order of the file, which is the reading order except where"
        " a program writes columns line by line; outline, or lines in larger letters → headings;"
        " pages without text by OCR; form values and notes; attachments are documents",
        locator="page",
        library="pypdfium2",
    ),
    Format(
        media_type=media_types.DJVU,
        name="DjVu",
        label="DjVu",
        extensions="djvu djv",
        name_rule="ignored",
        magic=(b"AT&TFORM",),
        reader=f"{_FORMATS}.djvu:read_djvu",
        paged=True,
        content="the text layer; bookmarks → headings; pages without text by OCR",
        locator="page",
        library="djvu-rs",
        extra="djvu",
    ),
    Format(
        media_type=media_types.ENCRYPTED_OFFICE,
        name="encrypted Office file",
        ole2_streams=("EncryptedPackage",),
        decryptor=_OFFICE_DECRYPTOR,
        reason="encrypted Office file: needs a password",
        reason_kind="encrypted",
    ),
    Format(
        media_type=media_types.DOCX,
        name="docx",
        label="docx",
        extensions="docx docm dotx",
        name_rule="ignored",
        zip_members=("word/document",),
        reader=f"{_FORMATS}.office.docx:read_docx",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=f"{_OFFICE_CONTENT}; properties → metadata",
        locator="characters",
    ),
    Format(
        media_type=media_types.ODT,
        name="odt",
        label="odt",
        extensions="odt ott",
        name_rule="ignored",
        zip_mimetypes=(
            media_types.ODT,
            f"{media_types.ODT}-template",
            "application/vnd.oasis.opendocument.text-master",
        ),
        reader=f"{_FORMATS}.office.odf:read_odt",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=f"{_OFFICE_CONTENT}, without deleted text; properties → metadata",
        locator="characters",
    ),
    Format(
        media_type=media_types.FLAT_ODF,
        name="flat OpenDocument",
        label="flat OpenDocument",
        extensions="fodt fods fodp fodg",
        name_rule="ignored",
        reader=f"{_FORMATS}.office.flat.flat_xml:read_flat_odf",
        attachments=f"{_FORMATS}.office.flat.flat_files:flat_files",
        content="as odt, ods and odp; pictures are documents",
        locator="slide, sheet or characters",
    ),
    Format(
        media_type=media_types.WORD_XML,
        name="Word XML (2003, and packages in one file)",
        label="Word XML",
        reader=f"{_FORMATS}.office.flat.flat_xml:read_word_xml",
        attachments=f"{_FORMATS}.office.flat.flat_files:flat_files",
        content="as docx, packages also as pptx and xlsx; pictures are documents",
        locator="slide, sheet or characters",
    ),
    Format(
        media_type=media_types.RTF,
        name="rtf",
        label="rtf",
        extensions="rtf",
        name_rule="ignored",
        magic=(b"{\\rtf",),
        reader=f"{_FORMATS}.office.rtf:read_rtf",
        content="text, headings, tables, notes",
        locator="characters",
    ),
    Format(
        media_type=media_types.DOC,
        name="doc",
        label="doc",
        extensions="doc dot",
        name_rule="ignored",
        ole2_streams=("WordDocument",),
        ole2_extensions="doc dot",
        reader=f"{_FORMATS}.office.binary.doc:read_doc",
        decryptor=_OFFICE_DECRYPTOR,
        attachments=f"{_FORMATS}.office.binary.objects:doc_attachments",
        content=f"Word 97 to 2003: {_OFFICE_CONTENT}, without deleted text; properties → metadata;"
        " embedded files and pictures are documents",
        locator="characters",
        library="olefile",
    ),
    Format(
        media_type=media_types.XLSB,
        name="xlsb",
        label="xlsb",
        extensions="xlsb",
        name_rule="ignored",
        zip_members=("xl/workbook.bin",),  # before xlsx, whose prefix fits this name, too
        reader=f"{_FORMATS}.office.spreadsheets.xlsb:read_xlsb",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=_SHEETS_CONTENT,
        locator="sheet",
    ),
    Format(
        media_type=media_types.XLSX,
        name="xlsx",
        label="xlsx",
        extensions="xlsx xlsm xltx",
        name_rule="ignored",
        zip_members=("xl/workbook",),
        reader=f"{_FORMATS}.office.spreadsheets.xlsx:read_xlsx",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=_SHEETS_CONTENT,
        locator="sheet",
    ),
    Format(
        media_type=media_types.XLS,
        name="xls",
        label="xls",
        extensions="xls xlt",
        name_rule="ignored",
        ole2_streams=("Workbook", "Book" + 12 * "\0"),  # the latter: Excel 5
        ole2_extensions="xls xlt",
        # Workbooks of Excel 2 to 5 without OLE2 around them.
        magic=(b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"),
        reader=f"{_FORMATS}.office.spreadsheets.xls:read_xls",
        decryptor=_OFFICE_DECRYPTOR,
        content=_SHEETS_CONTENT,
        locator="sheet",
        library="xlrd",
    ),
    Format(
        media_type=media_types.ODS,
        name="ods",
        label="ods",
        extensions="ods ots",
        name_rule="ignored",
        zip_mimetypes=(media_types.ODS, f"{media_types.ODS}-template"),
        reader=f"{_FORMATS}.office.odf:read_ods",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=_SHEETS_CONTENT,
        locator="sheet",
    ),
    Format(
        media_type=media_types.PPTX,
        name="pptx",
        label="pptx",
        extensions="pptx pptm ppsx potx",
        name_rule="ignored",
        zip_members=("ppt/presentation",),
        reader=f"{_FORMATS}.office.pptx:read_pptx",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=_SLIDES_CONTENT,
        locator="slide",
    ),
    Format(
        media_type=media_types.ODP,
        name="odp, odg",
        label="odp",
        extensions="odp otp odg",
        name_rule="ignored",
        zip_mimetypes=(
            media_types.ODP,
            f"{media_types.ODP}-template",
            "application/vnd.oasis.opendocument.graphics",
        ),
        reader=f"{_FORMATS}.office.odf:read_odp",
        attachments=f"{_FORMATS}.office.embedded_files:embedded_files",
        content=_SLIDES_CONTENT,
        locator="slide",
    ),
    Format(
        media_type=media_types.PPT,
        name="ppt",
        label="ppt",
        extensions="ppt pps pot",
        name_rule="ignored",
        ole2_streams=("PowerPoint Document",),
        ole2_extensions="ppt pps pot",
        reader=f"{_FORMATS}.office.binary.ppt:read_ppt",
        decryptor=_OFFICE_DECRYPTOR,
        attachments=f"{_FORMATS}.office.binary.objects:ppt_attachments",
        content="PowerPoint 97 to 2003: slides with tables, comments and speaker notes, also hidden"
        " slides; embedded files and pictures are documents",
        locator="slide",
        library="olefile",
    ),
    Format(
        media_type=media_types.IWORK,
        name="Pages, Numbers, Keynote",
        label="iWork",
        extensions="pages numbers key",
        name_rule="ignored",
        zip_members=("Index/Document.iwa",),
        zip_extensions="pages numbers key",  # their text may be in a zip of its own
        reader=f"{_FORMATS}.office.iwork.iwork:read_iwork",
        attachments=f"{_FORMATS}.office.iwork.iwork:iwork_files",
        content="since 2013: text with headings and tables; slides with notes; rows of tables,"
        " numbers without their format",
        locator="slide, sheet or characters",
    ),
    # --- Data ---
    Format(
        media_type="text/csv",
        name="CSV",
        extensions="csv",
        reader=f"{_FORMATS}.data.delimited:read_table",
        records=f"{_FORMATS}.data.delimited:table_records",
        content="one line per row, cells separated by `|`; delimiter and header row are detected;"
        " cited by row where cells contain line breaks",
    ),
    Format(
        media_type="text/tab-separated-values",
        name="TSV",
        extensions="tsv tab",
        reader=f"{_FORMATS}.data.delimited:read_table",
        records=f"{_FORMATS}.data.delimited:table_records",
        content="one line per row, cells separated by `|`; delimiter and header row are detected;"
        " cited by row where cells contain line breaks",
    ),
    Format(
        media_type="application/json",
        name="JSON, GeoJSON",
        extensions="json geojson",
        reader=f"{_FORMATS}.data.json_text:read_json",
        records=f"{_FORMATS}.data.json_text:json_records",
        content="`name: value` lines without punctuation; cited by characters where the file is"
        " one line",
    ),
    Format(
        media_type="application/x-conversations+json",
        name="conversations of ChatGPT and Claude",
        label="conversations",
        reader=f"{_FORMATS}.exports.conversations:read_conversations",
        members=f"{_FORMATS}.exports.conversations:conversation_members",
        content="one document per conversation: what was said; speakers, date → metadata",
        locator="path",
    ),
    Format(
        media_type="application/x-slack+json",
        name="Slack export",
        label="Slack messages",
        reader=f"{_FORMATS}.exports.slack:read_day",
        beside="users.json",
        content="one document per channel and day: what was said; people, date, channel"
        " → metadata; names of people from the export's `users.json`",
        locator="path",
    ),
    Format(
        media_type="application/x-slack-list+json",
        name="list of ids in a Slack export",
        label="Slack messages",
        reason="list of ids in an export of Slack",
    ),
    Format(
        media_type="text/x-whatsapp",
        name="WhatsApp chat",
        label="WhatsApp messages",
        members=f"{_FORMATS}.exports.whatsapp:whatsapp_members",
        content="one document per day, whatever the notation of dates; people, date, chat"
        " → metadata",
        locator="path",
    ),
    Format(
        media_type="application/x-telegram+json",
        name="Telegram export",
        label="Telegram messages",
        members=f"{_FORMATS}.exports.telegram:telegram_members",
        content="one document per chat and day; people, date, chat → metadata",
        locator="path",
    ),
    Format(
        media_type="application/x-discord+json",
        name="Discord channel (JSON of DiscordChatExporter)",
        label="Discord messages",
        members=f"{_FORMATS}.exports.discord:discord_members",
        content="one document per day; people, date, channel → metadata",
        locator="path",
    ),
    Format(
        media_type="application/x-enex+xml",
        name="Evernote export",
        label="Evernote notes",
        extensions="enex",
        members=f"{_FORMATS}.exports.evernote:enex_members",
        content="one document per note; dates, author, tags → metadata; attachments are documents",
        locator="path",
    ),
    Format(
        media_type="application/x-confluence+xml",
        name="Confluence space (entities.xml)",
        label="Confluence pages",
        members=f"{_FORMATS}.exports.confluence:confluence_members",
        content="one document per page, its current version with comments; author, dates, space,"
        " labels → metadata",
        locator="path",
    ),
    Format(
        media_type="application/warc",
        name="WARC",
        label="web archive",
        extensions="warc",
        magic=tuple(b"WARC/1.%d%s" % (minor, end) for minor in (0, 1) for end in (b"\r\n", b"\n")),
        members=f"{_FORMATS}.exports.warc:warc_members",
        content="one document per page that was fetched; address, date → metadata",
        locator="the content's",
    ),
    *(
        Format(
            media_type=media_type,
            name=name,
            label="bibliography",
            extensions=extensions,
            members=f"{_FORMATS}.exports.bibliography:{members}",
            content="one document per entry; authors, date, keywords → metadata",
            locator="path",
        )
        for media_type, name, extensions, members in (
            ("text/x-bibtex", "BibTeX", "bib bibtex", "bibtex_members"),
            ("text/x-ris", "RIS", "ris", "ris_members"),
            ("application/x-csl+json", "CSL JSON", "", "csl_members"),
        )
    ),
    Format(
        media_type="application/jsonl",
        name="JSON Lines",
        extensions="jsonl ndjson",
        reader=f"{_FORMATS}.data.json_text:read_jsonl",
        records=f"{_FORMATS}.data.json_text:jsonl_records",
        content="the same, line by line",
    ),
    Format(
        media_type="application/xml",
        name="XML",
        extensions="xml rss atom dbk docbook dita ditamap tei nxml xmi",
        reader=f"{_FORMATS}.data.xml_text:read_xml",
        records=f"{_FORMATS}.data.xml_text:xml_records",
        content="titles as headings, paragraphs, code, rows; other elements as `name: value`",
        locator="line",
    ),
    Format(
        media_type="text/calendar",
        name="iCalendar, vCard",
        label="calendar",
        extensions="ics ical ifb vcf vcard",
        reader=f"{_FORMATS}.data.calendar:read_calendar",
        members=f"{_FORMATS}.data.calendar:calendar_members",
        content="one document per event, task or contact; start, end, people, places → metadata",
        locator="path",
    ),
    Format(
        media_type="application/x-ipynb+json",
        name="Jupyter notebook",
        extensions="ipynb",
        reader=f"{_FORMATS}.data.notebook:read_notebook",
        content="Markdown with headings, code, at most 2,000 characters of text output per cell",
        locator="cell",
    ),
    *(
        Format(
            media_type=media_type,
            name=name,
            extensions=extensions,
            reader=f"{_FORMATS}.subtitle_files:{reader}",
            content="the spoken text in paragraphs; speakers",
            locator="time",
        )
        for media_type, name, extensions, reader in (
            ("text/x-ssa", "ASS, SSA subtitles", "ass ssa", "read_ass"),
            ("text/x-sbv", "SBV subtitles", "sbv", "read_sbv"),
            ("application/ttml+xml", "TTML", "ttml dfxp", "read_ttml"),
        )
    ),
    Format(
        media_type="application/x-subrip",
        name="SubRip subtitles",
        extensions="srt",
        reader=f"{_FORMATS}.subtitles:read_srt",
        content="the spoken text in paragraphs; speakers",
        locator="time",
    ),
    Format(
        media_type="text/vtt",
        name="WebVTT subtitles",
        extensions="vtt",
        reader=f"{_FORMATS}.subtitles:read_vtt",
        content="the spoken text in paragraphs; speakers",
        locator="time",
    ),
    # --- Mail ---
    Format(
        media_type=media_types.EML,
        name="e-mail, files of a Maildir",
        label="e-mail",
        extensions="eml",
        reader=f"{_FORMATS}.mail.eml:read_eml",
        members=f"{_FORMATS}.mail.eml:eml_members",
        content="the plain text, else the HTML; From, To, Cc, Date, Message-ID → metadata,"
        " Subject → title; attachments are documents",
        locator="message",
    ),
    Format(
        media_type="message/x-emlx",
        name="message of Apple Mail",
        label="e-mail",
        extensions="emlx",
        reader=f"{_FORMATS}.mail.eml:read_emlx",
        members=f"{_FORMATS}.mail.eml:emlx_members",
        content="the plain text, else the HTML; From, To, Cc, Date, Message-ID → metadata,"
        " Subject → title; attachments are documents",
        locator="message",
    ),
    Format(
        media_type=media_types.MSG,
        name="Outlook message",
        label="Outlook message",
        extensions="msg oft",
        name_rule="ignored",
        ole2_streams=("__substg1.0_",),
        ole2_extensions="msg",
        reader=f"{_FORMATS}.mail.msg:read_msg",
        members=f"{_FORMATS}.mail.msg:msg_members",
        content="the plain text, else the HTML; From, To, Cc, Date, Message-ID → metadata,"
        " Subject → title; attachments are documents",
        locator="message",
        library="olefile",
    ),
    Format(
        media_type=media_types.MBOX,
        name="mbox",
        label="mailbox",
        extensions="mbox",
        name_rule="ignored",
        members=f"{_FORMATS}.mail.eml:mbox_members",
        content="each message is a document, with its attachments",
        locator="message",
    ),
    # --- Archives and compressed files ---
    Format(
        media_type=media_types.ZIP,
        name="zip",
        label="zip archive",
        members=f"{_FORMATS}.archives:zip_members",
        takes_passwords=True,
        content="each file in it is a document, as in a folder",
        locator="path",
    ),
    Format(
        media_type=media_types.TAR,
        name="tar",
        label="tar archive",
        signatures=(((257, b"ustar\0"),), ((257, b"ustar  \0"),)),
        members=f"{_FORMATS}.archives:tar_members",
        content="each file in it is a document, as in a folder",
        locator="path",
    ),
    Format(
        media_type="application/gzip",
        name="gzip",
        magic=(b"\x1f\x8b",),
        decompressor=f"{_COMPRESSED}:open_gzip",
        content="the file in it (tar.gz: the files)",
        locator="the content's",
    ),
    Format(
        media_type="application/x-bzip2",
        name="bzip2",
        magic=tuple(b"BZh%d1AY&SY" % size for size in range(1, 10)),
        decompressor=f"{_COMPRESSED}:open_bzip2",
        content="the file in it (tar.gz: the files)",
        locator="the content's",
    ),
    Format(
        media_type="application/x-xz",
        name="xz",
        magic=(b"\xfd7zXZ\0",),
        decompressor=f"{_COMPRESSED}:open_xz",
        content="the file in it (tar.gz: the files)",
        locator="the content's",
    ),
    Format(
        media_type="application/zstd",
        name="zstd",
        magic=(b"\x28\xb5\x2f\xfd",),
        decompressor=f"{_COMPRESSED}:open_zstd",
        content="the file in it (tar.gz: the files)",
        locator="the content's",
        library="zstandard",
    ),
    Format(
        media_type="application/x-7z-compressed",
        name="7z",
        magic=(b"7z\xbc\xaf\x27\x1c",),
        reason=_not_read("7z", "unpack it: 7z x FILE"),
        reason_kind="unsupported",
    ),
    Format(
        media_type="application/x-rar",
        name="RAR",
        magic=(b"Rar!\x1a\x07",),
        reason=_not_read("RAR", "unpack it: unrar x FILE"),
        reason_kind="unsupported",
    ),
    # --- Documents without a reader ---
    *(
        Format(
            media_type=unread.media_type,
            name=unread.name,
            magic=unread.magic,
            signatures=unread.signatures,
            zip_members=unread.zip_members,
            zip_mimetypes=unread.zip_mimetypes,
            ole2_streams=unread.ole2_streams,
            binary_extensions=unread.extensions,
            reason=_not_read(unread.name, unread.remedy),
            reason_kind="unsupported",
        )
        for unread in UNREAD_FORMATS
    ),
    # --- Programs and other binary data ---
    Format(
        media_type="application/x-ms-dos-executable",
        name="Windows program",
        signatures=(((0, b"MZ"), (0x28, bytes(20))),),
        reason="binary file (Windows program)",
    ),
    Format(
        media_type="application/x-elf",
        name="ELF program",
        magic=(b"\x7fELF",),
        reason="binary file (ELF program)",
    ),
    Format(
        media_type="application/x-mach-binary",
        name="Mach-O program",
        magic=(b"\xcf\xfa\xed\xfe",),
        reason="binary file (Mach-O program)",
    ),
    Format(
        media_type="application/x-sqlite3",
        name="SQLite database",
        magic=(b"SQLite format 3\0",),
        reason="binary file (SQLite database)",
    ),
    Format(
        media_type="application/postscript",
        name="PostScript",
        magic=(b"%!PS",),
        reason=_not_read("PostScript", "convert it: ps2pdf FILE"),
        reason_kind="unsupported",
    ),
    Format(
        media_type="font/otf",
        name="font",
        magic=(b"OTTO\0", b"\0\1\0\0\0", b"wOFF\0", b"wOF2\0"),
        reason="binary file (font)",
    ),
    # --- Images, audio, video ---
    *(
        Format(
            media_type=media_type,
            name=name,
            label=f"{name} image",
            extensions="",  # their content is enough: no text is an image
            magic=magic,
            signatures=signatures,
            reader=f"{_FORMATS}.images:read_image",
            paged=True,
            content="the text in the image, by OCR; every page of a TIFF",
            locator="page",
            library="Pillow",
            extra="ocr",
        )
        for media_type, name, magic, signatures in (
            ("image/png", "PNG", (b"\x89PNG\r\n\x1a\n",), ()),
            ("image/jpeg", "JPEG", (b"\xff\xd8\xff",), ()),
            ("image/gif", "GIF", (b"GIF87a", b"GIF89a"), ()),
            ("image/tiff", "TIFF", (b"II*\0", b"MM\0*"), ()),
            ("image/bmp", "BMP", (), (((0, b"BM"), (6, bytes(4))),)),
            ("image/webp", "WEBP", (), (((0, b"RIFF"), (8, b"WEBP")),)),
        )
    ),
    Format(
        media_type="image/svg+xml",
        name="SVG",
        label="drawing",
        extensions="svg",
        name_rule="ignored",
        reader=f"{_FORMATS}.diagrams.svg:read_svg",
        content="the text of the drawing; one without text is no document",
        locator="characters",
    ),
    Format(
        media_type="application/vnd.jgraph.mxfile",
        name="draw.io",
        label="drawing",
        extensions="drawio dio",
        reader=f"{_FORMATS}.diagrams.drawio:read_drawio",
        content="the labels, one section per page; lines as `from → to: label`; also compressed",
        locator="page",
    ),
    Format(
        media_type="application/vnd.ms-visio.drawing",
        name="Visio (vsdx)",
        label="drawing",
        extensions="vsdx vsdm",
        zip_members=("visio/document.xml",),
        reader=f"{_FORMATS}.diagrams.vsdx:read_vsdx",
        content="the texts of the shapes, one section per page",
        locator="page",
    ),
    Format(
        media_type="application/x-canvas+json",
        name="Obsidian canvas",
        label="drawing",
        extensions="canvas",
        reader=f"{_FORMATS}.diagrams.boards:read_canvas",
        content="the cards as Markdown, from the top left; labels of lines",
        locator="characters",
    ),
    Format(
        media_type="application/x-excalidraw+json",
        name="Excalidraw",
        label="drawing",
        extensions="excalidraw",
        reader=f"{_FORMATS}.diagrams.boards:read_excalidraw",
        content="the texts, one section per frame",
        locator="characters",
    ),
    Format(
        media_type="video/mp4",
        name="MP4 video",
        signatures=(((0, bytes(2)), (4, b"ftyp")),),
        reason="binary file (MP4 video)",
    ),
    Format(
        media_type="video/x-matroska",
        name="Matroska video",
        magic=(b"\x1aE\xdf\xa3",),
        reason="binary file (Matroska video)",
    ),
    Format(
        media_type="audio/mpeg",
        name="MP3 audio",
        magic=(b"ID3\3", b"ID3\4"),
        reason="binary file (MP3 audio)",
    ),
    Format(
        media_type="audio/ogg",
        name="Ogg audio",
        magic=(b"OggS\0",),
        reason="binary file (Ogg audio)",
    ),
    Format(
        media_type=media_types.OLE2_ANY,
        name="other OLE2 file",
        reason="binary file (OLE2)",
    ),
    Format(media_type=media_types.BINARY, name="other binary file", reason="binary file"),
)

FORMATS: dict[str, Format] = {row.media_type: row for row in _ROWS}  # by media type
BY_EXTENSION = {extension: row for row in _ROWS for extension in row.extensions.split()}
BY_FILE_NAME = {name: row for row in _ROWS for name in row.file_names.split()}


def is_source_code(media_type: str) -> bool:
    """Whether files of this media type are source code or configuration."""
    return media_type in _SOURCE_CODE


def format_label(media_type: str) -> str:
    """Return the short name of a media type for users: its first file extension ("pdf"), else its
    name in the table, else itself."""
    row = FORMATS.get(media_type)
    if row is None:
        return media_type.rpartition("/")[2]
    return row.extensions.split()[0] if row.extensions else row.name


def load(reference: str) -> Callable[..., Any]:
    """Return the function that "module:function" names; imports its module on first use."""
    module, _, function = reference.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return loaded
