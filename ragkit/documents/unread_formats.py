"""Formats of documents that have no reader: how they are recognised, and how to convert them.

`registry` makes rows of them with the kind `unsupported`: such files count as missing, so that
nobody takes them for searched. Data only.
"""

from __future__ import annotations

from dataclasses import dataclass

_SOFFICE = "convert it: soffice --headless --convert-to {} FILE"
_CALIBRE = "convert it: ebook-convert FILE FILE.epub"
_EXPORT = "export it as {} in {}"
_JET = tuple(((4, b"Standard " + engine + b" DB"),) for engine in (b"Jet", b"ACE"))
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFormat:
    """One format without a reader. The fields are those of `registry.Format`."""

    media_type: str
    name: str
    remedy: str  # how to make a file that is read
    extensions: str = ""  # that decide about binary data and archives of an unknown kind
    magic: tuple[bytes, ...] = ()
    signatures: tuple[tuple[tuple[int, bytes], ...], ...] = ()
    zip_members: tuple[str, ...] = ()
    zip_mimetypes: tuple[str, ...] = ()
    ole2_streams: tuple[str, ...] = ()


UNREAD_FORMATS = (
    UnreadFormat(
        media_type="application/x-kindle-kfx",
        name="KFX, Topaz",
        remedy=_CALIBRE,
        extensions="kfx azw1 tpz",
        magic=(b"TPZ0", b"CONT\2\0", b"\xeaDRMION\xee"),
    ),
    UnreadFormat(
        media_type="application/x-palm-book",
        name="eReader, zTXT",
        remedy=_CALIBRE,
        signatures=(((60, b"PNRdPPrs"),), ((60, b"zTXTGPlm"),)),
    ),
    UnreadFormat(
        media_type="application/x-ms-reader",
        name="Microsoft Reader, Sony book",
        remedy=_CALIBRE,
        extensions="lit lrf",
        magic=(b"ITOLITLS", b"L\0R\0F\0\0\0"),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-htmlhelp",
        name="chm",
        remedy="unpack it: 7z x FILE",
        extensions="chm",
        magic=(b"ITSF",),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-outlook-pst",
        name="Outlook data file (PST)",
        remedy="unpack it: readpst -D -o FOLDER FILE",
        extensions="pst ost",
        magic=(b"!BDN",),
    ),
    UnreadFormat(
        media_type="application/onenote",
        name="OneNote",
        remedy=_EXPORT.format("docx or PDF", "OneNote"),
        extensions="one onepkg",
        magic=(bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3"),),
    ),
    UnreadFormat(
        media_type="application/vnd.wordperfect",
        name="WordPerfect",
        remedy=_SOFFICE.format("docx"),
        extensions="wpd wp wp5 wp6",
        magic=(b"\xffWPC",),
    ),
    UnreadFormat(
        media_type="application/x-hwp",
        name="HWP",
        remedy=_EXPORT.format("PDF or docx", "Hancom Office"),
        extensions="hwp hwpx",
        magic=(b"HWP Document File",),
        zip_mimetypes=("application/hwp+zip", "application/owpml"),
        ole2_streams=("FileHeader", "HwpSummaryInformation"),
    ),
    UnreadFormat(
        media_type="application/vnd.visio",
        name="Visio (vsd)",
        remedy=_SOFFICE.format("pdf"),
        extensions="vsd vss vst",
        ole2_streams=("VisioDocument",),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-publisher",
        name="Publisher",
        remedy=_SOFFICE.format("pdf"),
        extensions="pub",
        ole2_streams=("Quill", "Escher"),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-project",
        name="Project",
        remedy=_EXPORT.format("PDF", "Project"),
        extensions="mpp mpt",
        ole2_streams=("Props14", "Props12"),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-works",
        name="Works",
        remedy=_SOFFICE.format("docx"),
        extensions="wps wks wdb xlr",
        ole2_streams=("MatOST", "MM"),
    ),
    UnreadFormat(
        media_type="application/x-old-word",
        name="Word 1 to 5, Write",
        remedy=_SOFFICE.format("docx"),
        extensions="wri",
        magic=(b"\xdb\xa5\x2d\0", b"\x31\xbe\0\0", b"\xfe\x37\0"),
    ),
    UnreadFormat(
        media_type="application/vnd.lotus-1-2-3",
        name="Lotus 1-2-3, Quattro Pro",
        remedy=_SOFFICE.format("xlsx"),
        extensions="123 wk1 wk3 wk4 wq1 wq2 wb1 wb2 wb3 qpw",
        magic=(b"\0\0\x1a\0\0\x10\x04\0", b"\0\0\x02\0\x06\x04\x06\0", b"\0\0\x02\0\x04\x04"),
    ),
    UnreadFormat(
        media_type="application/msaccess",
        name="Access",
        remedy="export its tables: mdb-export FILE TABLE",
        extensions="mdb accdb",
        signatures=_JET,
    ),
    UnreadFormat(
        media_type="application/vnd.apple.iwork-2009",
        name="iWork '09",
        remedy=_EXPORT.format("docx, xlsx, pptx or PDF", "Pages, Numbers or Keynote"),
        zip_members=("index.apxl", "buildVersionHistory.plist"),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-xpsdocument",
        name="XPS",
        remedy="convert it: mutool convert -o FILE.pdf FILE",
        extensions="xps oxps",
        zip_members=("FixedDocSeq.fdseq", "FixedDocumentSequence.fdseq"),
    ),
    UnreadFormat(
        media_type="application/x-indesign",
        name="InDesign",
        remedy=_EXPORT.format("PDF", "InDesign"),
        extensions="indd idml indt",
        magic=(bytes.fromhex("0606edf5d81d46e5bd31efe7fe74b71d"),),
        zip_members=("designmap.xml",),
        zip_mimetypes=("application/vnd.adobe.indesign-idml-package",),
    ),
    UnreadFormat(
        media_type="application/vnd.sun.xml.writer",
        name="OpenOffice.org 1.x",
        remedy=_SOFFICE.format("odt"),
        extensions="sxw sxc sxi sxd stw sdw sdc",
        zip_mimetypes=tuple(
            f"application/vnd.sun.xml.{kind}" for kind in ("writer", "calc", "impress", "draw")
        ),
    ),
    UnreadFormat(
        media_type="application/vnd.ms-tnef",
        name="winmail.dat (TNEF)",
        remedy="unpack it: tnef FILE",
        magic=(b"\x78\x9f\x3e\x22",),
    ),
    UnreadFormat(
        media_type="application/pkcs7-mime",
        name="S/MIME message",
        remedy="open and save it in a mail program",
        extensions="p7m p7c",
        signatures=tuple(
            ((0, head), (len(head), bytes.fromhex("06092a864886f70d0107"))) for head in (b"0\x80",)
        ),
    ),
    UnreadFormat(
        media_type="application/vnd.apache.parquet",
        name="Parquet, Arrow, Avro, ORC",
        remedy="export it as CSV",
        extensions="parquet feather arrow avro orc",
        magic=(b"PAR1", b"ARROW1\0\0", b"Obj\1", b"ORC\3", b"ORC\n"),
    ),
    UnreadFormat(
        media_type="application/x-statistics",
        name="data of SPSS, SAS, Stata and R",
        remedy="export it as CSV",
        extensions="sav zsav por sas7bdat xpt dta rdata rds",
        magic=(b"$FL2@(#)", b"$FL3@(#)", b"<stata_dta>", b"RDX2\n", b"RDX3\n"),
    ),
    UnreadFormat(
        media_type="image/heic",
        name="HEIC, AVIF",
        remedy="convert it: heif-convert FILE FILE.jpg",
        extensions="heic heif avif",
        signatures=tuple(((4, b"ftyp" + brand),) for brand in _HEIF_BRANDS),
    ),
    UnreadFormat(
        media_type="image/vnd.dwg",
        name="DWG drawing",
        remedy=_EXPORT.format("PDF", "the CAD program"),
        extensions="dwg",
        magic=tuple(f"AC10{number}".encode() for number in range(12, 33)),
    ),
)
