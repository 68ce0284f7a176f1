"""PDF layers that are off when the file is opened are not text."""

import zlib
from pathlib import Path

import pytest

from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.formats.pdf_layers import hidden_layers

LAYERS = Path(__file__).parents[1] / "samples" / "pdf" / "layers.pdf"
CATALOG = b"%PDF-1.5\n1 0 obj<</OCProperties<</OCGs[2 0 R 3 0 R]/D<<{}>>>>>>endobj "
GROUPS = b"2 0 obj<</Name(a)>>endobj 3 0 obj<</Name<FEFF 0062>>>endobj"


def make_layers(default):
    return CATALOG.replace(b"{}", default) + GROUPS


def test_content_of_hidden_layers_is_not_read():
    # Off by its base state: names in Latin-1 and UTF-16, objects in a stream, a form object. The
    # name "Same" is that of a visible layer, too.
    document = read_pdf(LAYERS.read_bytes(), "layers.pdf")
    assert document.text.split("\n") == [
        "The price is 120.", "Always seen.", "Kept in doubt.", "", "In a form: seen.",
    ]  # fmt: skip
    assert document.warnings == (
        "layers of 1 of 1 page are off when it is opened and are not read",
    )


@pytest.mark.parametrize(
    ("default", "hidden"),
    [
        (b"/OFF[2 0 R]", {"a"}),
        (b"/OFF[2 0 R 3 0 R]", {"a", "b"}),
        (b"/BaseState/OFF/ON[2 0 R]", {"b"}),
        (b"/BaseState/ON/ON[2 0 R]", set()),
        (b"/OFF[]", set()),
        (b"/OFF[9 0 R]", set()),
    ],
)
def test_what_is_off_by_default(default, hidden):
    assert hidden_layers(make_layers(default)) == hidden


def test_a_broken_file_has_no_layers():
    data = make_layers(b"/OFF[2 0 R]")
    for end in range(len(data)):
        assert hidden_layers(data[:end]) <= {"a"}
    for content in (b"/OCProperties" + b"[" * 9999, b"/OCProperties 1 0 R 1 0 obj 1 0 R", b""):
        assert hidden_layers(content) == set()


@pytest.mark.parametrize(
    "filler", [b"/ObjStm", b"/ObjStm/N 1/First 1stream\nendstream", b"1 0 obj(", b"((((\\"]
)
def test_a_long_file_does_not_hang(filler):
    assert hidden_layers(make_layers(b"/OFF[2 0 R]") + filler * 20_000) <= {"a"}


def make_object_stream(number, content):
    """Return the object stream with one object."""
    head = b"%d 0 " % number
    packed = zlib.compress(head + content)
    fields = b"/Type/ObjStm/N 1/First %d/Length %d" % (len(head), len(packed))
    return b"90 0 obj<<" + fields + b">>stream\n" + packed + b"\nendstream endobj "


@pytest.mark.parametrize("content", [b"x y z", b"1 0 2 zero", b"-1 0 x"])
def test_a_damaged_object_stream_is_left_out(content):
    packed = zlib.compress(content)
    stream = b"<</Type/ObjStm/N 2/First 8>>stream\n" + packed + b"\nendstream "
    assert hidden_layers(stream + make_layers(b"/OFF[2 0 R]")) == {"a"}


def test_the_last_version_of_an_object_counts():
    # As after an update that is appended: 7.5.6 of the PDF specification.
    group, catalog = (b"<</Name(a)>>", b"<</Name(c)>>"), make_layers(b"/OFF[2 0 R]")
    assert hidden_layers(catalog + make_object_stream(2, group[1])) == {"c"}
    assert hidden_layers(make_object_stream(2, group[1]) + catalog) == {"a"}
    old = b"<</OCProperties<</OCGs[2 0 R 3 0 R]/D<</OFF[3 0 R]>>>>>>"
    assert hidden_layers(make_object_stream(1, old) + catalog) == {"a"}
    assert hidden_layers(catalog + make_object_stream(1, old)) == {"b"}
