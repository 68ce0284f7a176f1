"""XML parts as a stream: prefixed names, refused declarations, damage."""

import pytest

from ragkit.documents.read import read
from ragkit.documents.unpacking.limits import open_zip
from ragkit.documents.unpacking.xml_stream import (
    DamagedPartError,
    parse_xml,
    parse_xml_leniently,
)
from ragkit.errors import DocumentError
from tests.documents.files import STRICT, TRANSITIONAL, make_zip


def test_xml_with_too_many_different_names_is_refused():
    names = "".join(f"<x{number}/>" for number in range(10_001))
    with pytest.raises(DocumentError, match="XML with over 10,000 different names"):
        read(make_zip({"word/document.xml": f"<x>{names}</x>"}), "a.docx")


def test_default_attributes_are_refused_like_entities():
    """They would add one megabyte to every element of a file of one megabyte."""
    content = f"<!DOCTYPE x [<!ATTLIST p a CDATA '{'y' * 10}'>]><x>{'<p/>' * 10}</x>"
    with pytest.raises(DocumentError, match="declares entities"):
        read(make_zip({"word/document.xml": content}), "a.docx")


def events(content, parse=parse_xml):
    """Return the events that the callbacks get, and the result."""
    seen = []
    with open_zip(make_zip({"a.xml": content}), "docx") as package:
        result = parse(
            package,
            "a.xml",
            lambda tag, attributes: seen.append((tag, attributes)),
            lambda tag: seen.append(f"/{tag}"),
            seen.append,
        )
        return seen, result, package.warnings


@pytest.mark.parametrize("namespace", [TRANSITIONAL, STRICT])
def test_names_get_the_prefix_of_their_namespace(namespace):
    content = f'<d:x xmlns:d="{namespace}" xmlns:o="urn:o" d:val="1" o:a="2">A&amp;B<o:y/></d:x>'
    seen, _, _ = events(content)
    assert seen == [("w:x", {"w:val": "1", "a": "2"}), "A&B", ("y", {}), "/y", "/w:x"]


def test_damage_ends_the_stream_with_an_error_or_a_warning():
    with pytest.raises(DamagedPartError, match=r"^damaged docx: a.xml: mismatched tag"):
        events("<x><y></x>")
    seen, error, warnings = events("<x><y/></z>", parse_xml_leniently)
    assert seen == [("x", {}), ("y", {}), "/y"]
    assert isinstance(error, DamagedPartError)
    assert warnings == ["a.xml is damaged: read as far as it goes"]


def test_a_missing_part_is_an_error_even_leniently():
    with open_zip(make_zip({}), "docx") as package, pytest.raises(DocumentError, match="has no b"):
        parse_xml_leniently(package, "b.xml", lambda *_: None, lambda _: None, lambda _: None)


def test_entities_are_refused_even_leniently():
    content = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    with pytest.raises(DocumentError, match="declares entities"):
        events(content, parse_xml_leniently)
