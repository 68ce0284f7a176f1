"""What the process that renders pages answers to one request."""

import io

import PIL.Image
import pytest

from ragkit.documents.sandbox.page_worker import render, render_image
from ragkit.errors import DocumentError
from tests.documents.files import make_pdf, make_zip

PDF = make_pdf(["First page", "Second page"])
REQUEST = {"record": "", "page": 1, "width": 300, "max_pixels": 10**6, "passage": "", "before": 0,
           "seconds": 20.0}  # fmt: skip


def image(mode="RGB", size=(40, 20), format="PNG", **options):
    file = io.BytesIO()
    PIL.Image.new(mode, size, **options).save(file, format)
    return file.getvalue()


def test_a_member_of_an_archive_is_rendered():
    archive = make_zip({"a/report.pdf": PDF, "b.txt": "text"})
    fields = {**REQUEST, "name": "x.zip", "record": "a/report.pdf", "page": 2, "passage": "Second"}
    assert len(render(archive, fields).boxes) == 1


@pytest.mark.parametrize(
    ("data", "name", "record"),
    [(PDF, "a.pdf", "gone.pdf"), (b"plain text\n", "a.txt", ""), (b"%PDF-1.4 cut", "a.pdf", "")],
)
def test_what_has_no_page_is_refused_with_a_reason(data, name, record):
    with pytest.raises(DocumentError):
        render(data, {**REQUEST, "name": name, "record": record})


def test_images_are_shown_on_white_and_not_enlarged():
    picture = render_image(image("RGBA", color=(0, 0, 0, 0)), 1, 300, 10**6)
    assert (picture.width, picture.height) == (40, 20)
    assert set(picture.pixels) == {255}
    assert render_image(image(size=(400, 200)), 1, 100, 10**6).width == 100
    for data, frame in ((image(), 2), (image()[:40], 1), (b"no image", 1)):
        with pytest.raises(DocumentError):
            render_image(data, frame, 100, 10**6)
