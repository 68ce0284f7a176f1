"""The media types that code names."""

import pytest

from ragkit.records import media_types


@pytest.mark.parametrize(
    ("constant", "registered"),
    [  # as registered with IANA, or, for OpenDocument, in the format's specification
        (media_types.EPUB, "application/epub+zip"),
        (media_types.EML, "message/rfc822"),
        (media_types.MBOX, "application/mbox"),
        (media_types.ZIP, "application/zip"),
        (media_types.ODT, "application/vnd.oasis.opendocument.text"),
        (media_types.XLS, "application/vnd.ms-excel"),
    ],
)
def test_media_types_are_the_registered_ones(constant, registered):
    assert constant == registered


def test_images_have_the_names_of_pillow():
    formats = pytest.importorskip("PIL.Image", reason="the extra ocr is not installed")
    formats.init()
    assert {formats.MIME[name] for name in media_types.IMAGES.values()} == set(media_types.IMAGES)
