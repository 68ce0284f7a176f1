"""Pages rendered in a process of their own, as PNG."""

import io

import PIL.Image
import pytest

from ragkit.documents.sandbox import page_pictures, protocol
from ragkit.documents.sandbox.page_pictures import PageRequest, encode_png, render_page
from ragkit.errors import DocumentError
from tests.documents.files import make_pdf


def test_a_page_comes_back_as_a_picture_with_boxes():
    page = render_page(make_pdf(["Rotate the keys"]), PageRequest("a.pdf", passage="the keys"))
    picture = PIL.Image.open(io.BytesIO(page.png))
    assert picture.size == (page.width, page.height) and picture.mode == "L"  # no colour in it
    assert len(page.boxes) == 1
    left, top, width, height = (share * size for share, size in zip(page.boxes[0], 2 * picture.size,
                                                                     strict=True))  # fmt: skip
    box = picture.crop((left, top, left + width, top + height))
    assert min(box.tobytes()) < 100  # there are letters in the box


def test_a_file_that_cannot_be_shown_is_refused_with_the_reason():
    with pytest.raises(DocumentError, match="2 pages, no page 9"):
        render_page(make_pdf(["one", "two"]), PageRequest("a.pdf", page=9))


def test_colours_survive():
    png = encode_png(bytes([255, 0, 0, 0, 0, 255]), 2, 1)
    picture = PIL.Image.open(io.BytesIO(png))
    assert [picture.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (0, 0, 255)]


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 2, "height": 2, "boxes": []}, {"width": -1, "height": -1, "boxes": []},
        {"width": 1, "height": 1, "boxes": [[0, 0, 2, 1]]}, {"width": 1, "height": 1},
        {"width": 1, "height": 1, "boxes": [["x", 0, 0, 0]]},
    ],
)  # fmt: skip
def test_answers_of_the_process_are_not_trusted(monkeypatch, fields):
    frame = protocol.Frame(protocol.IMAGE, fields, b"abc", 3)
    monkeypatch.setattr(page_pictures, "_run_worker", lambda data, request: frame)
    with pytest.raises(DocumentError, match="invalid answer"):
        render_page(b"", PageRequest("a.pdf"))
