"""XML of any schema: titles as headings, prose as paragraphs, data as `name: value` lines."""

import pytest

from ragkit.documents.formats.data.xml_text import read_xml, xml_records
from ragkit.documents.read import read, read_all
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError

DOCBOOK = b"""<?xml version="1.0"?>
<!DOCTYPE article SYSTEM "http://example.org/docbook.dtd" [<!ENTITY v "1.2">]>
<article xmlns:x="urn:x"><info><title>The <emphasis>Guide</emphasis></title></info>
<section><title>Start</title>
<para>Use <command>x</command> version &v;&nbsp;now.</para>
<para><b>Bold</b> comes first.</para>
<programlisting>int x;
  y();</programlisting>
<x:itemizedlist><listitem><para>One</para></listitem><listitem>Two</listitem></x:itemizedlist>
<row><entry>a</entry><entry>b</entry></row>
</section></article>
"""


def test_a_docbook_article():
    document = read(DOCBOOK, "a.xml")
    assert document.text == (
        "The Guide\n\nStart\n\nUse x version 1.2 now.\n\nBold comes first.\n\n"
        "int x;\n  y();\n\n- One\n\n- Two\n\na | b"
    )
    assert document.title == "The Guide"
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "The Guide"),
        (2, "Start"),
    ]
    assert [document.text[start:end] for start, end in document.fences] == ["int x;\n  y();"]
    locator = next(
        locator for locator in document.locators if document.text.startswith("Use", locator.start)
    )
    assert (locator.kind, locator.value) == ("line", "5")


def test_data_becomes_lines_of_names_and_values():
    data = b"<list><item><id>1</id><name>Tea</name></item><item><id>2</id></item></list>"
    assert read(data, "a.xml").text == "id: 1\nname: Tea\n\nid: 2"


def test_escaped_html_in_text_is_removed():
    data = b"<rss><item><description>&lt;p&gt;Hi &lt;b&gt;you&lt;/b&gt;</description></item></rss>"
    assert read(data, "a.rss").text == "description: Hi you"


def test_attributes_with_text_are_kept():
    assert read(b'<a><b name="Tea" href="x"/></a>', "a.xml").text == "b name: Tea"


def test_the_declared_encoding_is_used():
    data = '<?xml version="1.0" encoding="iso-8859-1"?><p>Käse, café</p>'.encode("latin-1")
    assert read(data, "a.xml").text == "Käse, café"


def test_text_that_is_not_well_formed_is_read_without_its_structure():
    document = read(b"<a><b>one</b><c>two</a>", "a.xml")
    assert document.text == "one\ntwo"
    assert "not well-formed XML (mismatched tag: line 1" in document.warnings[0]


def test_each_repeated_element_is_a_record():
    data = b"<feed><title>F</title><entry id='7'><title>A</title><by><name>Bo</name></by></entry>"
    data += b"<entry><title>B</title></entry></feed>"
    first, second = read_all(data, "a.xml", records=True)
    assert (first.name, first.document.title) == ("1", "A")
    assert first.document.text == "id: 7\ntitle: A\nby name: Bo"
    assert second.document.text == "title: B"


def test_a_real_file(real_files):
    data = (real_files / "misc" / "factbook.xml").read_bytes()
    document = read(data, "factbook.xml")
    at = document.text.index("name: France")
    locator = [locator for locator in document.locators if locator.start <= at][-1]
    assert b"<name>France</name>" in data.split(b"\n")[int(locator.value) - 1]


def test_a_file_without_repeated_elements_is_one_record():
    (record,) = xml_records(b"<a><b>one</b><c>two</c></a>", "a.xml", Budget())
    assert (record.name, record.document.text) == ("", "b: one\nc: two")


def test_records_of_a_file_that_is_not_well_formed_end_with_an_error():
    with pytest.raises(DocumentError, match="not well-formed XML"):
        list(xml_records(b"<a><b>1</b><b>2</a>", "a.xml", Budget()))


def test_a_hundred_thousand_open_elements_are_read():
    document = read_xml(b"<a>" * 100_000 + b"text", "a.xml")
    assert document.text == "text"
    assert "not well-formed XML (no element found" in document.warnings[0]
