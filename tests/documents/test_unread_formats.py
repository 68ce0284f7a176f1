"""Documents of formats without a reader are `unsupported`, and named with a way to convert them."""

import pytest

from ragkit.documents.read import read_all
from ragkit.documents.unread_formats import UNREAD_FORMATS
from tests.documents.files import make_zip
from tests.documents.mail_files import make_ole2


def samples(row):
    """Return the content that shows a format: magic bytes, signatures, zip members, streams."""
    yield from (magic + bytes(99) for magic in row.magic)
    for pieces in row.signatures:
        data = bytearray(200)
        for offset, piece in pieces:
            data[offset : offset + len(piece)] = piece
        yield bytes(data)
    yield from (make_zip({f"{name}": "x"}) for name in row.zip_members)
    yield from (make_zip({"mimetype": name}) for name in row.zip_mimetypes)
    yield from (make_ole2({name: b"x"}) for name in row.ole2_streams)
    yield from ((f"a.{extension}", bytes(range(32)) * 9) for extension in row.extensions.split())


@pytest.mark.parametrize("row", UNREAD_FORMATS, ids=lambda row: row.name)
def test_the_format_is_recognised_and_counts_as_missing(row):
    for sample in samples(row):
        name, data = sample if isinstance(sample, tuple) else ("a.bin", sample)
        (record,) = read_all(data, name)
        assert (record.name, record.document, record.kind) == ("", None, "unsupported")
        assert record.reason == f"{row.name} is not supported yet; {row.remedy}"


def test_text_with_such_an_extension_is_text():
    (record,) = read_all(b"just words", "a.key")
    assert record.document.text == "just words"
