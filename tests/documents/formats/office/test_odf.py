"""odt, odp and ods packages: properties, headers and footers, damaged and encrypted files."""

import io
import re
import zipfile

import pytest

from ragkit.documents import detect
from ragkit.documents.formats.office.odf import read_odp, read_ods, read_odt
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError
from ragkit.records import media_types
from tests.documents.files import PNG, make_zip
from tests.documents.office_files import make_odf


def text(body, **parts):
    return read_odt(make_odf("text", body, **parts), "a.odt").text


def test_headings_title_and_properties():
    body = (
        "<text:p text:style-name='P1'>The report</text:p>"
        "<text:h text:outline-level='2'>Part</text:h>"
    )
    styles = "<style:style style:name='P1' style:parent-style-name='Title'/>"
    meta = (
        "<meta:initial-creator>Ada</meta:initial-creator><dc:creator>Bob</dc:creator>"
        "<meta:creation-date>2023-05-04</meta:creation-date><dc:date>2024-01-02</dc:date>"
    )
    document = read_odt(make_odf("text", body, meta, styles=styles), "a.odt")
    assert document.title == "The report"
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "The report"),
        (2, "Part"),
    ]
    assert document.metadata == {
        "author": "Ada, Bob",
        "created": "2023-05-04",
        "modified": "2024-01-02",
    }
    named = make_odf("text", body, "<dc:title>Named</dc:title>")
    assert read_odt(named, "a.odt").title == "Named"


def test_headers_and_footers_are_added_once_without_page_numbers():
    header = "<style:header><text:p>Acme Ltd</text:p></style:header>"
    footer = (
        "<style:footer><text:p>Page <text:page-number>1</text:page-number></text:p></style:footer>"
    )
    assert text("<text:p>x</text:p>", pages=header + footer + header) == "x\n\nAcme Ltd"


def test_templates_and_drawings_are_read_like_documents():
    data = make_odf("text-template", "<text:p>x</text:p>")
    assert read(data, "a.ott").media_type == media_types.ODT
    data = make_odf("graphics", "<draw:page><text:p>x</text:p></draw:page>")
    assert read(data, "a.odg").locators[0].value == "1"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            make_odf("text", "", manifest="<manifest:encryption-data/>"),
            "encrypted odt: needs a password",
        ),
        (make_zip({"mimetype": ""}), "damaged odt: it has no content.xml"),
        (make_odf("text", "<text:p>"), "damaged odt: content.xml: mismatched tag"),
        (make_odf("text", "x")[:-30], "damaged odt: "),
        (
            make_zip(
                {"content.xml": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>"}
            ),
            "content.xml declares entities",
        ),
    ],
)
def test_damaged_encrypted_and_malicious_files_are_refused(data, reason):
    with pytest.raises(DocumentError, match=reason):
        read_odt(data, "a.odt")


@pytest.mark.parametrize(("kind", "reader"), [("text", read_odt), ("spreadsheet", read_ods)])
def test_damaged_content_is_read_up_to_the_damage(kind, reader):
    row = (
        "<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
    )
    document = reader(make_odf(kind, f"<table:table>{row}</table:table><text:p>"), "a")
    assert document.text.endswith("x")
    assert document.warnings == ("content.xml is damaged: read as far as it goes",)


def test_an_external_entity_is_never_fetched(tmp_path):
    (tmp_path / "secret.dtd").write_text("<!ENTITY secret 'secret'>")
    content = (
        f"<!DOCTYPE x SYSTEM '{tmp_path}/secret.dtd'><x xmlns:text="
        "'urn:oasis:names:tc:opendocument:xmlns:text:1.0'><text:p>a&secret;b</text:p></x>"
    )
    assert read_odt(make_zip({"content.xml": content}), "a.odt").text == "ab"


def test_a_repacked_package_is_detected_by_its_mimetype():
    original = zipfile.ZipFile(io.BytesIO(make_odf("spreadsheet", "")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in reversed(original.namelist()):
            archive.writestr(name, original.read(name))
    assert detect.detect(packed.getvalue(), "a.zip").media_type == media_types.ODS


FRAME = "<draw:frame>{}</draw:frame>"
PICTURE = '<draw:image xlink:href="Pictures/a.png" xmlns:xlink="x"/>'


def add_files(data, **files):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return make_zip({**members, **files})


def test_pictures_have_their_alternative_text_and_are_members():
    described = "<svg:title>Image1</svg:title><svg:desc>Plan of the harbour crane</svg:desc>"
    body = f"<text:p>See {FRAME.format(PICTURE + described)}.</text:p>"
    data = add_files(make_odf("text", body), **{"Pictures/a.png": PNG, "Thumbnails/t.png": PNG})
    own, picture = read_all(data, "a.odt")
    assert own.document.text == "See [Plan of the harbour crane] ."
    assert (picture.name, picture.kind) == ("a.png", "image")
    slide = f"<draw:page>{FRAME.format(PICTURE + described)}</draw:page>"
    assert "[Plan of the harbour crane]" in read_odp(make_odf("presentation", slide), "a.odp").text


@pytest.mark.parametrize("prefix", ["", "math:"])
def test_formulas_are_written_on_one_line(prefix):
    formula = (
        f'<{prefix}math xmlns{":math" if prefix else ""}="http://www.w3.org/1998/Math/MathML">'
        "<semantics><mrow><mi>x</mi><mo>=</mo><mfrac><mn>12</mn><mn>5</mn></mfrac></mrow>"
        f"<annotation>x = 12 over 5</annotation></semantics></{prefix}math>"
    )
    if prefix:
        formula = re.sub(r"<(/?)(?!math:)", r"<\1math:", formula)
    object_ = '<draw:object xlink:href="./Object 1" xmlns:xlink="x"/><svg:desc>formula</svg:desc>'
    data = make_odf("text", f"<text:p>So {FRAME.format(object_ + PICTURE)} holds.</text:p>")
    data = add_files(data, **{"Object 1/content.xml": formula})
    assert read_odt(data, "a.odt").text == "So x = 12/5 holds."


def test_a_damaged_object_does_not_end_the_text():
    object_ = '<draw:object xlink:href="./Object 1" xmlns:xlink="x"/>'
    data = make_odf("text", f"<text:p>One {FRAME.format(object_)}</text:p><text:p>Two.</text:p>")
    data = add_files(data, **{"Object 1/content.xml": "<math><mi>x</mi></math>"})
    assert read_odt(data, "a.odt").text == "One x\n\nTwo."
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        at = package.getinfo("Object 1/content.xml").header_offset
    damaged = data[: at + 14] + b"\xff\xff\xff\xff" + data[at + 18 :]  # the checksum
    directory = damaged.rindex(b"Object 1/content.xml") - 46
    damaged = damaged[: directory + 16] + b"\xff\xff\xff\xff" + damaged[directory + 20 :]
    document = read_odt(damaged, "a.odt")
    assert (document.text, document.warnings) == ("One\n\nTwo.", ())
