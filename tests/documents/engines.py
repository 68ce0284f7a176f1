"""A fake OCR engine, and pictures and scans that show black boxes."""

import time
from io import BytesIO

import pypdfium2

from ragkit.documents.ocr import Ocr, OcrLimits


class FakeEngine:
    """An OCR engine that returns the given answers in turn, and keeps the images it gets.

    It has the methods of `ragkit.documents.sandbox.ocr_engines.Engine`.
    """

    name, languages = "fake 1", "eng"

    def __init__(self, *answers, seconds=0.0):
        self._answers, self._seconds = list(answers), seconds
        self.images, self.stopped = [], False

    def recognise(self, image):
        time.sleep(self._seconds)
        self.images.append(image)
        return self._answers.pop(0)

    def stop(self):
        self.stopped = True


def fake_ocr(*answers, **limits):
    """Return the `Ocr` that readers get, and the fake engine behind it."""
    engine = FakeEngine(*answers)
    return Ocr(engine.recognise, engine.name, engine.languages, OcrLimits(**limits)), engine


def draw_boxes(boxes, size=(200, 100), mode="L", background="white"):
    """Return a picture with black boxes: (left, top, right, bottom) in pixels."""
    from PIL import Image, ImageDraw

    picture = Image.new(mode, size, background)
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill="black")
    return picture


def encode_picture(picture, kind, **options):
    """Return the bytes of a picture in a format of Pillow ("PNG")."""
    data = BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def make_scan(pages, size=(200, 100)):
    """Return a PDF whose pages are images with boxes."""
    first, *others = [draw_boxes(boxes, size) for boxes in pages]
    return encode_picture(first, "PDF", save_all=True, append_images=others)


def render_page(pdf, page, dpi=200):
    """Render a page of a PDF as a picture."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[page].render(scale=dpi / 72, grayscale=True).to_pil().copy()
    finally:
        document.close()
