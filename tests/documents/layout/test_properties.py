"""Dublin Core properties: title, authors, placeholders."""

import pytest

from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.unpacking.limits import open_zip
from tests.documents.files import make_zip

NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
    ' xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
)


def properties_of(content, elements=None):
    data = make_zip({CORE: f"<cp:coreProperties {NAMESPACES}>{content}</cp:coreProperties>"})
    with open_zip(data, "docx") as package:
        return read_properties(package, CORE, elements)


def test_several_authors_are_joined_and_other_elements_count_once():
    properties = properties_of(
        "<dc:title>Leave\n policy</dc:title><dc:creator>Ada</dc:creator><dc:creator>Alan"
        "</dc:creator><dc:creator>Ada</dc:creator><dcterms:created>2024-01-02</dcterms:created>"
        "<dcterms:created>2025-01-02</dcterms:created>"
    )
    assert properties.title("a.docx") == "Leave policy"
    assert properties.metadata() == {"author": "Ada, Alan", "created": "2024-01-02"}


@pytest.mark.parametrize("author", ["Unknown", "unknown author", ""])
def test_placeholders_are_no_authors(author):
    assert properties_of(f"<dc:creator>{author}</dc:creator>").metadata() == {}


def test_a_title_that_is_the_name_of_the_file_is_none():
    assert properties_of("<dc:title>a</dc:title>").title("folder/a.docx") is None


def test_a_package_without_the_part_has_no_properties():
    with open_zip(make_zip({"x": ""}), "docx") as package:
        properties = read_properties(package, CORE)
    assert (properties.title("a"), properties.metadata()) == (None, {})


def test_formats_may_have_further_elements():
    properties = properties_of("<dc:rights>CC0</dc:rights>", {"dc:rights": "license"})
    assert properties.metadata() == {"license": "CC0"}
