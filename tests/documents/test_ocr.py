"""OCR as readers use it: images for the engine, lines of its text, limits, warnings."""

import contextlib

import pytest

from ragkit.documents import ocr
from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.ocr import OcrText
from ragkit.errors import DocumentError
from tests.documents.engines import fake_ocr, make_scan
from tests.documents.files import make_pdf

PIL = pytest.importorskip("PIL.Image", reason="the extra ocr is not installed")


def test_scanned_pages_are_recognised_between_pages_with_text():
    engine, fake = fake_ocr(OcrText("Recog-\nnised words.\n\nAnother paragraph.", 90.0))
    document = read_pdf(make_pdf(["First.", "", "Last."], image=True), "a.pdf", engine)
    assert document.text == "First.\n\nRecognised words.\n\nAnother paragraph.\n\nLast."
    assert [document.text[start:].split("\n")[0] for start in document.pages] == [
        *("First.", "Recognised words.", "Last.")
    ]
    assert document.metadata == {"ocr": "true", "ocr_pages": "2"}
    assert document.warnings == ("1 of 3 pages read by fake 1, 90 % sure",)
    recognition = document.recognition
    assert (recognition.pages, recognition.confidence) == ((2,), 90)
    assert (recognition.engine, recognition.languages) == ("fake 1", "eng")
    (image,) = fake.images  # 900 by 800 points at 300 dots per inch
    assert (image.width, image.height) == (pytest.approx(3750, abs=1), 3334)
    assert image.dpi == 300


def test_a_page_is_rendered_up_to_the_maximum_size():
    engine, fake = fake_ocr(OcrText("Words."), megapixels=1.0)
    read_pdf(make_pdf([""], image=True), "a.pdf", engine)
    (image,) = fake.images
    assert 900_000 < image.width * image.height <= 1_000_000 == engine.max_pixels
    assert image.width / 900 == pytest.approx(image.dpi / 72, rel=0.01)


def test_a_rendered_page_shows_its_content():
    data = make_scan([[(10, 20, 50, 40)]])  # a black box on white, 200 by 100
    engine, fake = fake_ocr(OcrText("Box."))
    read_pdf(data, "a.pdf", engine)
    (image,) = fake.images
    picture = PIL.frombytes("L", (image.width, image.height), image.pixels)
    scale = image.width / 200
    assert picture.getpixel((round(30 * scale), round(30 * scale))) < 30
    assert picture.getpixel((round(80 * scale), round(30 * scale))) > 220
    assert picture.getpixel((round(30 * scale), round(60 * scale))) > 220


def test_pages_over_the_limit_are_not_recognised_and_there_is_a_warning():
    engine, fake = fake_ocr(OcrText("One."), OcrText("Two."), pages=2)
    document = read_pdf(make_pdf([""] * 5, image=True), "a.pdf", engine)
    assert len(fake.images) == 2
    assert document.recognition.left == 3
    assert document.warnings[1] == "3 pages without a text layer not read: over 2 (ocr_pages)"


def test_without_an_engine_a_warning_names_the_remedy():
    document = read_pdf(make_pdf(["Text.", "", ""], image=True), "a.pdf")
    assert document.recognition.left == 2
    assert document.warnings == ("2 of 3 pages have no text layer; install ragkit-search[ocr]",)
    assert document.metadata == {}


@pytest.mark.parametrize(
    ("answer", "limits", "reason", "kind"),
    [
        (OcrText(), {}, "no text: fake 1 found none", "no_text"),
        (OcrText(reason="took longer than 9 s"), {}, "no text layer; page 1: took", "timeout"),
        (OcrText(reason="died"), {}, "no text layer; page 1: died", "damaged"),
        (OcrText("Never."), {"pages": 0}, "no text layer; ocr_pages is 0", "limit"),
    ],
)
def test_a_scan_without_text_has_a_reason(answer, limits, reason, kind):
    engine, _ = fake_ocr(answer, **limits)
    with pytest.raises(DocumentError, match=f"^{reason}") as caught:
        read_pdf(make_pdf([""], image=True), "a.pdf", engine)
    assert (caught.value.kind, caught.value.skipped) == (kind, False)


def test_a_page_that_fails_does_not_affect_the_others():
    engine, _ = fake_ocr(OcrText(reason="took longer than 9 s"), OcrText("Two.", 80.0))
    document = read_pdf(make_pdf(["", ""], image=True), "a.pdf", engine)
    assert (document.text.strip(), document.recognition.pages) == ("Two.", (2,))
    assert "1 of 2 pages not read; page 1: took longer than 9 s" in document.warnings


@pytest.mark.parametrize(
    ("numbers", "expected"), [([4], "4"), ([1, 2, 3, 7, 9, 10], "1-3, 7, 9-10"), ([], "")]
)
def test_page_numbers_are_formatted_as_ranges(numbers, expected):
    assert ocr.format_ranges(numbers) == expected


def test_recognised_lines_are_never_headings():
    engine, _ = fake_ocr(OcrText("Oak\n\nBirch", 90.0))
    small = "Words.\n" * 40
    data = make_pdf([small, ""], image=True).replace(b"/F 12 Tf", b"/F 08 Tf")
    assert read_pdf(data, "a.pdf", engine).headings == ()


@pytest.mark.parametrize(
    "box", ["0 0 90000 80000", "0 0 1 90000", "0 0 0 0", "5 5 5 5", "0 0 .01 .01"]
)
def test_a_page_of_any_size_is_rendered_within_the_limit(box):
    data = make_pdf([""], image=True).replace(b"[0 0 900 800]", f"[{box}]".encode())
    engine, fake = fake_ocr(OcrText("Words."), megapixels=1.0)
    with contextlib.suppress(DocumentError):
        read_pdf(data, "a.pdf", engine)
    for image in fake.images:
        assert len(image.pixels) == image.width * image.height <= engine.max_pixels
