"""PDF layers that are off when the file is opened are not text."""

import zlib
from pathlib import Path

import pytest

from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.formats.pdf_layers import hidden_layers, without_hidden_objects
from tests.documents.formats.work import growth

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


@pytest.mark.parametrize("groups", [b"/OCGs 99 0 R", b"/OCGs 7", b"/OCGs[[]]"])
def test_layers_stay_hidden_beside_a_damaged_membership_dictionary(groups):
    damaged = b"8 0 obj<</Type/OCMD%s>>endobj" % groups
    assert hidden_layers(make_layers(b"/OFF[2 0 R]") + damaged) == {"a"}


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


def make_page(*memberships):
    """Return a PDF whose layer 5 is off and layer 6 is on, with a line for each membership
    dictionary and one that is on no layer."""
    names = b"".join(b"/M%d %d 0 R" % (at, 20 + at) for at in range(len(memberships)))
    lines = b"".join(
        b"/OC /M%d BDC BT /F 12 Tf 20 %d Td (line %d) Tj ET EMC " % (at, 150 - 20 * at, at)
        for at in range(len(memberships))
    )
    content = lines + b"BT /F 12 Tf 20 20 Td (always) Tj ET"
    return b"".join([
        b"%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[5 0 R 6 0 R]/D<<"
        b"/OFF[5 0 R]>>>>>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<"
        b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/Properties<<", names,
        b">>>>>>endobj\n4 0 obj<</Length %d>>stream\n" % len(content), content,
        b"\nendstream endobj\n5 0 obj<</Type/OCG/Name(off)>>endobj\n"
        b"6 0 obj<</Type/OCG/Name(on)>>endobj\n",
        *(b"%d 0 obj<</Type/OCMD%s>>endobj\n" % (20 + at, keys)
          for at, keys in enumerate(memberships)),
        b"trailer<</Root 1 0 R>>\n%%EOF",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("memberships", "text"),
    [
        ([b"/OCGs 5 0 R"], "always"),
        ([b"/OCGs[5 0 R 6 0 R]"], "line 0\nalways"),
        ([b"/OCGs[5 0 R 6 0 R]/P/AllOn", b"/OCGs[5 0 R]"], "always"),
        ([b"/OCGs[6 0 R]/P/AllOff"], "always"),
        ([b"/OCGs[6 0 R]/P/AnyOff"], "always"),
        ([b"/OCGs 5 0 R/P/AnyOff"], "line 0\nalways"),
        ([b"/OCGs 5 0 R", b"/OCGs 6 0 R"], "line 1\nalways"),
        ([b"/OCGs[5 0 R]", b"/OCGs[5 0 R 6 0 R]", b"/OCGs[6 0 R]/P/AnyOff"], "line 1\nalways"),
    ],
)
def test_content_of_membership_dictionaries_is_hidden(memberships, text):
    document = read_pdf(make_page(*memberships), "a.pdf")
    assert [line for line in document.text.split("\n") if line] == text.split("\n")


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (b"/OC 5 0 R", "always"),
        (b"/OC 6 0 R", "in a form\nalways"),
        (b"/OC 20 0 R", "always"),
        (b"", "in a form\nalways"),
    ],
)
def test_forms_on_hidden_layers_are_not_read(layer, text):
    # 8.11.3.3 of the PDF specification: an XObject may belong to a layer as a whole.
    inner = b"BT /F 12 Tf 20 100 Td (in a form) Tj ET"
    form = (
        b"9 0 obj<</Type/XObject/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica"
        b">>>>>>%s/Subtype /Form/BBox[0 0 200 200]/Length %d>>stream\n%s\nendstream endobj\n"
        % (layer, len(inner), inner)
    )
    data = make_page(b"/OCGs 5 0 R").replace(b"/Properties<<", b"/XObject<</X 9 0 R>>/Properties<<")
    data = data.replace(b"BT /F 12 Tf 20 20 Td", b"/X Do  BT /F 12 Tf 20 20 Td")
    data = data.replace(b"trailer", form + b"trailer").replace(b"/Length", b"/Xength", 1)
    document = read_pdf(data, "a.pdf")
    assert [line for line in document.text.split("\n") if line] == text.split("\n")
    assert len(document.warnings) == 1  # of the line 0


def test_the_dictionary_of_a_form_is_parsed_once():
    def make(count):
        return make_layers(b"/OFF[2 0 R]") + b"9 0 obj<<%s>>endobj" % (b"/OC 2 0 R " * count)

    assert growth(without_hidden_objects, make, 100) < 6
