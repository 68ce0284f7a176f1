"""The bytes behind a document, and when they are not given."""

import pytest

from ragkit import Settings
from ragkit.errors import UsageError


def document_id(collection, path):
    return next(entry.id for entry in collection.documents() if entry.path == path)


def test_the_original_is_the_file_as_it_is_now(collection, folder):
    collection.index(folder)
    number = document_id(collection, "keys.md")
    original = collection.original(number)
    assert original.data == (folder / "keys.md").read_bytes() and not original.stale
    assert (original.path, original.root, original.record) == ("keys.md", str(folder), "")
    (folder / "keys.md").write_text("# Changed\n")
    assert collection.original(number).stale


def test_a_file_that_is_gone_replaced_or_unknown_is_refused(collection, folder, tmp_path):
    collection.index(folder)
    leave, keys = document_id(collection, "leave.txt"), document_id(collection, "keys.md")
    (folder / "leave.txt").unlink()
    with pytest.raises(UsageError, match="deleted or moved"):
        collection.original(leave)
    (folder / "keys.md").unlink()
    (folder / "keys.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="link"):
        collection.original(keys)
    with pytest.raises(UsageError, match="no document has the id 999"):
        collection.original(999)


def test_a_document_with_masked_keys_is_shown_as_text_only(open_collection, folder):
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    (folder / "keys.md").write_text(f"The token is {token}\n")
    collection = open_collection(settings=Settings(secrets="mask"))
    collection.index(folder)
    with pytest.raises(UsageError, match="masked"):
        collection.original(document_id(collection, "keys.md"))
    assert collection.original(document_id(collection, "leave.txt")).data


def test_a_file_over_the_limit_is_refused(open_collection, folder):
    open_collection().index(folder)
    collection = open_collection(settings=Settings(max_file_mb=0.00001))
    with pytest.raises(UsageError, match="larger than"):
        collection.original(document_id(collection, "keys.md"))
