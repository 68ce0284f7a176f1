"""Checksums of rows: computed here by hand, from what docs/storage.md says."""

import hashlib

from ragkit.storage.sqlite import checksums


def blake(data, size=8):
    return hashlib.blake2b(data, digest_size=size).digest()


def test_a_text_is_hashed_as_utf_8():
    assert checksums.text_checksum("Größe") == blake("Größe".encode())


def test_fields_are_hashed_with_a_nul_between_them():
    assert checksums.fields_checksum((1, None, "ü")) == blake("1\0None\0ü".encode())


def test_every_row_that_is_written_has_its_checksum(store, add):
    add("a.txt", "Cats sleep. Dogs bark", title="Pets")
    with store.reading() as connection:
        document = connection.execute("SELECT * FROM documents").fetchone()
        rows = connection.execute("SELECT * FROM passages").fetchall()
    assert document["checksum"] == blake(b"Cats sleep. Dogs bark")
    assert document["fields_checksum"] == blake(b"1\0\0Pets\0[]\0[]\x000\0{}")
    assert [row["checksum"] for row in rows] == [
        blake(
            f"{row['id']}\0001\0{row['start']}\0{row['end']}\0None\0None\0None\0None\0[]\0002".encode()
        )
        for row in rows
    ]
