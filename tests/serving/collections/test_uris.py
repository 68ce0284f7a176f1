"""DocumentUris: there and back, and what is no address."""

import re

import pytest

from ragkit.errors import UsageError
from ragkit.serving.collections.uris import DocumentUris, root_name


def test_a_root_name_has_the_folders_name_and_a_digest_of_its_path():
    assert re.fullmatch(r"my-notes-[0-9a-f]{8}", root_name("/home/ann/My Notes"))
    assert root_name("/home/ann/notes") != root_name("/home/bob/notes")
    assert root_name("/home/ann/notes") == root_name("/home/ann/notes")
    assert root_name("/home/ann/日記").startswith("root-")


@pytest.mark.parametrize(
    ("path", "citation", "tail"),
    [
        ("leave.pdf", "leave.pdf#page=7-8", "/leave.pdf#page=7-8"),
        ("a b/c#d?.md", "a b/c#d?.md#L3", "/a%20b/c%23d%3F.md#L3"),
        ("x.xlsx", "x.xlsx#sheet=Bud get!A2:F9", "/x.xlsx#sheet=Bud%20get!A2:F9"),
        ("100%.txt", "100%.txt", "/100%25.txt"),
        ("für.md", "für.md#char=1,2", "/f%C3%BCr.md#char=1,2"),
    ],
)
def test_a_uri_converts_back_to_root_and_citation(collection, path, citation, tail):
    addresses = DocumentUris(collection)
    uri = addresses.uri("/srv/notes", path, citation)
    assert uri == f"ragkit://{root_name('/srv/notes')}{tail}"
    assert addresses.to_reference(uri) == f"/srv/notes/{citation}"


def test_a_uri_is_valid_in_another_process(collection, folder):
    collection.index([folder / "leave.txt", folder / "sub"])
    uris = [
        DocumentUris(collection).uri(hit.root, hit.path) for hit in collection.search("cats", 9)
    ]
    fresh = DocumentUris(collection)
    texts = {collection.get(fresh.to_reference(uri)).text.split()[0] for uri in uris}
    assert texts == {"Cats", "Parents"}


@pytest.mark.parametrize(
    "text",
    [
        "/etc/passwd", "~/secret", "../x", "a/../../x", "a/..", "..\\x", "C:\\x", "c:/x", "", " ",
        "a\0b", "ragkit://notes-12345678/../x", "ragkit://notes-12345678/a.md", "ragkit://",
        "ragkit://ROOT/%2e%2e/x", "ragkit://ROOT/a/%2E%2E/%2E%2E/x", "ragkit://ROOT/%2e%2e%5cx",
        "ragkit://ROOT/a%00", "ragkit://ROOT/", "ragkit://ROOT/#page=1",
    ],
)  # fmt: skip
def test_references_that_name_no_document_are_refused(collection, text):
    addresses = DocumentUris(collection)
    addresses.uri("/srv/notes", "a.md")
    with pytest.raises(UsageError, match=r"names no document|no root is called"):
        addresses.to_reference(text.replace("ROOT", root_name("/srv/notes")))


def test_redacted_messages_contain_no_path(collection, folder):
    collection.index(folder)
    name = root_name(str(folder))
    message = f"in several roots: {folder}/keys.md"
    assert DocumentUris(collection).redact(message) == f"in several roots: ragkit://{name}/keys.md"
