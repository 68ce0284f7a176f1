"""Passages in the database: ids, embedded text, rows for hits."""

from hashlib import blake2b

from ragkit.storage.sqlite import documents, passages
from tests.storage.sqlite.conftest import passage


def rows(connection):
    return connection.execute("SELECT id, text, start, generation FROM passages ORDER BY id")


def replace_passages(store, document_id, new):
    with store.changing() as (connection, generation):
        passages.save_passages(connection, document_id, new, generation)


def test_the_key_of_a_vector_is_blake2b_of_20_bytes():
    digest = blake2b(b"Leave\nParents may stay.", digest_size=20).digest()
    assert passages.text_hash("Leave\nParents may stay.") == digest


def test_a_passage_that_moved_keeps_its_id_and_generation(store, add):
    document_id = add("a.txt", "Cats sleep. Dogs bark")
    replace_passages(store, document_id, [passage("Birds sing"), passage("Dogs bark", 12)])
    with store.reading() as connection:
        assert [tuple(row) for row in rows(connection)] == [
            (2, "Dogs bark", 12, 1),
            (3, "Birds sing", 0, 2),
        ]


def test_equal_texts_of_a_document_are_separate_passages(store, add):
    document_id = add("a.txt", "Yes. Yes. No")
    replace_passages(store, document_id, [passage("Yes"), passage("Yes", 5)])
    with store.reading() as connection:
        assert [row["id"] for row in rows(connection)] == [1, 2]
        assert passages.count(connection) == 2


def test_an_id_is_never_used_again(store, add):
    document_id = add("a.txt", "Cats sleep")
    replace_passages(store, document_id, [])
    replace_passages(store, document_id, [passage("Cats sleep")])
    with store.reading() as connection:
        assert [row["id"] for row in rows(connection)] == [2]


def test_the_embedded_text_is_header_and_text(store, add):
    document_id = add("a.txt")
    replace_passages(store, document_id, [passage("Cats sleep", header="Pets"), passage("Dogs", 9)])
    with store.reading() as connection:
        texts = passages.embedded_texts(connection, [1, 2, 99])
    assert texts == {1: "Pets\nCats sleep", 2: "Dogs"}


def test_ids_are_looked_up_in_any_number(store, add):
    first = add("a.txt", "Cats sleep. Dogs bark")
    second = add("b.txt", "Birds sing")
    with store.reading() as connection:
        assert passages.existing_ids(connection, range(2000)) == {1, 2, 3}
        assert passages.documents_of(connection, [1, 3, 7]) == {1: first, 3: second}
        assert passages.existing_ids(connection, []) == set()


def test_a_row_for_a_hit_joins_passage_document_file_and_root(store, add):
    add("mail.mbox", "Cats sleep", record="3", title="Pets", size=17, mtime_ns=5)
    with store.reading() as connection:
        row = passages.rows_by_id(connection, [1])[1]
    assert (row["text"], row["title"], row["size"]) == ("Cats sleep", "Pets", 17)
    assert (row["path"], row["file_path"]) == ("mail.mbox/3", "mail.mbox")
    assert row["root"] == "/home/notes"


def test_the_surrounding_span_reaches_over_neighbouring_passages(store, add):
    text = "One. Two. Three. Four. Five"
    document_id = add("a.txt", text)
    with store.reading() as connection:
        span = passages.surrounding_span(connection, document_id, 3, 1)
        assert (span["start"], span["text"]) == (5, "Two. Three. Four")
        everything = passages.surrounding_span(connection, document_id, 1, 9)
        assert everything["text"] == text
        assert documents.document_of_passage(connection, 3)["start"] == 10
