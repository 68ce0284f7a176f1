"""PDF: text by page, and honest words where there is none."""

import threading

import pytest

from ragkit.documents.pdf import read_pdf
from ragkit.errors import DocumentError

from .files import make_pdf


def test_pages_start_where_they_say():
    document = read_pdf(make_pdf(["Page one.\nSecond line.", "", "Page three."]), "a.pdf")
    assert document.text == "Page one.\nSecond line.\n\n\n\nPage three."
    assert document.pages == (0, 24, 26)
    assert document.text[document.pages[2] :] == "Page three."
    assert document.warnings == ("1 of 3 pages have no text",)


def test_a_sentence_that_runs_on_is_one_line():
    lines = "Parents may be absent for up to twenty\nweeks in the first years. Both are\nEntitled."
    assert read_pdf(make_pdf([lines]), "a.pdf").text == (
        "Parents may be absent for up to twenty weeks in the first years. Both are\nEntitled."
    )


@pytest.mark.parametrize(
    "lines", ["total: 3\nitem: 4", "import numpy as np, os, re, sys;\nfor x in range"]
)
def test_what_may_be_code_or_a_table_keeps_its_lines(lines):
    assert read_pdf(make_pdf([lines]), "a.pdf").text == lines


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Leave policy", "Leave policy"),
        ("Microsoft Word - Leave policy", "Leave policy"),
        ("", None),
        ("untitled", None),
        ("\\(anonymous\\)", None),
        ("Dokument1.doc", None),
        ("leave", None),
    ],
)
def test_titles_that_are_none(title, expected):
    assert read_pdf(make_pdf(["text"], title=title), "hr/leave.pdf").title == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_pdf(["secret"], encrypted=True), "encrypted PDF: needs a password"),
        (make_pdf(["", "", ""], image=True), "no text layer: 3 pages are images"),
        (make_pdf([""], image=True), "no text layer: 1 page is an image"),
        (make_pdf(["", ""]), "no text: 2 pages without any"),
        (b"%PDF-1.4\nnothing else", "damaged PDF: no pages can be found in it"),
    ],
)
def test_why_a_pdf_cannot_be_read(data, reason):
    with pytest.raises(DocumentError, match=f"^{reason}$") as caught:
        read_pdf(data, "a.pdf")
    assert not caught.value.skipped


def test_a_truncated_pdf_is_read_or_refused():
    whole = make_pdf(["The text."])
    for length in range(10, len(whole), 50):
        try:
            assert read_pdf(whole[:length], "a.pdf").text == "The text."
        except DocumentError as error:
            assert str(error).startswith(("damaged PDF", "no text"))


def test_many_threads_may_read():
    data, texts = make_pdf(["Some text."] * 20), []
    threads = [
        threading.Thread(target=lambda: texts.append(read_pdf(data, "a.pdf").text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["\n\n".join(["Some text."] * 20)] * 8


def test_words_parted_at_a_line_end_are_whole_again(real_files):
    data = (real_files / "misc/layout-parser-paper-fast.pdf").read_bytes()
    document = read_pdf(data, "paper.pdf")
    assert "easy reuse of important innovations by a wide audience" in document.text
    assert len(document.pages) == 2


def test_junk_before_the_header_is_passed_over():
    assert read_pdf(b"From: a printer\r\n" + make_pdf(["The text."]), "a.pdf").text == "The text."
