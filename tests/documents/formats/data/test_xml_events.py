"""Events of XML: elements, text, lines, entities and their limits, encodings."""

from xml.parsers.expat import ExpatError

import pytest

from ragkit.documents.formats.data.xml_events import End, Start, Text, decode_xml, parse_events
from ragkit.errors import DocumentError


def parse(text):
    return list(parse_events(text))


def text_of(source):
    return "".join(event.text for event in parse(source) if isinstance(event, Text))


def test_elements_and_text_come_in_order_with_their_lines():
    assert parse("<a x='1'>\n<b/>two</a>") == [
        Start("a", {"x": "1"}, 1),
        Text("\n", 2),  # the line where the text ends
        Start("b", {}, 2),
        End("b"),
        Text("two", 2),
        End("a"),
    ]


def test_tags_lose_their_namespace_prefix():
    events = parse("<x:a xmlns:x='urn:x' x:b='1'/>")
    assert events == [Start("a", {"xmlns:x": "urn:x", "x:b": "1"}, 1), End("a")]


def test_comments_and_processing_instructions_are_no_events():
    assert text_of("<a>1<!-- 2 --><?php 3 ?>4<![CDATA[<5>]]></a>") == "14<5>"


@pytest.mark.parametrize(
    ("reference", "text"),
    [("&lt;&amp;&#233;&#x20AC;", "<&é€"), ("&v;", "1.2"), ("&nbsp;", "\xa0"), ("&no;", "&no;")],
)
def test_references_become_text(reference, text):
    source = f'<!DOCTYPE a SYSTEM "a.dtd" [<!ENTITY v "1.2">]><a>{reference}</a>'
    assert text_of(source) == text


def test_external_entities_are_not_loaded(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    source = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]><a>&e;</a>'
    assert "secret" not in text_of(source)


@pytest.mark.parametrize("value", ["50&#37;", "x" * 1001])
def test_entities_that_could_grow_are_refused(value):
    with pytest.raises(DocumentError, match="declares entities that refer to others") as error:
        parse(f"<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '{value}'>]><a/>")
    assert error.value.kind == "limit"


def test_entities_may_contain_markup_and_others():
    declarations = (
        '<!DOCTYPE a [<!ENTITY app "<application>Frob</application>"><!ENTITY ver "2.4 &amp; up">'
        '<!ENTITY name "&app; &ver;">]>'
    )
    assert text_of(f"{declarations}<a>&app;, &name;</a>") == "Frob, Frob 2.4 & up"


@pytest.mark.parametrize("leaf", ["", "x"])
def test_entities_in_entities_are_limited(leaf):
    chain = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 100}'>" for n in range(1, 6))
    with pytest.raises(DocumentError, match="entities") as error:
        parse(f"<!DOCTYPE a [<!ENTITY e0 '{leaf}'>{chain}]><a>&e5;</a>")
    assert error.value.kind == "limit"
    with pytest.raises(DocumentError, match="refer to others too deeply"):
        parse("<!DOCTYPE a [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><a>&a;</a>")


def test_the_text_of_all_entities_is_limited_to_a_million_characters():
    declaration = f"<!DOCTYPE a [<!ENTITY b '{'x' * 1000}'>]>"
    assert len(text_of(f"{declaration}<a>{'&b;' * 1000}</a>")) == 1_000_000
    with pytest.raises(DocumentError, match="entities add too much text"):
        parse(f"{declaration}<a>{'&b;' * 1001}</a>")


def test_events_before_an_error_are_yielded():
    events = parse_events("<a>" + "<b>text</b>" * 10_000 + "</c>")
    assert next(events) == Start("a", {}, 1)
    with pytest.raises(ExpatError, match="mismatched tag"):
        list(events)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-8", "utf-16"])
def test_the_declared_encoding_is_used(encoding):
    data = f'<?xml version="1.0" encoding="{encoding}"?><p>Käse, café</p>'.encode(encoding)
    assert decode_xml(data).text.endswith("<p>Käse, café</p>")
