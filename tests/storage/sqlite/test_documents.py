"""Documents in the database."""

import json

import pytest

from ragkit.errors import UsageError
from ragkit.records.documents import Document, Locator
from ragkit.storage.sqlite import documents, files


def file_id_of(connection, path):
    return connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()[0]


def test_a_document_written_again_keeps_its_id(store, add):
    first = add("a.txt", "Old text", title="Old")
    assert add("a.txt", "New text", title="New") == first
    with store.reading() as connection:
        entry, text = documents.get_entry(connection, first, 0, 99)
    assert (entry.title, text, entry.characters) == ("New", "New text", 8)


def test_locators_and_metadata_are_stored_as_json(store, add):
    add("a.pptx")
    document = Document(
        "Größe", "x", locators=(Locator(0, "slide", "7"),), metadata={"author": "Zoë"}
    )
    with store.writing() as connection:
        documents.save_document(connection, file_id_of(connection, "a.pptx"), document)
        row = documents.document_at(connection, "a.pptx", "/nowhere/a.pptx")
    assert json.loads(row["locators"]) == [[0, "slide", "7"]]
    assert row["metadata"] == '{"author": "Zoë"}'


@pytest.mark.parametrize(
    "path", ["guide.zip/intro.md", "/home/notes/guide.zip/intro.md"], ids=["relative", "absolute"]
)
def test_a_record_is_found_by_the_path_of_its_file_and_its_name(store, add, path):
    document_id = add("guide.zip", "Welcome", record="intro.md")
    with store.reading() as connection:
        assert documents.document_at(connection, path, path)["id"] == document_id


def test_an_unknown_path_has_no_document(store, add):
    add("a.txt", "Text")
    with store.reading() as connection:
        assert documents.document_at(connection, "b.txt", "/home/notes/b.txt") is None
        assert documents.document_of_passage(connection, 99) is None
        assert documents.get_entry(connection, 99, 0, 10) is None


def test_a_relative_path_in_two_roots_is_ambiguous(store, add):
    add("a.txt", "One", root="/home/notes")
    add("a.txt", "Two", root="/home/other")
    with store.reading() as connection:
        with pytest.raises(UsageError, match=r"in several roots; name one of /home/notes/a\.txt, "):
            documents.document_at(connection, "a.txt", "/tmp/a.txt")
        row = documents.document_at(connection, "a.txt", "/home/other/a.txt")
    assert row["text"] == "Two"


def test_paths_in_several_roots_are_found_at_once(store, add):
    paths = ["a.md", "b.md", "c.zip/x/a.md", "c.zip/y.md", *(f"n{n}.md" for n in range(150))]
    for root in ("/home/notes", "/home/mail"):
        add("a.md", root=root)
        add("c.zip", record="x/a.md", root=root)
        add("n149.md", root=root)
    add("b.md", root="/home/notes")
    add("c.zip", record="y.md", root="/home/notes")
    with store.reading() as connection:
        repeated = documents.repeated_paths(connection, paths)
        assert documents.repeated_paths(connection, []) == set()
    assert repeated == {"a.md", "c.zip/x/a.md", "n149.md"}


def test_documents_of_a_file_are_deleted_except_those_to_keep(store, add):
    for record in ("1", "2", "3"):
        add("mail.mbox", "Text", record=record)
    with store.changing() as (connection, _):
        file_id = file_id_of(connection, "mail.mbox")
        assert documents.remove_documents(connection, file_id, keep=["2"]) == 0
        assert documents.list_records(connection, "/home/notes", "mail.mbox") == {"2": (2, 1)}
        assert documents.remove_documents(connection, file_id) == 1
        assert documents.remove_documents(connection, file_id) == 0
        assert documents.is_file(connection, "mail.mbox", "/home/notes/mail.mbox")


def test_a_file_is_read_again_after_one_of_its_documents_was_deleted(store, add):
    document_id = add("a.txt", "Text", recipe="1")
    with store.changing() as (connection, _):
        documents.remove_document(connection, document_id)
        (row,) = files.files(connection, 1)
    assert (row.recipe, row.has_text) == (None, False)


def test_the_reason_of_an_unread_file_or_record_is_found_by_its_path(store, add):
    add("scan.pdf", status="failed", reason="encrypted")
    add("box.zip", details={"unread": [["inner/x.doc", "damaged .doc", False, "damaged"]]})
    with store.reading() as connection:
        for path, reason in {
            "scan.pdf": "encrypted",
            "/home/notes/scan.pdf": "encrypted",
            "box.zip/inner/x.doc": "damaged .doc",
            "box.zip": None,
            "missing": None,
        }.items():
            assert documents.unread_reason(connection, path, path) == reason


def test_documents_are_listed_in_pages_by_id(store, add):
    ids = [add(f"{number}.txt", "Some text") for number in range(5)]
    with store.reading() as connection:
        first = documents.list_entries(connection, 0, 3)
        rest = documents.list_entries(connection, first[-1].id, 3)
        assert [entry.id for entry in (*first, *rest)] == ids
        assert documents.document_count(connection) == 5
        assert documents.document_paths(connection) == [f"{n}.txt" for n in range(5)]
    assert (first[0].title, first[0].passages) == ("0.txt", 1)


def test_an_entry_shows_a_part_of_the_text(store, add):
    document_id = add("a.txt", "0123456789")
    with store.reading() as connection:
        assert documents.get_entry(connection, document_id, 3, 4)[1] == "3456"
