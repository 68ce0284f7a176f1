"""Manual pages: a line of text a line of source, so that line numbers stay true."""

import gzip

from ragkit.documents.detect import media_type
from ragkit.documents.read import read

MAN = r""".\" a comment
.TH LS 1 "2024-10-01" "coreutils"
.SH NAME
ls \- list \fIdirectory\fR contents
.SH "SEE ALSO"
.TP
.BR \-a ", " \-\-all
do not ignore entries\(em
.PP
.nf
  $ ls \e
.fi
.SS Sub\ section
.IP \(bu 2
one
.de XX
.B hidden
..
"""
MDOC = r""".Dd October 1, 2024
.Dt CAT 1
.Sh NAME
.Nm cat
.Nd concatenate files
.Sh SYNOPSIS
.Op Fl benst
.Xr head 1 ,
"""


def test_man_macros():
    document = read(MAN.encode(), "ls.1")
    assert document.text.split("\n") == [
        "", "", "NAME", "ls - list directory contents", "SEE ALSO", "", "-a, --all",
        "do not ignore entries—", "", "", "  $ ls \\", "", "Sub section", "•", "one",
        "", "", "", "",
    ]  # fmt: skip
    assert [(each.level, each.text) for each in document.headings] == [
        (1, "NAME"),
        (1, "SEE ALSO"),
        (2, "Sub section"),
    ]
    assert [document.text[a:b] for a, b in document.fences] == ["  $ ls \\"]
    assert (document.title, document.metadata, document.lines) == ("ls", {"section": "1"}, True)


def test_mdoc_macros():
    document = read(MDOC.encode(), "cat.1")
    assert document.text.split("\n") == [
        "", "", "NAME", "cat", "concatenate files", "SYNOPSIS", "[-benst]", "head 1,", "",
    ]  # fmt: skip
    assert document.title == "cat"


def test_mdoc_names_the_page_where_no_name_is_written():
    page = MDOC + ".Sh DESCRIPTION\nThe\n.Nm\nutility.\nSo does\n.Nm .\n.Nm Fl v\n.Nm tac\n.Nm\n"
    lines = read(page.encode(), "cat.1").text.split("\n")
    assert lines[8:] == [
        "DESCRIPTION", "The", "cat", "utility.", "So does", "cat.", "cat -v", "tac", "cat", ""
    ]  # fmt: skip


def test_a_compressed_page_is_read_too():
    assert read(gzip.compress(MAN.encode()), "ls.1.gz").title == "ls"


def test_a_page_is_known_by_how_it_opens():
    assert media_type(MAN.encode(), "ls.1") == "text/troff"
    definitions = b'.\\" by hand\n.de Sp\n.if n .sp\n..\n'
    assert media_type(definitions + MAN.encode(), "ls.old") == "text/plain"
    assert media_type(definitions + MAN.encode(), "ls.3") == "text/troff"
    assert media_type(MDOC.encode(), "no-suffix") == "text/troff"
    assert media_type(b"Oct 1 12:00 host kernel: x", "syslog.1") == "text/plain"
