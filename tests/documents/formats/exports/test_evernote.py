"""Evernote: a document per note, with its attachments."""

import base64

from ragkit.documents.read import read_all

NOTE = """<note><title>Kitchen</title><created>20240310T200842Z</created>
<updated>20240311T200842Z</updated><tag>home</tag><tag>2024</tag><note-attributes>
<author>Jane Roe</author><source-url>https://example.org</source-url></note-attributes>
<content><![CDATA[<?xml version="1.0"?><!DOCTYPE en-note SYSTEM "enml2.dtd"><en-note>
<h1>Plan</h1><div>Paint &amp; brush</div><en-todo checked="true"/>call<br/><en-todo/>pay
<en-media type="text/plain" hash="a"/><en-crypt cipher="AES">c2VjcmV0</en-crypt></en-note>]]>
</content><resource><data encoding="base64">
{}</data><mime>text/plain</mime><resource-attributes><file-name>a/list.txt</file-name>
</resource-attributes></resource></note>"""
EXPORT = (
    '<?xml version="1.0"?><!DOCTYPE en-export SYSTEM "evernote-export4.dtd">'
    '<en-export application="Evernote">{}</en-export>'
)


def test_a_note_has_its_fields_and_its_attachment():
    note = NOTE.format(base64.encodebytes(b"Paint, 40 EUR").decode())
    for name in ("notes.enex", "notes.xml"):
        one, attached, second = list(read_all(EXPORT.format(note + "<note><title>B</title>"
            "<content>x</content></note>").encode(), name))  # fmt: skip
        assert one.document.title == "Kitchen"
        assert one.document.text == "Plan\n\nPaint & brush\n\n☑ call\n☐ pay"
        assert [heading.text for heading in one.document.headings] == ["Plan"]
        assert one.document.metadata == {
            "from": "Jane Roe", "date": "2024-03-10T20:08:42Z", "modified": "2024-03-11T20:08:42Z",
            "url": "https://example.org", "tags": "home, 2024",
        }  # fmt: skip
        assert one.document.warnings == ("encrypted text in it is not read",)
        assert (attached.name, attached.document.text) == ("1/a_list.txt", "Paint, 40 EUR")
        assert attached.document.metadata["tags"] == "home, 2024"
        assert (second.name, second.document.title, second.document.text) == ("2", "B", "x")


def test_damage_ends_the_notes_with_a_reason():
    data = EXPORT.format("<note><title>A</title><content>x</content></note><note>").encode()
    one, rest = list(read_all(data, "a.enex"))
    assert one.document.text == "x"
    assert rest.reason.startswith("damaged Evernote export, the rest is not read: ")


def test_tasks_follow_the_text():
    tasks = "".join(
        f"<task><title>{title}</title><taskStatus>{status}</taskStatus></task>"
        for title, status in (("Buy milk", "open"), ("Ring", "completed"))
    )
    note = f"<note><title>A</title><content>x</content>{tasks}</note>"
    (record,) = read_all(EXPORT.format(note).encode(), "a.enex")
    assert record.document.text == "x\n\n☐ Buy milk\n☑ Ring"
    assert record.document.title == "A"


def test_enml_may_stand_in_the_file_without_cdata():
    enml = (
        '<en-note><h1>Plan</h1><div a="&lt;">Paint &amp; brush</div><en-todo checked="true"/>call'
        "<br/>pay &lt;now&gt;</en-note>"
    )
    note = f"<note><title>A</title><content>\n{enml}</content><tag>x</tag></note>"
    (record,) = read_all(EXPORT.format(note).encode(), "a.enex")
    assert record.document.text == "Plan\n\nPaint & brush\n\n☑ call\npay <now>"
    assert record.document.metadata == {"tags": "x"}
    doctype = '<?xml version="1.0"?><!DOCTYPE en-note SYSTEM "enml2.dtd">'
    (record,) = read_all(f"{doctype}{enml}".encode(), "a.enml")
    assert record.document.text.startswith("Plan\n\nPaint & brush")
