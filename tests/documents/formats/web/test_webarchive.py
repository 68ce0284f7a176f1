"""Safari web archives: the page in the property list."""

import plistlib

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError


def make(resource):
    return plistlib.dumps({"WebMainResource": resource}, fmt=plistlib.FMT_BINARY)


def test_the_page_is_read():
    page = {
        "WebResourceData": "<title>T</title><h1>Häfen</h1>".encode("utf-16-le"),
        "WebResourceTextEncodingName": "UTF-16LE",
        "WebResourceURL": "https://x.y/z",
    }
    document = read(make(page), "a.webarchive")
    assert (document.title, document.text) == ("T", "Häfen")
    assert document.metadata == {"canonical": "https://x.y/z"}


@pytest.mark.parametrize(
    "data", [make({}), make("x"), plistlib.dumps([1], fmt=plistlib.FMT_BINARY)]
)
def test_other_property_lists_are_no_documents(data):
    with pytest.raises(DocumentError, match="property list without a web page") as caught:
        read(data, "a.plist")
    assert caught.value.skipped


def test_damage_is_reported():
    with pytest.raises(DocumentError, match="damaged property list"):
        read(b"bplist00" + bytes(range(99)), "a.webarchive")
