"""Manual pages with the man and mdoc macros: one line of text for each line of the source."""

import gzip

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.formats.markup.man import read_man
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


def test_macros_of_man():
    document = read(MAN.encode(), "ls.1")
    assert document.text.split("\n") == [
        "", "", "NAME", "ls - list directory contents", "SEE ALSO", "", "-a, --all",
        "do not ignore entries—", "", "", "  $ ls \\", "", "Sub section", "•", "one",
        "", "", "", "",
    ]  # fmt: skip
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "NAME"),
        (1, "SEE ALSO"),
        (2, "Sub section"),
    ]
    assert [document.text[a:b] for a, b in document.fences] == ["  $ ls \\"]
    assert (document.title, document.metadata, document.lines) == ("ls", {"section": "1"}, True)


def test_macros_of_mdoc():
    document = read(MDOC.encode(), "cat.1")
    assert document.text.split("\n") == [
        "", "", "NAME", "cat", "concatenate files", "SYNOPSIS", "[-benst]", "head 1,", "",
    ]  # fmt: skip
    assert document.title == "cat"


def test_nm_without_arguments_stands_for_the_name_of_the_page():
    page = MDOC + ".Sh DESCRIPTION\nThe\n.Nm\nutility.\nSo does\n.Nm .\n.Nm Fl v\n.Nm tac\n.Nm\n"
    lines = read(page.encode(), "cat.1").text.split("\n")
    assert lines[8:] == [
        "DESCRIPTION", "The", "cat", "utility.", "So does", "cat.", "cat -v", "tac", "cat", ""
    ]  # fmt: skip


def test_a_compressed_page_is_read():
    assert read(gzip.compress(MAN.encode()), "ls.1.gz").title == "ls"


def test_a_page_is_detected_by_its_first_macro():
    assert detect(MAN.encode(), "ls.1").media_type == "text/troff"
    definitions = b'.\\" by hand\n.de Sp\n.if n .sp\n..\n'
    assert detect(definitions + MAN.encode(), "ls.old").media_type == "text/plain"
    assert detect(definitions + MAN.encode(), "ls.3").media_type == "text/troff"
    assert detect(MDOC.encode(), "no-suffix").media_type == "text/troff"
    assert detect(b"Oct 1 12:00 host kernel: x", "syslog.1").media_type == "text/plain"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\fBbold\fR and \f(CWcode\fP and \f[I]italic\f[]", "bold and code and italic"),
        (r"a\-b \(em c \(co \[rg] \(->", "a-b — c © ® →"),
        (r"C:\erun \e \& \|x", "C:\\run \\  x"),
        (r"size \s-1small\s0 \s+2large", "size small large"),
        ('text\\" a comment', "text"),
        (r"\*[lq]quoted\*[rq]", "“quoted”"),
        (r".B bold words", "bold words"),
        (r'.BR ls (1) "two words"', "ls(1)two words"),
        (r'.IP "a tag" 4', "a tag"),
        (r".br", ""),
        (r".UNKNOWN some words", "some words"),
        (r".Op Fl a Ar file", "[-a file]"),
        (r".Pq see below", "(see below)"),
        (r".Fl a , Fl b", "-a, -b"),
        (r".Ar file Ns s", "files"),
        (r".Dq Li x Ns y", "“xy”"),
    ],
)
def test_escapes_and_macros_become_text(source, text):
    assert read_man(f".SH NAME\n{source}\n".encode(), "a.1").text.split("\n")[1] == text


def test_a_heading_may_follow_on_the_next_line():
    document = read_man(b".SH\nName of it\nwords\n", "a.1")
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Name of it")]
