"""XML: titles as headings, prose as paragraphs, data as `name: value` lines."""

from ragkit.documents.read import read, read_all

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
    place = next(each for each in document.locators if document.text.startswith("Use", each.start))
    assert (place.kind, place.value) == ("line", "5")


def test_data_is_lines_of_names_and_values():
    data = b"<list><item><id>1</id><name>Tea</name></item><item><id>2</id></item></list>"
    assert read(data, "a.xml").text == "id: 1\nname: Tea\n\nid: 2"


def test_markup_inside_text_is_taken_out():
    data = b"<rss><item><description>&lt;p&gt;Hi &lt;b&gt;you&lt;/b&gt;</description></item></rss>"
    assert read(data, "a.rss").text == "description: Hi you"


def test_attributes_that_say_something_are_kept():
    assert read(b'<a><b name="Tea" href="x"/></a>', "a.xml").text == "b name: Tea"


def test_the_declared_encoding_is_used():
    data = '<?xml version="1.0" encoding="iso-8859-1"?><p>Käse, café</p>'.encode("latin-1")
    assert read(data, "a.xml").text == "Käse, café"


def test_what_is_not_well_formed_keeps_its_words():
    document = read(b"<a><b>one</b><c>two</a>", "a.xml")
    assert document.text == "one\ntwo"
    assert "not well-formed XML (mismatched tag: line 1" in document.warnings[0]


def test_each_element_of_a_list_a_document():
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
    place = [each for each in document.locators if each.start <= at][-1]
    assert b"<name>France</name>" in data.split(b"\n")[int(place.value) - 1]
