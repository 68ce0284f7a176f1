"""The sandbox protocol: records and images go through it unchanged, invalid frames are refused."""

import io
import struct
from dataclasses import fields

import pytest

from ragkit.documents.ocr import OcrText, PageImage
from ragkit.documents.sandbox import protocol
from ragkit.records.documents import Document, Heading, Locator, Recognition, Record, Table


def test_every_field_of_a_record_goes_through_unchanged():
    """No field of the document has its default."""
    document = Document(
        "# A\nx | y\n",
        "text/markdown",
        title="A",
        headings=(Heading(0, 3, 1, "A"),),
        fences=((4, 9),),
        pages=(0,),
        lines=True,
        locators=(Locator(4, "slide", "1"),),
        tables=(Table(4, 10, 4),),
        encoding="utf-8",
        encoding_by="bom",
        media_type_by="name",
        metadata={"author": "Ada"},
        warnings=("one",),
        recognition=Recognition((1, 3), "tesseract 5", "eng", 91.5, 2),
    )
    plain = Document("", "")
    for field in fields(Document):
        assert getattr(document, field.name) != getattr(plain, field.name), field.name
    for record in (Record("a/b", document), Record("c", None, "broken", True, "limit")):
        sent = io.BytesIO()
        protocol.send(sent, protocol.RECORD, *protocol.encode_record(record))
        sent.seek(0)
        frame = protocol.receive(sent, 1_000_000)
        assert protocol.decode_record(frame.fields, frame.data) == record


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 2, "height": 2, "dpi": 300}, 3),
        ({"width": -2, "height": -2, "dpi": 300}, 4),
        ({"width": 200, "height": 200, "dpi": 300}, 40_000),
        ({"width": 2, "height": 2, "dpi": "300"}, 4),
        ({"width": 2, "height": 2, "dpi": 0}, 4),
        ({"width": 2}, 4),
    ],
)
def test_an_invalid_image_is_refused(fields, size):
    with pytest.raises(protocol.ProtocolError):
        protocol.decode_image(protocol.Frame(protocol.IMAGE, fields, bytes(size), size), 10_000)
    good = protocol.Frame(protocol.IMAGE, {"width": 2, "height": 2, "dpi": 72}, bytes(4), 4)
    assert protocol.decode_image(good, 4) == PageImage(2, 2, bytes(4), 72)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", struct.error),  # the pipe is closed before the head
        (struct.pack("!cQQ", b"?", 2, 0) + b"{}", protocol.ProtocolError),
        (struct.pack("!cQQ", b"D", 2, 0) + b"{", protocol.ProtocolError),
        (struct.pack("!cQQ", b"D", 2, 0) + b"[]", protocol.ProtocolError),
        (struct.pack("!cQQ", b"D", 2, 9) + b"{}", protocol.ProtocolError),
        (struct.pack("!cQQ", b"D", 2, 1_000) + b"{}", protocol.FrameTooLargeError),
        (struct.pack("!cQQ", b"D", 300, 0), protocol.FrameTooLargeError),  # a quarter of 1,000
    ],
)
def test_invalid_frames_are_refused(data, error):
    if not data:
        error = protocol.ProtocolError
    with pytest.raises(error):
        protocol.receive(io.BytesIO(data), max_bytes=1_000)


RECORD = {"name": "a", "reason": None, "skipped": False, "kind": "damaged"}
DOCUMENT = protocol.encode_record(Record("a", Document("four", "text/plain")))[0]["document"]


@pytest.mark.parametrize(
    "change",
    [
        {"pages": [5]},  # beyond the text
        {"pages": [-1]},
        {"pages": [True]},
        {"headings": [[0, 4, 1]]},  # a field is missing
        {"fences": [[0, 5]]},
        {"title": 7},
        {"metadata": {"a": 1}},
        {"warnings": ["\ud800"]},  # a lone surrogate
        {"recognition": [[1], None, None, "sure", 0]},
    ],
)
def test_a_record_with_wrong_types_or_offsets_is_refused(change):
    valid = RECORD | {"document": DOCUMENT}
    assert protocol.decode_record(valid, b"four").document.text == "four"
    with pytest.raises(protocol.ProtocolError, match="no record"):
        protocol.decode_record(RECORD | {"document": DOCUMENT | change}, b"four")


def test_the_text_of_an_image_goes_through_unchanged():
    pipe = io.BytesIO()
    protocol.send_text(pipe, OcrText("Wörter", 91.5, None))
    pipe.seek(0)
    assert protocol.receive_text(pipe) == OcrText("Wörter", 91.5, None)
