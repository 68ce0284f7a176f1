"""Tables of file types: magic bytes, member names, extensions, and words for what is not read.

Pure data; `sniff` holds the rules that use it.
"""

from __future__ import annotations

BINARY = "application/octet-stream"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EPUB = "application/epub+zip"
MHTML = "multipart/related"
ODP = "application/vnd.oasis.opendocument.presentation"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODT = "application/vnd.oasis.opendocument.text"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
RTF = "application/rtf"
XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EML = "message/rfc822"
MBOX = "application/mbox"
MSG = "application/vnd.ms-outlook"
TAR = "application/x-tar"
ZIP = "application/zip"
OLE2_ANY = "application/vnd.ms-office"
ENCRYPTED_OFFICE = "application/vnd.ms-office; encrypted"

# Images that may show text, by the names Pillow has for them.
IMAGES = {
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}

# Media types that are no text and have no reader, in words a user knows.
KIND = {
    BINARY: "binary file",
    "application/x-7z-compressed": "binary file (7z archive)",
    "application/x-elf": "binary file (ELF program)",
    "application/x-mach-binary": "binary file (Mach-O program)",
    "application/x-ms-dos-executable": "binary file (Windows program)",
    "application/x-rar": "binary file (RAR archive)",
    "application/x-sqlite3": "binary file (SQLite database)",
    "audio/mpeg": "binary file (MP3 audio)",
    "audio/ogg": "binary file (Ogg audio)",
    "font/otf": "binary file (font)",
    "image/svg+xml": "SVG image",
    "video/mp4": "binary file (MP4 video)",
    "video/x-matroska": "binary file (Matroska video)",
    "application/msword": "doc is not supported yet",
    "application/postscript": "PostScript is not supported yet",
    XLSB: "xlsb is not supported yet",
    OLE2_ANY: "binary file (OLE2)",
    "application/vnd.ms-powerpoint": "ppt is not supported yet",
}
# Of these, those that hold documents, so that not reading them leaves something out.
UNSUPPORTED = frozenset(
    {
        *("application/x-7z-compressed", "application/x-rar"),
        *("application/msword", "application/vnd.ms-powerpoint", "application/postscript", XLSB),
    }
)

MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x1f\x8b", "application/gzip"),
    *((b"BZh%d1AY&SY" % size, "application/x-bzip2") for size in range(1, 10)),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/x-rar"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"SQLite format 3\0", "application/x-sqlite3"),
    (b"OggS\0", "audio/ogg"),
    (b"ID3\3", "audio/mpeg"),
    (b"ID3\4", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"OTTO\0", "font/otf"),
    (b"\0\1\0\0\0", "font/otf"),
    (b"wOFF\0", "font/otf"),
    (b"wOF2\0", "font/otf"),
    (b"{\\rtf", RTF),
    (b"%!PS", "application/postscript"),
)
# The same for signs that stand elsewhere, or in several places: all must be there.
MAGIC_AT = (
    (TAR, ((257, b"ustar\0"),)),
    (TAR, ((257, b"ustar  \0"),)),
    ("application/x-ms-dos-executable", ((0, b"MZ"), (0x28, bytes(20)))),
    ("image/bmp", ((0, b"BM"), (6, bytes(4)))),
    ("image/webp", ((0, b"RIFF"), (8, b"WEBP"))),
    ("video/mp4", ((0, bytes(2)), (4, b"ftyp"))),
)
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLE2_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("WordDocument", "application/msword"),
    ("Workbook", XLS),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__substg1.0_", MSG),
    ("Book" + 12 * "\0", XLS),  # Excel 5
)
# Where no stream tells, as the list of them is cut off: names of documents.
OLE2_NAMES = {
    **dict.fromkeys(("doc", "dot"), "application/msword"),
    **dict.fromkeys(("ppt", "pps", "pot"), "application/vnd.ms-powerpoint"),
    **dict.fromkeys(("xls", "xlt"), XLS),
    "msg": MSG,
}
ZIP_PARTS = (
    ("word/document", DOCX),
    ("xl/workbook.bin", XLSB),
    ("xl/workbook", XLSX),
    ("ppt/presentation", PPTX),
)
# What a zip may say it is, uncompressed, in its first member. Templates read like the rest.
ZIP_TYPES = {
    EPUB: EPUB,
    **{f"{base}{more}": base for base in (ODT, ODS, ODP) for more in ("", "-template")},
    "application/vnd.oasis.opendocument.graphics": ODP,
    "application/vnd.oasis.opendocument.text-master": ODT,
}

EXTENSIONS = {
    extension: media_type
    for media_type, extensions in {
        "application/pdf": "pdf",
        DOCX: "docx docm dotx",
        PPTX: "pptx pptm ppsx potx",
        XLSX: "xlsx xlsm xltx",
        XLS: "xls xlt",
        ODT: "odt ott",
        ODS: "ods ots",
        ODP: "odp otp odg",
        RTF: "rtf",
        EPUB: "epub",
        MHTML: "mht mhtml",
        "application/json": "json geojson",
        "application/jsonl": "jsonl ndjson",
        "application/toml": "toml",
        "application/x-ipynb+json": "ipynb",
        "application/x-subrip": "srt",
        "application/xml": "xml rss atom dbk docbook dita ditamap tei nxml xmi",
        "application/yaml": "yaml yml",
        "image/svg+xml": "svg",
        EML: "eml",
        MBOX: "mbox",
        MSG: "msg oft",
        "text/asciidoc": "adoc asciidoc",
        "text/css": "css scss sass less",
        "text/csv": "csv",
        "text/html": "html htm xhtml xht",
        "text/javascript": "js mjs cjs jsx",
        "text/markdown": "md markdown mdown mkd mdx qmd rmd",
        "text/plain": "txt text log",
        "text/tab-separated-values": "tsv tab",
        "text/troff": "1 2 3 4 5 6 7 8 9 1p 3p 3pm 1ssl 3ssl 5ssl 7ssl man mdoc roff",
        "text/vtt": "vtt",
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
        "text/x-ini": "ini cfg conf properties",
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
        "text/x-org": "org",
        "text/x-pascal": "pas pp",
        "text/x-perl": "pl pm",
        "text/x-php": "php",
        "text/x-powershell": "ps1 psm1",
        "text/x-protobuf": "proto",
        "text/x-python": "py pyi pyw",
        "text/x-r": "r",
        "text/x-rst": "rst rest",
        "text/x-ruby": "rb rake",
        "text/x-rust": "rs",
        "text/x-scala": "scala sc",
        "text/x-shellscript": "sh bash zsh fish",
        "text/x-sql": "sql",
        "text/x-svelte": "svelte",
        "text/x-swift": "swift",
        "text/x-tcl": "tcl",
        "text/x-terraform": "tf",
        "text/x-bibtex": "bib",
        "text/x-tex": "tex ltx sty",
        "text/x-typescript": "ts tsx mts cts",
        "text/x-verilog": "v sv",
        "text/x-vhdl": "vhd vhdl",
        "text/x-vim": "vim",
        "text/x-vue": "vue",
        "text/x-xsd": "xsd",
        "text/x-xslt": "xsl xslt",
        "text/x-zig": "zig",
    }.items()
    for extension in extensions.split()
}
FILE_NAMES = {
    "makefile": "text/x-makefile",
    "gnumakefile": "text/x-makefile",
    "dockerfile": "text/x-dockerfile",
    "containerfile": "text/x-dockerfile",
    "cmakelists.txt": "text/x-cmake",
    "rakefile": "text/x-ruby",
    "gemfile": "text/x-ruby",
    "jenkinsfile": "text/x-groovy",
}
# Types that are more than text, in words for warnings. None but HTML, MHTML and e-mail can be
# a text whose name alone claims it.
BROAD = {
    "application/pdf": "PDF",
    "text/html": "HTML",
    DOCX: "docx",
    EPUB: "epub",
    MHTML: "MHTML",
    ODP: "odp",
    ODS: "ods",
    ODT: "odt",
    PPTX: "pptx",
    RTF: "rtf",
    XLS: "xls",
    XLSX: "xlsx",
    EML: "e-mail",
    MBOX: "mailbox",
    MSG: "Outlook message",
    TAR: "tar archive",
    ZIP: "zip archive",
    **{media_type: f"{name} image" for media_type, name in IMAGES.items()},
}
# Types whose text is read as it stands, unless a reader knows them better.
TEXT = frozenset({*EXTENSIONS.values(), *FILE_NAMES.values()} - KIND.keys() - BROAD.keys())


def broad(media_type: str) -> str:
    """The kind of a type that has a reader, for warnings: text of any sort is "text"."""
    return BROAD.get(media_type, "text")
