"""Media types that are named in code: constants. `documents/registry` has the table of formats."""

from __future__ import annotations

BINARY = "application/octet-stream"
DJVU = "image/vnd.djvu"
DOC = "application/msword"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EPUB = "application/epub+zip"
FB2 = "application/x-fictionbook+xml"
IWORK = "application/vnd.apple.iwork"
MHTML = "multipart/related"
MOBI = "application/x-mobipocket-ebook"
ODP = "application/vnd.oasis.opendocument.presentation"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
FLAT_ODF = "application/vnd.oasis.opendocument.text-flat-xml"
WORD_XML = "application/vnd.ms-wordml"
ODT = "application/vnd.oasis.opendocument.text"
PPT = "application/vnd.ms-powerpoint"
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

# Images that may show text, with Pillow's names for them.
IMAGES = {
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
