"""fb2: chapters, notes, verse, tables, properties, pictures; damaged files."""

import base64

import pytest

from ragkit.documents.formats.web.fb2 import read_fb2
from ragkit.documents.read import read, read_all
from ragkit.errors import DocumentError

INFO = """<description><title-info><genre>prose</genre>
<author><first-name>Ada</first-name><last-name>Berg</last-name></author>
<author><nickname>Bo</nickname></author><book-title>Leave</book-title>
<annotation><p>About leave.</p></annotation><lang>en</lang></title-info>
<src-title-info><book-title>Urlaub</book-title></src-title-info>
<document-info><author><nickname>scanner</nickname></author></document-info>
<publish-info><publisher>ACME</publisher><isbn>12-3</isbn></publish-info></description>"""


def make_fb2(body, binary="", declaration='<?xml version="1.0" encoding="utf-8"?>'):
    book = f"{INFO}{body}{binary}"
    return (
        f'{declaration}<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"'
        f' xmlns:l="http://www.w3.org/1999/xlink">{book}</FictionBook>'
    ).encode()


BODY = """<body><title><p>Leave</p></title>
<section><title><p>Part one</p></title>
<section><title><p>Chapter</p><p>First</p></title><p>Words <a l:href="#n1" type="note">1</a>of
<emphasis>one</emphasis>, 2<sup>64</sup>.</p><empty-line/><subtitle>* * *</subtitle></section>
<section><title><p>Second</p></title><poem><stanza><v>Line one</v><v>Line two</v></stanza></poem>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></section></section>
</body><body name="notes"><title><p>Notes</p></title><section id="n1"><title><p>1</p></title>
<p>A note.</p></section></body>"""


def test_sections_with_text_are_chapters_and_notes_follow_with_their_numbers():
    document = read_fb2(make_fb2(BODY), "a.fb2")
    assert document.text == (
        "Leave\n\nPart one\n\nChapter First\n\nWords [1]of one, 2^64.\n\n"
        "Second\n\nLine one\nLine two\n\na | b\n1 | 2\n\nNotes\n\n[1] A note."
    )
    starts = [document.text[place.start :].split("\n")[0] for place in document.locators]
    assert starts == ["Leave", "Second", "Notes"]
    assert [(place.kind, place.value) for place in document.locators] == [
        *(("chapter", "1"), ("chapter", "2"), ("chapter", "3"))
    ]
    assert [(h.level, h.text) for h in document.headings] == [
        *((1, "Leave"), (2, "Part one"), (3, "Chapter First"), (3, "Second"), (1, "Notes"))
    ]
    assert len(document.tables) == 1


def test_properties_are_those_of_the_book():
    document = read_fb2(make_fb2(BODY), "a.fb2")
    assert document.title == "Leave"
    assert document.metadata == {
        "author": "Ada Berg, Bo",
        "description": "About leave.",
        "language": "en",
        "publisher": "ACME",
        "identifier": "12-3",
    }


@pytest.mark.parametrize("name", ["book.fb2", "book.xml", "book"])
def test_it_is_recognised_by_its_content(name):
    document = read(make_fb2(BODY), name)
    assert document.media_type == "application/x-fictionbook+xml"


def test_old_encodings_are_read_as_declared():
    body = "<body><section><p>Война</p></section></body>"
    declaration = '<?xml version="1.0" encoding="windows-1251"?>'
    data = make_fb2(body, declaration=declaration).decode().encode("cp1251")
    assert read_fb2(data, "a.fb2").text == "Война"


def test_pictures_are_members_and_no_text():
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(99)).decode()
    binary = f'<binary id="map.png" content-type="image/png">{picture}</binary>'
    binary += '<binary id="bad.png" content-type="image/png">äöü</binary>'
    records = {r.name: r for r in read_all(make_fb2(BODY, binary), "a.fb2")}
    assert picture[:8] not in records[""].document.text
    assert {name: records[name].kind for name in ("map.png", "bad.png")} == dict.fromkeys(
        ("map.png", "bad.png"), "image"
    )


def test_damaged_files_are_read_as_far_as_they_go_and_never_as_empty():
    document = read_fb2(make_fb2(BODY).split(b"Second")[0], "a.fb2")
    assert document.text.endswith("2^64.")
    assert "read as far as it goes" in document.warnings[0]
    with pytest.raises(DocumentError, match="damaged fb2"):
        read_fb2(make_fb2("")[:300], "a.fb2")


def test_signs_that_xml_does_not_allow_are_text():
    body = "<body><section><p>Research & Development\x02, A&amp;B</p></section></body>"
    assert read_fb2(make_fb2(body), "a.fb2").text == "Research & Development, A&B"


def test_deep_sections_are_read_without_recursion():
    body = f"<body>{'<section>' * 5000}<p>Deep.</p>{'</section>' * 5000}</body>"
    assert read_fb2(make_fb2(body), "a.fb2").text == "Deep."


def test_text_outside_of_paragraphs_is_read():
    data = (
        "<FictionBook><body><section><title><p>One</p></title>Stray <emphasis>words</emphasis> here"
        "<p>Para</p></section></body><binary>bm90IHRleHQ=</binary></FictionBook>"
    )
    assert read(data.encode(), "a.fb2").text == "One\n\nStray words here\n\nPara"
