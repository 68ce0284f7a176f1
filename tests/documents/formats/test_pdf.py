"""PDF: text by page, running lines, headings from the outline, and reasons for unreadable files."""

import itertools
import threading
from pathlib import Path

import pytest

from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.read import read_all
from ragkit.errors import DocumentError
from tests.conftest import REPOSITORY
from tests.documents.files import make_pdf


def test_pages_have_their_offsets():
    document = read_pdf(make_pdf(["Page one.\nSecond line.", "", "Page three."]), "a.pdf")
    assert document.text == "Page one.\nSecond line.\n\n\n\nPage three."
    assert document.pages == (0, 24, 26)
    assert document.text[document.pages[2] :] == "Page three."
    assert document.warnings == ("1 of 3 pages have no text",)


def test_a_sentence_over_two_lines_is_joined():
    lines = "Parents may be absent for up to twenty\nweeks in the first years. Both are\nEntitled."
    assert read_pdf(make_pdf([lines]), "a.pdf").text == (
        "Parents may be absent for up to twenty weeks in the first years. Both are\nEntitled."
    )


@pytest.mark.parametrize(
    "lines", ["total: 3\nitem: 4", "import numpy as np, os, re, sys;\nfor x in range"]
)
def test_code_and_tables_keep_their_lines(lines):
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
def test_titles_and_placeholders(title, expected):
    assert read_pdf(make_pdf(["text"], title=title), "hr/leave.pdf").title == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_pdf(["secret"], encrypted=True), "encrypted PDF: needs a password"),
        (make_pdf(["", "", ""], image=True), r"no text layer; install ragkit-search\[ocr\]"),
        (make_pdf(["", ""]), "no text: 2 pages without any"),
        (b"%PDF-1.4\nnothing else", "damaged PDF: no pages can be found in it"),
    ],
)
def test_unreadable_files_have_their_reason(data, reason):
    with pytest.raises(DocumentError, match=f"^{reason}$") as caught:
        read_pdf(data, "a.pdf")
    assert not caught.value.skipped


def test_a_truncated_pdf_is_read_or_refused():
    data = make_pdf(["The text."])
    for length in range(10, len(data), 50):
        try:
            assert read_pdf(data[:length], "a.pdf").text == "The text."
        except DocumentError as error:
            assert str(error).startswith(("damaged PDF", "no text"))


def test_several_threads_can_read():
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


def test_hyphenated_words_are_joined(real_files):
    data = (real_files / "misc/layout-parser-paper-fast.pdf").read_bytes()
    document = read_pdf(data, "paper.pdf")
    assert "easy reuse of important innovations by a wide audience" in document.text
    assert len(document.pages) == 2


def test_bytes_before_the_header_are_ignored():
    assert read_pdf(b"From: a printer\r\n" + make_pdf(["The text."]), "a.pdf").text == "The text."


SENTENCE = "This is a line of text that is long enough to be one of running text."


def test_a_running_foot_is_left_out_with_a_warning():
    pages = [f"{word}{SENTENCE}\nIt ends here{word}\n{n} / 4" for n, word in enumerate("abcd", 1)]
    document = read_pdf(make_pdf(pages), "a.pdf")
    assert " / 4" not in document.text
    assert document.text.count("ends here") == 4
    assert document.warnings == ("left out of 4 pages: running lines such as “1 / 4”",)
    assert document.text[document.pages[3] :] == f"d{SENTENCE}\nIt ends hered"


def test_pages_of_numbers_alone_keep_them():
    document = read_pdf(make_pdf(["1", "2", "3", "4"]), "a.pdf")
    assert (document.text, document.warnings) == ("1\n\n2\n\n3\n\n4", ())


def test_the_outline_gives_the_headings():
    pages = ["Rules\n^All may go.", "^1. Leave\n^Go.", "Leave it.\n^Of \\(some\\)\nimportance\nx"]
    outline = [("Rules", 0), ("Leave", 1), ("A figure", 1), ("Of \\(some\\) importance", 2)]
    document = read_pdf(make_pdf(pages, outline=outline), "a.pdf")
    assert [(document.text[h.start : h.end], h.level, h.text) for h in document.headings] == [
        ("Rules", 1, "Rules"),
        ("1. Leave", 1, "Leave"),
        ("Of (some)\nimportance", 1, "Of (some) importance"),
    ]


def test_larger_line_distances_separate_paragraphs():
    page = "One.\nIs one.\n^Two.\nIs too.\nThe end."
    assert read_pdf(make_pdf([page]), "a.pdf").text == ("One.\nIs one.\n\nTwo.\nIs too.\nThe end.")


def test_a_paragraph_over_two_pages_has_no_blank_line():
    text = read_pdf(make_pdf([SENTENCE[:-1] + ",", "and goes on.", "Next."]), "a.pdf").text
    assert text == f"{SENTENCE[:-1]},\nand goes on.\n\nNext."


def test_a_real_paper_has_headings_joined_words_and_no_feet():
    data = (REPOSITORY / "data/papers/app-file-format.pdf").read_bytes()
    document = read_pdf(data, "papers/app-file-format.pdf")
    assert "1 / 7" not in document.text
    assert document.text.count("pile-of-files") > 5
    assert "pile-offiles" not in document.text
    assert [heading.text for heading in document.headings][:3] == [
        "SQLite As An Application File Format",
        "Executive Summary",
        "What Is An Application File Format?",
    ]
    assert all(
        " ".join(document.text[h.start : h.end].split()) == h.text for h in document.headings
    )


SAMPLES = Path(__file__).parents[1] / "samples" / "pdf"


def sample(name):
    return read_pdf((SAMPLES / name).read_bytes(), name)


def test_only_what_lies_in_the_crop_box_is_read():
    document = sample("split.pdf")
    starts = [*document.pages, len(document.text)]
    pages = [document.text[start:end] for start, end in itertools.pairwise(starts)]
    assert [page.split(" line")[0] for page in pages] == [
        "Left page 1",
        "Right page 2",
        "Left page 3",
        "Right page 4",
    ]
    assert all(("Left" in page) != ("Right" in page) for page in pages)


def test_hyphens_that_belong_to_a_word_stay():
    text = sample("hyphen.pdf").text
    assert "guaranteed" in text
    assert "State-of-the-art" in text
    assert "NX-2040" in text


@pytest.mark.parametrize("name", ["no-unicode-map.pdf", "vertical.pdf"])
def test_letters_that_cannot_be_read_are_no_text(name):
    with pytest.raises(DocumentError) as caught:
        sample(name)
    assert caught.value.kind == "no_text_layer"


@pytest.mark.parametrize(
    ("name", "password", "text"),
    [
        ("aes256.pdf", "Grüße 1", "The vault opens at nine."),
        ("rc4.pdf", "secret two", "The old vault opens at ten."),
    ],
)
def test_an_encrypted_file_is_read_with_its_password(name, password, text):
    data = (SAMPLES.parent / "encrypted" / name).read_bytes()
    record, *attachments = read_all(data, name, passwords=["wrong", password])
    assert record.document.text == text
    assert [attachment.name for attachment in attachments] == ["list.csv"] * (name == "aes256.pdf")
    (closed,) = read_all(data, name, passwords=["wrong"])
    assert (closed.kind, closed.reason) == ("encrypted", "encrypted PDF: needs a password")


def raised(text, rise=5, size=7):
    """Return what raises a text inside of a line of `make_pdf`, whose letters have 12 points."""
    return f") Tj {rise} Ts /F {size} Tf ({text}) Tj 0 Ts /F 12 Tf ("


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"2{raised('64')} bytes, 10{raised('-3')} m{raised('2')}", "2^64 bytes, 10^-3 m²"),
        (f"effective{raised('12')} in 2024, and.{raised('3')}", "effective [12] in 2024, and. [3]"),
        (f"effective{raised('12,13')} it", "effective [12,13] it"),
        (f"Use 1{raised('1')}/{raised('2', -2)} inch", "Use 1 1/2 inch"),
        (f"H{raised('2', -2)}O and x{raised('1', -2)} at 1{raised('st')}", "H2O and x_1 at 1st"),
        (f"NX-2040, 5{raised('6', 0, 11)}, A4, 12.5, 1{raised('2', 5, 12)}",
         "NX-2040, 56, A4, 12.5, 12"),
    ],
)  # fmt: skip
def test_raised_and_lowered_numbers_stay_apart(line, text):
    assert read_pdf(make_pdf([line]), "a.pdf").text == text


def test_a_number_below_the_end_of_a_line_is_not_part_of_its_number():
    line = "Section 3) Tj 2 -7 Td /F 8 Tf (4th place) Tj /F 12 Tf ("
    assert "34" not in read_pdf(make_pdf([line]), "a.pdf").text
    assert "34" not in read_pdf(make_pdf([line.replace("2 -7", "51 -7")]), "a.pdf").text
