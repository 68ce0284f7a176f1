"""An engine that answers what it is told to, and scans that show black boxes."""

import time
from io import BytesIO

import pypdfium2


class FakeEngine:
    """See `ragkit.documents.sandbox.ocr_engines.Engine`. Gives the answers in turn."""

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


def drawn(boxes, size=(200, 100), mode="L", ground="white"):
    """A picture with black boxes on it."""
    from PIL import Image, ImageDraw

    picture = Image.new(mode, size, ground)
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill="black")
    return picture


def scan(pages, size=(200, 100)):
    """A PDF whose pages are images with boxes."""
    first, *others = [drawn(boxes, size) for boxes in pages]
    data = BytesIO()
    first.save(data, "PDF", save_all=True, append_images=others)
    return data.getvalue()


def printed(pdf, page, dpi=200):
    """A page of a PDF as a picture."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[page].render(scale=dpi / 72, grayscale=True).to_pil().copy()
    finally:
        document.close()
